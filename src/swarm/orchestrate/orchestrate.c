#include "swarm/orchestrate/orchestrate.h"

#include "base/log.h"
#include "swarm/marks.h"
#include "swarm/orchestrate/restart.h"
#include "swarm/orchestrate/update.h"
#include "swarm/task.h"

struct orchestrate {
	struct orchestra with;
	struct marks services; /* to be looked at as a whole */
	struct marks tasks;    /* stopped, or on a lost node */
	struct marks nodes;    /* came, went or changed */
	struct marks globals;  /* services with a task a node; not work, but what nodes matter to */
};

static const struct mode *mode_of(const Pb__Service *service)
{
	switch (service->spec->mode_case) {
	case PB__SERVICE_SPEC__MODE_REPLICATED:
		return &mode_replicated;
	case PB__SERVICE_SPEC__MODE_GLOBAL:
		return &mode_global;
	case PB__SERVICE_SPEC__MODE_REPLICATED_JOB:
		return &mode_replicated_job;
	case PB__SERVICE_SPEC__MODE_GLOBAL_JOB:
		return &mode_global_job;
	default:
		return NULL;
	}
}

struct orchestrate *orchestrate_new(const struct orchestra *with)
{
	struct orchestrate *o = NEW(struct orchestrate);

	o->with = *with;
	marks_init(&o->services);
	marks_init(&o->tasks);
	marks_init(&o->nodes);
	marks_init(&o->globals);
	return o;
}

static void mark_service(struct orchestrate *o, const struct change *c)
{
	const Pb__Service *service = c->new ? c->new : c->old;

	marks_add(&o->services, service->id);
	if (c->new &&service_is_global(service))
		marks_add(&o->globals, service->id);
	else
		marks_remove(&o->globals, service->id);
}

static void mark_task(struct orchestrate *o, const struct change *c)
{
	const Pb__Task *task = c->new;

	if (!task) {
		task = c->old;
		if (task->desired_state != PB__TASK_STATE__REMOVE && task->service_id[0])
			marks_add(&o->services, task->service_id);
		return;
	}
	if (task_has_stopped(task)) {
		if (task_is_wanted(task))
			marks_add(&o->tasks, task->id);
		/* A job counts what it has done. */
		if (task->job_iteration)
			marks_add(&o->services, task->service_id);
	}
}

static void mark_node(struct orchestrate *o, const struct change *c)
{
	const Pb__Node *old = c->old, *new = c->new;

	if (!old || !new || old->status->state != new->status->state || old->role != new->role ||
	    !pb_equal(old->spec, new->spec) || !pb_equal(old->description, new->description))
		marks_add(&o->nodes, object_id(new ? new : old));
}

static void mark(struct orchestrate *o, const struct change *c)
{
	if (c->kind == OBJECT_SERVICE)
		mark_service(o, c);
	else if (c->kind == OBJECT_TASK)
		mark_task(o, c);
	else if (c->kind == OBJECT_NODE)
		mark_node(o, c);
}

static void notice(void *self, const struct change *c, struct now now)
{
	mark(self, c);
}

static void lead(void *self, const struct view *v, struct now now)
{
	AUTO_ARENA struct arena a = { 0 };
	static const enum object_kind kinds[] = { OBJECT_NODE, OBJECT_SERVICE, OBJECT_TASK };

	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		struct objects all = view_all(v, kinds[k], &a);

		for (size_t i = 0; i < all.count; i++)
			mark(self,
			     &(struct change){ CHANGE_CREATED, kinds[k], NULL, all.items[i] });
		/* A task without its service is found through the id that it names. */
		if (kinds[k] == OBJECT_TASK)
			for (size_t i = 0; i < all.count; i++) {
				const Pb__Task *task = all.items[i];

				if (task->service_id[0] && !view_service(v, task->service_id))
					marks_add(&((struct orchestrate *)self)->services,
						  task->service_id);
			}
	}
}

/* ---- decide ---- */

/* Nobody wants the tasks of a service that is gone: they stop, and then the reaper takes them. */
static bool remove_tasks(struct orchestrate *o, struct txn *t, const char *service_id)
{
	struct objects tasks = view_tasks_of_service(txn_view(t), service_id, txn_arena(t));
	const Pb__Task *task;

	objects_each (tasks, Pb__Task, task) {
		if (task->desired_state >= PB__TASK_STATE__REMOVE)
			continue;
		if (!txn_has_room(t, 1))
			return false;
		task_desire(t, task->id, PB__TASK_STATE__REMOVE);
	}
	return true;
}

static bool service_step(struct orchestrate *o, struct txn *t, const char *id)
{
	const Pb__Service *service = view_service(txn_view(t), id);
	const struct mode *mode;

	if (!service)
		return remove_tasks(o, t, id);
	mode = mode_of(service);
	return !mode || mode->service(&o->with, t, service);
}

static bool task_step(struct orchestrate *o, struct txn *t, const char *id)
{
	const Pb__Task *task = view_task(txn_view(t), id);
	const Pb__Service *service = task ? view_service(txn_view(t), task->service_id) : NULL;
	const struct mode *mode = service ? mode_of(service) : NULL;

	if (!mode || !task_is_wanted(task))
		return true;
	if (!task_has_stopped(task) &&
	    !(task->node_id[0] && node_is_invalid(view_node(txn_view(t), task->node_id))))
		return true;
	return mode->task(&o->with, t, service, task);
}

static bool node_step(struct orchestrate *o, struct txn *t, const char *id)
{
	const struct view *v = txn_view(t);
	struct arena *a = txn_arena(t);
	size_t count;
	const char **globals = marks_all(&o->globals, a, &count);

	if (!view_node(v, id) && !tasks_orphan(t, id))
		return false;
	if (node_is_invalid(view_node(v, id))) {
		struct objects tasks = view_tasks_of_node(v, id, a);
		const Pb__Task *task;

		objects_each (tasks, Pb__Task, task)
			if (task_is_wanted(task))
				marks_add(&o->tasks, task->id);
	}
	for (size_t i = 0; i < count; i++) {
		const Pb__Service *service = view_service(v, globals[i]);

		if (service && service_is_global(service) &&
		    !mode_of(service)->node(&o->with, t, service, id))
			return false;
	}
	return true;
}

static void work_off(struct orchestrate *o, struct txn *t, struct marks *marks, size_t changes,
		     bool (*step)(struct orchestrate *o, struct txn *t, const char *id))
{
	const char *id;

	while (txn_has_room(t, changes) && (id = marks_take(marks, txn_arena(t)))) {
		if (!step(o, t, id)) {
			marks_add(marks, id);
			return;
		}
	}
}

static void decide(void *self, struct txn *t)
{
	struct orchestrate *o = self;
	size_t count;
	const struct change *changes = txn_changes(t, &count);

	for (size_t i = 0; i < count; i++)
		mark(o, &changes[i]);
	work_off(o, t, &o->nodes, 1, node_step);
	work_off(o, t, &o->services, 1, service_step);
	work_off(o, t, &o->tasks, 2, task_step);
}

static int64_t deadline(const void *self)
{
	const struct orchestrate *o = self;

	return marks_are_empty(&o->services) && marks_are_empty(&o->tasks) &&
			       marks_are_empty(&o->nodes)
		       ? NEVER_MS
		       : 0;
}

static void resign(void *self)
{
	struct orchestrate *o = self;

	marks_clear(&o->services);
	marks_clear(&o->tasks);
	marks_clear(&o->nodes);
	marks_clear(&o->globals);
}

struct controller orchestrate_controller(struct orchestrate *o)
{
	return (struct controller){ "orchestrate", o, lead, notice, decide, deadline, resign };
}

void orchestrate_free(struct orchestrate *o)
{
	if (!o)
		return;
	resign(o);
	free(o);
}
