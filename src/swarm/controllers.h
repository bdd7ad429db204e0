/* The controllers that make tasks of services and find them nodes, in their fixed order.
 *
 * Whoever leads opens a transaction when none is in flight, fills it with what API clients ask,
 * then lets each controller decide in this order, and proposes it. The order is that of a task's
 * life, so that one transaction can hold all of a change: enforce, services, restarts, updates,
 * allocate, schedule, reap. Two things are promised to them (swarm/leader.h): a transaction that
 * they filled is committed as it is before they decide again, or they resign; and each committed
 * change is noticed once, in order. */
#ifndef SHOAL_SWARM_CONTROLLERS_H
#define SHOAL_SWARM_CONTROLLERS_H

#include "swarm/controller.h"

#define CONTROLLERS_OF_TASKS 7

struct log;
struct prng;

struct controllers {
	struct controller items[CONTROLLERS_OF_TASKS]; /* in order */
	struct enforcer *enforcer;
	struct restarts *restarts;
	struct updates *updates;
	struct orchestrate *orchestrate;
	struct allocate *allocate;
	struct schedule *schedule;
	struct reaper *reaper;
};

/* The prng and the log are borrowed. Zeroes are a set without controllers. */
void controllers_init(struct controllers *c, struct prng *prng, const struct log *log);
void controllers_clear(struct controllers *c);
#endif
