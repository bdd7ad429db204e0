/* What the files of grpc share: the connection, its calls, the events that wait to be taken.
 *
 * A call stands in the tree from its first header until nghttp2 closes its stream. `over` means
 * that it has ended for the user: his verbs no longer find it, and it raises no event. */
#ifndef SHOAL_WIRE_GRPC_INSIDE_H
#define SHOAL_WIRE_GRPC_INSIDE_H

#include <nghttp2/nghttp2.h>

#include "base/arena.h"
#include "base/list.h"
#include "base/tree.h"
#include "wire/grpc.h"
#include "wire/grpc_message.h"

/* Largest message that is sent; readers set their own limits. */
#define GRPC_SEND_MAX 268435456

/* An event and what it points at. */
struct grpc_queued {
	struct list link;
	struct grpc_event event;
	struct arena arena;
	char *message;
};

struct grpc_call {
	struct tree_node node;
	uint32_t id;
	struct grpc_conn *conn;
	bool over;
	bool refused_send; /* GRPC_DRAINED is owed */
	bool paused;

	/* Sending. */
	struct buf out;
	size_t out_at;  /* bytes of out that are gone */
	bool responded; /* server: the response headers are submitted */
	bool finished;  /* half-closed (client), ended (server): EOF when out is empty */
	enum grpc_status end_status;
	char *end_text;

	/* Receiving. */
	struct grpc_reader reader;
	size_t held;        /* bytes received that have given no credit back */
	size_t undelivered; /* messages in the event queue */
	bool peer_finished;

	/* Headers, as they come. */
	struct grpc_queued *opening; /* server: the event to be */
	struct grpc_metadata *metadata;
	size_t metadata_bytes;
	bool is_post, is_grpc, is_encoded, has_bad_timeout, is_too_large;
	int http_status;
	int64_t status;  /* client: grpc-status; -1 until it came */
	struct buf text; /* client: grpc-message */
};

/* So many now, so many per second later. */
struct grpc_budget {
	int64_t milli, burst, per_s;
};

struct grpc_conn {
	struct grpc_options options;
	nghttp2_session *session;
	struct tree calls;
	size_t open_count; /* calls that are not over */
	struct list events;
	struct grpc_queued *taken; /* the event the user holds */
	size_t buffered;           /* bytes received and not taken */
	struct grpc_budget resets, control;
	int64_t now_ms;
	bool has_time, peer_goes_away, is_lost;
	const char *problem; /* why the connection has to end */
};

/* grpc_event.c */
struct grpc_queued *grpc_queued_new(enum grpc_event_kind kind, uint32_t call);
void grpc_queued_free(struct grpc_queued *q);
void grpc_raise(struct grpc_conn *c, struct grpc_queued *q);
void grpc_raise_text(struct grpc_conn *c, enum grpc_event_kind kind, uint32_t call, int status,
		     const char *text);
/* Forget what a call has raised and nobody took. */
void grpc_mute(struct grpc_conn *c, uint32_t call);

/* grpc_call.c */
struct grpc_call *grpc_call_new(struct grpc_conn *c, uint32_t id);
void grpc_call_free(struct grpc_call *call);
/* NULL if there is none, or it is over. */
struct grpc_call *grpc_call_find(const struct grpc_conn *c, uint32_t id);
/* The same, over or not. */
struct grpc_call *grpc_call_at(const struct grpc_conn *c, int32_t stream_id);
void grpc_call_over(struct grpc_call *call);
/* GRPC_ENDED, and it is over. */
void grpc_call_ended(struct grpc_call *call, int status, const char *text);
/* End it because of what the peer did: a status from a server, a reset from a client. */
void grpc_call_break(struct grpc_call *call, enum grpc_status status, const char *text);
void grpc_call_received(struct grpc_call *call, struct str bytes);
/* Give back the credit that nothing stands against. */
void grpc_call_release(struct grpc_call *call);

/* grpc_head.c */
int grpc_head_begin(struct grpc_conn *c, int32_t stream_id);
void grpc_head_field(struct grpc_call *call, struct str name, struct str value);
void grpc_head_complete(struct grpc_call *call, const nghttp2_frame *frame);
nghttp2_nv grpc_nv(struct str name, struct str value);

#endif
