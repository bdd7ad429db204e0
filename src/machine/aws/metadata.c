/* Roles of the place we run in: a container's (ECS, EKS) and an instance's (IMDSv2 only: a token is asked
 * for first, so that nobody is fooled into fetching keys for another). */
#include <stdlib.h>

#include "base/mem.h"
#include "machine/aws/credentials.h"
#include "machine/aws/http.h"
#include "file/file.h"
#include "template/field.h"

#define CONTAINER_BASE "http://169.254.170.2"
#define INSTANCE_BASE  "http://169.254.169.254"
#define ROLE_PATH      "/latest/meta-data/iam/security-credentials/"
#define WAIT_MS        1000 /* it is a link away, or not there */
#define TOKEN_MAX      ((size_t)16 << 10)

static bool fetch(const char *method, const char *url, char *header, struct buf *out, struct err *e)
{
	struct http_request r = { .method = method,
				  .url = url,
				  .headers = { header },
				  .timeout_ms = WAIT_MS,
				  .no_proxy = true,
				  .may_be_plain = true };
	struct http_answer a;
	bool ok = http_call(&r, &a, e);

	if (ok && a.status != 200)
		ok = fail(e, a.status == 404 ? ERR_NOT_FOUND : ERR_UNAUTHENTICATED,
			  "%s answers %ld", url, a.status);
	else if (ok)
		ok = buf_append_str(out, buf_str(&a.body)) ||
		     fail(e, ERR_EXHAUSTED, "%s answers too much", url);
	http_answer_clear(&a);
	return ok;
}

static bool read_keys(struct buf *text, const char *source, struct credentials *c, struct err *e)
{
	AUTO_JSON json_t *said = json_loadb(text->data ? text->data : "", text->len, 0, NULL);

	return credentials_read(said, source, c, e);
}

/* Plain http is for this host and this link only: what is asked for is secret. */
static bool is_near(const char *url)
{
	static const char *const near[] = { "http://127.",
					    "http://localhost",
					    "http://[::1]",
					    "http://169.254.170.2",
					    "http://169.254.170.23",
					    "http://[fd00:ec2::23]",
					    "https://" };

	for (size_t i = 0; i < ARRAY_LEN(near); i++) {
		size_t length = strlen(near[i]);

		if (strncmp(url, near[i], length) == 0 &&
		    (i == 0 || i == ARRAY_LEN(near) - 1 || strchr(":/", url[length])))
			return true;
	}
	return false;
}

bool credentials_by_container(struct credentials *c, struct err *e)
{
	const char *relative = getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	const char *full = getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI");
	const char *token_file = getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	const char *token = getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN");
	AUTO_BUF struct buf text = BUF_MAX(TOKEN_MAX), from_file = BUF_MAX(TOKEN_MAX);
	AUTO_FREE char *url = NULL, *header = NULL;

	if (relative && *relative)
		url = xasprintf(CONTAINER_BASE "%s", relative);
	else if (full && *full)
		url = xstrdup(full);
	else
		return fail(e, ERR_NOT_FOUND, "no container's role");
	if (!is_near(url))
		return fail(e, ERR_DENIED, "keys are not asked for in clear at %s", url);
	if (token_file && *token_file) {
		if (!file_read(token_file, &from_file, e))
			return false;
		header = xasprintf("Authorization: %.*s", STR_FMT(str_trim(buf_str(&from_file))));
	} else if (token && *token) {
		header = xasprintf("Authorization: %s", token);
	}
	return fetch("GET", url, header, &text, e) &&
	       read_keys(&text, "the container's role", c, e);
}

static const char *instance_base(void)
{
	const char *other = getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT");

	return other && *other ? other : INSTANCE_BASE;
}

static bool role_keys(const char *base, char *header, struct credentials *c, struct err *e)
{
	AUTO_BUF struct buf role = BUF_MAX(TOKEN_MAX), text = BUF_MAX(TOKEN_MAX);
	AUTO_FREE char *list = xasprintf("%s" ROLE_PATH, base), *url = NULL;
	struct str first, rest;

	if (!fetch("GET", list, header, &role, e))
		return false;
	str_cut(str_trim(buf_str(&role)), '\n', &first, &rest);
	url = xasprintf("%s%.*s", list, STR_FMT(first));
	return fetch("GET", url, header, &text, e) && read_keys(&text, "the instance's role", c, e);
}

bool credentials_by_instance(struct credentials *c, struct err *e)
{
	const char *off = getenv("AWS_EC2_METADATA_DISABLED"), *base = instance_base();
	char ttl[] = "X-aws-ec2-metadata-token-ttl-seconds: 300";
	AUTO_FREE char *url = xasprintf("%s/latest/api/token", base), *header = NULL;
	AUTO_BUF struct buf token = BUF_MAX(TOKEN_MAX);

	if (off && strcmp(off, "true") == 0)
		return fail(e, ERR_NOT_FOUND, "the instance's role is not to be used");
	if (!fetch("PUT", url, ttl, &token, e))
		return fail(e, ERR_NOT_FOUND, "no EC2 instance");
	header = xasprintf("X-aws-ec2-metadata-token: %.*s", STR_FMT(str_trim(buf_str(&token))));
	return role_keys(base, header, c, e);
}
