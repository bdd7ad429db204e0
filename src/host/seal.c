#include "host/seal.h"

#include <assert.h>
#include <endian.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "base/mem.h"

#define VERSION	  1
#define SALT_LEN  16
#define NONCE_LEN 12
#define TAG_LEN	  16
#define HEAD_LEN  (1 + SALT_LEN + 8)

static_assert(SEAL_OVERHEAD == HEAD_LEN + TAG_LEN, "overhead");

struct seal {
	uint8_t data_key[SEAL_KEY_LEN], name_key[SEAL_KEY_LEN];
	uint8_t salt[SALT_LEN];
	uint64_t counter;
	EVP_CIPHER_CTX *closing;
	EVP_CIPHER_CTX *opening;
	uint8_t opening_salt[SALT_LEN]; /* whose key `opening` holds */
	bool has_opening;
};

/* OpenSSL's calculations fail only when memory does. */
static void must(int ok)
{
	if (ok != 1)
		abort();
}

static void derive(const uint8_t from[SEAL_KEY_LEN], const char *label, struct str more,
		   uint8_t out[SEAL_KEY_LEN])
{
	AUTO_BUF struct buf text = BUF_MAX(256);
	unsigned len = SEAL_KEY_LEN;

	buf_append(&text, label, strlen(label) + 1);
	buf_append_str(&text, more);
	assert(!text.overflow);
	must(HMAC(EVP_sha256(), from, SEAL_KEY_LEN, (const uint8_t *)text.data, text.len, out,
		  &len) != NULL);
}

static EVP_CIPHER_CTX *cipher_for(const struct seal *s, const uint8_t salt[SALT_LEN],
				  int is_closing)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t key[SEAL_KEY_LEN];

	must(ctx != NULL);
	derive(s->data_key, "shoal sealed value", str_bytes(salt, SALT_LEN), key);
	must(EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, NULL, is_closing));
	OPENSSL_cleanse(key, sizeof(key));
	return ctx;
}

bool seal_new(const uint8_t key[SEAL_KEY_LEN], struct seal **out, struct err *e)
{
	struct seal *s = NEW(struct seal);

	memcpy(s->data_key, key, SEAL_KEY_LEN);
	derive(s->data_key, "shoal sealed name", (struct str){0}, s->name_key);
	if (RAND_bytes(s->salt, SALT_LEN) != 1) {
		free(s);
		return fail(e, ERR_INTERNAL, "no random bytes for a salt");
	}
	s->closing = cipher_for(s, s->salt, 1);
	*out = s;
	return true;
}

void seal_free(struct seal *s)
{
	if (!s)
		return;
	EVP_CIPHER_CTX_free(s->closing);
	EVP_CIPHER_CTX_free(s->opening);
	OPENSSL_cleanse(s, sizeof(*s));
	free(s);
}

static void nonce_of(uint64_t counter, uint8_t nonce[NONCE_LEN])
{
	uint64_t big = htobe64(counter);

	memset(nonce, 0, NONCE_LEN - 8);
	memcpy(nonce + NONCE_LEN - 8, &big, 8);
}

static void feed(EVP_CIPHER_CTX *ctx, uint8_t *to, struct str from)
{
	int n;

	assert(from.len <= INT32_MAX);
	if (from.len)
		must(EVP_CipherUpdate(ctx, to, &n, (const uint8_t *)from.ptr, (int)from.len));
}

void seal_close(struct seal *s, struct str context, struct str head, struct str body,
		struct buf *out)
{
	size_t plain_len = head.len + body.len;
	uint8_t *to = buf_extend(out, SEAL_OVERHEAD + plain_len);
	uint64_t counter = htole64(s->counter);
	uint8_t nonce[NONCE_LEN];
	int n;

	if (!to)
		return;
	nonce_of(s->counter++, nonce);
	to[0] = VERSION;
	memcpy(to + 1, s->salt, SALT_LEN);
	memcpy(to + 1 + SALT_LEN, &counter, 8);

	must(EVP_CipherInit_ex(s->closing, NULL, NULL, NULL, nonce, 1));
	feed(s->closing, NULL, context);
	feed(s->closing, to + HEAD_LEN, head);
	feed(s->closing, to + HEAD_LEN + head.len, body);
	must(EVP_CipherFinal_ex(s->closing, to + HEAD_LEN + plain_len, &n));
	must(EVP_CIPHER_CTX_ctrl(s->closing, EVP_CTRL_GCM_GET_TAG, TAG_LEN,
				 to + HEAD_LEN + plain_len));
}

static void load_opening_key(struct seal *s, const uint8_t *salt)
{
	if (s->has_opening && memcmp(s->opening_salt, salt, SALT_LEN) == 0)
		return;
	EVP_CIPHER_CTX_free(s->opening);
	s->opening = cipher_for(s, salt, 0);
	memcpy(s->opening_salt, salt, SALT_LEN);
	s->has_opening = true;
}

bool seal_open(struct seal *s, struct str context, struct str sealed, struct buf *out,
	       struct err *e)
{
	const uint8_t *from = (const uint8_t *)sealed.ptr;
	uint8_t nonce[NONCE_LEN], tag[TAG_LEN];
	size_t plain_len, old_len = out->len;
	uint64_t counter;
	uint8_t *to;
	int n;

	if (sealed.len < SEAL_OVERHEAD || from[0] != VERSION)
		return fail(e, ERR_INVALID, "not a sealed value");
	plain_len = sealed.len - SEAL_OVERHEAD;
	to = buf_extend(out, plain_len ? plain_len : 1);
	if (!to)
		return fail(e, ERR_EXHAUSTED, "a sealed value of %zu bytes is too large",
			    sealed.len);
	memcpy(&counter, from + 1 + SALT_LEN, 8);
	nonce_of(le64toh(counter), nonce);
	memcpy(tag, from + HEAD_LEN + plain_len, TAG_LEN);

	load_opening_key(s, from + 1);
	must(EVP_CipherInit_ex(s->opening, NULL, NULL, NULL, nonce, 0));
	feed(s->opening, NULL, context);
	feed(s->opening, to, str_bytes(from + HEAD_LEN, plain_len));
	must(EVP_CIPHER_CTX_ctrl(s->opening, EVP_CTRL_GCM_SET_TAG, TAG_LEN, tag));
	if (EVP_CipherFinal_ex(s->opening, to + plain_len, &n) != 1) {
		OPENSSL_cleanse(to, plain_len);
		out->len = old_len;
		return fail(e, ERR_INVALID,
			    "a sealed value does not open: wrong key, or it was changed");
	}
	out->len = old_len + plain_len;
	return true;
}

void seal_name(struct seal *s, struct str text, uint8_t name[SEAL_NAME_LEN])
{
	uint8_t digest[SEAL_KEY_LEN];
	unsigned len = sizeof(digest);

	must(HMAC(EVP_sha256(), s->name_key, SEAL_KEY_LEN, (const uint8_t *)text.ptr, text.len,
		  digest, &len) != NULL);
	memcpy(name, digest, SEAL_NAME_LEN);
}
