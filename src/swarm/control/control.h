/* The Control service: what API clients ask of the swarm, whether they ask here or through a peer.
 *
 * A request is a method's path and its decoded message. A method of the table reads from a view, or
 * changes a transaction; refused, it leaves its changes to whoever runs it to take back
 * (txn_back_to). Errors carry the sentence that clients read, and the kind that tells the status.
 */
#ifndef SHOAL_SWARM_CONTROL_CONTROL_H
#define SHOAL_SWARM_CONTROL_CONTROL_H

#include "store/txn.h"

struct prng;

/* What nobody may guess, drawn by seam/keys before a method that `needs_chance` is run. */
struct control_chance {
	uint8_t worker_token[16], manager_token[16], unlock_key[32];
};

/* A root to rotate to, made by seam/keys before a method that `needs_root` it is run again. */
struct control_root {
	/* What it was made from and for: PEM; asked_*: empty when none was given. */
	struct str old_cert, asked_cert, asked_key;
	struct str cert, key, cross_signed;
	bool is_refused;
	struct err why;
};

/* A manager as the consensus knows it. */
struct control_member {
	const char *node_id;
	uint64_t raft_id;
	const char *addr;
	bool is_leader, is_reachable;
	bool is_voter;              /* else it is catching up */
	uint64_t match, last_index; /* its copy's and the leader's last entry; 0: not known */
};

/* What a method works with. All of it is borrowed. */
struct control {
	struct txn *txn;         /* of a change; NULL for a read */
	const struct view *view; /* of a change: txn_view() */
	struct arena *arena;     /* for the response */
	struct prng *prng;       /* ids of new objects */
	const struct control_chance *chance;
	const struct control_member *members;
	size_t member_count;
	const struct control_root *root; /* NULL: none was made */
	/* Set by the method: it was refused only because there is no root, or it had use of this one. */
	bool needs_root, took_root;
	/* Is this an image's reference? Its grammar is another room's. NULL: any text is. */
	bool (*image_is_valid)(const char *reference);
	/* Can services have overlay networks and ingress ports? */
	bool overlay_is_built;
};

struct control_method {
	const char *path; /* "/docker.swarmkit.v1.Control/GetNode" */
	bool is_read;
	bool needs_chance;
	/* The response or NULL and an error. It may point into the view and the transaction: encode
	 * or copy it before the turn ends. */
	const void *(*handle)(struct control *c, const void *request, struct err *e);
};

extern const struct control_method control_methods[];
extern const size_t control_methods_count;

/* NULL if there is no such method. */
const struct control_method *control_find(struct str path);

#endif
