/* Services become tasks.
 *
 * One controller marks what moved (services, tasks that stopped, nodes); what is to be done about
 * it is said by the service's mode, a row of functions in replicated.c, global.c or job.c. Restarts
 * and rolling updates are controllers of their own, which the modes hand their cases to. */
#ifndef SHOAL_SWARM_ORCHESTRATE_ORCHESTRATE_H
#define SHOAL_SWARM_ORCHESTRATE_ORCHESTRATE_H

#include "swarm/controller.h"

struct log;
struct orchestrate;
struct prng;
struct restarts;
struct updates;

/* What a mode's functions work with. */
struct orchestra {
	struct prng *prng;
	const struct log *log;
	struct restarts *restarts;
	struct updates *updates;
};

struct mode {
	/* Make the tasks follow the service. All return false when the transaction is full and
	 * there is more to do: they are called again then. */
	bool (*service)(const struct orchestra *o, struct txn *t, const Pb__Service *service);
	/* A task that should be there has stopped, or its node is lost. */
	bool (*task)(const struct orchestra *o, struct txn *t, const Pb__Service *service,
		     const Pb__Task *task);
	/* A node came, went or changed; NULL if that makes no difference but to its tasks. */
	bool (*node)(const struct orchestra *o, struct txn *t, const Pb__Service *service,
		     const char *node_id);
};

extern const struct mode mode_replicated, mode_global, mode_replicated_job, mode_global_job;

struct orchestrate *orchestrate_new(const struct orchestra *o);
void orchestrate_free(struct orchestrate *o);
struct controller orchestrate_controller(struct orchestrate *o);

#endif
