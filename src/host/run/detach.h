/* The keys that take a client away from a container that goes on: found in what is typed. */
#ifndef SHOAL_HOST_RUN_DETACH_H
#define SHOAL_HOST_RUN_DETACH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

#define DETACH_KEYS_MAX 64

struct detach {
	char keys[DETACH_KEYS_MAX];
	size_t count;   /* 0: nothing detaches */
	size_t matched; /* withheld so far */
};

/* More keys than DETACH_KEYS_MAX are none. */
struct detach detach_keys(const char *keys, size_t count);
/* Append to `out` what is not part of the keys. True: the keys are complete; what follows them in
 * `typed` is dropped. */
bool detach_filter(struct detach *d, struct str typed, struct buf *out);

#endif
