#include "wire/digest.h"

#include <openssl/sha.h>

#include "base/err.h"
#include "base/id.h"
#include "base/mem.h"

static const struct {
	const char *prefix;
	size_t hex_len;
} algorithms[] = {
	{ "sha256:", 64 },
	{ "sha384:", 96 },
	{ "sha512:", 128 },
};

static bool is_lower_hex(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!((s.ptr[i] >= '0' && s.ptr[i] <= '9') || (s.ptr[i] >= 'a' && s.ptr[i] <= 'f')))
			return false;
	return true;
}

bool digest_check(struct str digest, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
		struct str hex;

		if (!str_starts_with(digest, algorithms[i].prefix))
			continue;
		hex = str_bytes(digest.ptr + 7, digest.len - 7);
		if (hex.len != algorithms[i].hex_len)
			return fail(e, ERR_INVALID, "invalid checksum digest length");
		if (!is_lower_hex(hex))
			return fail(e, ERR_INVALID, "invalid checksum digest format");
		return true;
	}
	if (str_find(digest, ':') < 0)
		return fail(e, ERR_INVALID, "invalid checksum digest format");
	return fail(e, ERR_INVALID, "unsupported digest algorithm");
}

void digest_sha256(const void *data, size_t size, char *out)
{
	uint8_t hash[SHA256_DIGEST_LENGTH];

	SHA256(data, size, hash);
	memcpy(out, "sha256:", 7);
	hex_encode(hash, sizeof(hash), out + 7);
}
