/* Names of users and groups, looked up in the text of a passwd and a group file. */
#ifndef SHOAL_HOST_RUN_USERS_H
#define SHOAL_HOST_RUN_USERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define USERS_GROUPS_MAX 1024

struct users_answer {
	uint32_t uid, gid;
	uint32_t groups[USERS_GROUPS_MAX];
	size_t group_count;
	struct str home; /* of the passwd text */
};

/* `user` is "", "user", "uid", "user:group", ... in any mix of names and numbers; "" is root.
 * `more` are groups to add. Fails with ERR_INVALID and docker's words. */
bool users_find(struct str passwd, struct str group, const char *user, const char *const *more,
		size_t more_count, struct users_answer *answer, struct err *e) MUST_CHECK;

#endif
