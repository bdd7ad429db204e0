/* One HTTP exchange by libcurl: small body out, bounded body in, no redirects.
 *
 * With `sigv4` ("aws:amz:REGION:SERVICE") the request is signed by libcurl, whose signature is right for
 * what is used here: a POST whose body is at hand and whose URL has no query. */
#ifndef SHOAL_MACHINE_AWS_HTTP_H
#define SHOAL_MACHINE_AWS_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define HTTP_ANSWER_MAX  ((size_t)16 << 20)
#define HTTP_HEADERS_MAX 8

struct http_request {
	const char *method; /* "GET", "PUT" or "POST" */
	const char *url;
	struct str body;
	char *headers[HTTP_HEADERS_MAX + 1]; /* "Name: value", NULL-ended */
	const char *sigv4;                   /* NULL: not signed */
	const char *key, *secret;
	long timeout_ms;
	bool no_proxy;     /* addresses of this host or link */
	bool may_be_plain; /* http:// is fine, too */
};

struct http_answer {
	long status;
	struct buf body;
	int64_t date_s; /* of its Date header, -1 when it has none */
};

/* Any status is an answer; ERR_UNAVAILABLE when there is none, ERR_EXHAUSTED when it is too long.
 * http_answer_clear() is due in any case. */
bool http_call(const struct http_request *r, struct http_answer *a, struct err *e) MUST_CHECK;
void http_answer_clear(struct http_answer *a);

#endif
