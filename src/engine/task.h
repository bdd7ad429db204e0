/* What a swarm task asks of a container.
 *
 * Pure: a task in, the order for a container out. Source of the mapping: facts on the reference's
 * executor (public behaviour): names, labels, and which fields of a spec mean what. */
#ifndef SHOAL_ENGINE_TASK_H
#define SHOAL_ENGINE_TASK_H

#include <stdbool.h>

#include "base/arena.h"
#include "engine/engine.h"

struct err;

/* "<service>.<slot>.<task id>"; a global service has the node's id for a slot. */
const char *task_container_name(struct arena *a, const Pb__Task *task);
/* Everything but the contents of secrets and configs. ERR_INVALID, or ERR_UNSUPPORTED for what
 * needs overlay networks. */
bool task_order(struct arena *a, const Pb__Task *task, struct engine_create *order,
		struct err *err);
/* Files of a task: their contents come from `source`. ERR_UNAVAILABLE when one is not here. */
bool task_files(struct arena *a, const Pb__Task *task, const struct engine_node *node,
		struct engine_secret_source source, struct engine_create *order, struct err *err);
/* Ports of the container in HOST mode as bound, for the task's status. */
Pb__PortConfig **task_ports(struct arena *a, const Pb__Task *task, const Pb__Container *container,
			    size_t *count);

#endif
