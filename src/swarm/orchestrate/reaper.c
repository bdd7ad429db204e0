#include "swarm/orchestrate/reaper.h"

#include <string.h>

#include "swarm/marks.h"
#include "swarm/task.h"

#define HISTORY_LIMIT 5 /* before there is a cluster object to say another */

struct reaper {
	struct marks tasks; /* whose slot may hold too many, or that may go at once */
};

struct reaper *reaper_new(void)
{
	struct reaper *r = NEW(struct reaper);

	marks_init(&r->tasks);
	return r;
}

/* Was never with an agent, or ended there: its addresses and ports are nobody's. */
static bool has_ended(const Pb__Task *task)
{
	return task_state(task) < PB__TASK_STATE__ASSIGNED ||
	       task_state(task) >= PB__TASK_STATE__COMPLETE;
}

/* What is still wanted is no history: it says that its slot is done. */
static bool may_go(const Pb__Task *task)
{
	return has_ended(task) && !task_is_wanted(task);
}

/* Slots keep their newest task in any case: it tells that there is nothing to be started. */
static size_t limit_of(const struct view *v, const Pb__Service *service)
{
	const Pb__RestartPolicy *restart = service->spec->task->restart;
	const Pb__Cluster *cluster = view_cluster(v);
	int64_t limit = cluster ? cluster->spec->orchestration->task_history_retention_limit
				: HISTORY_LIMIT;

	if (limit < 0)
		return SIZE_MAX;
	if (restart && restart->max_attempts > 0)
		return restart->max_attempts < SIZE_MAX - 1 ? restart->max_attempts + 1 : SIZE_MAX;
	return limit > 0 ? (size_t)limit : 1;
}

static int compare_age(const void *x, const void *y)
{
	const Pb__Task *a = *(const Pb__Task *const *)x, *b = *(const Pb__Task *const *)y;
	int64_t s = task_stamp_ns(a), u = task_stamp_ns(b);

	return s != u ? (s > u) - (s < u) : strcmp(a->id, b->id);
}

/* False if the transaction is full. */
static bool trim_slot(struct txn *t, const Pb__Service *service, const Pb__Task *of)
{
	struct objects tasks =
		tasks_of_slot(txn_view(t), service, of->slot, of->node_id, txn_arena(t));
	size_t limit = limit_of(txn_view(t), service), left = tasks.count;

	if (left <= limit)
		return true;
	qsort(tasks.items, tasks.count, sizeof(*tasks.items), compare_age);
	for (size_t i = 0; i < tasks.count && left > limit; i++) {
		if (!may_go(tasks.items[i]))
			continue;
		if (!txn_has_room(t, 1))
			return false;
		txn_remove(t, OBJECT_TASK, object_id(tasks.items[i]));
		left--;
	}
	return true;
}

static bool reap(struct txn *t, const Pb__Task *task)
{
	const Pb__Service *service = view_service(txn_view(t), task->service_id);
	bool is_orphan = task_state(task) == PB__TASK_STATE__ORPHANED && !service;

	if (is_orphan || (task->desired_state == PB__TASK_STATE__REMOVE && has_ended(task))) {
		txn_remove(t, OBJECT_TASK, task->id);
		return true;
	}
	return !service || trim_slot(t, service, task);
}

static void mark(struct reaper *r, const Pb__Task *task)
{
	marks_add(&r->tasks, task->id);
}

static void lead(void *self, const struct view *v, struct now now)
{
	AUTO_ARENA struct arena a = { 0 };
	struct objects tasks = view_all(v, OBJECT_TASK, &a);
	const Pb__Task *task;

	objects_each (tasks, Pb__Task, task)
		mark(self, task);
}

/* Movements on the way up make nothing superfluous. */
static void notice(void *self, const struct change *c, struct now now)
{
	const Pb__Task *old = c->old, *new = c->new;

	if (c->kind != OBJECT_TASK || !new)
		return;
	if (!old || old->desired_state != new->desired_state || task_has_stopped(new))
		mark(self, new);
}

static void decide(void *self, struct txn *t)
{
	struct reaper *r = self;
	const char *id;

	while (!txn_is_full(t) && (id = marks_take(&r->tasks, txn_arena(t)))) {
		const Pb__Task *task = view_task(txn_view(t), id);

		if (task && !reap(t, task)) {
			marks_add(&r->tasks, id);
			return;
		}
	}
}

static int64_t deadline(const void *self)
{
	return marks_are_empty(&((const struct reaper *)self)->tasks) ? NEVER_MS : 0;
}

static void resign(void *self)
{
	marks_clear(&((struct reaper *)self)->tasks);
}

struct controller reaper_controller(struct reaper *r)
{
	return (struct controller){ "reaper", r, lead, notice, decide, deadline, resign };
}

void reaper_free(struct reaper *r)
{
	if (!r)
		return;
	resign(r);
	free(r);
}
