/* Slots: a service's tasks, grouped by the place they hold.
 *
 * A place is a number in replicated services and a node in global ones. Of its tasks at most one
 * should run; the others are its history, or on their way out. */
#ifndef SHOAL_SWARM_ORCHESTRATE_SLOT_H
#define SHOAL_SWARM_ORCHESTRATE_SLOT_H

#include "store/view.h"

struct restarts;

struct slot {
	uint64_t number;     /* 0 in global services */
	const char *node_id; /* of the first task */
	const Pb__Task **tasks;
	size_t count;
};

struct slots {
	struct slot *items;
	size_t count;
};

/* All slots of a service in order of their numbers (global: of nodes). */
struct slots slots_of(const struct view *v, const Pb__Service *service, struct arena *a);

/* What the slot holds: the tasks that should run, or if there is none, the newest one when its
 * restart policy has it stay as it is (never while a rollback is on its way). Empty: the slot is
 * dead. */
struct slot slot_living(const struct slot *slot, const struct view *v, const Pb__Service *service,
			const struct restarts *restarts, struct arena *a);

/* More than one task, or one that is out of date. `living` is from slot_living(). */
bool slot_is_dirty(const struct slot *living, const struct view *v, const Pb__Service *service);

/* Does one of its tasks run? */
bool slot_is_running(const struct slot *slot);

/* The order in which a service that shrinks keeps its slots: running ones first, and of those the
 * first of each node before the second of any. Reorders them. */
void slots_sort_to_keep(struct slots *slots, struct arena *a);

#endif
