#include "content/http.h"

#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/mem.h"

#define CONNECT_TIMEOUT_S 15L

struct http {
	CURL *easy;
	struct str ca, client_cert, client_key;
	int64_t stall_s;
};

/* One transfer, as the callbacks see it. */
struct transfer {
	const struct http_request *q;
	struct http_answer *a;
	CURL *easy;
	int64_t sent;
};

struct http *http_new(struct str ca, struct str client_cert, struct str client_key, int64_t stall_s)
{
	struct http *h = NEW(struct http);

	h->easy = curl_easy_init();
	if (!h->easy)
		abort();
	h->ca = ca;
	h->client_cert = client_cert;
	h->client_key = client_key;
	h->stall_s = stall_s;
	return h;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	curl_easy_cleanup(h->easy);
	free(h);
}

static void keep_text(struct str value, char *out, size_t size)
{
	snprintf(out, size, "%.*s", STR_FMT(value));
}

static size_t on_header(char *line, size_t one, size_t size, void *arg)
{
	struct transfer *t = arg;
	struct str name, value;

	if (size >= 5 &&
	    memcmp(line, "HTTP/", 5) == 0) { /* another answer begins: the one before was a 1xx */
		t->a->location[0] = t->a->content_type[0] = t->a->digest[0] = '\0';
		t->a->range_from = 0;
		t->a->challenge = (struct challenge){ 0 };
		return size;
	}
	if (!str_cut(str_bytes(line, size), ':', &name, &value))
		return size;
	value = str_trim(value);
	if (name.len == 8 && strncasecmp(name.ptr, "Location", 8) == 0)
		keep_text(value, t->a->location, sizeof(t->a->location));
	else if (name.len == 12 && strncasecmp(name.ptr, "Content-Type", 12) == 0)
		keep_text(value, t->a->content_type, sizeof(t->a->content_type));
	else if (name.len == 21 && strncasecmp(name.ptr, "Docker-Content-Digest", 21) == 0)
		keep_text(value, t->a->digest, sizeof(t->a->digest));
	else if (name.len == 16 && strncasecmp(name.ptr, "WWW-Authenticate", 16) == 0)
		(void)challenge_parse(value, &t->a->challenge);
	else if (name.len == 13 && strncasecmp(name.ptr, "Content-Range", 13) == 0) {
		struct str from = value, rest;

		if (str_starts_with(value, "bytes "))
			from = str_trim(str_bytes(value.ptr + 6, value.len - 6));
		(void)str_cut(from, '-', &from, &rest);
		if (!str_to_u64(from, (uint64_t *)&t->a->range_from))
			t->a->range_from = -1;
	}
	return size;
}

static size_t on_body(char *data, size_t one, size_t size, void *arg)
{
	struct transfer *t = arg;
	long status = 0;

	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	t->a->status = status;
	if (t->q->sink && (status == 200 || status == 206)) {
		t->a->is_stopped = !t->q->sink(t->q->self, data, size);
		return t->a->is_stopped ? 0 : size;
	}
	/* Of a long error the head is kept. */
	if (buf_append(&t->a->text, data, size) || status != 200)
		return size;
	t->a->is_stopped = true;
	return 0;
}

static size_t on_send(char *out, size_t one, size_t size, void *arg)
{
	struct transfer *t = arg;
	ssize_t n = pread(t->q->body_fd, out, size, t->sent);

	if (n < 0)
		return CURL_READFUNC_ABORT;
	t->sent += n;
	if (t->q->told)
		t->q->told(t->q->self, t->sent);
	return n;
}

static int on_seek(void *arg, curl_off_t offset, int origin)
{
	struct transfer *t = arg;

	if (origin != SEEK_SET)
		return CURL_SEEKFUNC_CANTSEEK;
	t->sent = offset;
	return CURL_SEEKFUNC_OK;
}

static struct curl_slist *add_header(struct curl_slist *list, const char *name, const char *value)
{
	AUTO_FREE char *line = value ? xasprintf("%s: %s", name, value) : NULL;

	return line ? curl_slist_append(list, line) : list;
}

static struct curl_slist *headers_of(const struct http_request *q)
{
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");

	list = add_header(list, "Authorization", q->authorization);
	list = add_header(list, "Accept", q->accept);
	return add_header(list, "Content-Type", q->content_type);
}

static void set_blob(CURL *c, CURLoption option, struct str pem)
{
	struct curl_blob blob = { (void *)pem.ptr, pem.len, CURL_BLOB_NOCOPY };

	if (pem.len > 0)
		curl_easy_setopt(c, option, &blob);
}

static void set_trust(struct http *h, const struct http_request *q)
{
	CURL *c = h->easy;

	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, q->allows_plain ? "https,http" : "https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, q->is_unverified ? 0L : 1L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, q->is_unverified ? 0L : 2L);
	set_blob(c, CURLOPT_CAINFO_BLOB, h->ca);
	set_blob(c, CURLOPT_SSLCERT_BLOB, h->client_cert);
	set_blob(c, CURLOPT_SSLKEY_BLOB, h->client_key);
}

static void set_body(CURL *c, const struct http_request *q, struct transfer *t)
{
	if (strcmp(q->method, "HEAD") == 0) {
		curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
	} else if (q->body_fd > 0) {
		curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(c, CURLOPT_READFUNCTION, on_send);
		curl_easy_setopt(c, CURLOPT_READDATA, t);
		curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, on_seek);
		curl_easy_setopt(c, CURLOPT_SEEKDATA, t);
		curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)q->body_bytes);
		curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, q->method);
	} else if (strcmp(q->method, "GET") != 0) {
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, q->body.ptr ? q->body.ptr : "");
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body.len);
		curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, q->method);
	}
}

static bool is_no_tls(CURLcode code)
{
	return code == CURLE_SSL_CONNECT_ERROR || code == CURLE_COULDNT_CONNECT;
}

void http_do(struct http *h, const struct http_request *q, struct http_answer *a)
{
	struct transfer t = { q, a, h->easy, 0 };
	struct curl_slist *headers = headers_of(q);
	char why[CURL_ERROR_SIZE] = "", range[32];
	CURL *c = h->easy;
	CURLcode code;
	long status = 0;

	*a = (struct http_answer){ .text = BUF_MAX(q->text_max ? q->text_max : HTTP_TEXT_MAX) };
	curl_easy_reset(c); /* options only: connections are kept */
	curl_easy_setopt(c, CURLOPT_URL, q->url);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "shoal/" SHOAL_VERSION);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)h->stall_s);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, &t);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, &t);
	set_trust(h, q);
	set_body(c, q, &t);
	if (q->from > 0) {
		snprintf(range, sizeof(range), "%lld-", (long long)q->from);
		curl_easy_setopt(c, CURLOPT_RANGE, range);
	}
	code = curl_easy_perform(c);
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	a->status = status;
	a->is_broken = code != CURLE_OK && !a->is_stopped;
	a->no_tls = is_no_tls(code);
	a->is_untrusted = code == CURLE_PEER_FAILED_VERIFICATION;
	if (a->is_broken)
		snprintf(a->why, sizeof(a->why), "%s", why[0] ? why : curl_easy_strerror(code));
	curl_slist_free_all(headers);
}

void http_answer_clear(struct http_answer *a)
{
	buf_clear(&a->text);
}

/* -- URLs (libcurl's parser, the one that will connect) -- */

static bool is_http(CURLU *u)
{
	char *scheme = NULL, *user = NULL;
	bool is_good = curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		       (strcmp(scheme, "https") == 0 || strcmp(scheme, "http") == 0) &&
		       curl_url_get(u, CURLUPART_USER, &user, 0) != CURLUE_OK;

	curl_free(scheme);
	curl_free(user);
	return is_good;
}

char *url_origin(const char *url)
{
	CURLU *u = curl_url();
	char *scheme = NULL, *host = NULL, *port = NULL, *origin = NULL;

	if (curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK && is_http(u) &&
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK) {
		for (char *at = host; *at; at++)
			if (*at >= 'A' && *at <= 'Z')
				*at += 'a' - 'A';
		origin = xasprintf("%s://%s:%s", scheme, host, port);
	}
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(u);
	return origin;
}

char *url_follow(const char *from, const char *to)
{
	CURLU *u = curl_url();
	char *text = NULL, *copy = NULL;

	if (curl_url_set(u, CURLUPART_URL, from, 0) == CURLUE_OK &&
	    curl_url_set(u, CURLUPART_URL, to, 0) == CURLUE_OK && is_http(u) &&
	    curl_url_get(u, CURLUPART_URL, &text, 0) == CURLUE_OK)
		copy = xstrdup(text);
	curl_free(text);
	curl_url_cleanup(u);
	return copy;
}

char *url_with(const char *url, const char *name, const char *value)
{
	AUTO_FREE char *pair = xasprintf("%s=%s", name, value);
	CURLU *u = curl_url();
	char *text = NULL, *copy = NULL;

	if (curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_set(u, CURLUPART_QUERY, pair, CURLU_APPENDQUERY | CURLU_URLENCODE) ==
		    CURLUE_OK &&
	    curl_url_get(u, CURLUPART_URL, &text, 0) == CURLUE_OK)
		copy = xstrdup(text);
	curl_free(text);
	curl_url_cleanup(u);
	return copy ? copy : xstrdup(url);
}
