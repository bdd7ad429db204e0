/* What a registry answers to who has not said who he is: WWW-Authenticate (RFC 7235, RFC 6750). */
#ifndef SHOAL_CONTENT_CHALLENGE_H
#define SHOAL_CONTENT_CHALLENGE_H

#include <stdbool.h>

#include "base/str.h"

#define CHALLENGE_TEXT_MAX 2048

struct challenge {
	bool is_basic, is_bearer;
	/* Bearer: who gives out tokens, for what. Empty when not said. */
	char realm[CHALLENGE_TEXT_MAX], service[CHALLENGE_TEXT_MAX], scope[CHALLENGE_TEXT_MAX];
};

/* Add what one header value says; a header may hold several challenges, and there may be several
 * headers. False when it cannot be read or a text is too long: then *c is as before. */
bool challenge_parse(struct str value, struct challenge *c);

/* May the credentials for `registry` be shown to `realm` (both "host" or "host:port")? Only to the same
 * host, or to one that shares its parent domain of two labels or more: registry-1.docker.io and
 * auth.docker.io. Addresses share nothing. */
bool challenge_may_trust(const char *registry, const char *realm);

#endif
