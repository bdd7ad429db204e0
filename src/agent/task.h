/* Inside agent/: the machine of one task.
 *
 *   ASSIGNED ──► ACCEPTED ──► PREPARING ──prepare──► READY ──► STARTING ──start──► RUNNING ──►
 * COMPLETE │                 (waits for                       │ ▼ it failed        desired RUNNING)
 * ▼ it failed REJECTED                                            FAILED
 *
 * Anything up to RUNNING whose desired state is SHUTDOWN or later is stopped and becomes SHUTDOWN.
 * A state never goes back, and never passes the desired one. A failure that may pass is tried again
 * after a second, without a change of state. */
#ifndef SHOAL_AGENT_TASK_H
#define SHOAL_AGENT_TASK_H

#include "base/heap.h"
#include "base/list.h"
#include "base/now.h"
#include "base/tree.h"
#include "pb/pb.h"

struct agent;
struct executor_event;

enum task_command { TASK_NOTHING, TASK_PREPARE, TASK_START, TASK_STOP, TASK_REMOVE };

struct agent_task {
	struct tree_node by_id;
	struct list dirty;      /* on agent.dirty: to be looked at in this turn */
	struct list unreported; /* on agent.unreported: its status is news */
	struct heap_node retry; /* when to try again */
	Pb__Task *task;         /* as assigned, with our own status; in `memory` */
	struct arena memory;
	enum task_command command; /* under way */
	uint64_t ticket;
	struct tree_node by_ticket;
	bool is_unknown; /* the manager says we had begun it, and we have no record: it ends */
	bool is_found;   /* after a restart: the executor has it */
	bool is_gone;    /* the manager removed it: it only waits for its container to go */
	uint64_t report; /* counts statuses, to know which one was acknowledged */
};

void task_new(struct agent *a, const Pb__Task *assigned);
/* The manager changed what it wants. */
void task_update(struct agent *a, struct agent_task *t, const Pb__Task *assigned);
void task_drop(struct agent *a, struct agent_task *t);
void task_free(struct agent *a, struct agent_task *t);

/* Take the next step, if there is one. */
void task_step(struct agent *a, struct agent_task *t, struct now now);
void task_executor_event(struct agent *a, struct agent_task *t, const struct executor_event *ev,
			 struct now now);

#endif
