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

/* A data key, and what was derived from it for the life that was read last. */
struct opener {
	uint8_t data_key[SEAL_KEY_LEN];
	uint8_t salt[SALT_LEN], key[SEAL_KEY_LEN];
	bool has_salt;
};

struct sealer {
	uint8_t name_key[SEAL_KEY_LEN];
	uint8_t salt[SALT_LEN], key[SEAL_KEY_LEN]; /* of this life */
	uint64_t counter;
	struct opener openers[SEALER_KEYS_MAX]; /* the first is the key that seals */
	size_t opener_count;
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

static void derive_for(const uint8_t data_key[SEAL_KEY_LEN], const uint8_t salt[SALT_LEN],
		       uint8_t key[SEAL_KEY_LEN])
{
	derive(data_key, "shoal sealed value", str_bytes(salt, SALT_LEN), key);
}

struct sealer *sealer_new(const uint8_t key[SEAL_KEY_LEN])
{
	struct sealer *s = NEW(struct sealer);

	sealer_add_older(s, key);
	derive(key, "shoal sealed name", (struct str){ 0 }, s->name_key);
	random_bytes(s->salt, SALT_LEN);
	derive_for(key, s->salt, s->key);
	return s;
}

void sealer_add_older(struct sealer *s, const uint8_t key[SEAL_KEY_LEN])
{
	assert(s->opener_count < SEALER_KEYS_MAX);
	memcpy(s->openers[s->opener_count++].data_key, key, SEAL_KEY_LEN);
}

void sealer_forget_older(struct sealer *s)
{
	OPENSSL_cleanse(&s->openers[1], sizeof(s->openers) - sizeof(s->openers[0]));
	s->opener_count = 1;
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

static bool open_with(struct opener *o, struct str context, struct str sealed, struct buf *out,
		      struct err *e)
{
	const char *salt = sealed.ptr + 1;

	if (!o->has_salt || memcmp(o->salt, salt, SALT_LEN) != 0) {
		memcpy(o->salt, salt, SALT_LEN);
		derive_for(o->data_key, o->salt, o->key);
		o->has_salt = true;
	}
	return seal_open(o->key, context, str_bytes(sealed.ptr + HEAD_LEN, sealed.len - HEAD_LEN),
			 out, e);
}

static bool is_sealed_value(struct str sealed)
{
	return sealed.len >= SEALER_OVERHEAD && sealed.ptr[0] == VERSION;
}

bool sealer_open(struct sealer *s, struct str context, struct str sealed, struct buf *out,
		 struct err *e)
{
	if (!is_sealed_value(sealed))
		return fail(e, ERR_INVALID, "not a sealed value");
	for (size_t i = 0; i < s->opener_count; i++) {
		if (open_with(&s->openers[i], context, sealed, out, e))
			return true;
		if (e->kind != ERR_DENIED)
			return false;
	}
	return false;
}

bool sealer_is_own(struct sealer *s, struct str context, struct str sealed)
{
	AUTO_BUF struct buf plain = BUF_MAX(sealed.len);
	struct err e;

	return is_sealed_value(sealed) && open_with(&s->openers[0], context, sealed, &plain, &e);
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
