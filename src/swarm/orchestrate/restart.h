/* Restarts: whether, how soon and how often a task that stopped is replaced.
 *
 * A replacement is a new task in the same slot with desired state READY: it is placed and prepared
 * at once, and told to run when the policy's delay has passed and nothing else of the slot runs
 * (or a minute went by). The waiting starts and the history of the slots with a limit of attempts
 * are private; a new leader rebuilds both from the tasks it finds. */
#ifndef SHOAL_SWARM_ORCHESTRATE_RESTART_H
#define SHOAL_SWARM_ORCHESTRATE_RESTART_H

#include "swarm/controller.h"

struct log;
struct prng;
struct restarts;

#define RESTART_DELAY_MS    5000  /* where the policy names none */
#define RESTART_OLD_TASK_MS 60000 /* how long an old task may keep its successor waiting */

struct restarts *restarts_new(struct prng *prng, const struct log *log);
void restarts_free(struct restarts *r);
/* Starts what waits; in the table of controllers. */
struct controller restarts_controller(struct restarts *r);

/* Does the policy allow another attempt after this task? A plain function of the task and the
 * attempts that are remembered. */
bool restart_is_due(const struct restarts *r, const Pb__Service *service, const Pb__Task *task);

/* Replace a task that stopped, or whose node is lost: it should be shut down from now on, and if
 * the policy allows there is a successor. Two changes at most. */
void restart_task(struct restarts *r, struct txn *t, const Pb__Service *service,
		  const Pb__Task *task);

/* Tell a task with desired state READY to run after the delay, and when `waits` nothing else of its
 * slot runs. */
void restart_start_later(struct restarts *r, struct txn *t, const Pb__Task *task, int64_t delay_ms,
			 bool waits);

/* Forget a service's attempts; it is gone. */
void restart_forget_service(struct restarts *r, const char *service_id);

#endif
