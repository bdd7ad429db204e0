#include "swarm/task.h"

#include <string.h>

#include "base/id.h"
#include "base/prng.h"
#include "swarm/span.h"

Pb__Task *task_of_service(struct txn *t, struct prng *prng, const Pb__Service *service,
			  uint64_t slot, const char *node_id)
{
	struct arena *a = txn_arena(t);
	const Pb__Cluster *cluster = view_cluster(txn_view(t));
	Pb__Task *task = PB_NEW(a, task);
	char id[OBJECT_ID_LEN + 1];

	do {
		object_id_new(prng, id);
	} while (view_task(txn_view(t), id));
	task->id = arena_strdup(a, id);
	/* Both outlive the transaction's use of them: borrowed, not copied. */
	task->service_annotations = service->spec->annotations;
	task->spec = service->spec->task;
	task->spec_version = service->spec_version;
	task->service_id = service->id;
	task->slot = slot;
	task->node_id = arena_strdup(a, node_id);
	task->endpoint = PB_NEW(a, endpoint);
	task->endpoint->spec = service->spec->endpoint;
	task->desired_state = PB__TASK_STATE__RUNNING;
	task->log_driver = task->spec->log_driver;
	if (!task->log_driver && cluster)
		task->log_driver = cluster->spec->task_defaults->log_driver;
	if (service_is_job(service)) {
		task->desired_state = PB__TASK_STATE__COMPLETE;
		task->job_iteration = service->job_status ? service->job_status->job_iteration
							  : PB_NEW(a, version);
	}
	task->status->state = PB__TASK_STATE__NEW;
	task->status->message = "created";
	task->status->timestamp = moment(a, txn_now(t).wall_ns);
	return task;
}

void task_add(struct txn *t, Pb__Task *task)
{
	txn_put(t, task);
}

void task_desire(struct txn *t, const char *task_id, Pb__TaskState desired)
{
	const Pb__Task *now = view_task(txn_view(t), task_id);
	Pb__Task *task;

	if (!now || now->desired_state >= desired)
		return;
	task = txn_edit_task(t, task_id);
	task->desired_state = desired;
	txn_put(t, task);
}

Pb__TaskStatus *task_status(struct txn *t, const Pb__Task *task, Pb__TaskState state,
			    const char *message, const char *err)
{
	struct arena *a = txn_arena(t);
	Pb__TaskStatus *status = pb_dup(a, task->status);

	status->state = state;
	status->message = arena_strdup(a, message);
	status->err = arena_strdup(a, err);
	status->timestamp = moment(a, txn_now(t).wall_ns);
	return status;
}

bool tasks_orphan(struct txn *t, const char *node_id)
{
	struct objects tasks = view_tasks_of_node(txn_view(t), node_id, txn_arena(t));
	const Pb__Task *task;

	objects_each (tasks, Pb__Task, task) {
		Pb__Task *edit;

		if (!task_is_on_node(task))
			continue;
		if (!txn_has_room(t, 1))
			return false;
		edit = txn_edit_task(t, task->id);
		edit->status = task_status(t, edit, PB__TASK_STATE__ORPHANED,
					   "Task belonged to a node that has been deleted", "");
		txn_put(t, edit);
	}
	return true;
}

int64_t task_stamp_ns(const Pb__Task *task)
{
	return moment_ns(task->status->applied_at ? task->status->applied_at
						  : task->status->timestamp);
}

bool node_is_invalid(const Pb__Node *node)
{
	return node_is_down(node) || node->spec->availability == PB__NODE_SPEC__AVAILABILITY__DRAIN;
}

struct objects tasks_of_slot(const struct view *v, const Pb__Service *service, uint64_t slot,
			     const char *node_id, struct arena *a)
{
	struct objects all, mine = { 0 };
	const Pb__Task *task;

	if (!service_is_global(service))
		return view_tasks_of_slot(v, service->id, slot, a);
	all = view_tasks_of_node(v, node_id, a);
	mine.items = all.items;
	objects_each (all, Pb__Task, task)
		if (strcmp(task->service_id, service->id) == 0)
			mine.items[mine.count++] = task;
	return mine;
}
