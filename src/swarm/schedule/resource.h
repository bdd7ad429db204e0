/* What nodes have and tasks reserve: processors, memory, and generic resources.
 *
 * A generic resource is a number of things of a kind, or things of a kind with names. Requests are
 * always numbers; of named things the first free ones are claimed. */
#ifndef SHOAL_SWARM_SCHEDULE_RESOURCE_H
#define SHOAL_SWARM_SCHEDULE_RESOURCE_H

#include "pb/pb.h"

struct generic {
	const char *kind;
	const char *name; /* NULL: a number of them */
	int64_t left;     /* of a number; 1 or 0 of a name */
};

struct free_resources {
	int64_t nano_cpus, memory_bytes;
	struct generic *generic;
	size_t generic_count;
};

/* What a task reserves, or NULL. */
static inline const Pb__Resources *reservations_of(const Pb__Task *task)
{
	return task->spec->resources ? task->spec->resources->reservations : NULL;
}

/* All that the node has, nothing taken. Texts are the node's. */
struct free_resources free_resources_of(const Pb__Node *node, struct arena *a);

/* Would the reservations fit? `wanted` may be NULL. */
bool free_resources_suffice(const struct free_resources *free, const Pb__Resources *wanted);

/* Take out what the task reserves and what it has claimed. False, with nothing taken, if it is not
 * there. */
bool free_resources_take(struct free_resources *free, const Pb__Task *task);
/* The same for what is a fact already: takes what there is. */
void free_resources_take_anyway(struct free_resources *free, const Pb__Task *task);

/* Choose things for the reservations, which must suffice, and set the task's claims. */
void free_resources_claim(const struct free_resources *free, Pb__Task *task, struct arena *a);

#endif
