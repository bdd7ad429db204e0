#include "content/hash.h"

#include <openssl/evp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"

void hash_begin(struct hash *h)
{
	if (!h->state)
		h->state = EVP_MD_CTX_new();
	if (!h->state || EVP_DigestInit_ex(h->state, EVP_sha256(), NULL) != 1)
		abort();
}

void hash_add(struct hash *h, const void *data, size_t size)
{
	if (EVP_DigestUpdate(h->state, data, size) != 1)
		abort();
}

void hash_end(struct hash *h, char out[DIGEST_SHA256_LEN + 1])
{
	uint8_t bytes[EVP_MAX_MD_SIZE];
	unsigned count;

	if (EVP_DigestFinal_ex(h->state, bytes, &count) != 1 || count != 32)
		abort();
	memcpy(out, "sha256:", 7);
	hex_encode(bytes, count, out + 7);
}

void hash_clear(struct hash *h)
{
	EVP_MD_CTX_free(h->state);
	h->state = NULL;
}
