/* passwd and group of an image, and the USER it asks for: three texts, divided by zero bytes. */
#include "host/run/users.h"

#include <assert.h>
#include <limits.h>

#include "base/mem.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = str_bytes(data, size), user, passwd, group;
	AUTO_FREE char *name = NULL;
	struct users_answer answer;
	struct err e;

	str_cut(rest, '\0', &user, &rest);
	if (!str_cut(rest, '\0', &passwd, &group))
		group = passwd;
	name = str_dup(user);
	if (!users_find(passwd, group, name, NULL, 0, &answer, &e)) {
		assert(e.kind == ERR_INVALID);
		return 0;
	}
	assert(answer.uid <= INT32_MAX && answer.gid <= INT32_MAX);
	assert(answer.group_count <= USERS_GROUPS_MAX);
	return 0;
}
