/* One whole node, without hands: what shoald thinks with.
 *
 * Facts are put into its inbox, which does nothing else. node_turn() thinks: it handles
 * them in their order of arrival, lets every room act, hands commands to the seams, and
 * says when it wants to be woken. It never blocks and never reads a clock.
 * The daemon and the simulator call exactly these functions. */
#ifndef SHOAL_NODE_NODE_H
#define SHOAL_NODE_NODE_H

#include <stdint.h>

#include "base/now.h"

struct inbox;
struct log;
struct node;

struct node_config {
	const char *hostname;
	const struct log *log; /* outlives the node */
};

struct node *node_new(const struct node_config *config, uint64_t seed);
void node_free(struct node *n);

/* Where the hands put facts (seam/input.h). */
struct inbox *node_inbox(struct node *n);
/* Returns the monotonic time in ms at which to call again if nothing happens before, or NEVER_MS. */
int64_t node_turn(struct node *n, struct now now);

/* A number for work that outlives the turn; never 0, never the same twice. */
uint64_t node_ticket(struct node *n);

#endif
