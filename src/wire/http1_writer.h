/* HTTP/1.1 written: one response or request at a time, into the caller's buffer.
 *
 *     http1_write_response(&w, &out, request, 200, NULL);
 *     http1_write_header(&w, "Content-Type", "application/json");
 *     http1_write_head_end(&w, HTTP1_LENGTH, body.len);
 *     http1_write_body(&w, body);
 *     http1_write_end(&w);
 *
 * The writer keeps the framing honest: HEAD answers get the fields and no body, a chunked
 * answer to HTTP/1.0 becomes one that lasts until close, no empty chunk ends a stream early.
 * A name or value cannot leave its line: control characters in it are written as blanks.
 * Bytes that do not fit into `out` set its overflow flag; the connection is then lost. */
#ifndef SHOAL_WIRE_HTTP1_WRITER_H
#define SHOAL_WIRE_HTTP1_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct http1_head;

enum http1_framing {
	HTTP1_LENGTH, /* Content-Length: as given */
	HTTP1_CHUNKED,
	HTTP1_UNTIL_CLOSE, /* responses: no framing, the connection ends the body */
	HTTP1_NO_BODY,     /* no framing fields at all: 101, 204, 304, a GET */
};

struct http1_writer {
	struct buf *out;
	enum http1_framing framing;
	uint64_t left; /* body bytes promised and not yet written */
	bool is_response;
	bool switches;         /* a 101: its Connection field is the caller's */
	bool drops_body;       /* the answer to a HEAD */
	bool chunked_is_known; /* the reader speaks HTTP/1.1 */
	bool says_keep_alive;  /* ... and a 1.0 reader wants to hear that we do */
	bool keep_alive; /* after http1_write_end(): the connection can carry another message */
};

/* Begin the answer to `request` (NULL when none could be read: HTTP/1.1, to be closed).
 * `reason` NULL means the standard one. */
void http1_write_response(struct http1_writer *w, struct buf *out, const struct http1_head *request,
			  int status, const char *reason);

/* Begin a request; `host` becomes the Host field. */
void http1_write_request(struct http1_writer *w, struct buf *out, const char *method,
			 struct str target, const char *host);

void http1_write_header(struct http1_writer *w, const char *name, const char *value);
void http1_write_headerf(struct http1_writer *w, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The connection ends after this message, says a Connection field. Before head_end. */
void http1_write_close(struct http1_writer *w);

/* `length` matters for HTTP1_LENGTH alone. */
void http1_write_head_end(struct http1_writer *w, enum http1_framing framing, uint64_t length);

/* A piece of the body. More than the promised length is a mistake of ours: asserted. */
void http1_write_body(struct http1_writer *w, struct str bytes);

/* The body is complete. If less than the promised length was written, keep_alive is false and
 * the caller closes the connection, so that the reader sees a broken message. */
void http1_write_end(struct http1_writer *w);

/* "HTTP/1.1 100 Continue", for a request that waits for it before it sends its body. */
void http1_write_continue(struct buf *out);

#endif
