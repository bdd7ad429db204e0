/* HTTP/1.1 as a calculator: bytes in, events out; no socket, no clock, no callback.
 *
 * The caller keeps the bytes it has read in a view and asks for the next event until
 * HTTP1_MORE. Each event has eaten its bytes from the view and nothing beyond, so the view
 * is at any time what nobody has looked at yet: after HTTP1_END it begins the next message
 * (pipelining), or, if the connection is handed over (Upgrade, attach), the other protocol.
 *
 *     while ((event = http1_next(&h, &in, &body, &e)) != HTTP1_MORE) ...
 *
 * A message is HTTP1_HEAD, any number of HTTP1_BODY, HTTP1_END. Interim responses (100, 102,
 * 103) are swallowed; 101 is reported. After HTTP1_FAILED only http1_clear() is allowed.
 *
 * http-parser reads the messages; what its packaged build lets pass and two programs could read
 * differently (request smuggling, RFC 9112 11.2) is refused here first: bare CR or LF,
 * control characters, folded lines, blanks before the colon, a length together with a transfer
 * coding, any coding but one "chunked", two Host fields, anything but one blank between the words
 * of the request line. */
#ifndef SHOAL_WIRE_HTTP1_H
#define SHOAL_WIRE_HTTP1_H

#include <http_parser.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define HTTP1_HEAD_MAX       65536 /* bytes of a head, line ends included */
#define HTTP1_HEADERS_MAX    128   /* header fields of a message */
#define HTTP1_TRAILERS_MAX   8192  /* bytes of trailer fields; they are dropped */
#define HTTP1_CHUNK_LINE_MAX 256   /* bytes of a chunk's size line, extensions included */

enum http1_role { HTTP1_SERVER, HTTP1_CLIENT };

enum http1_event {
	HTTP1_MORE,   /* the view is eaten; come back with more bytes */
	HTTP1_HEAD,   /* http1_head() is complete */
	HTTP1_BODY,   /* *body is a piece of the body, inside the caller's bytes */
	HTTP1_END,    /* the message is complete */
	HTTP1_FAILED, /* *e says why, http1_refusal() the status a server answers with */
};

struct http1_header {
	struct str name, value; /* the name as sent; the value without blanks around it */
};

/* Valid from HTTP1_HEAD until the first byte of the next message is eaten. */
struct http1_head {
	const char *method;    /* requests: "GET" */
	struct str target;     /* requests: "/v1.41/info?x=y", printable ASCII without blanks */
	int status;            /* responses */
	struct str reason;     /* responses */
	int minor;             /* HTTP/1.minor: 0 or 1 */
	bool keep_alive;       /* the sender is willing to go on after this message */
	bool upgrade;          /* it has Connection: upgrade and an Upgrade field */
	bool expects_continue; /* a request with Expect: 100-continue */
	bool chunked;
	bool until_close; /* a response whose body ends with the connection */
	uint64_t length;  /* of the body, if neither chunked nor until_close */
	const struct http1_header *headers;
	size_t header_count;
};

struct http1_span {
	uint32_t at, len;
};

struct http1 {
	/* Private. */
	http_parser parser;
	enum http1_role role;
	int phase;
	bool no_body, skip_interim;
	bool line_is_empty; /* these three: the line guard's place in a line */
	bool saw_cr, in_extension;
	bool got_head, got_end;
	int blanks, refusal;
	char version[8]; /* that word of the first line; the packaged parser skims it */
	uint8_t version_len;
	size_t line_bytes; /* of this head, size line or trailer */
	uint64_t left;     /* body bytes until the end or the next chunk */
	struct str body;
	const char *problem;
	struct buf text; /* the head's words; spans point into it */
	struct http1_span target, reason;
	struct http1_span (*fields)[2];
	struct http1_header *headers;
	size_t field_count, field_capacity;
	bool in_value;
	struct http1_head head;
};

void http1_init(struct http1 *h, enum http1_role role);
void http1_clear(struct http1 *h);

/* The next event; eats its bytes from *in. *body is set with HTTP1_BODY, *e with HTTP1_FAILED. */
enum http1_event http1_next(struct http1 *h, struct str *in, struct str *body, struct err *e);

/* The peer will send no more bytes: HTTP1_END if that completes a response that lasts until
 * close, HTTP1_MORE between messages, HTTP1_FAILED in the middle of one. */
enum http1_event http1_finish(struct http1 *h, struct err *e);

const struct http1_head *http1_head(const struct http1 *h);

/* Clients: the next response answers a HEAD and has no body, whatever its fields say. Call
 * between messages. */
void http1_expect_no_body(struct http1 *h);

/* After HTTP1_FAILED: 400, 405, 417, 431, 501 or 505. */
int http1_refusal(const struct http1 *h);

/* The first field of this name (any case), or a NULL view. */
struct str http1_field(const struct http1_head *head, const char *name);

#endif
