/* One whole node, without hands: what shoald thinks with.
 *
 * Facts are put into its inbox, which does nothing else. node_turn() thinks: it handles
 * them in their order of arrival, lets every room act, hands commands to the seams, and
 * says when it wants to be woken. It never blocks and never reads a clock.
 * The daemon and the simulator call exactly these functions. */
#ifndef SHOAL_NODE_NODE_H
#define SHOAL_NODE_NODE_H

#include "base/now.h"
#include "raft/group.h"
#include "swarm/leader.h"

struct agent;
struct content;
struct engine;
struct engine_config;
struct executor;
struct founding;
struct inbox;
struct journal;
struct keys;
struct log;
struct net;
struct node;
struct peer;
struct runtime;

/* The hands. They outlive the node, and may be filled in until its first turn. */
struct seams {
	const struct peer *peer;
	const struct journal *journal;
	const struct keys *keys;
	const struct executor *executor; /* of a node without an engine */
	const struct runtime *runtime;   /* with one: these three instead */
	const struct net *net;
	const struct content *content;
};

struct node_config {
	const char *hostname;
	const struct log *log; /* outlives the node */
	struct seams seams;

	const Pb__NodeDescription *description; /* of this host and engine; outlives the node */

	/* Of the engine; NULL: the simulator's nodes have none. Its log, tickets and inbox are the
	 * node's to fill in. What it points at outlives the node. */
	const struct engine_config *engine;

	/* Managers that are a group from the beginning, all alike: what the simulator starts from
	 * instead of init and join. They and node_id outlive the node. */
	const struct member *founders;
	size_t founder_count;
	const struct founding *founding; /* what such a group's first leader creates */
	const char *
		node_id; /* this node's id; NULL: init, join or the certificate on disk will tell */

	uint64_t snapshot_entries, snapshot_bytes, keep_entries, keep_bytes; /* 0: the defaults */

	/* Is this an image's reference? NULL: any text is. */
	bool (*image_is_valid)(const char *reference);
};

struct node *node_new(const struct node_config *config, uint64_t seed);
void node_free(struct node *n);

/* The hands are there: begin. The first turn does this if nobody did. */
void node_begin(struct node *n);
/* The host is another than it was said to be (its labels, its resources); outlives the node. */
void node_describe(struct node *n, const Pb__NodeDescription *description);
/* Where the hands put facts (seam/input.h). */
struct inbox *node_inbox(struct node *n);
/* Returns the monotonic time in ms at which to call again if nothing happens before, or NEVER_MS.
 */
int64_t node_turn(struct node *n, struct now now);

/* A number for work that outlives the turn, for whoever is outside of the node. */
uint64_t node_ticket(struct node *n);

/* Ask for a change of the swarm's state; the answer comes with the ticket. Any manager may be asked:
 * the leader carries it out. Without one for a while, ERR_UNAVAILABLE: nothing was changed; if that
 * cannot be known, ERR_UNKNOWN_OUTCOME. */
void node_change(struct node *n, uint64_t ticket, const char *method, const void *request);
/* Ask for the moment from which a read of node_view() is not stale; answered with the ticket. */
void node_read(struct node *n, uint64_t ticket);
/* The same for a read that shows managers: whom the leader reaches is asked too. */
void node_read_managers(struct node *n, uint64_t ticket);
/* A Control method that only reads, of this node's copy of the state as it is now: after
 * node_read() if it must not be stale. The response lives as long as the arena and the turn. */
const void *node_ask(struct node *n, const char *method, const void *request, struct arena *a,
		     struct err *e);
/* Keep objects of that response, or of node_view(), beyond the turn (store/store.h). NULL while
 * this node is no manager. */
struct store_hold *node_hold(struct node *n, enum object_kind kind, const void *const *objects,
			     size_t count);
/* Answers to changes and reads, after each turn; the caller's, to be given to leader_answer_free().
 */
struct leader_answer *node_take_answer(struct node *n);

/* This node's copy of the swarm's state; NULL while it is no manager. */
const struct view *node_view(const struct node *n);
const struct store *node_store(const struct node *n);
const struct group *node_group(const struct node *n);
bool node_is_leading(const struct node *n);
/* NULL while this node belongs to no swarm. */
const struct agent *node_agent(const struct node *n);
/* NULL on a node without one. */
struct engine *node_engine(const struct node *n);

#endif
