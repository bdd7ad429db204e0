/* The scheduler: PENDING tasks get a node and become ASSIGNED.
 *
 * Tasks of one spec wait as a group and are placed together. A group for which no node is left is
 * told why (status.err) and waits until a node changes, or until something that it lacks is given
 * back. Tasks that come with a node (global services) are only confirmed. */
#ifndef SHOAL_SWARM_SCHEDULE_SCHEDULE_H
#define SHOAL_SWARM_SCHEDULE_SCHEDULE_H

#include "swarm/controller.h"

struct log;
struct schedule;

struct schedule *schedule_new(const struct log *log);
void schedule_free(struct schedule *s);
struct controller schedule_controller(struct schedule *s);

/* Nodes that have been looked at so far, for tests of the cost. */
uint64_t schedule_looks(const struct schedule *s);

#endif
