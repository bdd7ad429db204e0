#include "machine/aws/http.h"

#include <curl/curl.h>
#include <strings.h>

#include "base/mem.h"

#define CONNECT_MS 10000L

static size_t on_body(char *data, size_t one, size_t size, void *arg)
{
	struct http_answer *a = arg;

	return buf_append(&a->body, data, size) ? size : 0;
}

static size_t on_header(char *data, size_t one, size_t size, void *arg)
{
	struct http_answer *a = arg;
	struct str line = str_bytes(data, size), name, value;

	if (str_cut(line, ':', &name, &value) && name.len == 4 &&
	    strncasecmp(name.ptr, "date", 4) == 0) {
		AUTO_FREE char *text = str_dup(str_trim(value));

		a->date_s = curl_getdate(text, NULL);
	}
	return size;
}

static void set_target(CURL *easy, const struct http_request *r)
{
	curl_easy_setopt(easy, CURLOPT_URL, r->url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, r->may_be_plain ? "http,https" : "https");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
			 r->timeout_ms < CONNECT_MS ? r->timeout_ms : CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, r->timeout_ms);
	if (r->no_proxy)
		curl_easy_setopt(easy, CURLOPT_PROXY, "");
}

static void set_body(CURL *easy, const struct http_request *r)
{
	bool is_post = strcmp(r->method, "POST") == 0;

	if (is_post || r->body.len) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.len);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, r->body.len ? r->body.ptr : "");
	}
	if (!is_post)
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, r->method);
	if (!r->sigv4)
		return;
	curl_easy_setopt(easy, CURLOPT_AWS_SIGV4, r->sigv4);
	curl_easy_setopt(easy, CURLOPT_USERNAME, r->key);
	curl_easy_setopt(easy, CURLOPT_PASSWORD, r->secret);
}

bool http_call(const struct http_request *r, struct http_answer *a, struct err *e)
{
	CURL *easy = curl_easy_init();
	struct curl_slist *headers = NULL;
	char why[CURL_ERROR_SIZE] = "";
	CURLcode code;

	if (!easy)
		abort();
	*a = (struct http_answer){ .body = BUF_MAX(HTTP_ANSWER_MAX), .date_s = -1 };
	for (size_t i = 0; i < HTTP_HEADERS_MAX && r->headers[i]; i++)
		headers = curl_slist_append(headers, r->headers[i]);
	set_target(easy, r);
	set_body(easy, r);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, a);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, a);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, why);
	code = curl_easy_perform(easy);
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &a->status);
	curl_slist_free_all(headers);
	curl_easy_cleanup(easy);
	if (code == CURLE_OK)
		return true;
	if (a->body.overflow)
		return fail(e, ERR_EXHAUSTED, "%s: the answer has more than %zu bytes", r->url,
			    HTTP_ANSWER_MAX);
	return fail(e, ERR_UNAVAILABLE, "%s: %s", r->url, *why ? why : curl_easy_strerror(code));
}

void http_answer_clear(struct http_answer *a)
{
	buf_clear(&a->body);
}
