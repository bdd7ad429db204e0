#include "machine/aws/credentials.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "machine/aws/ini.h"
#include "template/field.h"

#define CHAIN_MAX    5
#define SESSION_NAME "shoal-machine"

struct chain {
	json_t *config, *credentials; /* the two files */
	const char *region;
};

static const char *env(const char *name)
{
	const char *value = getenv(name);

	return value ? value : "";
}

void credentials_clear(struct credentials *c)
{
	free(c->key);
	free(c->secret);
	free(c->token);
	*c = (struct credentials){ 0 };
}

static bool set(struct credentials *c, const char *source, const char *key, const char *secret,
		const char *token)
{
	*c = (struct credentials){ xstrdup(key), xstrdup(secret), xstrdup(token), source };
	return true;
}

bool credentials_read(const json_t *said, const char *source, struct credentials *c, struct err *e)
{
	const char *token = field_text(said, "SessionToken");

	if (!*token)
		token = field_text(said, "Token");
	if (!*field_text(said, "AccessKeyId") || !*field_text(said, "SecretAccessKey"))
		return fail(e, ERR_UNAUTHENTICATED, "%s gave no keys", source);
	return set(c, source, field_text(said, "AccessKeyId"), field_text(said, "SecretAccessKey"),
		   token);
}

/* ---- profiles ---- */

static const char *aws_file(const char *variable, const char *name, char **made)
{
	const char *home = env("HOME");

	*made = *env(variable) ? xstrdup(env(variable))
			       : xasprintf("%s/.aws/%s", *home ? home : "/root", name);
	return *made;
}

static bool chain_read(struct chain *ch, struct err *e)
{
	AUTO_FREE char *config = NULL, *credentials = NULL;

	ch->config = ini_read(aws_file("AWS_CONFIG_FILE", "config", &config), e);
	if (!ch->config)
		return false;
	ch->credentials =
		ini_read(aws_file("AWS_SHARED_CREDENTIALS_FILE", "credentials", &credentials), e);
	return ch->credentials != NULL;
}

static void chain_clear(struct chain *ch)
{
	json_decref(ch->config);
	json_decref(ch->credentials);
}

static const json_t *section(const json_t *file, const char *kind, const char *name)
{
	AUTO_FREE char *whole = xasprintf("%s%s", kind, name);

	return json_object_get(file, whole);
}

/* What both files say of a profile; an empty object when they say nothing. */
static json_t *profile_of(const struct chain *ch, const char *name)
{
	json_t *all = json_object();
	const json_t *said = section(ch->config, "profile ", name);

	if (!said && strcmp(name, "default") == 0)
		said = json_object_get(ch->config, "default");
	json_object_update(all, (json_t *)said);
	json_object_update(all, json_object_get(ch->credentials, name));
	return all;
}

static const char *text_of(const json_t *profile, const char *name)
{
	const char *value = json_string_value(json_object_get(profile, name));

	return value ? value : "";
}

static bool by_profile(const struct chain *ch, const char *name, int depth, struct credentials *c,
		       struct err *e);

/* A source that a role names by a word. */
static bool by_source_word(const char *word, struct credentials *c, struct err *e)
{
	if (strcmp(word, "Environment") == 0 && *env("AWS_ACCESS_KEY_ID"))
		return set(c, "the environment", env("AWS_ACCESS_KEY_ID"),
			   env("AWS_SECRET_ACCESS_KEY"), env("AWS_SESSION_TOKEN"));
	if (strcmp(word, "Ec2InstanceMetadata") == 0)
		return credentials_by_instance(c, e);
	if (strcmp(word, "EcsContainer") == 0)
		return credentials_by_container(c, e);
	return fail(e, ERR_UNAUTHENTICATED, "credential_source %s gives nothing", word);
}

static bool static_keys(const json_t *p, struct credentials *c)
{
	if (!*text_of(p, "aws_access_key_id") || !*text_of(p, "aws_secret_access_key"))
		return false;
	return set(c, "a profile's keys", text_of(p, "aws_access_key_id"),
		   text_of(p, "aws_secret_access_key"), text_of(p, "aws_session_token"));
}

static bool by_role_of(const struct chain *ch, const char *name, const json_t *p, int depth,
		       struct credentials *c, struct err *e)
{
	const char *session = text_of(p, "role_session_name"),
		   *source = text_of(p, "source_profile");
	struct credentials from = { 0 };
	bool ok;

	if (*text_of(p, "mfa_serial"))
		return fail(e, ERR_UNSUPPORTED,
			    "it wants a code of %s: get keys with `aws sts assume-role` or use "
			    "`aws configure sso`",
			    text_of(p, "mfa_serial"));
	if (*text_of(p, "web_identity_token_file"))
		return credentials_by_web(ch->region, text_of(p, "role_arn"),
					  *session ? session : SESSION_NAME,
					  text_of(p, "web_identity_token_file"), c, e);
	if (!*source)
		ok = by_source_word(text_of(p, "credential_source"), &from, e);
	else if (strcmp(source, name) == 0 && static_keys(p, &from))
		ok = true;
	else
		ok = by_profile(ch, source, depth + 1, &from, e);
	ok = ok && credentials_by_role(&from, ch->region, text_of(p, "role_arn"),
				       *session ? session : SESSION_NAME, text_of(p, "external_id"),
				       c, e);
	credentials_clear(&from);
	return ok;
}

static bool by_sso_of(const struct chain *ch, const json_t *p, struct credentials *c, struct err *e)
{
	const char *session = text_of(p, "sso_session");
	const json_t *shared = *session ? section(ch->config, "sso-session ", session) : p;

	if (!shared)
		return fail(e, ERR_NOT_FOUND, "there is no [sso-session %s]", session);
	return credentials_by_sso(session, text_of(shared, "sso_start_url"),
				  text_of(shared, "sso_region"), text_of(p, "sso_account_id"),
				  text_of(p, "sso_role_name"), c, e);
}

static bool by_section(const struct chain *ch, const char *name, const json_t *p, int depth,
		       struct credentials *c, struct err *e)
{
	if (*text_of(p, "role_arn"))
		return by_role_of(ch, name, p, depth, c, e);
	if (static_keys(p, c))
		return true;
	if (*text_of(p, "sso_account_id"))
		return by_sso_of(ch, p, c, e);
	if (*text_of(p, "credential_process"))
		return credentials_by_process(text_of(p, "credential_process"), c, e);
	return fail(e, ERR_NOT_FOUND, "it has no keys, role, SSO or credential_process");
}

static bool by_profile(const struct chain *ch, const char *name, int depth, struct credentials *c,
		       struct err *e)
{
	json_t *p;
	bool ok;

	if (depth == CHAIN_MAX)
		return fail(e, ERR_INVALID, "profiles name each other as their source");
	p = profile_of(ch, name);
	ok = by_section(ch, name, p, depth, c, e) || while_doing(e, "profile \"%s\"", name);
	json_decref(p);
	return ok;
}

/* ---- the order ---- */

static bool by_host(struct credentials *c, struct err *e)
{
	if (credentials_by_container(c, e))
		return true;
	if (e->kind != ERR_NOT_FOUND)
		return false;
	if (credentials_by_instance(c, e))
		return true;
	if (e->kind != ERR_NOT_FOUND)
		return false;
	return fail(
		e, ERR_UNAUTHENTICATED,
		"there are no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
		"or name a profile with --amazonec2-profile or AWS_PROFILE");
}

static bool by_chain(const struct chain *ch, const struct credential_wish *w, struct credentials *c,
		     struct err *e)
{
	const char *profile = *w->profile ? w->profile : env("AWS_PROFILE");

	if (!*w->profile && *env("AWS_ACCESS_KEY_ID") && *env("AWS_SECRET_ACCESS_KEY"))
		return set(c, "the environment", env("AWS_ACCESS_KEY_ID"),
			   env("AWS_SECRET_ACCESS_KEY"), env("AWS_SESSION_TOKEN"));
	if (!*w->profile && *env("AWS_WEB_IDENTITY_TOKEN_FILE") && *env("AWS_ROLE_ARN"))
		return credentials_by_web(
			ch->region, env("AWS_ROLE_ARN"),
			*env("AWS_ROLE_SESSION_NAME") ? env("AWS_ROLE_SESSION_NAME") : SESSION_NAME,
			env("AWS_WEB_IDENTITY_TOKEN_FILE"), c, e);
	if (by_profile(ch, *profile ? profile : "default", 0, c, e))
		return true;
	return e->kind == ERR_NOT_FOUND && !*profile && by_host(c, e);
}

bool credentials_find(const struct credential_wish *w, struct credentials *c, struct err *e)
{
	struct chain ch = { .region = w->region };
	struct credentials first = { 0 };
	bool ok;

	*c = (struct credentials){ 0 };
	ok = chain_read(&ch, e) && by_chain(&ch, w, &first, e);
	chain_clear(&ch);
	if (!ok || !*w->role) {
		*c = first;
		return ok;
	}
	ok = credentials_by_role(&first, w->region, w->role, SESSION_NAME, "", c, e);
	credentials_clear(&first);
	return ok;
}

char *profile_region(const char *profile)
{
	struct chain ch = { 0 };
	struct err ignored;
	json_t *p;
	char *region;

	if (!*profile)
		profile = *env("AWS_PROFILE") ? env("AWS_PROFILE") : "default";
	if (!chain_read(&ch, &ignored)) {
		chain_clear(&ch);
		return xstrdup("");
	}
	p = profile_of(&ch, profile);
	region = xstrdup(text_of(p, "region"));
	json_decref(p);
	chain_clear(&ch);
	return region;
}
