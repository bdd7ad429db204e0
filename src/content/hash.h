/* SHA-256 as bytes stream by (OpenSSL), written the way OCI names content: "sha256:<hex>". */
#ifndef SHOAL_CONTENT_HASH_H
#define SHOAL_CONTENT_HASH_H

#include <stddef.h>

#include "wire/digest.h"

struct evp_md_ctx_st;

/* All zeroes is not started. */
struct hash {
	struct evp_md_ctx_st *state;
};

void hash_begin(struct hash *h);
void hash_add(struct hash *h, const void *data, size_t size);
/* The digest so far, as text; h can be begun again or cleared. */
void hash_end(struct hash *h, char out[DIGEST_SHA256_LEN + 1]);
void hash_clear(struct hash *h);

static inline void hash_clear_scope(struct hash *h)
{
	hash_clear(h);
}
#define AUTO_HASH __attribute__((cleanup(hash_clear_scope)))

#endif
