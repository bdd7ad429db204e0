#include "host/sealer.h"

#include <assert.h>
#include <endian.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/mem.h"

#define VERSION  1
#define SALT_LEN 16
#define HEAD_LEN (1 + SALT_LEN)

struct sealer {
	uint8_t data_key[SEAL_KEY_LEN], name_key[SEAL_KEY_LEN];
	uint8_t salt[SALT_LEN], key[SEAL_KEY_LEN]; /* of this life */
	uint64_t counter;
	uint8_t other_salt[SALT_LEN], other_key[SEAL_KEY_LEN]; /* of the life read last */
};

static void derive(const uint8_t from[SEAL_KEY_LEN], const char *label, struct str more,
		   uint8_t out[SEAL_KEY_LEN])
{
	AUTO_BUF struct buf text = BUF_MAX(256);
	unsigned len = SEAL_KEY_LEN;

	buf_append(&text, label, strlen(label) + 1);
	buf_append_str(&text, more);
	assert(!text.overflow);
	if (!HMAC(EVP_sha256(), from, SEAL_KEY_LEN, (const uint8_t *)text.data, text.len, out,
		  &len))
		abort();
}

static void derive_for(const struct sealer *s, const uint8_t salt[SALT_LEN],
		       uint8_t key[SEAL_KEY_LEN])
{
	derive(s->data_key, "shoal sealed value", str_bytes(salt, SALT_LEN), key);
}

struct sealer *sealer_new(const uint8_t key[SEAL_KEY_LEN])
{
	struct sealer *s = NEW(struct sealer);

	memcpy(s->data_key, key, SEAL_KEY_LEN);
	derive(s->data_key, "shoal sealed name", (struct str){ 0 }, s->name_key);
	random_bytes(s->salt, SALT_LEN);
	derive_for(s, s->salt, s->key);
	memcpy(s->other_salt, s->salt, SALT_LEN);
	memcpy(s->other_key, s->key, SEAL_KEY_LEN);
	return s;
}

void sealer_free(struct sealer *s)
{
	if (!s)
		return;
	OPENSSL_cleanse(s, sizeof(*s));
	free(s);
}

void sealer_close(struct sealer *s, struct str context, struct str text, struct buf *out)
{
	uint64_t counter = htobe64(s->counter++);
	uint8_t nonce[SEAL_NONCE_LEN] = { 0 };
	uint8_t version = VERSION;
	struct err e;

	memcpy(nonce + SEAL_NONCE_LEN - sizeof(counter), &counter, sizeof(counter));
	buf_append(out, &version, 1);
	buf_append(out, s->salt, SALT_LEN);
	if (!seal(s->key, nonce, context, text, out, &e))
		out->overflow = true;
}

bool sealer_open(struct sealer *s, struct str context, struct str sealed, struct buf *out,
		 struct err *e)
{
	const char *salt = sealed.ptr + 1;

	if (sealed.len < SEALER_OVERHEAD || sealed.ptr[0] != VERSION)
		return fail(e, ERR_INVALID, "not a sealed value");
	if (memcmp(s->other_salt, salt, SALT_LEN) != 0) {
		memcpy(s->other_salt, salt, SALT_LEN);
		derive_for(s, s->other_salt, s->other_key);
	}
	return seal_open(s->other_key, context,
			 str_bytes(sealed.ptr + HEAD_LEN, sealed.len - HEAD_LEN), out, e);
}

void sealer_name(struct sealer *s, struct str text, uint8_t name[SEALER_NAME_LEN])
{
	uint8_t digest[SEAL_KEY_LEN];
	unsigned len = sizeof(digest);

	if (!HMAC(EVP_sha256(), s->name_key, SEAL_KEY_LEN, (const uint8_t *)text.ptr, text.len,
		  digest, &len))
		abort();
	memcpy(name, digest, SEALER_NAME_LEN);
}
