/* Rolling updates: the slots of a service that are out of date get new tasks, so many at a time.
 *
 * An update lives in the leader's memory; what is stored is its state (update_status) and the
 * tasks, and a new leader goes on from these: whatever is still out of date is its work. */
#ifndef SHOAL_SWARM_ORCHESTRATE_UPDATE_H
#define SHOAL_SWARM_ORCHESTRATE_UPDATE_H

#include "swarm/controller.h"
#include "swarm/orchestrate/slot.h"

struct log;
struct prng;
struct updates;

struct updates *updates_new(struct prng *prng, struct restarts *restarts, const struct log *log);
void updates_free(struct updates *u);
/* Carries the updates on; in the table of controllers. */
struct controller updates_controller(struct updates *u);

/* See to it that these slots (of slot_living()) follow the service's spec. Called whenever the
 * service is looked at: an update to the same spec goes on undisturbed, one to another spec ends.
 */
void update_service(struct updates *u, struct txn *t, const Pb__Service *service,
		    const struct slots *living);

#endif
