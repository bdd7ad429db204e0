/* Jobs: tasks that should run to completion, so many times or once a node.
 *
 * Each change of the service is another iteration; tasks of earlier ones that have not ended are
 * removed. A failed task is replaced as its restart policy says; a completed one never. */
#include <string.h>

#include "swarm/orchestrate/orchestrate.h"
#include "swarm/orchestrate/restart.h"
#include "swarm/schedule/constraint.h"
#include "swarm/task.h"

static uint64_t iteration_of(const Pb__Service *service)
{
	return service->job_status ? service->job_status->job_iteration->index : 0;
}

static bool remove_task(struct txn *t, const Pb__Task *task)
{
	if (task->desired_state >= PB__TASK_STATE__REMOVE)
		return true;
	if (!txn_has_room(t, 1))
		return false;
	task_desire(t, task->id, PB__TASK_STATE__REMOVE);
	return true;
}

static bool replace(const struct orchestra *o, struct txn *t, const Pb__Service *service,
		    const Pb__Task *task)
{
	if (task_state(task) == PB__TASK_STATE__COMPLETE ||
	    version_index(task->job_iteration) != iteration_of(service))
		return true;
	restart_task(o->restarts, t, service, task);
	return true;
}

/* ---- replicated ---- */

static bool reconcile_replicated(const struct orchestra *o, struct txn *t,
				 const Pb__Service *service)
{
	struct arena *a = txn_arena(t);
	const Pb__ReplicatedJob *spec = service->spec->replicated_job;
	struct objects tasks = view_tasks_of_service(txn_view(t), service->id, a);
	uint64_t completed = 0, running = 0, left, most, next = 0;
	size_t at = 0;
	const Pb__Task *task;

	objects_each (tasks, Pb__Task, task) {
		if (version_index(task->job_iteration) != iteration_of(service)) {
			if (!task_has_stopped(task) && !remove_task(t, task))
				return false;
		} else if (task_state(task) == PB__TASK_STATE__COMPLETE) {
			completed++;
		} else if (task_is_wanted(task)) {
			running++;
		}
	}
	left = spec->total_completions > completed + running
		       ? spec->total_completions - completed - running
		       : 0;
	most = spec->max_concurrent > running ? spec->max_concurrent - running : 0;
	if (left > most)
		left = most;

	/* Into the lowest numbers that no task of this iteration has used; the list is in their
	 * order. A number whose task gave up for good stays used. */
	for (; left > 0; next++) {
		bool is_used = false;

		for (; at < tasks.count && ((const Pb__Task *)tasks.items[at])->slot <= next;
		     at++) {
			task = tasks.items[at];
			is_used |= task->slot == next &&
				   version_index(task->job_iteration) == iteration_of(service);
		}
		if (is_used)
			continue;
		if (next >= spec->total_completions)
			break;
		if (!txn_has_room(t, 1))
			return false;
		task_add(t, task_of_service(t, o->prng, service, next, ""));
		left--;
	}
	return true;
}

const struct mode mode_replicated_job = { reconcile_replicated, replace, NULL };

/* ---- global ---- */

static bool node_takes_part(const Pb__Service *service, const Pb__Node *node, struct arena *a)
{
	const Pb__Placement *placement = service->spec->task->placement;
	struct constraints c;
	struct err e;

	if (node->status->state != PB__NODE_STATUS__STATE__READY ||
	    node->spec->availability != PB__NODE_SPEC__AVAILABILITY__ACTIVE)
		return false;
	return !placement ||
	       (constraints_parse(&c, placement->constraints, placement->n_constraints, a, &e) &&
		constraints_match(&c, node));
}

static bool reconcile_node(const struct orchestra *o, struct txn *t, const Pb__Service *service,
			   const char *node_id)
{
	struct arena *a = txn_arena(t);
	const Pb__Node *node = view_node(txn_view(t), node_id);
	struct objects tasks = tasks_of_slot(txn_view(t), service, 0, node_id, a);
	bool has_one = false;
	const Pb__Task *task;

	objects_each (tasks, Pb__Task, task) {
		if (version_index(task->job_iteration) != iteration_of(service)) {
			if (!task_has_stopped(task) && !remove_task(t, task))
				return false;
			continue;
		}
		has_one |= task_is_wanted(task) || task_has_stopped(task);
		if (node_is_invalid(node) && task_is_wanted(task) &&
		    task_state(task) != PB__TASK_STATE__COMPLETE) {
			if (!txn_has_room(t, 1))
				return false;
			task_desire(t, task->id, PB__TASK_STATE__SHUTDOWN);
		}
	}
	if (has_one || !node || !node_takes_part(service, node, a))
		return true;
	if (!txn_has_room(t, 1))
		return false;
	task_add(t, task_of_service(t, o->prng, service, 0, node_id));
	return true;
}

static bool reconcile_global(const struct orchestra *o, struct txn *t, const Pb__Service *service)
{
	struct objects nodes = view_all(txn_view(t), OBJECT_NODE, txn_arena(t));

	for (size_t i = 0; i < nodes.count; i++)
		if (!reconcile_node(o, t, service, object_id(nodes.items[i])))
			return false;
	return true;
}

static bool replace_global(const struct orchestra *o, struct txn *t, const Pb__Service *service,
			   const Pb__Task *task)
{
	if (!node_is_invalid(view_node(txn_view(t), task->node_id)))
		return replace(o, t, service, task);
	if (!task_has_stopped(task))
		task_desire(t, task->id, PB__TASK_STATE__SHUTDOWN);
	return true;
}

const struct mode mode_global_job = { reconcile_global, replace_global, reconcile_node };
