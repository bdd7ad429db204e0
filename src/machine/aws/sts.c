/* Roles that are assumed: by keys, and by a token of another identity provider. */
#include "base/mem.h"
#include "machine/aws/call.h"
#include "machine/aws/credentials.h"
#include "file/file.h"
#include "template/field.h"

#define TOKEN_MAX ((size_t)64 << 10)

static bool ask(struct aws *a, const char *action, struct form *f, const char *path,
		struct credentials *c, struct err *e)
{
	AUTO_JSON json_t *said = aws_call(a, SERVICE_STS, action, f, e);

	if (!said)
		return false;
	return credentials_read(field_at(said, path), action, c, e);
}

bool credentials_by_role(const struct credentials *from, const char *region, const char *role,
			 const char *session, const char *external, struct credentials *c,
			 struct err *e)
{
	AUTO_FORM struct form f = FORM_EMPTY;
	struct aws a;
	bool ok;

	aws_init(&a, region, from);
	form_put(&f, role, "RoleArn");
	form_put(&f, session, "RoleSessionName");
	if (*external)
		form_put(&f, external, "ExternalId");
	ok = ask(&a, "AssumeRole", &f, "AssumeRoleResult.Credentials", c, e);
	aws_clear(&a);
	return ok || while_doing(e, "role %s", role);
}

bool credentials_by_web(const char *region, const char *role, const char *session,
			const char *token_file, struct credentials *c, struct err *e)
{
	AUTO_FORM struct form f = FORM_EMPTY;
	AUTO_BUF struct buf token = BUF_MAX(TOKEN_MAX);
	struct aws a;
	bool ok;

	if (!file_read(token_file, &token, e))
		return while_doing(e, "the token of role %s", role);
	aws_init(&a, region, NULL);
	form_put(&f, role, "RoleArn");
	form_put(&f, session, "RoleSessionName");
	form_put_str(&f, str_trim(buf_str(&token)), "WebIdentityToken");
	ok = ask(&a, "AssumeRoleWithWebIdentity", &f, "AssumeRoleWithWebIdentityResult.Credentials",
		 c, e);
	aws_clear(&a);
	return ok || while_doing(e, "role %s", role);
}
