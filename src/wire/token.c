#include "wire/token.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>

#include "base/err.h"
#include "base/id.h"

#define DIGEST_DIGITS 50
#define SECRET_DIGITS 25
#define UNLOCK_PREFIX "SWMKEY-1-"
#define UNLOCK_DIGITS 43

void token_write(const struct token *t, char *out)
{
	out += sprintf(out, "%s",
		       !t->has_fips ? "SWMTKN-1-"
		       : t->fips    ? "SWMTKN-2-1-"
				    : "SWMTKN-2-0-");
	base36_encode(t->digest, TOKEN_DIGEST_LEN, out, DIGEST_DIGITS);
	out += DIGEST_DIGITS;
	*out++ = '-';
	base36_encode(t->secret, TOKEN_SECRET_LEN, out, SECRET_DIGITS);
}

static bool take_prefix(struct str *s, const char *prefix)
{
	size_t len = strlen(prefix);

	if (!str_starts_with(*s, prefix))
		return false;
	*s = str_bytes(s->ptr + len, s->len - len);
	return true;
}

bool token_parse(struct str text, struct token *t, struct err *e)
{
	struct str digest, secret;

	*t = (struct token){ 0 };
	if (take_prefix(&text, "SWMTKN-2-1-"))
		t->has_fips = t->fips = true;
	else if (take_prefix(&text, "SWMTKN-2-0-"))
		t->has_fips = true;
	else if (!take_prefix(&text, "SWMTKN-1-"))
		return fail(e, ERR_INVALID, "invalid join token");
	if (!str_cut(text, '-', &digest, &secret) || digest.len != DIGEST_DIGITS ||
	    secret.len != SECRET_DIGITS || !base36_decode(digest, t->digest, TOKEN_DIGEST_LEN) ||
	    !base36_decode(secret, t->secret, TOKEN_SECRET_LEN))
		return fail(e, ERR_INVALID, "invalid join token");
	return true;
}

bool token_check_root(const struct token *t, struct str bundle, struct err *e)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	char hex[2 * TOKEN_DIGEST_LEN + 1];

	SHA256((const unsigned char *)bundle.ptr, bundle.len, digest);
	if (CRYPTO_memcmp(digest, t->digest, sizeof(digest)) == 0)
		return true;
	hex_encode(t->digest, TOKEN_DIGEST_LEN, hex);
	return fail(e, ERR_DENIED, "remote CA does not match fingerprint. Expected: %s", hex);
}

bool token_equal(struct str a, struct str b)
{
	return a.len == b.len && CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0;
}

void unlock_key_write(const uint8_t key[UNLOCK_KEY_LEN], char *out)
{
	char padded[UNLOCK_DIGITS + 2];

	EVP_EncodeBlock((unsigned char *)padded, key, UNLOCK_KEY_LEN);
	padded[UNLOCK_DIGITS] = '\0';
	sprintf(out, UNLOCK_PREFIX "%s", padded);
	OPENSSL_cleanse(padded, sizeof(padded));
}

bool unlock_key_parse(struct str text, uint8_t key[UNLOCK_KEY_LEN], struct err *e)
{
	unsigned char padded[UNLOCK_DIGITS + 1] = { 0 }, bytes[UNLOCK_KEY_LEN + 1];
	char again[UNLOCK_TEXT_LEN + 1];
	struct str digits = text;
	bool ok = take_prefix(&digits, UNLOCK_PREFIX) && digits.len == UNLOCK_DIGITS;

	if (ok) {
		memcpy(padded, digits.ptr, UNLOCK_DIGITS);
		padded[UNLOCK_DIGITS] = '=';
		ok = EVP_DecodeBlock(bytes, padded, sizeof(padded)) == sizeof(bytes);
	}
	if (ok) {
		/* The decoder skips blanks and reads padding anywhere: only what it would write
		 * counts. */
		memcpy(key, bytes, UNLOCK_KEY_LEN);
		unlock_key_write(key, again);
		ok = str_equal_c(text, again);
	}
	OPENSSL_cleanse(padded, sizeof(padded));
	OPENSSL_cleanse(bytes, sizeof(bytes));
	OPENSSL_cleanse(again, sizeof(again));
	return ok || fail(e, ERR_INVALID, "invalid unlock key");
}
