/* The hands that speak to other nodes: gRPC calls over mutual TLS (2377/tcp), both ways.
 *
 * The mind sees calls, never sockets. A call has a ticket: those the mind opens carry the
 * mind's own, those that others open carry one the hands made up, with PEER_THEIRS set.
 * Messages are encoded protobuf, whole. Within a call, messages arrive in the order sent;
 * calls to one node that were opened in one order arrive in that order; nothing is
 * promised across nodes. A call ends exactly once: with an `ended` event, or by
 * cancel() from here, after which nothing more is heard of it.
 *
 * Who calls is verified by the hands and never read from a message. Each call has 256 KiB
 * of credit: one whose reader falls behind is ended with PEER_EXHAUSTED. Who sends much asks
 * drain() when to go on; who cannot pass on what comes holds the call. When the
 * connection breaks, every call on it ends with PEER_UNAVAILABLE. */
#ifndef SHOAL_SEAM_PEER_H
#define SHOAL_SEAM_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define PEER_THEIRS (UINT64_C(1) << 63)

/* gRPC status codes (google.rpc.Code). */
enum peer_status {
	PEER_OK = 0,
	PEER_CANCELLED = 1,
	PEER_UNKNOWN = 2,
	PEER_INVALID_ARGUMENT = 3,
	PEER_DEADLINE_EXCEEDED = 4,
	PEER_NOT_FOUND = 5,
	PEER_ALREADY_EXISTS = 6,
	PEER_PERMISSION_DENIED = 7,
	PEER_RESOURCE_EXHAUSTED = 8,
	PEER_FAILED_PRECONDITION = 9,
	PEER_ABORTED = 10,
	PEER_OUT_OF_RANGE = 11,
	PEER_UNIMPLEMENTED = 12,
	PEER_INTERNAL = 13,
	PEER_UNAVAILABLE = 14,
	PEER_DATA_LOSS = 15,
	PEER_UNAUTHENTICATED = 16,
};

/* The certificate of the other end, verified. Empty texts: it showed none. */
struct peer_identity {
	const char *node_id;   /* CN */
	const char *role;      /* OU: "swarm-worker" or "swarm-manager" */
	const char *org;       /* O: the cluster's id */
	const char *addr;      /* "ip:port" of the original caller */
	bool is_forwarded;     /* a manager relayed it; the names above are the original caller's */
	const char *forwarder; /* that manager's node id; NULL or "" if it was not */
	bool is_local;         /* this process itself, or its own control socket */
};

enum peer_trust {
	PEER_TRUST_MANAGER, /* our certificate; theirs must chain to our root and name swarm-manager */
	PEER_TRUST_CA, /* no certificate of ours; theirs must chain to our root and name swarm-ca */
	PEER_TRUST_NOTHING, /* root download only: the token's digest is checked by the caller */
};

struct peer_target {
	const char *addr;    /* "host:port" */
	const char *node_id; /* who must answer, or NULL for whoever does */
	enum peer_trust trust;
	bool is_raft; /* on the connection that neither snapshots nor agents may delay */
};

/* Where this host was, as it last said, and where others were: "host:port" each. */
struct peer_whereabouts {
	const char *advertised;
	const char *interface; /* whose address that was; "": not known */
	const char *const *others;
	size_t other_count;
};

/* Where it is. */
struct peer_survey {
	const char *advertised; /* as before, unless the interface has another address now */
	const char *interface;  /* "": it is no address of this host */
	/* Where others may be that moved with it: first those at the others' old places in its
	 * new network, then (from `guesses` on) the whole of its network, if that is a private one
	 * and not too large. */
	const char *const *around;
	size_t around_count, guesses;
};

struct peer {
	void *self;
	/* Open a call. `method` is "/docker.swarmkit.v1.Service/Method". timeout_ms 0: none. */
	void (*call)(void *self, uint64_t ticket, const struct peer_target *to, const char *method,
		     int64_t timeout_ms);
	void (*send)(void *self, uint64_t ticket, struct str message);
	/* As the caller: no more messages from here. As the server: the call ends with this
	 * status and text (the text is ignored when the status is PEER_OK). */
	void (*finish)(void *self, uint64_t ticket, enum peer_status status, const char *text);
	void (*cancel)(void *self, uint64_t ticket);
	/* One DRAINED event comes when the other end has taken, or has credit to take, what was
	 * sent on this call so far. */
	void (*drain)(void *self, uint64_t ticket);
	/* Give the other end no more credit; at most that which it has still comes. */
	void (*hold)(void *self, uint64_t ticket, bool is_held);

	/* Where this manager's leader is: NULL while there is none. While it is not this node,
	 * the hands relay to it, frame by frame, the calls that a follower does not answer. */
	void (*lead)(void *self, bool is_me, const char *leader_addr);
	/* Begin or stop answering on the swarm port; "" stops, and ends what others have open here. A
	 * failure is an `unheard` event. */
	void (*listen)(void *self, const char *addr);
	/* Look where this host is; `surveyed` follows. */
	void (*survey)(void *self, uint64_t ticket, const struct peer_whereabouts *was);
};

enum peer_event_kind {
	PEER_OPENED,      /* method, from, timeout_ms; ticket has PEER_THEIRS */
	PEER_MESSAGE,     /* message */
	PEER_HALF_CLOSED, /* the other end sends no more */
	PEER_DRAINED,     /* as drain() asked */
	PEER_ENDED,       /* status, text */
	PEER_LISTENING,   /* text = the address */
	PEER_UNHEARD,     /* listen() failed: text says why */
	PEER_REFUSED,     /* the connection to addr `text` broke and one reconnect was refused */
	PEER_SURVEYED,    /* survey */
};

struct peer_event {
	enum peer_event_kind kind;
	const char *method;
	struct peer_identity from;
	int64_t timeout_ms;
	struct str message;
	enum peer_status status;
	const char *text;
	struct peer_survey survey;
	bool is_unsent; /* ENDED, of a call of ours: nothing of it left this host */
};

#endif
