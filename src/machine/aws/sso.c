/* SSO (IAM Identity Center): the token that `aws sso login` left in ~/.aws/sso/cache, in a file named
 * after the SHA-1 of the session's name or the start URL, is exchanged for a role's keys. */
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/percent.h"
#include "console/units.h"
#include "machine/aws/call.h"
#include "machine/aws/credentials.h"
#include "machine/aws/http.h"
#include "file/file.h"
#include "template/field.h"

#define CACHE_MAX  ((size_t)256 << 10)
#define TIMEOUT_MS 30000

static char *cache_path(const char *key)
{
	unsigned char digest[SHA_DIGEST_LENGTH];
	char hex[2 * SHA_DIGEST_LENGTH + 1];
	const char *home = getenv("HOME");

	SHA1((const unsigned char *)key, strlen(key), digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return xasprintf("%s/.aws/sso/cache/%s.json", home ? home : "/root", hex);
}

/* "2026-11-22T22:24:05Z"; older programs wrote "UTC" for the Z. */
static bool is_over(const char *ends)
{
	size_t length = strlen(ends);
	bool is_old = length > 3 && strcmp(ends + length - 3, "UTC") == 0;
	AUTO_FREE char *text =
		xasprintf("%.*s%s", (int)(is_old ? length - 3 : length), ends, is_old ? "Z" : "");
	int64_t ends_ns;

	return !time_parse(text, &ends_ns) || ends_ns / NS_PER_SECOND <= time(NULL);
}

/* The token, or NULL with a sentence that says how to get one. */
static char *cached_token(const char *key, struct err *e)
{
	AUTO_FREE char *path = cache_path(key);
	AUTO_BUF struct buf text = BUF_MAX(CACHE_MAX);
	AUTO_JSON json_t *said = NULL;

	if (file_read(path, &text, e))
		said = json_loadb(text.data ? text.data : "", text.len, 0, NULL);
	if (said && *field_text(said, "accessToken") && !is_over(field_text(said, "expiresAt")))
		return xstrdup(field_text(said, "accessToken"));
	fail(e, ERR_UNAUTHENTICATED, "nobody is logged in, or no longer: run `aws sso login`");
	return NULL;
}

static json_t *ask(const char *url, const char *token, struct err *e)
{
	AUTO_FREE char *header = xasprintf("x-amz-sso_bearer_token: %s", token);
	struct http_request r = { .method = "GET",
				  .url = url,
				  .headers = { header },
				  .timeout_ms = TIMEOUT_MS,
				  .may_be_plain = service_is_elsewhere("sso") };
	struct http_answer a;
	json_t *said = NULL;

	if (http_call(&r, &a, e)) {
		said = json_loadb(a.body.data ? a.body.data : "", a.body.len, 0, NULL);
		if (a.status != 200 || !said) {
			fail(e, ERR_UNAUTHENTICATED, "SSO answers %ld: %.300s", a.status,
			     field_text(said, "message"));
			json_decref(said);
			said = NULL;
		}
	}
	http_answer_clear(&a);
	return said;
}

bool credentials_by_sso(const char *session, const char *start_url, const char *sso_region,
			const char *account, const char *role, struct credentials *c, struct err *e)
{
	AUTO_FREE char *token = cached_token(*session ? session : start_url, e);
	AUTO_FREE char *base = NULL;
	AUTO_BUF struct buf url = BUF_MAX(4096);
	AUTO_JSON json_t *said = NULL, *keys = NULL;

	if (!token)
		return false;
	base = service_url("sso", sso_region, "portal.sso");
	buf_printf(&url, "%s/federation/credentials?account_id=", base);
	percent_encode(&url, str_of(account));
	buf_append_c(&url, "&role_name=");
	percent_encode(&url, str_of(role));
	said = ask(url.data, token, e);
	if (!said)
		return false;
	keys = json_pack("{s:s, s:s, s:s}", "AccessKeyId",
			 field_text(said, "roleCredentials.accessKeyId"), "SecretAccessKey",
			 field_text(said, "roleCredentials.secretAccessKey"), "SessionToken",
			 field_text(said, "roleCredentials.sessionToken"));
	return credentials_read(keys, "SSO", c, e);
}
