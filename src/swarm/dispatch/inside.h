/* What the files of this sub-room share. */
#ifndef SHOAL_SWARM_DISPATCH_INSIDE_H
#define SHOAL_SWARM_DISPATCH_INSIDE_H

#include "base/heap.h"
#include "base/id.h"
#include "base/list.h"
#include "base/tree.h"
#include "swarm/dispatch/dispatch.h"

#define PERIOD_DEFAULT_S 5 /* the reference's: a spec that says so says nothing */
#define PERIOD_MIN_MS    1000
#define NODES_A_SECOND   2000
#define GRACE            3
/* Time that nodes have to find a new leader: so many periods, and more than the 8 s that an agent
 * may wait between two tries. */
#define GRACE_NEW_LEADER        6
#define GRACE_NEW_LEADER_MIN_MS 10000
#define ORPHAN_MS               (INT64_C(24) * 3600 * 1000)
#define REGISTRATIONS_MAX       3 /* of one node in a window */
#define REGISTRATIONS_WINDOW_MS 8000
#define MESSAGE_MAX             (64 << 20)
#define PART_BYTES              (2 << 20) /* of assignments; an object has 1.5 MiB at most */
#define CALLS_MAX               65536

/* A task that an agent was told of. */
struct told {
	struct tree_node by_id;
	bool is_marked; /* of the present COMPLETE set */
	char id[];
};

/* Of each node that matters: one with a session, or one that is watched for coming back. */
struct session {
	struct tree_node by_node;
	struct heap_node expiry; /* when it is down */
	char *node_id;
	char id[OBJECT_ID_LEN + 1]; /* "" until the random bytes are here */
	uint64_t random_ticket;
	struct list waiting;     /* on dispatch.waiting: for its random bytes */
	struct list registering; /* on dispatch.registering: has a description to be written */
	bool is_registered;      /* its READY was committed: the first message was sent */
	uint64_t stream;         /* the Session call, 0: none */
	uint64_t assignments;    /* the Assignments call, 0: none */
	uint64_t sequence;       /* of the last assignments message */
	Pb__NodeDescription *description; /* to be written, in `memory` */
	char *addr;
	struct arena memory;
	int64_t registrations_since_ms;
	unsigned registrations;

	struct list dirty;   /* on dispatch.dirty: something is to be sent */
	bool node_changed;   /* a SessionMessage is due */
	struct tree told;    /* struct told */
	struct list changed; /* struct changed_task */
};

struct changed_task {
	struct list link;
	char id[];
};

/* A call until its request is whole. */
struct dispatch_call {
	struct tree_node by_ticket;
	uint64_t ticket;
	const char *method; /* a static text */
	char *node_id, *addr;
	struct session *session; /* of the streams, once they are */
};

/* The newest status of a task that waits for a transaction. */
struct reported {
	struct tree_node by_task;
	struct list link; /* oldest first */
	struct arena memory;
	Pb__TaskStatus *status;
	char id[];
};

/* A node that is down, and when its tasks are given up. */
struct fallen {
	struct tree_node by_node;
	struct heap_node orphan;
	char node_id[];
};

struct dispatch {
	struct dispatch_config config;
	bool is_leading;
	int64_t period_ms;

	struct tree sessions; /* struct session by node id */
	struct heap expiries; /* struct session */
	struct tree calls;    /* struct dispatch_call */
	struct list dirty;    /* struct session */

	struct tree reported; /* struct reported by task id */
	struct list reported_order;
	struct list waiting;     /* struct session */
	struct list registering; /* struct session */
	struct list down;        /* struct stopped: nodes to be marked down */
	struct tree fallen;      /* struct fallen by node id */
	struct heap orphans;     /* struct fallen */
};

/* A node whose heart stopped. */
struct stopped {
	struct list link;
	bool was_registered;
	char node_id[];
};

/* session.c */
struct session *session_find(const struct dispatch *d, const char *node_id);
/* One without a call yet: a node that is expected to come, or that just did. */
struct session *session_new(struct dispatch *d, const char *node_id);
/* What it said of itself was written, or is not wanted any more. */
void session_forget_description(struct session *s);
/* The session of this node if the id is its own, or NULL with the error to answer. */
struct session *session_check(struct dispatch *d, const char *node_id, const char *session_id,
			      struct err *e);
void session_open(struct dispatch *d, struct dispatch_call *c, const Pb__SessionRequest *request,
		  struct now now);
void session_beat(struct dispatch *d, struct session *s, struct now now);
void session_send(struct dispatch *d, struct session *s);
void session_end(struct dispatch *d, struct session *s, enum peer_status status, const char *text);
/* One of its calls; the session goes on. */
void session_end_call(struct dispatch *d, uint64_t *ticket, enum peer_status status,
		      const char *text);
void session_free(struct dispatch *d, struct session *s);
void session_mark(struct dispatch *d, struct session *s);
int64_t session_period_ms(struct dispatch *d);
void session_expire(struct dispatch *d, struct now now);

/* assignments.c */
void assignments_open(struct dispatch *d, struct session *s, uint64_t ticket);
void assignments_task_changed(struct dispatch *d, const struct change *c);
void assignments_send(struct dispatch *d, struct session *s);
void assignments_clear(struct session *s);

/* status.c */
bool status_report(struct dispatch *d, const char *node_id,
		   const Pb__UpdateTaskStatusRequest *request, struct err *e) MUST_CHECK;
void status_decide(struct dispatch *d, struct txn *t);
void status_clear(struct dispatch *d);

/* Encode and send a message of a call. False, and nothing is sent, if it is larger than MESSAGE_MAX: the call is to end with
 * PEER_RESOURCE_EXHAUSTED, lest its caller wait in vain. */
bool dispatch_send(struct dispatch *d, uint64_t ticket, const void *message) MUST_CHECK;
#define DISPATCH_TOO_LARGE "what there is to say is too large to be sent"

#endif
