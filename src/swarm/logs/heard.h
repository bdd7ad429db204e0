/* What was heard of each task of a node, for one who follows: how to go on when the node comes
 * back.
 *
 * An agent that has lost its session begins to read its logs anew, and what it sent before may come
 * late. Whoever brought the last line of a task is believed; another publisher's lines are heard
 * before until they come after that one. Lines are told apart by the time at which they were
 * written; several may have the same, so those of the last one are counted.
 *
 * Of at most HEARD_MAX tasks: beyond, the one that has been silent longest is forgotten. */
#ifndef SHOAL_SWARM_LOGS_HEARD_H
#define SHOAL_SWARM_LOGS_HEARD_H

#include "base/tree.h"
#include "pb/pb.h"

#define HEARD_MAX 4096

/* struct heard by task. */
struct heard_tasks {
	struct tree by_task;
};

void heard_init(struct heard_tasks *h);
void heard_clear(struct heard_tasks *h);

/* Is this line, brought by this publisher, new? Then it is noted. */
bool heard_is_new(struct heard_tasks *h, const Pb__LogMessage *line, uint64_t publisher);
/* The node begins anew: of tasks that `is_there` denies, nothing more is new. */
void heard_begin_anew(struct heard_tasks *h,
		      bool (*is_there)(const void *self, const char *task_id), const void *self);

/* When the last line of the task was written; false if there was none. */
bool heard_last(const struct heard_tasks *h, const char *task_id, int64_t *ns);

#endif
