#include "wire/seal.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "base/err.h"
#include "base/mem.h"

static inline void cipher_scope(EVP_CIPHER_CTX **ctx)
{
	EVP_CIPHER_CTX_free(*ctx);
}
#define AUTO_CIPHER __attribute__((cleanup(cipher_scope)))

void random_bytes(void *out, size_t size)
{
	if (size > INT32_MAX || RAND_bytes(out, (int)size) != 1)
		abort();
}

static EVP_CIPHER_CTX *cipher_new(const uint8_t *key, const uint8_t *nonce, struct str context,
				  int encrypts)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n;

	if (!ctx || EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce, encrypts) != 1 ||
	    EVP_CipherUpdate(ctx, NULL, &n, (const unsigned char *)context.ptr, (int)context.len) !=
		    1)
		abort();
	return ctx;
}

bool seal(const uint8_t key[SEAL_KEY_LEN], const uint8_t *nonce, struct str context,
	  struct str text, struct buf *out, struct err *e)
{
	AUTO_CIPHER EVP_CIPHER_CTX *ctx = NULL;
	uint8_t *to;
	int n;

	to = text.len <= SEAL_TEXT_MAX ? buf_extend(out, text.len + SEAL_EXTRA) : NULL;
	if (!to)
		return fail(e, ERR_EXHAUSTED, "%zu bytes are too many to seal", text.len);
	if (nonce)
		memcpy(to, nonce, SEAL_NONCE_LEN);
	else
		random_bytes(to, SEAL_NONCE_LEN);
	ctx = cipher_new(key, to, context, 1);
	to += SEAL_NONCE_LEN;
	if (EVP_CipherUpdate(ctx, to, &n, (const unsigned char *)text.ptr, (int)text.len) != 1 ||
	    EVP_CipherFinal_ex(ctx, to + n, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, SEAL_TAG_LEN, to + text.len) != 1)
		abort();
	return true;
}

bool seal_open(const uint8_t key[SEAL_KEY_LEN], struct str context, struct str sealed,
	       struct buf *out, struct err *e)
{
	AUTO_CIPHER EVP_CIPHER_CTX *ctx = NULL;
	const uint8_t *from = (const uint8_t *)sealed.ptr;
	size_t size = sealed.len - SEAL_EXTRA;
	uint8_t *to;
	bool good;
	int n;

	if (sealed.len < SEAL_EXTRA || size > SEAL_TEXT_MAX)
		return fail(e, ERR_DENIED, "sealed text of %zu bytes", sealed.len);
	to = buf_extend(out, size);
	if (!to)
		return fail(e, ERR_EXHAUSTED, "%zu bytes are too many to open", size);
	ctx = cipher_new(key, from, context, 0);
	good = EVP_CipherUpdate(ctx, to, &n, from + SEAL_NONCE_LEN, (int)size) == 1 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, SEAL_TAG_LEN,
				   (void *)(uintptr_t)(from + SEAL_NONCE_LEN + size)) == 1 &&
	       EVP_CipherFinal_ex(ctx, to + n, &n) == 1;
	ERR_clear_error();
	if (good)
		return true;
	OPENSSL_cleanse(to, size);
	out->len -= size;
	out->data[out->len] = '\0';
	return fail(e, ERR_DENIED, "sealed text does not open: another key, or damaged");
}
