#include "machine/aws/call.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "base/mem.h"
#include "base/percent.h"
#include "machine/aws/http.h"
#include "machine/aws/xml.h"
#include "template/field.h"

#define TIMEOUT_MS     60000L
#define PAUSE_FIRST_MS 200
#define PAUSE_MAX_MS   5000
#define SKEW_MAX_S     240

static const struct {
	const char *name, *version;
} services[] = {
	[SERVICE_EC2] = { "ec2", "2016-11-15" },
	[SERVICE_STS] = { "sts", "2011-06-15" },
	[SERVICE_SSM] = { "ssm", NULL },
};

/* ---- forms ---- */

static void put(struct form *f, struct str value, const char *name, va_list more)
{
	AUTO_BUF struct buf key = BUF_MAX(FORM_BYTES_MAX);

	buf_vprintf(&key, name, more);
	if (f->encoded.len)
		buf_append_char(&f->encoded, '&');
	percent_encode(&f->encoded, buf_str(&key));
	buf_append_char(&f->encoded, '=');
	percent_encode(&f->encoded, value);
	buf_printf(&f->shown, "  %s=%.*s\n", key.data, (int)(value.len < 200 ? value.len : 200),
		   value.ptr);
}

void form_put(struct form *f, const char *value, const char *name, ...)
{
	va_list more;

	va_start(more, name);
	put(f, str_of(value), name, more);
	va_end(more);
}

void form_put_str(struct form *f, struct str value, const char *name, ...)
{
	va_list more;

	va_start(more, name);
	put(f, value, name, more);
	va_end(more);
}

/* ---- where ---- */

static const char *elsewhere(const char *service)
{
	AUTO_FREE char *name = xasprintf("AWS_ENDPOINT_URL_%s", service);
	const char *url;

	for (char *at = name; *at; at++)
		*at = (char)toupper((unsigned char)*at);
	url = getenv(name);
	if (!url || !*url)
		url = getenv("AWS_ENDPOINT_URL");
	return url && *url ? url : NULL;
}

bool service_is_elsewhere(const char *service)
{
	return elsewhere(service) != NULL;
}

char *service_url(const char *service, const char *region, const char *host)
{
	const char *url = elsewhere(service);

	if (url)
		return xasprintf("%.*s", (int)(strlen(url) - (url[strlen(url) - 1] == '/')), url);
	return xasprintf("https://%s.%s.amazonaws.com%s", host, region,
			 strncmp(region, "cn-", 3) == 0 ? ".cn" : "");
}

void aws_init(struct aws *a, const char *region, const struct credentials *c)
{
	*a = (struct aws){ .region = xstrdup(region), .retries = RETRIES_DEFAULT };
	a->is_anonymous = c == NULL;
	if (c)
		a->credentials = (struct credentials){ xstrdup(c->key), xstrdup(c->secret),
						       xstrdup(c->token), c->source };
}

void aws_clear(struct aws *a)
{
	free(a->region);
	free(a->endpoint);
	credentials_clear(&a->credentials);
}

/* ---- what an answer means ---- */

static bool ends_with(const char *text, const char *end)
{
	return str_ends_with(str_of(text), end);
}

struct refusal refusal_of(long status, const char *code)
{
	static const struct {
		const char *code;
		struct refusal is;
	} known[] = {
		{ "RequestLimitExceeded", { ERR_UNAVAILABLE, true } },
		{ "Throttling", { ERR_UNAVAILABLE, true } },
		{ "ThrottlingException", { ERR_UNAVAILABLE, true } },
		{ "ThrottledException", { ERR_UNAVAILABLE, true } },
		{ "TooManyRequestsException", { ERR_UNAVAILABLE, true } },
		{ "RequestThrottled", { ERR_UNAVAILABLE, true } },
		{ "InsufficientInstanceCapacity", { ERR_UNAVAILABLE, false } },
		{ "InsufficientHostCapacity", { ERR_UNAVAILABLE, false } },
		{ "InsufficientCapacityOnHost", { ERR_UNAVAILABLE, false } },
		{ "SpotMaxPriceTooLow", { ERR_UNAVAILABLE, false } },
		{ "VcpuLimitExceeded", { ERR_EXHAUSTED, false } },
		{ "InstanceLimitExceeded", { ERR_EXHAUSTED, false } },
		{ "MaxSpotInstanceCountExceeded", { ERR_EXHAUSTED, false } },
		{ "UnauthorizedOperation", { ERR_DENIED, false } },
		{ "AccessDenied", { ERR_DENIED, false } },
		{ "AccessDeniedException", { ERR_DENIED, false } },
		{ "OptInRequired", { ERR_DENIED, false } },
		{ "AuthFailure", { ERR_UNAUTHENTICATED, false } },
		{ "SignatureDoesNotMatch", { ERR_UNAUTHENTICATED, false } },
		{ "InvalidSignatureException", { ERR_UNAUTHENTICATED, false } },
		{ "InvalidClientTokenId", { ERR_UNAUTHENTICATED, false } },
		{ "UnrecognizedClientException", { ERR_UNAUTHENTICATED, false } },
		{ "RequestExpired", { ERR_UNAUTHENTICATED, false } },
		{ "ExpiredToken", { ERR_UNAUTHENTICATED, false } },
		{ "ExpiredTokenException", { ERR_UNAUTHENTICATED, false } },
		{ "ParameterNotFound", { ERR_NOT_FOUND, false } },
		{ "DependencyViolation", { ERR_IN_USE, false } },
		{ "InvalidGroup.InUse", { ERR_IN_USE, false } },
		{ "IncorrectInstanceState", { ERR_IN_USE, false } },
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(known[i].code, code) == 0)
			return known[i].is;
	if (ends_with(code, ".NotFound"))
		return (struct refusal){ ERR_NOT_FOUND, false };
	if (ends_with(code, ".Duplicate"))
		return (struct refusal){ ERR_CONFLICT, false };
	if (status >= 500 || status == 429)
		return (struct refusal){ ERR_UNAVAILABLE, true };
	return (struct refusal){ ERR_INVALID, false };
}

static bool is_expired(const char *code)
{
	return strcmp(code, "ExpiredToken") == 0 || strcmp(code, "ExpiredTokenException") == 0 ||
	       strcmp(code, "RequestExpired") == 0;
}

static bool blame_clock(const struct http_answer *h, struct err *e)
{
	int64_t ahead_s = time(NULL) - h->date_s;

	if (h->date_s < 0 || llabs(ahead_s) <= SKEW_MAX_S)
		return false;
	fail(e, ERR_UNAUTHENTICATED,
	     "this computer's clock is %lld minutes %s: AWS refuses what it signs",
	     (long long)llabs(ahead_s) / 60, ahead_s > 0 ? "ahead" : "behind");
	return true;
}

/* What a refusal says, in one sentence; AWS appends a coded message that nobody can read. */
static bool tell(struct aws *a, enum service service, const char *action,
		 const struct http_answer *h, const char *message, struct err *e)
{
	struct refusal r = refusal_of(h->status, a->code);
	const char *coded = strstr(message, "Encoded authorization failure message");
	int length = coded ? (int)(coded - message) : (int)strlen(message);

	if (r.kind == ERR_UNAUTHENTICATED && blame_clock(h, e))
		return false;
	return fail(e, r.kind, "%s:%s: %.*s%s(%s)", services[service].name, action,
		    length < 600 ? length : 600, message,
		    length && message[length - 1] == ' ' ? "" : " ",
		    *a->code ? a->code : "no code");
}

static json_t *read_body(enum service service, const struct http_answer *h, struct err *e)
{
	struct str text = buf_str(&h->body);
	json_error_t why;
	json_t *said;

	if (service != SERVICE_SSM)
		return xml_parse(text, e);
	said = json_loadb(text.ptr ? text.ptr : "", text.len, 0, &why);
	if (!said)
		fail(e, ERR_INVALID, "the answer is no JSON: %s", why.text);
	return said;
}

/* The code and the words of an answer that is none of success. */
static const char *read_refusal(struct aws *a, const json_t *said)
{
	static const char *const paths[] = { "Errors.Error", "Error" };
	const char *type = field_text(said, "__type"), *hash = strrchr(type, '#');
	const char *message = field_text(said, "message");

	(void)snprintf(a->code, sizeof(a->code), "%s", hash ? hash + 1 : type);
	for (size_t i = 0; i < ARRAY_LEN(paths) && !*a->code; i++) {
		const json_t *error = field_at(said, paths[i]);

		(void)snprintf(a->code, sizeof(a->code), "%s", field_text(error, "Code"));
		message = field_text(error, "Message");
	}
	return *message ? message : field_text(said, "Message");
}

/* ---- one try ---- */

static bool prepare(struct aws *a, struct err *e)
{
	if (a->credentials.key || !a->wish)
		return true;
	if (!credentials_find(a->wish, &a->credentials, e))
		return while_doing(e, "credentials");
	a->is_anonymous = false;
	return true;
}

static bool post(struct aws *a, enum service service, const char *action, struct form *f,
		 struct http_answer *h, struct err *e)
{
	const char *name = services[service].name;
	AUTO_FREE char *usual = service_url(name, a->region, name);
	AUTO_FREE char *sign = xasprintf("aws:amz:%s:%s", a->region, name);
	AUTO_FREE char *token = NULL, *target = NULL, *url = NULL;
	bool has_own = service == SERVICE_EC2 && a->endpoint;
	struct http_request r = {
		.method = "POST",
		.body = buf_str(&f->encoded),
		.timeout_ms = a->timeout_ms ? (long)a->timeout_ms : TIMEOUT_MS,
		.may_be_plain = has_own || service_is_elsewhere(name),
	};
	size_t headers = 0;

	url = xasprintf("%s/", has_own ? a->endpoint : usual);
	r.url = url;
	if (!a->is_anonymous) {
		r.sigv4 = sign;
		r.key = a->credentials.key;
		r.secret = a->credentials.secret;
	}
	if (!a->is_anonymous && *a->credentials.token) {
		token = xasprintf("X-Amz-Security-Token: %s", a->credentials.token);
		r.headers[headers++] = token;
	}
	if (service == SERVICE_SSM) {
		target = xasprintf("X-Amz-Target: AmazonSSM.%s", action);
		r.headers[headers++] = target;
		r.headers[headers++] = (char *)"Content-Type: application/x-amz-json-1.1";
	}
	return http_call(&r, h, e);
}

enum outcome { DONE, REFUSED, MAY_PASS, EXPIRED };

static enum outcome try_once(struct aws *a, enum service service, const char *action,
			     struct form *f, json_t **said, struct err *e)
{
	enum outcome outcome = REFUSED;
	struct http_answer h;

	*a->code = '\0';
	*said = NULL;
	if (!post(a, service, action, f, &h, e)) {
		outcome = e->kind == ERR_UNAVAILABLE ? MAY_PASS : REFUSED;
		e->kind = ERR_UNKNOWN_OUTCOME;
	} else if (h.status == 200) {
		*said = read_body(service, &h, e);
		outcome = *said ? DONE : REFUSED;
		if (!*said)
			e->kind = ERR_UNKNOWN_OUTCOME;
	} else {
		json_t *error = read_body(service, &h, e);

		tell(a, service, action, &h, read_refusal(a, error), e);
		json_decref(error);
		outcome = refusal_of(h.status, a->code).may_pass ? MAY_PASS
			  : is_expired(a->code)                  ? EXPIRED
								 : REFUSED;
		if (outcome == MAY_PASS && h.status >= 500)
			e->kind = ERR_UNKNOWN_OUTCOME;
	}
	http_answer_clear(&h);
	return outcome;
}

static void pause_before(int try)
{
	int64_t most_ms = (int64_t)PAUSE_FIRST_MS << (try < 8 ? try : 8), pause_ms;
	uint32_t chance = 0;
	struct timespec t;

	if (getrandom(&chance, sizeof(chance), GRND_NONBLOCK) < 0)
		chance = 0;
	most_ms = most_ms < PAUSE_MAX_MS ? most_ms : PAUSE_MAX_MS;
	pause_ms = most_ms / 2 + chance % (most_ms / 2);
	t = (struct timespec){ pause_ms / 1000, pause_ms % 1000 * 1000000 };
	(void)nanosleep(&t, NULL);
}

static bool only_reads(const char *action)
{
	return strncmp(action, "Describe", 8) == 0 || strncmp(action, "Get", 3) == 0 ||
	       strncmp(action, "Assume", 6) == 0;
}

json_t *aws_call(struct aws *a, enum service service, const char *action, struct form *f,
		 struct err *e)
{
	bool has_renewed = false;
	json_t *said;

	if (a->plan && !only_reads(action)) {
		buf_printf(a->plan, "%s:%s\n%s", services[service].name, action,
			   f->shown.data ? f->shown.data : "");
		*a->code = '\0';
		return json_object();
	}
	if (services[service].version) {
		form_put(f, action, "Action");
		form_put(f, services[service].version, "Version");
	}
	if (f->encoded.overflow) {
		fail(e, ERR_EXHAUSTED, "%s has too many words", action);
		return NULL;
	}
	for (int try = 0;; try++) {
		enum outcome outcome;

		if (!prepare(a, e))
			return NULL;
		outcome = try_once(a, service, action, f, &said, e);
		if (outcome == DONE)
			return said;
		if (outcome == EXPIRED && a->wish && !has_renewed) {
			has_renewed = true;
			credentials_clear(&a->credentials);
			continue;
		}
		if (outcome != MAY_PASS || try >= a->retries)
			return NULL;
		pause_before(try);
	}
}

bool aws_refused(const struct aws *a, const char *code)
{
	return strcmp(a->code, code) == 0;
}
