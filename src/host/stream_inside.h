/* What the files of the stream server share.
 *
 * A connection's exchange goes through these states; the answer has states of its own.
 *
 *     HEAD -> ANNOUNCED -> COLLECTING -> ANSWERING -> HEAD ...
 *                   \-> LEFT -> FEEDING (body into an endpoint) -> ANSWERING
 *                   \-> SKIPPING -> RAW (upgraded)
 *     any -> LINGERING (the answer is out, the rest of the request is dropped) -> closed
 *
 * Functions of the seam change states and write; events and new input happen in conn_work(),
 * which runs from the loop (loop_post) and never inside the receiver of an event. */
#ifndef SHOAL_HOST_STREAM_INSIDE_H
#define SHOAL_HOST_STREAM_INSIDE_H

#include "base/arena.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/tree.h"
#include "host/channel.h"
#include "host/endpoint.h"
#include "host/stream.h"
#include "wire/http1.h"
#include "wire/http1_writer.h"

enum conn_state {
	CONN_HEAD,
	CONN_ANNOUNCED,
	CONN_COLLECTING,
	CONN_LEFT,
	CONN_FEEDING,
	CONN_ANSWERING,
	CONN_SKIPPING,
	CONN_RAW,
	CONN_LINGERING,
};

enum answer_state { ANSWER_NONE, ANSWER_OPEN, ANSWER_WHOLE, ANSWER_RAW };

/* What a connection is waiting for, at most so long. */
enum patience { PATIENT, FOR_HEAD, FOR_REQUEST, FOR_BODY, FOR_READER, FOR_DESERTION, FOR_CLOSE };

/* One direction's other side. */
struct joint {
	struct endpoint *endpoint; /* NULL: none (any more) */
	bool is_full;              /* we told it to wait */
	bool is_held_back;         /* it told us to */
	bool has_ended;            /* not reported yet */
	char *reason;              /* of the end; NULL: well */
	uint64_t bytes;
};

struct conn {
	struct stream_server *server;
	struct channel channel;
	struct list link; /* server->conns */
	struct list idle; /* server->idle, while between requests */
	struct heap_node deadline;
	enum patience patience;
	bool is_open;       /* past the TLS handshake */
	bool is_first;      /* no request has come yet */
	bool is_head_begun; /* a part of the next request is here */

	enum conn_state state;
	enum answer_state answer;
	struct http1 http;
	struct http1_writer writer;
	uint64_t exchange; /* 0: none, or nobody is to hear of it any more */
	struct tree_node by_exchange;
	struct arena memory; /* of this exchange */
	struct stream_header *headers;
	const char *target;
	struct buf body;

	struct joint feed; /* request body -> endpoint; when raw, both directions */
	struct joint pour; /* endpoint -> answer */
	enum stream_filter filter;

	bool is_work_posted;
	bool is_patient;      /* of an answer that is joined, or written at its reader's pace */
	bool wants_drained;   /* a DRAINED event is due when nothing is queued */
	bool has_half_closed; /* the client sends no more */
	bool is_gone;         /* to be closed; gone_reason may be told */
	bool is_too_large;    /* the body, by its announced length: to be refused */
	bool is_closed;
	char cut_reason[128];
	const char *gone_reason; /* set: conn_lose() follows */
	uint64_t taken_before;   /* when FOR_READER began */
	int64_t half_closed_at_ms;
};

struct stream_server {
	struct loop *loop;
	struct endpoints *endpoints;
	struct stream_sink sink;
	struct stream_limits limits;
	struct list conns, idle;
	size_t conn_count; /* those that are not closing */
	struct tree exchanges;
	uint64_t last_exchange;
	struct heap deadlines;
	uv_timer_t timer;
	struct list listeners;
	struct channel_space space;
	int spare_fd;     /* given up to turn a client away when no descriptor is left */
	int open_handles; /* timer and listeners; and one for each connection not freed yet */
	bool is_closing;
	bool is_at_rest; /* newcomers wait at the door */
};

/* stream.c */
void server_plan_timer(struct stream_server *s);
/* Something it had open is gone; the last one frees it. */
void server_release(struct stream_server *s);

/* stream_conn.c */
void conn_new(struct stream_server *s, int fd, const struct tls_config *tls);
void conn_post_work(struct conn *c);
void conn_on_deadline(struct conn *c);
/* Close it, and tell whoever waits for its exchange why. Not from inside a seam call. */
void conn_lose(struct conn *c, const char *reason);
/* The exchange's number means nothing from now on. */
void conn_forget_exchange(struct conn *c);
void conn_emit(struct conn *c, const struct stream_event *event);

/* stream_answer.c: what the seam's functions do to a connection. */
void conn_begin(struct conn *c, bool collect_body);
void conn_join(struct conn *c, uint64_t endpoint, enum stream_filter filter);
void conn_cut(struct conn *c, const char *reason);
void conn_reply(struct conn *c, int status, const struct stream_header *headers,
		size_t header_count, struct str body);
void conn_open(struct conn *c, int status, const struct stream_header *headers,
	       size_t header_count);
void conn_write(struct conn *c, struct str record);
void conn_end(struct conn *c);
void conn_upgrade(struct conn *c, uint64_t endpoint, enum stream_filter filter,
		  const char *content_type);
void conn_upgrade_in_vain(struct conn *c, enum stream_filter filter, const char *content_type,
			  struct str text);
/* The hands answer by themselves, as JSON, and close; the exchange is over. Not from a seam call.
 */
void conn_refuse(struct conn *c, int status, const char *message);
/* Send a piece of the open answer's body. */
void conn_send_chunk(struct conn *c, struct str bytes);
/* Nothing of this request is left to be read. */
bool conn_request_is_complete(struct conn *c);
/* No more is answered: drop what still comes, close soon. */
void conn_linger(struct conn *c);

/* stream_join.c */
void conn_join_raw(struct conn *c, uint64_t endpoint);
void conn_join_feed(struct conn *c, uint64_t endpoint);
void conn_join_pour(struct conn *c, uint64_t endpoint);
void conn_leave_endpoints(struct conn *c);
/* Client bytes to the endpoint: eats them, unless it is held back. */
void conn_feed(struct conn *c, struct str *bytes);
void conn_end_feed(struct conn *c);
/* So much is queued for the client: may the endpoint go on? */
void conn_flow(struct conn *c, size_t queued);
/* Say this as the output of an answer that is RAW. */
void conn_send_raw(struct conn *c, struct str bytes);
/* Report the ends that were noted. */
void conn_report_ends(struct conn *c);

#endif
