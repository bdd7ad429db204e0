/* Turns tasks away from nodes that no longer suit them.
 *
 * When an active node changes (labels, role, what it has), its tasks are looked at again: those
 * whose constraints do not match now, or whose reservations no longer fit beside the others', are
 * rejected, and their services replace them elsewhere. */
#ifndef SHOAL_SWARM_ORCHESTRATE_ENFORCER_H
#define SHOAL_SWARM_ORCHESTRATE_ENFORCER_H

#include "swarm/controller.h"

struct enforcer;

struct enforcer *enforcer_new(void);
void enforcer_free(struct enforcer *f);
struct controller enforcer_controller(struct enforcer *f);

#endif
