/* WWW-Authenticate of a registry. */
#include "content/challenge.h"

#include <assert.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct challenge c = { 0 };

	if (!challenge_parse(str_bytes(data, size), &c))
		assert(!c.is_basic && !c.is_bearer && !c.realm[0]);
	assert(!strpbrk(c.realm, "\r\n") && !strpbrk(c.scope, "\r\n") &&
	       !strpbrk(c.service, "\r\n"));
	(void)challenge_may_trust(c.realm, c.service);
	return 0;
}
