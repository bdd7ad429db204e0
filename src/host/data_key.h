/* The key under which everything of a node is sealed at rest: 32 random bytes in a file of mode
 * 0600, made once, before the first thing is sealed. */
#ifndef SHOAL_HOST_DATA_KEY_H
#define SHOAL_HOST_DATA_KEY_H

#include "base/err.h"
#include "host/sealer.h"

/* Read DIR/key, or make it if DIR holds no journal yet. DIR exists. ERR_NOT_FOUND: there is a
 * journal, and its key is gone. ERR_DENIED: others may read the key. */
bool data_key_load(const char *dir, uint8_t key[SEAL_KEY_LEN], struct err *e) MUST_CHECK;

#endif
