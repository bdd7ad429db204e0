/* What the files of this sub-room share. */
#ifndef SHOAL_HOST_PEER_INSIDE_H
#define SHOAL_HOST_PEER_INSIDE_H

#include <uv.h>

#include "base/arena.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/tree.h"
#include "host/loop.h"
#include "host/peer/peer.h"
#include "wire/grpc.h"
#include "wire/tls.h"

#define LINKS_MAX        20000
#define CALL_QUEUE_MAX   (16u << 20)   /* of one call, waiting to go out */
#define STREAM_QUEUE_MAX (2048u << 20) /* the same of a snapshot's stream */
/* The same of a client's log stream: its broker holds the nodes that publish for it, but what each
 * of them has credit for comes all the same. */
#define LOGS_QUEUE_MAX     (256u << 20)
#define RECEIVE_MAX        (64u << 20) /* of an answer */
#define CALLS_OF_OTHERS    1024        /* open at a time on one connection */
#define CONNECT_TIMEOUT_MS 5000
#define IDLE_CLOSE_MS      60000
#define WRITE_MAX          (256 << 10) /* ciphertext that waits for the socket */

enum link_state { LINK_RESOLVING, LINK_CONNECTING, LINK_SHAKING, LINK_OPEN, LINK_CLOSING };

/* One TCP connection, either way. */
struct link {
	struct list all;
	struct peer_hands *hands;
	uv_tcp_t tcp;
	uv_timer_t timer; /* to connect in time, then to close when idle */
	uv_getaddrinfo_t resolve;
	uv_connect_t connect;
	enum link_state state;
	bool is_server;
	bool is_raft;
	bool was_open;
	bool has_called;      /* a call was made on it, or came */
	unsigned probes_left; /* of a connection that was made to see whether there is anybody */
	bool is_retired; /* made for an earlier identity: its calls go on, new ones go elsewhere */
	enum peer_trust trust;
	char *addr;      /* client: as the target named it */
	char remote[64]; /* "ip:port" of the other end */
	struct tls *tls;
	struct grpc_conn *grpc;
	struct list calls; /* struct call */
	bool is_pumping;
	bool pump_is_posted;
	bool is_dead;   /* closed; freed by the pump that is still posted */
	size_t writing; /* bytes given to the socket and not yet sent */
	int closing;    /* handles still to close */
	char buffer[64 << 10];
};

/* A message that waits because the call has too many bytes on their way. */
struct waiting_message {
	struct list link;
	size_t len;
	char data[];
};

/* A call, ours or theirs. */
struct call {
	struct tree_node by_ticket;
	struct list of_link;
	struct heap_node deadline;
	struct link *link;
	uint64_t ticket;
	uint32_t number; /* of its connection */
	bool is_theirs;
	struct list queue; /* struct waiting_message */
	size_t queue_bytes, queue_max;
	bool wants_drained; /* tell when the queue is empty */
	bool is_finishing;  /* finish() was said: carry it out when the queue is empty */
	enum peer_status finish_status;
	char *finish_text;
	bool is_relayed;   /* the mind does not know of it */
	struct call *twin; /* the other half of a relayed call; NULL once that is over */
};

struct peer_hands {
	struct loop *loop;
	const struct log *log;
	struct list links;
	struct tree calls;
	struct heap deadlines;
	uv_timer_t deadline_timer;
	struct tls_config *as_node, *as_joiner, *as_nobody, *as_server;
	uv_tcp_t *listener;
	char *listen_addr;
	uint64_t last_ticket;
	bool is_ending;
	bool is_relaying;  /* somebody else leads, or nobody */
	char *leader_addr; /* NULL: nobody */
};

/* link.c */
struct link *link_to(struct peer_hands *p, const struct peer_target *to);
void link_accept(struct peer_hands *p, uv_stream_t *listener);
/* Send what there is to send, take what there is to take. */
void link_pump(struct link *l);
/* The same once the caller has returned: seam calls come in rows. */
void link_pump_later(struct link *l);
void link_lose(struct link *l, const char *why);

/* call.c */
struct call *call_find(struct peer_hands *p, uint64_t ticket);
struct call *call_add(struct peer_hands *p, struct link *l, uint64_t ticket, uint32_t number);
void call_free(struct call *c);
void call_ended(struct call *c, enum peer_status status, const char *text);
void call_flush(struct call *c);
void call_send(struct call *c, struct str message);
void call_drain(struct call *c);
void call_finish(struct call *c, enum peer_status status, const char *text);
/* True if there was any. */
bool calls_take_events(struct link *l);
void calls_deadline(struct peer_hands *p);
void calls_plan_deadline(struct peer_hands *p);
/* A header of a call; "" if there is none. */
const char *metadata_value(const struct grpc_event *ev, const char *name, struct arena *a);
/* The call could not be made: nothing of it was sent. */
void call_refuse_later(struct peer_hands *p, uint64_t ticket, const char *why);

/* relay.c: a call that only the leader answers, while this node does not lead. */
bool relay_takes(const struct peer_hands *p, const char *method);
void relay_open(struct link *l, const struct grpc_event *ev);
void relay_message(struct call *c, struct str message);
void relay_half_closed(struct call *c);
/* Half of a relayed call ended: so does the other. */
void relay_ended(struct call *c, enum peer_status status, const char *text);

/* "a.b.c.d:port", "[v6]:port" or "name:port" in two parts, each of at most 256 bytes. */
bool addr_split(const char *addr, char host[256], char port[8], struct err *e) MUST_CHECK;

#endif
