/* Who we are to AWS: found anew by each command, never stored.
 *
 * The first of these that there is, as AWS's own tools look:
 *   1. AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, unless a profile was asked for by name
 *   2. AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN
 *   3. the profile (asked for, AWS_PROFILE, "default") of ~/.aws/config and ~/.aws/credentials: a role
 *      to assume (from source_profile or credential_source), web identity, SSO (from its token cache),
 *      keys, credential_process
 *   4. AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI
 *   5. the role of the EC2 instance we run on (IMDSv2)
 * A role that the wish names is assumed with what was found. */
#ifndef SHOAL_MACHINE_AWS_CREDENTIALS_H
#define SHOAL_MACHINE_AWS_CREDENTIALS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Texts are "" when there is nothing. */
struct credentials {
	char *key, *secret, *token;
	const char *source; /* a word for people */
};

struct credential_wish {
	const char *profile; /* by name, or "" */
	const char *role;    /* to be assumed at the end, or "" */
	const char *region;  /* whose STS is asked */
};

void credentials_clear(struct credentials *c);
bool credentials_find(const struct credential_wish *w, struct credentials *c,
		      struct err *e) MUST_CHECK;

/* The profile's region, or "": for who named none. The caller frees it. */
char *profile_region(const char *profile);

/* ---- the sources, each in a file of its own ---- */

/* Members AccessKeyId, SecretAccessKey and SessionToken or Token of what a source answered. */
bool credentials_read(const json_t *said, const char *source, struct credentials *c,
		      struct err *e) MUST_CHECK;

/* The standard output of a program is JSON of version 1. */
bool credentials_by_process(const char *command, struct credentials *c, struct err *e) MUST_CHECK;
/* The cached token of `aws sso login`, exchanged for a role's keys. `session` may be "". */
bool credentials_by_sso(const char *session, const char *start_url, const char *sso_region,
			const char *account, const char *role, struct credentials *c,
			struct err *e) MUST_CHECK;
/* sts:AssumeRole by `from`; `external` may be "". */
bool credentials_by_role(const struct credentials *from, const char *region, const char *role,
			 const char *session, const char *external, struct credentials *c,
			 struct err *e) MUST_CHECK;
/* sts:AssumeRoleWithWebIdentity by the token in a file. */
bool credentials_by_web(const char *region, const char *role, const char *session,
			const char *token_file, struct credentials *c, struct err *e) MUST_CHECK;
/* ECS, EKS and others: the address is in the environment. ERR_NOT_FOUND when it is not. */
bool credentials_by_container(struct credentials *c, struct err *e) MUST_CHECK;
/* ERR_NOT_FOUND when this is no EC2 instance, or has no role. */
bool credentials_by_instance(struct credentials *c, struct err *e) MUST_CHECK;

#endif
