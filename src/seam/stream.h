/* One exchange of the Engine API: a request in, an answer out, whatever carries it.
 *
 * A request is announced when its headers are complete; whether its body is collected or
 * streamed is for the receiver to say, in begin(). Records that the mind owns (JSON, events,
 * progress) go out through write(): at most 256 KiB wait for a slow client, which is cut off
 * with a reason when it drains nothing for 30 s. Bytes that the mind does not own never pass
 * through here: join() connects the client to another endpoint of the hands (a container's
 * attach socket, a log file, the content helper) through a named filter, and the mind hears
 * only how it ended. */
#ifndef SHOAL_SEAM_STREAM_H
#define SHOAL_SEAM_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define STREAM_BODY_MAX  (4 << 20) /* a collected body */
#define STREAM_QUEUE_MAX (256 << 10)

/* What flows between a client and an endpoint that it is joined to. Unknown and ended exchanges
 * are ignored by every function below. */
enum stream_filter {
	STREAM_RAW,     /* as it comes, both ways (TTY) */
	STREAM_STDCOPY, /* output framed as stdout and stderr, input raw */
};

struct stream_header {
	const char *name, *value;
};

struct stream {
	void *self;
	/* Answer to an announced request: collect its body (a `request` event follows with all of
	 * it, or the hands answer 413) or leave it for join(). */
	void (*begin)(void *self, uint64_t exchange, bool collect_body);
	/* A whole answer. */
	void (*reply)(void *self, uint64_t exchange, int status,
		      const struct stream_header *headers, size_t header_count, struct str body);
	/* Headers now, records later: chunked. */
	void (*open)(void *self, uint64_t exchange, int status, const struct stream_header *headers,
		     size_t header_count);
	void (*write)(void *self, uint64_t exchange, struct str record);
	void (*end)(void *self, uint64_t exchange);
	/* Of an open answer: its reader may take its time. Who writes waits for STREAM_DRAINED. */
	void (*be_patient)(void *self, uint64_t exchange);
	/* 101 UPGRADED (or 200 for a client that did not ask to upgrade) and then raw bytes between
	 * the client and `endpoint`, a number the runtime or the content seam gave out. The
	 * exchange ends with STREAM_JOINED_END or STREAM_GONE. */
	void (*upgrade)(void *self, uint64_t exchange, uint64_t endpoint, enum stream_filter filter,
			const char *content_type);
	/* For what was to be upgraded and cannot: the same answer, but then only `text` and the
	 * end. The endpoint is dropped, the exchange is over. */
	void (*upgrade_in_vain)(void *self, uint64_t exchange, uint64_t endpoint,
				enum stream_filter filter, const char *content_type,
				struct str text);
	/* After open(): bytes from `endpoint` as the chunked body; before it, for a request left by
	 * begin(), its body into `endpoint` (what the endpoint says is dropped). STREAM_JOINED_END
	 * follows, and the exchange goes on. */
	void (*join)(void *self, uint64_t exchange, uint64_t endpoint, enum stream_filter filter);
	void (*cut)(void *self, uint64_t exchange, const char *reason);
};

enum stream_event_kind {
	STREAM_ANNOUNCED,  /* method, target, headers; call begin() */
	STREAM_REQUEST,    /* the body is complete: body */
	STREAM_DRAINED,    /* what write() queued is gone: now is the time for more */
	STREAM_JOINED_END, /* the joined endpoint ended: bytes, text (NULL when it ended well) */
	STREAM_GONE, /* the client went away, or was cut off (text); the number means nothing any
			more */
};

struct stream_event {
	enum stream_event_kind kind;
	uint64_t exchange;
	const char *method; /* "GET" */
	const char *target; /* as sent: path and query, still percent-encoded */
	const struct stream_header *headers;
	size_t header_count;
	struct str body;
	uint64_t bytes;
	const char *text;
};

/* Who answers requests. Called from the loop, outside a turn and outside of every function
 * of struct stream. Method, target and headers live until the exchange ends, the rest until
 * event() returns. */
struct stream_sink {
	void *self;
	void (*event)(void *self, const struct stream_event *event);
};

#endif
