/* Join tokens and unlock keys: the two secrets of a swarm that people copy and paste.
 *
 *     SWMTKN-1-<digest of the root bundle, base 36, 50 digits>-<secret, base 36, 25 digits>
 *     SWMTKN-2-<1: FIPS, 0: not>-<digest>-<secret>
 *     SWMKEY-1-<32 bytes, base 64 without padding>
 *
 * Source: facts of the swarm protocol; the digest pins the CA before anything else is trusted. */
#ifndef SHOAL_WIRE_TOKEN_H
#define SHOAL_WIRE_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define TOKEN_SECRET_LEN 16
#define TOKEN_DIGEST_LEN 32
#define TOKEN_TEXT_MAX   (sizeof("SWMTKN-2-0--") - 1 + 50 + 25)
#define UNLOCK_KEY_LEN   32
#define UNLOCK_TEXT_LEN  (sizeof("SWMKEY-1-") - 1 + 43)

struct token {
	bool has_fips; /* version 2 */
	bool fips;
	uint8_t digest[TOKEN_DIGEST_LEN]; /* SHA-256 of the root bundle's PEM bytes */
	uint8_t secret[TOKEN_SECRET_LEN];
};

/* `out` has room for TOKEN_TEXT_MAX + 1. */
void token_write(const struct token *t, char *out);
/* ERR_INVALID "invalid join token". */
bool token_parse(struct str text, struct token *t, struct err *e);
/* The root bundle is the one the token means; ERR_DENIED "remote CA does not match fingerprint.
 * Expected: <hex>" otherwise. */
bool token_check_root(const struct token *t, struct str bundle, struct err *e);
/* Whole tokens, compared in constant time. */
bool token_equal(struct str a, struct str b);

/* `out` has room for UNLOCK_TEXT_LEN + 1. */
void unlock_key_write(const uint8_t key[UNLOCK_KEY_LEN], char *out);
/* ERR_INVALID "invalid unlock key". */
bool unlock_key_parse(struct str text, uint8_t key[UNLOCK_KEY_LEN], struct err *e);

#endif
