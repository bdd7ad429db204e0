#include "content/registry.h"

#include <openssl/evp.h>
#include <jansson.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/mem.h"
#include "content/http.h"
#include "content/json.h"
#include "content/manifest.h"

#define REDIRECTS_MAX  5
#define TRIES_MAX      5  /* without a byte of progress */
#define BLOB_TRIES_MAX 30 /* in all: a server that trickles is not followed for ever */
#define TOKEN_MAX      (32u << 10)

#define ACCEPT_MANIFESTS TYPE_MANIFEST ", " TYPE_LIST ", " TYPE_OCI_MANIFEST ", " TYPE_OCI_INDEX

struct registry {
	const struct registry_setup *setup;
	struct http *http;
	size_t at;           /* the endpoint in use */
	char *authorization; /* what it was satisfied with, or NULL */
};

struct registry *registry_new(const struct registry_setup *setup)
{
	struct registry *r = NEW(struct registry);

	r->setup = setup;
	r->http = http_new(setup->ca, setup->client_cert, setup->client_key, setup->stall_s);
	return r;
}

void registry_free(struct registry *r)
{
	if (!r)
		return;
	http_free(r->http);
	free(r->authorization);
	free(r);
}

static const struct endpoint *endpoint_of(const struct registry *r)
{
	return &r->setup->endpoints[r->at];
}

static bool is_plain(const char *url)
{
	return strncasecmp(url, "http://", 7) == 0;
}

static void use_endpoint(struct registry *r, size_t at)
{
	r->at = at;
	free(STEAL(r->authorization));
}

/* -- errors -- */

/* "manifest unknown: manifest unknown", from {"errors":[{"code","message"}]}. */
static bool read_error(struct str text, char *out, size_t size)
{
	AUTO_ARENA struct arena a = { 0 };
	struct err ignored;
	json_t *o = json_parse(text, HTTP_TEXT_MAX, "", &ignored);
	json_t *first = json_array_get(json_object_get(o, "errors"), 0);
	const char *code = json_text(first, "code", &a), *message = json_text(first, "message", &a);
	size_t n = 0;

	for (; *code && n + 1 < size; code++)
		out[n++] = *code == '_'                   ? ' '
			   : *code >= 'A' && *code <= 'Z' ? *code + 'a' - 'A'
							  : *code;
	out[n] = '\0';
	if (*message)
		snprintf(out + n, size - n, "%s%.200s", n ? ": " : "", message);
	for (char *at = out; *at; at++)
		if ((unsigned char)*at < ' ')
			*at = ' ';
	json_decref(o);
	return out[0] != '\0';
}

static enum err_kind kind_of(int status)
{
	switch (status) {
	case 400:
		return ERR_INVALID;
	case 401:
		return ERR_UNAUTHENTICATED;
	case 403:
		return ERR_DENIED;
	case 404:
		return ERR_NOT_FOUND;
	case 429:
		return ERR_EXHAUSTED;
	default:
		return status >= 500 ? ERR_UNAVAILABLE : ERR_INTERNAL;
	}
}

static bool fail_answer(const char *method, const char *url, const struct http_answer *a,
			struct err *e)
{
	char said[512];

	if (a->is_broken)
		return fail(e, ERR_UNAVAILABLE, "%s \"%.300s\": %s", method, url, a->why);
	if (read_error(buf_str(&a->text), said, sizeof(said)))
		return fail(e, kind_of(a->status), "%s", said);
	return fail(e, kind_of(a->status), "%s \"%.300s\": the registry answered %d", method, url,
		    a->status);
}

/* -- who we are -- */

static char *basic_of(const char *username, const char *password)
{
	AUTO_FREE char *pair = xasprintf("%s:%s", username, password);
	AUTO_FREE char *text = xmalloc(4 * (strlen(pair) / 3 + 1) + 1);

	EVP_EncodeBlock((unsigned char *)text, (unsigned char *)pair, strlen(pair));
	return xasprintf("Basic %s", text);
}

static bool is_header_text(const char *text)
{
	for (; *text; text++)
		if (*text <= ' ' || *text >= 0x7f)
			return false;
	return true;
}

static char *bearer_of(struct str answer, struct err *e)
{
	AUTO_ARENA struct arena a = { 0 };
	json_t *o = json_parse(answer, HTTP_TEXT_MAX, "the token server's answer", e);
	const char *token;
	char *value = NULL;

	if (!o)
		return NULL;
	token = json_text(o, "token", &a);
	if (!*token)
		token = json_text(o, "access_token", &a);
	json_decref(o);
	if (*token && strlen(token) <= TOKEN_MAX && is_header_text(token))
		value = xasprintf("Bearer %s", token);
	else
		(void)fail(e, ERR_UNAVAILABLE, "the token server's answer has no token in it");
	return value;
}

static char *scope_of(const struct registry *r, const struct challenge *c)
{
	return *c->scope ? xstrdup(c->scope)
	       : !*r->setup->actions
		       ? xstrdup("")
		       : xasprintf("repository:%s:%s", r->setup->repository, r->setup->actions);
}

/* An identity token is exchanged by POST (OAuth2 refresh), all else is asked for by GET. */
static void ask_for_token(struct registry *r, const struct challenge *c, const char *realm,
			  bool is_ours, bool shows_who, struct http_answer *a)
{
	const struct registry_setup *s = r->setup;
	AUTO_FREE char *scope = scope_of(r, c), *plain = url_with(realm, "service", c->service);
	AUTO_FREE char *url = *scope ? url_with(plain, "scope", scope) : xstrdup(plain);
	AUTO_FREE char *basic =
		shows_who && s->username ? basic_of(s->username, s->password) : NULL;
	AUTO_FREE char *form = NULL, *body = NULL;
	struct http_request q = { .method = "GET",
				  .url = url,
				  .authorization = basic,
				  .allows_plain = is_plain(realm),
				  .is_unverified = is_ours && endpoint_of(r)->is_unverified };

	if (shows_who && s->identity_token) {
		AUTO_FREE char *a1 = url_with("https://x/", "grant_type", "refresh_token");
		AUTO_FREE char *a2 = url_with(a1, "client_id", "shoal");
		AUTO_FREE char *a3 = url_with(a2, "service", c->service);
		AUTO_FREE char *a4 = url_with(a3, "scope", scope);

		form = url_with(a4, "refresh_token", s->identity_token);
		body = xstrdup(strchr(form, '?') + 1);
		q.method = "POST";
		q.url = realm;
		q.content_type = "application/x-www-form-urlencoded";
		q.body = str_of(body);
		q.authorization = NULL;
	}
	http_do(r->http, &q, a);
}

static bool get_token(struct registry *r, const struct challenge *c, struct err *e)
{
	const struct registry_setup *s = r->setup;
	const struct endpoint *at = endpoint_of(r);
	AUTO_FREE char *realm = url_follow(at->base, c->realm),
		       *origin = realm ? url_origin(realm) : NULL;
	AUTO_FREE char *ours = url_origin(at->base);
	bool has_who = at->takes_credentials && (s->username || s->identity_token), shows_who;
	struct http_answer a;

	if (!origin || !ours)
		return fail(e, ERR_INVALID,
			    "the registry asks for a token from \"%.200s\", which is no URL",
			    c->realm);
	/* What came over plain HTTP may come from anybody: it names no other host. */
	if (is_plain(origin) && strcmp(origin, ours) != 0)
		return fail(e, ERR_DENIED, "the registry asks for a token over plain HTTP, from %s",
			    origin);
	shows_who = has_who && (is_plain(ours) ? strcmp(origin, ours) == 0
					       : challenge_may_trust(strstr(ours, "//") + 2,
								     strstr(origin, "//") + 2));
	ask_for_token(r, c, realm, strcmp(origin, ours) == 0, shows_who, &a);
	if (a.is_broken || a.status != 200) {
		(void)fail_answer("GET", realm, &a, e);
		http_answer_clear(&a);
		if (has_who && !shows_who)
			return while_doing(
				e, "%s is another site and was not shown the credentials", origin);
		return false;
	}
	free(r->authorization);
	r->authorization = bearer_of(buf_str(&a.text), e);
	http_answer_clear(&a);
	return r->authorization != NULL;
}

/* Satisfy a 401. False without *e filled (kind NONE) when there is nothing to show. */
static bool satisfy(struct registry *r, const struct challenge *c, struct err *e)
{
	const struct registry_setup *s = r->setup;
	const struct endpoint *at = endpoint_of(r);

	e->kind = ERR_NONE;
	if (at->takes_credentials && s->registry_token && is_header_text(s->registry_token)) {
		free(r->authorization);
		r->authorization = xasprintf("Bearer %s", s->registry_token);
		return true;
	}
	if (c->is_bearer)
		return get_token(r, c, e);
	if (c->is_basic && at->takes_credentials && s->username) {
		free(r->authorization);
		r->authorization = basic_of(s->username, s->password);
		return true;
	}
	return false;
}

/* -- one request, with what it takes to get it answered -- */

/* Follow one redirect: the new URL, or NULL and *e. */
static char *redirected(const char *url, const struct http_answer *a, struct err *e)
{
	char *next = *a->location ? url_follow(url, a->location) : NULL;

	if (!next) {
		(void)fail(e, ERR_INVALID, "the registry sends us on to nowhere");
		return NULL;
	}
	if (is_plain(next) && !is_plain(url)) {
		(void)fail(e, ERR_DENIED,
			   "the registry sends us on from HTTPS to plain HTTP, to \"%.200s\"",
			   next);
		free(next);
		return NULL;
	}
	return next;
}

/* q->url is a path of the endpoint ("/v2/...") or a whole URL. On true *a is an answer of any status or a
 * broken one; on false *e says what cannot be done. The caller clears *a. */
static bool ask(struct registry *r, struct http_request q, struct http_answer *a, struct err *e)
{
	const struct endpoint *at = endpoint_of(r);
	AUTO_FREE char *ours = url_origin(at->base);
	AUTO_FREE char *url = q.url[0] == '/' ? xasprintf("%s%s", at->base, q.url) : xstrdup(q.url);
	bool may_redirect = strcmp(q.method, "GET") == 0 || strcmp(q.method, "HEAD") == 0;
	bool was_satisfied = false;

	*a = (struct http_answer){ 0 };
	for (int hops = 0; hops <= REDIRECTS_MAX; hops++) {
		AUTO_FREE char *origin = url_origin(url);
		bool is_ours = origin && ours && strcmp(origin, ours) == 0;

		q.url = url;
		q.authorization = is_ours ? r->authorization : NULL;
		q.is_unverified = is_ours && at->is_unverified;
		q.allows_plain = is_plain(at->base);
		http_answer_clear(a);
		http_do(r->http, &q, a);
		if (a->is_broken || a->is_stopped)
			return true;
		if (a->status == 401 && is_ours && !was_satisfied) {
			struct challenge c = a->challenge;

			was_satisfied = true;
			if (!satisfy(r, &c, e)) {
				if (e->kind == ERR_NONE)
					return true;
				http_answer_clear(a);
				return false;
			}
			hops--;
			continue;
		}
		if (may_redirect && a->status >= 301 && a->status <= 308 && a->status != 304) {
			char *next = redirected(url, a, e);

			if (!next) {
				http_answer_clear(a);
				return false;
			}
			free(url);
			url = next;
			continue;
		}
		return true;
	}
	http_answer_clear(a);
	return fail(e, ERR_INVALID, "the registry sends us on more than %d times", REDIRECTS_MAX);
}

static void pause_before(const struct registry *r, int try)
{
	int64_t ms = r->setup->pause_ms << (try < 6 ? try : 6);

	/* Spread: many nodes pull the same image at once. */
	ms += ms > 0 ? (int64_t)(rand() % (ms / 2 + 1)) : 0;
	(void)usleep(ms * 1000);
}

static bool is_worth_another_try(const struct http_answer *a)
{
	return (a->is_broken && !a->is_untrusted) || a->status == 408 || a->status >= 500;
}

/* Ask until it is answered by something other than trouble, at this endpoint. */
static bool ask_well(struct registry *r, struct http_request q, struct http_answer *a,
		     struct err *e)
{
	for (int try = 0;; try++) {
		if (!ask(r, q, a, e))
			return false;
		if (!is_worth_another_try(a) || a->no_tls || try + 1 >= TRIES_MAX)
			return true;
		http_answer_clear(a);
		pause_before(r, try);
	}
}

/* The next endpoint that may be asked after this one gave `a`; false when it was the last. */
static bool next_endpoint(struct registry *r, bool no_tls)
{
	for (size_t i = r->at + 1; i < r->setup->endpoint_count; i++) {
		if (r->setup->endpoints[i].is_plain_sibling && !(no_tls && i == r->at + 1))
			continue;
		use_endpoint(r, i);
		return true;
	}
	return false;
}

/* Ask one endpoint after the other until one answers 200 to 299. */
static bool ask_any(struct registry *r, struct http_request q, struct http_answer *a, struct err *e)
{
	for (;;) {
		bool is_answered = ask_well(r, q, a, e);
		bool no_tls = is_answered && a->no_tls;

		if (is_answered && !a->is_broken && a->status >= 200 && a->status < 300)
			return true;
		if (is_answered) {
			AUTO_FREE char *url = xasprintf("%s%s", endpoint_of(r)->base, q.url);

			(void)fail_answer(q.method, url, a, e);
		}
		http_answer_clear(a);
		if (!next_endpoint(r, no_tls))
			return false;
	}
}

size_t registry_endpoint(const struct registry *r)
{
	return r->at;
}

void registry_use(struct registry *r, size_t endpoint)
{
	if (endpoint < r->setup->endpoint_count && endpoint != r->at)
		use_endpoint(r, endpoint);
}

/* -- who we are, and nothing else -- */

bool registry_login(struct registry *r, struct err *e)
{
	struct http_request q = { .method = "GET", .url = "/v2/" };
	struct http_answer a;

	if (ask_any(r, q, &a, e)) {
		http_answer_clear(&a);
		return true;
	}
	return e->kind != ERR_UNAUTHENTICATED
		       ? false
		       : while_doing(e,
				     "login attempt to %s/v2/ failed with status: 401 Unauthorized",
				     endpoint_of(r)->base);
}

/* -- manifests -- */

bool registry_manifest(struct registry *r, const char *reference, struct buf *body, char *type,
		       char *digest, struct err *e)
{
	AUTO_FREE char *path = xasprintf("/v2/%s/manifests/%s", r->setup->repository, reference);
	struct http_request q = { .method = "GET",
				  .url = path,
				  .accept = ACCEPT_MANIFESTS,
				  .text_max = MANIFEST_BYTES_MAX };
	struct http_answer a;

	if (!ask_any(r, q, &a, e))
		return false;
	if (a.is_stopped) {
		http_answer_clear(&a);
		return fail(e, ERR_EXHAUSTED, "the manifest has more than %u bytes",
			    MANIFEST_BYTES_MAX);
	}
	a.content_type[strcspn(a.content_type, "; ")] = '\0';
	snprintf(type, 256, "%s", a.content_type);
	snprintf(digest, 256, "%s", a.digest);
	*body = a.text;
	return true;
}

/* -- blobs -- */

/* Passes on each byte once, whatever the server repeats. */
struct blob_sink {
	registry_sink *sink;
	void *self;
	int64_t passed, size;
	const struct http_answer *answer; /* the one under way; NULL once its first bytes came */
	int64_t at;                       /* of its next byte */
	bool is_refused, is_too_long, has_gap;
};

static bool take_blob(void *self, const void *data, size_t size)
{
	struct blob_sink *s = self;
	size_t skipped;

	/* A server that ignores the range starts over. One that starts behind it cannot be used. */
	if (s->answer)
		s->at = s->answer->status == 206 ? s->answer->range_from : 0;
	s->answer = NULL;
	if (s->at < 0 || s->at > s->passed) {
		s->has_gap = true;
		return false;
	}
	skipped = (uint64_t)(s->passed - s->at) < size ? (size_t)(s->passed - s->at) : size;
	s->at += size;
	if (skipped == size)
		return true;
	if (s->at > s->size) {
		s->is_too_long = true;
		return false;
	}
	s->is_refused = !s->sink(s->self, (const char *)data + skipped, size - skipped);
	s->passed += size - skipped;
	return !s->is_refused;
}

/* One transfer, from where we are. True when the answer says more than trouble. */
static bool get_blob_once(struct registry *r, const char *path, struct blob_sink *s,
			  struct http_answer *a, struct err *e)
{
	struct http_request q = {
		.method = "GET", .url = path, .from = s->passed, .sink = take_blob, .self = s
	};

	s->answer = a;
	return ask(r, q, a, e);
}

static bool blob_failure(const char *digest, const struct blob_sink *s, const struct http_answer *a,
			 const char *url, struct err *e)
{
	if (s->is_too_long)
		return fail(e, ERR_INVALID, "the registry sends more than the %lld bytes of %s",
			    (long long)s->size, digest);
	if (s->has_gap)
		return fail(e, ERR_INVALID, "the registry leaves out bytes of %s", digest);
	if (a->is_broken && s->passed > 0)
		return fail(e, ERR_UNAVAILABLE,
			    "the registry stopped after %lld of %lld bytes of %s: %s",
			    (long long)s->passed, (long long)s->size, digest, a->why);
	if (!a->is_broken && (a->status == 200 || a->status == 206))
		return fail(e, ERR_UNAVAILABLE,
			    "the registry stopped after %lld of %lld bytes of %s",
			    (long long)s->passed, (long long)s->size, digest);
	(void)fail_answer("GET", url, a, e);
	return while_doing(e, "blob %s", digest);
}

static bool get_blob_here(struct registry *r, const char *path, const char *digest,
			  struct blob_sink *s, struct err *e)
{
	AUTO_FREE char *url = xasprintf("%s%s", endpoint_of(r)->base, path);
	int idle = 0;

	for (int try = 0; try < BLOB_TRIES_MAX; try++) {
		int64_t before = s->passed;
		struct http_answer a;
		bool is_worth_it;

		if (!get_blob_once(r, path, s, &a, e))
			return false;
		if (!a.is_broken && (a.status == 200 || a.status == 206) && s->passed == s->size) {
			http_answer_clear(&a);
			return true;
		}
		(void)blob_failure(digest, s, &a, url, e);
		idle = s->passed > before ? 0 : idle + 1;
		is_worth_it = !s->is_refused && !s->is_too_long && !s->has_gap &&
			      idle < TRIES_MAX &&
			      (is_worth_another_try(&a) || a.status == 200 || a.status == 206);
		http_answer_clear(&a);
		if (!is_worth_it)
			return false;
		pause_before(r, idle);
	}
	return false;
}

bool registry_blob(struct registry *r, const char *digest, int64_t size, registry_sink *sink,
		   void *self, struct err *e)
{
	AUTO_FREE char *path = xasprintf("/v2/%s/blobs/%s", r->setup->repository, digest);
	struct blob_sink s = { .sink = sink, .self = self, .size = size };

	for (;;) {
		if (get_blob_here(r, path, digest, &s, e))
			return true;
		if (s.is_refused || s.is_too_long || !next_endpoint(r, false))
			return false;
	}
}

/* -- giving -- */

bool registry_has_blob(struct registry *r, const char *digest, bool *has, struct err *e)
{
	AUTO_FREE char *path = xasprintf("/v2/%s/blobs/%s", r->setup->repository, digest);
	struct http_request q = { .method = "HEAD", .url = path };
	bool is_known = false;

	for (;;) {
		struct http_answer a;
		bool no_tls = false;

		if (ask_well(r, q, &a, e)) {
			no_tls = a.no_tls;
			*has = a.status == 200;
			is_known = !a.is_broken && (a.status == 200 || a.status == 404);
			if (!is_known)
				(void)fail_answer("HEAD", path, &a, e);
			if (a.status == 401 || a.status == 403)
				(void)fail(e, ERR_DENIED,
					   "denied: requested access to the resource is denied");
			http_answer_clear(&a);
		}
		if (is_known || !no_tls || !next_endpoint(r, no_tls))
			return is_known;
	}
}

static bool begin_upload(struct registry *r, char **where, struct err *e)
{
	AUTO_FREE char *path = xasprintf("/v2/%s/blobs/uploads/", r->setup->repository);
	AUTO_FREE char *url = xasprintf("%s%s", endpoint_of(r)->base, path);
	struct http_request q = { .method = "POST", .url = path };
	struct http_answer a;

	*where = NULL;
	if (!ask_well(r, q, &a, e))
		return false;
	if (a.status == 202)
		*where = redirected(url, &a, e);
	else
		(void)fail_answer("POST", url, &a, e);
	http_answer_clear(&a);
	return *where != NULL;
}

bool registry_put_blob(struct registry *r, const char *digest, int fd, int64_t size,
		       registry_told *told, void *self, struct err *e)
{
	for (int try = 0;; try++) {
		AUTO_FREE char *where = NULL, *url = NULL;
		struct http_request q = { .method = "PUT",
					  .content_type = "application/octet-stream",
					  .body_fd = fd,
					  .body_bytes = size,
					  .told = told,
					  .self = self };
		struct http_answer a;
		bool is_worth_it;

		if (!begin_upload(r, &where, e))
			return false;
		url = url_with(where, "digest", digest);
		q.url = url;
		if (!ask(r, q, &a, e))
			return false;
		if (!a.is_broken && a.status == 201) {
			http_answer_clear(&a);
			return true;
		}
		(void)fail_answer("PUT", url, &a, e);
		is_worth_it = is_worth_another_try(&a) && try + 1 < TRIES_MAX;
		http_answer_clear(&a);
		if (!is_worth_it)
			return false;
		pause_before(r, try);
	}
}

bool registry_put_manifest(struct registry *r, const char *reference, const char *type,
			   struct str body, struct err *e)
{
	AUTO_FREE char *path = xasprintf("/v2/%s/manifests/%s", r->setup->repository, reference);
	struct http_request q = {
		.method = "PUT", .url = path, .content_type = type, .body = body
	};
	struct http_answer a;

	if (!ask_any(r, q, &a, e))
		return false;
	http_answer_clear(&a);
	return true;
}
