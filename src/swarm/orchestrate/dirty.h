/* Is a task out of date? */
#ifndef SHOAL_SWARM_ORCHESTRATE_DIRTY_H
#define SHOAL_SWARM_ORCHESTRATE_DIRTY_H

#include "pb/pb.h"

/* True if the service's spec asks for another task than this one. `node` is where the task is, or
 * NULL. A change of placement alone leaves tasks be whose node still fits; credentials for
 * pulling images do not matter to a task that has its image. */
bool task_is_dirty(const Pb__Service *service, const Pb__Task *task, const Pb__Node *node);

#endif
