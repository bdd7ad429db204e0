/* A node's identity on disk, and the keys that lie with it.
 *
 *     DIR/swarm-root-ca.crt  0644   the roots that are believed in
 *     DIR/swarm-node.crt     0644   the certificate, leaf first
 *     DIR/swarm-node.key     0600   its key, and a manager's journal keys (wire/keyfile.h)
 *     DIR/.swarm-node.crt           the next certificate, until its key is in place
 *
 * Everything is synced before a call ends. A certificate and its key change together: the next
 * certificate waits beside the old one while the key is replaced, and after a crash whichever fits
 * the key counts. A key file that is replaced or removed is overwritten: what it held in the clear
 * is not left in a free block, as far as the file system lets us. */
#ifndef SHOAL_HOST_KEY_FOLDER_H
#define SHOAL_HOST_KEY_FOLDER_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "wire/keyfile.h"
#include "wire/seal.h"

/* How the key file is locked, and what it holds for the raft journal. All zeroes: a worker's. */
struct key_lock {
	bool is_locked;
	uint8_t unlock_key[KEK_LEN]; /* is_locked */
	uint64_t version;            /* of the cluster object that said so; 0: none yet */
	bool has_journal_key, has_next, needs_another;
	uint8_t journal_key[SEAL_KEY_LEN];
	uint8_t next[SEAL_KEY_LEN]; /* that the journal is being sealed with */
};

void key_lock_clear(struct key_lock *l);

struct key_folder {
	struct buf root, cert, key; /* PEM; key: "PRIVATE KEY" */
	struct key_lock lock;
};

void key_folder_init(struct key_folder *f);
void key_folder_clear(struct key_folder *f);

/* Write all of it; DIR is made when it is needed. */
bool key_folder_save(const char *dir, const struct key_folder *f, struct err *e) MUST_CHECK;
/* The key file only: it is locked another way, or its journal keys changed. */
bool key_folder_save_key(const char *dir, const struct key_folder *f, struct err *e) MUST_CHECK;
bool key_folder_save_root(const char *dir, struct str root, struct err *e) MUST_CHECK;

/* Read it, the key with this unlock key (NULL: without). ERR_NOT_FOUND: there is none. ERR_DENIED:
 * it is locked with another; root and cert are read then. */
bool key_folder_load(const char *dir, const uint8_t *unlock_key, struct key_folder *f,
		     struct err *e) MUST_CHECK;

void key_folder_remove(const char *dir);

#endif
