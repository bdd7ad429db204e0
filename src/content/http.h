/* One HTTP exchange of a NET worker, over libcurl: redirects and retries are the caller's. */
#ifndef SHOAL_CONTENT_HTTP_H
#define SHOAL_CONTENT_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "content/challenge.h"

#define HTTP_TEXT_MAX (64u << 10) /* an answer that is an error, or a token */

typedef bool http_sink(void *self, const void *data, size_t size);
typedef void http_told(void *self, int64_t current);

struct http_request {
	const char *method; /* "GET" */
	const char *url;
	const char *authorization; /* header value, or NULL */
	const char *accept;        /* comma-separated, or NULL */
	const char *content_type;
	struct str body; /* sent unless body_fd is used */
	int body_fd;     /* 0: none; read from its start */
	int64_t body_bytes;
	int64_t from;    /* Range: bytes=from- */
	http_sink *sink; /* the body of a 200 or 206; all other bodies go to answer->text */
	size_t text_max; /* of that text; 0: HTTP_TEXT_MAX. A longer 200 is stopped */
	http_told *told; /* bytes of body_fd sent */
	void *self;
	bool is_unverified, allows_plain;
};

struct http_answer {
	int status;        /* 0: none came */
	bool is_broken;    /* the connection failed or stalled, before or within the body */
	bool no_tls;       /* TLS could not be spoken or nobody listens */
	bool is_untrusted; /* its certificate is none for us, now or later */
	bool is_stopped;   /* by the sink, or because text is full */
	char why[256];     /* is_broken: libcurl's words */
	char location[4096], content_type[256], digest[256];
	int64_t range_from; /* where the body begins: 0, or for a 206 what it says */
	struct challenge challenge;
	struct buf text;
};

struct http;

/* PEM texts may be empty. They must outlive it. */
struct http *http_new(struct str ca, struct str client_cert, struct str client_key,
		      int64_t stall_s);
void http_free(struct http *h);
void http_do(struct http *h, const struct http_request *q, struct http_answer *a);
void http_answer_clear(struct http_answer *a);

/* "https://host:port" of a URL, in one spelling; the caller frees it. NULL if it is no http(s) URL. */
char *url_origin(const char *url);
/* `to`, which may be relative to `from`. NULL if it is no http(s) URL, or has a user in it. */
char *url_follow(const char *from, const char *to);
/* The URL with "name=value" (encoded) added to its query. */
char *url_with(const char *url, const char *name, const char *value);

#endif
