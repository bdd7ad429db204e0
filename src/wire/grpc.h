/* gRPC over HTTP/2 as a calculator: one connection, either end, bytes in and events out.
 *
 * The caller feeds what it received, takes events until there are none, and sends what
 * grpc_output() appends. A call is named by a number of its connection; a number whose call has
 * ended is harmless everywhere, so an outcome that comes too late needs no care.
 *
 *     client                                server
 *     grpc_open()                           GRPC_OPENED
 *     grpc_send() ... grpc_half_close()     GRPC_MESSAGE ... GRPC_HALF_CLOSED
 *     GRPC_MESSAGE ...                      grpc_send() ...
 *     GRPC_ENDED{status}                    grpc_end(status)
 *     grpc_cancel()                         GRPC_ENDED{cancelled}
 *
 * A call ends once: with GRPC_ENDED, with grpc_cancel(), or on the server with grpc_end(); after
 * one of these nothing more is heard of it. When the connection is lost every call on it ends with
 * GRPC_UNAVAILABLE, then comes GRPC_GONE.
 *
 * Credit: the other end may send 256 KiB to a call beyond what was taken with grpc_next(); a single
 * message may be larger (up to receive_max) and is given the credit it needs. A call that is paused
 * gives none back. Sending is refused while 256 KiB of a call are waiting to go out.
 *
 * Messages are never compressed. Response metadata but the status is dropped: no call of the swarm
 * has any. Source: the gRPC over HTTP/2 protocol description; RFC 9113 through nghttp2. */
#ifndef SHOAL_WIRE_GRPC_H
#define SHOAL_WIRE_GRPC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define GRPC_CREDIT_BYTES        262144   /* per call */
#define GRPC_CONN_CREDIT_BYTES   1048576  /* in flight on the connection */
#define GRPC_SERVER_RECEIVE_MAX  4194304  /* stock servers refuse larger messages */
#define GRPC_CONN_BUFFERED_EXTRA 16777216 /* not taken, all calls, and receive_max */
#define GRPC_QUEUE_BYTES         262144   /* per call, waiting to go out, when sends are refused */
#define GRPC_METADATA_BYTES      16384    /* of one call's headers, as HPACK counts them */
#define GRPC_METADATA_MAX        64       /* headers of one call */
#define GRPC_RESET_BURST         200      /* calls a client may cancel at once ... */
#define GRPC_RESET_PER_S         50       /* ... and then per second */
#define GRPC_CONTROL_BURST       2000     /* pings, settings, empty frames: the same */
#define GRPC_CONTROL_PER_S       500
#define GRPC_FRAME_BYTES         16393 /* the most one step of grpc_output() appends */
#define GRPC_TEXT_MAX            4096  /* of a status text */

enum grpc_role { GRPC_SERVER, GRPC_CLIENT };

enum grpc_status {
	GRPC_OK = 0,
	GRPC_CANCELLED = 1,
	GRPC_UNKNOWN = 2,
	GRPC_INVALID_ARGUMENT = 3,
	GRPC_DEADLINE_EXCEEDED = 4,
	GRPC_NOT_FOUND = 5,
	GRPC_ALREADY_EXISTS = 6,
	GRPC_PERMISSION_DENIED = 7,
	GRPC_RESOURCE_EXHAUSTED = 8,
	GRPC_FAILED_PRECONDITION = 9,
	GRPC_ABORTED = 10,
	GRPC_OUT_OF_RANGE = 11,
	GRPC_UNIMPLEMENTED = 12,
	GRPC_INTERNAL = 13,
	GRPC_UNAVAILABLE = 14,
	GRPC_DATA_LOSS = 15,
	GRPC_UNAUTHENTICATED = 16,
};

struct grpc_options {
	enum grpc_role role;
	size_t receive_max; /* largest message taken in, at least 1 */
	uint32_t calls_max; /* server: calls open at a time */
};

/* Names are lower case, values printable ASCII; the same name may come more than once. */
struct grpc_metadata {
	struct str name, value;
};

enum grpc_event_kind {
	GRPC_OPENED,      /* server: method, authority, metadata, timeout_ms */
	GRPC_MESSAGE,     /* message */
	GRPC_HALF_CLOSED, /* server: the client sends no more */
	GRPC_DRAINED,     /* a send was refused; now nothing of this call waits */
	GRPC_ENDED,       /* status, text */
	GRPC_GOING_AWAY,  /* the peer accepts no new calls; those it has go on */
	GRPC_PONG,        /* the answer to grpc_ping() */
	GRPC_GONE,        /* the connection is lost, text says why; nothing comes after it */
};

/* What it points at holds until the next grpc_next(). */
struct grpc_event {
	enum grpc_event_kind kind;
	uint32_t call;
	const char *method; /* "/docker.swarmkit.v1.Dispatcher/Session" */
	const char *authority;
	const struct grpc_metadata *metadata; /* without those HTTP/2 and gRPC use themselves */
	size_t metadata_count;
	int64_t timeout_ms; /* -1: the client set no deadline */
	struct str message;
	int status; /* enum grpc_status, or another number a peer made up */
	const char *text;
};

struct grpc_conn;

struct grpc_conn *grpc_conn_new(const struct grpc_options *o);
void grpc_conn_free(struct grpc_conn *c);

/* Take received bytes in. False: the peer broke the protocol or a limit; send the output (a
 * GOAWAY) and close. The events up to GRPC_GONE are still to be taken. */
bool grpc_feed(struct grpc_conn *c, struct str bytes, int64_t now_ms, struct err *e);
/* The socket is lost: ends every call. */
void grpc_lost(struct grpc_conn *c, const char *why);

/* Append what is to be sent, as long as `out` has room for GRPC_FRAME_BYTES more. True if anything
 * was appended. */
bool grpc_output(struct grpc_conn *c, struct buf *out);

/* The next event; false if there is none. */
bool grpc_next(struct grpc_conn *c, struct grpc_event *event);

/* ---- client ---- */

struct grpc_open {
	const char *method, *authority;
	int64_t timeout_ms; /* 0 or less: none */
	const struct grpc_metadata *metadata;
	size_t metadata_count;
};

/* ERR_UNAVAILABLE if the connection takes no new calls. */
bool grpc_open(struct grpc_conn *c, const struct grpc_open *o, uint32_t *call, struct err *e);
void grpc_half_close(struct grpc_conn *c, uint32_t call);

/* ---- server ---- */

/* What was sent before goes out first. */
void grpc_end(struct grpc_conn *c, uint32_t call, enum grpc_status status, const char *text);

/* ---- both ---- */

/* Queue one message. ERR_EXHAUSTED while GRPC_QUEUE_BYTES wait (GRPC_DRAINED follows),
 * ERR_UNAVAILABLE if the call has ended or our side is half-closed. */
bool grpc_send(struct grpc_conn *c, uint32_t call, struct str message, struct err *e);
/* Bytes of a call that wait to go out. */
size_t grpc_queued(const struct grpc_conn *c, uint32_t call);
/* Give the call up; the peer is told. */
void grpc_cancel(struct grpc_conn *c, uint32_t call);
/* While paused, what is taken gives no credit back. */
void grpc_pause(struct grpc_conn *c, uint32_t call, bool paused);

/* Ask for a GRPC_PONG: is the peer alive? */
void grpc_ping(struct grpc_conn *c);
/* Take no new calls; those there are go on. */
void grpc_go_away(struct grpc_conn *c);
/* New calls can be opened. */
bool grpc_can_open(const struct grpc_conn *c);
size_t grpc_call_count(const struct grpc_conn *c);
/* Nothing will be read or written any more: close. */
bool grpc_is_over(const struct grpc_conn *c);

#endif
