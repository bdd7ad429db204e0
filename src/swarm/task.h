/* Tasks as the manager makes and reads them.
 *
 * A task's state is what is, and each state has one owner (allocator, scheduler, agent); its
 * desired state is what should be, and only the manager writes it. Neither ever goes back. A task
 * is used once: what has stopped is replaced by a new task in the same slot. */
#ifndef SHOAL_SWARM_TASK_H
#define SHOAL_SWARM_TASK_H

#include "store/txn.h"

struct prng;

/* A new task of the service, in txn_arena(), not yet created: state NEW, desired RUNNING (jobs:
 * COMPLETE). `node_id` is "" where the scheduler chooses. */
Pb__Task *task_of_service(struct txn *t, struct prng *prng, const Pb__Service *service,
			  uint64_t slot, const char *node_id);
/* Create what task_of_service() made. */
void task_add(struct txn *t, Pb__Task *task);

/* Raise the desired state; does nothing if it is there or beyond already, or if the task is gone.
 */
void task_desire(struct txn *t, const char *task_id, Pb__TaskState desired);
/* In txn_arena(): a status to put into an edited task in the place of its own. */
Pb__TaskStatus *task_status(struct txn *t, const Pb__Task *task, Pb__TaskState state,
			    const char *message, const char *err);

/* What ran on a node that was removed is nobody's: ORPHANED. False if the transaction is too full
 * for all of them. */
bool tasks_orphan(struct txn *t, const char *node_id);

static inline Pb__TaskState task_state(const Pb__Task *task)
{
	return task->status->state;
}

/* On a node and not known to have stopped there. */
static inline bool task_is_on_node(const Pb__Task *task)
{
	return task->status->state >= PB__TASK_STATE__ASSIGNED &&
	       task->status->state <= PB__TASK_STATE__RUNNING;
}

static inline bool task_has_stopped(const Pb__Task *task)
{
	return task->status->state > PB__TASK_STATE__RUNNING;
}

/* When the status was written: by the manager's clock where that is known. */
int64_t task_stamp_ns(const Pb__Task *task);

static inline bool service_is_global(const Pb__Service *s)
{
	return s->spec->mode_case == PB__SERVICE_SPEC__MODE_GLOBAL ||
	       s->spec->mode_case == PB__SERVICE_SPEC__MODE_GLOBAL_JOB;
}

static inline bool service_is_job(const Pb__Service *s)
{
	return s->spec->mode_case == PB__SERVICE_SPEC__MODE_REPLICATED_JOB ||
	       s->spec->mode_case == PB__SERVICE_SPEC__MODE_GLOBAL_JOB;
}

static inline uint64_t version_index(const Pb__Version *v)
{
	return v ? v->index : 0;
}

/* Tasks that should stay: RUNNING, or COMPLETE for those of jobs. */
static inline bool task_is_wanted(const Pb__Task *task)
{
	return task->desired_state <= PB__TASK_STATE__COMPLETE;
}

/* Down, drained or gone: its tasks belong elsewhere. */
bool node_is_invalid(const Pb__Node *node);
static inline bool node_is_down(const Pb__Node *node)
{
	return !node || node->status->state == PB__NODE_STATUS__STATE__DOWN;
}

/* Is there room for so many more changes? */
static inline bool txn_has_room(const struct txn *t, size_t changes)
{
	return txn_count(t) + changes <= TXN_ACTIONS_MAX && !txn_is_full(t);
}

/* The tasks beside which this one stands: of its slot, or in global services of its node. */
struct objects tasks_of_slot(const struct view *v, const Pb__Service *service, uint64_t slot,
			     const char *node_id, struct arena *a);

#endif
