#include <string.h>

#include "swarm/control/inside.h"
#include "swarm/orchestrate/dirty.h"
#include "swarm/task.h"

const void *control_get_task(struct control *c, const void *message, struct err *e)
{
	const Pb__GetTaskRequest *request = message;
	const Pb__Task *task = view_task(c->view, request->task_id);
	Pb__GetTaskResponse *response = PB_NEW(c->arena, get_task_response);

	if (!request->task_id[0])
		return refuse_argument(e);
	if (!task)
		return refuse_missing(e, OBJECT_TASK, request->task_id);
	response->task = (Pb__Task *)task;
	return response;
}

const void *control_remove_task(struct control *c, const void *message, struct err *e)
{
	const Pb__RemoveTaskRequest *request = message;

	if (!request->task_id[0])
		return refuse_argument(e);
	if (!view_task(c->view, request->task_id))
		return refuse_missing(e, OBJECT_TASK, request->task_id);
	txn_remove(c->txn, OBJECT_TASK, request->task_id);
	return PB_NEW(c->arena, remove_task_response);
}

/* "web.1.<id>"; in a global service the node stands for the number. */
static const char *name_of(const Pb__Task *task, struct arena *a)
{
	const char *service = task->service_annotations->name;

	if (task->annotations->name[0])
		return task->annotations->name;
	if (task->slot != 0)
		return arena_printf(a, "%s.%llu.%s", service, (unsigned long long)task->slot,
				    task->id);
	return arena_printf(a, "%s.%s.%s", service, task->node_id, task->id);
}

static const char *runtime_of(const Pb__TaskSpec *spec)
{
	return spec->runtime_case == PB__TASK_SPEC__RUNTIME_GENERIC      ? spec->generic->kind
	       : spec->runtime_case == PB__TASK_SPEC__RUNTIME_ATTACHMENT ? "attachment"
									 : "container";
}

static bool is_up_to_date(const struct control *c, const Pb__Task *task)
{
	const Pb__Service *service = view_service(c->view, task->service_id);

	/* By what it says, not by its version: scaling leaves the tasks there are as they are. */
	if (!service || task_is_dirty(service, task, view_node(c->view, task->node_id)))
		return false;
	return !service->job_status ||
	       version_index(task->job_iteration) == service->job_status->job_iteration->index;
}

static bool is_kept(const struct control *c, const Pb__ListTasksRequest__Filters *f,
		    const Pb__Task *task)
{
	struct list_filter common = LIST_FILTER(f);
	const Pb__Annotations *about = task->service_annotations;
	bool has_state;

	if (!f)
		return true;
	if (!is_one_of(f->service_ids, f->n_service_ids, task->service_id) ||
	    !is_one_of(f->node_ids, f->n_node_ids, task->node_id) ||
	    !is_one_of(f->runtimes, f->n_runtimes, runtime_of(task->spec)))
		return false;
	has_state = f->n_desired_states == 0;
	for (size_t i = 0; i < f->n_desired_states; i++)
		has_state |= f->desired_states[i] == task->desired_state;
	return has_state && (!f->up_to_date || is_up_to_date(c, task)) &&
	       list_keeps(&common, task->id,
			  f->n_names || f->n_name_prefixes ? name_of(task, c->arena) : "",
			  about->labels, about->n_labels);
}

/* What indexes know is not searched in all tasks. */
static struct objects candidates(const struct control *c, const Pb__ListTasksRequest__Filters *f)
{
	if (f && f->n_service_ids == 1)
		return view_tasks_of_service(c->view, f->service_ids[0], c->arena);
	if (f && f->n_node_ids == 1)
		return view_tasks_of_node(c->view, f->node_ids[0], c->arena);
	return view_all(c->view, OBJECT_TASK, c->arena);
}

const void *control_list_tasks(struct control *c, const void *message, struct err *e)
{
	const Pb__ListTasksRequest__Filters *f = ((const Pb__ListTasksRequest *)message)->filters;
	struct objects all = candidates(c, f);
	Pb__ListTasksResponse *response = PB_NEW(c->arena, list_tasks_response);
	const Pb__Task *task;

	response->tasks = arena_alloc(c->arena, (all.count + 1) * sizeof(*response->tasks));
	objects_each (all, Pb__Task, task)
		if (is_kept(c, f, task))
			response->tasks[response->n_tasks++] = (Pb__Task *)task;
	return response;
}
