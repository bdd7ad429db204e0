/* Filters: why a node cannot take a task.
 *
 * They are asked in the order of the table; a node counts for the first that turns it away. */
#ifndef SHOAL_SWARM_SCHEDULE_FILTER_H
#define SHOAL_SWARM_SCHEDULE_FILTER_H

#include "store/view.h"
#include "swarm/schedule/constraint.h"
#include "swarm/schedule/nodes.h"

enum filter {
	FILTER_READY,
	FILTER_RESOURCE,
	FILTER_PLUGIN,
	FILTER_CONSTRAINT,
	FILTER_PLATFORM,
	FILTER_HOST_PORT,
	FILTER_MAX_REPLICAS,
	FILTERS,
	FILTER_PASSED = FILTERS,
};

/* What one or several tasks of one spec ask of a node. */
struct demand {
	const Pb__Task *task; /* one of them */
	bool is_parsed;       /* the constraints are */
	struct constraints constraints;
	struct claim claim; /* its ports */
	uint64_t max_replicas;
};

struct demand demand_of(const Pb__Task *task, struct arena *a);

/* The first filter that turns the node away, or FILTER_PASSED. The view is asked for what tasks on
 * the node have claimed of generic resources. */
enum filter filters_check(const struct demand *d, const struct node_info *info,
			  const Pb__Node *node, const struct view *v, struct arena *a);

/* Could the end of some task elsewhere in the swarm let the node pass? */
bool filter_depends_on_tasks(enum filter f);

/* "insufficient resources on 2 nodes; 1 node not available for new tasks", most frequent first; ""
 * when nothing was counted. */
const char *filters_explain(const uint64_t counts[FILTERS], struct arena *a);

#endif
