/* Which node next? The nodes that can take a group of equal tasks, in order.
 *
 * Spread preferences make a tree: a level for each, a branch for each value of the label, and the
 * branch with the fewest tasks of the service comes first. Inside a leaf the order is: nodes where
 * the service fails last; fewest tasks of the service; fewest tasks at all; id. Built once for a
 * group (O(nodes)); each choice then costs O(log nodes) and the branches on its way. */
#ifndef SHOAL_SWARM_SCHEDULE_RANKING_H
#define SHOAL_SWARM_SCHEDULE_RANKING_H

#include "swarm/schedule/filter.h"

struct branch;

struct ranking {
	const struct demand *demand;
	struct nodes *nodes;
	const struct view *view;
	struct arena *arena;
	int64_t now_ms;
	struct branch *root;
	uint64_t turned_away[FILTERS];
};

/* Everything is borrowed for as long as the ranking is used. */
void ranking_build(struct ranking *r, const struct demand *d, struct nodes *nodes,
		   const struct view *v, int64_t now_ms, struct arena *a);

/* The first node, or NULL when none can take another task. */
const Pb__Node *ranking_first(const struct ranking *r);
/* A task was added (nodes_add) to the first one. */
void ranking_placed(struct ranking *r);

#endif
