#include "swarm/orchestrate/enforcer.h"

#include <string.h>

#include "swarm/marks.h"
#include "swarm/schedule/constraint.h"
#include "swarm/schedule/resource.h"
#include "swarm/task.h"

struct enforcer {
	struct marks nodes;
};

struct enforcer *enforcer_new(void)
{
	struct enforcer *f = NEW(struct enforcer);

	marks_init(&f->nodes);
	return f;
}

/* The service's constraints of today hold for tasks of yesterday. */
static bool node_matches(const struct view *v, const Pb__Task *task, const Pb__Node *node,
			 struct arena *a)
{
	const Pb__Service *service = view_service(v, task->service_id);
	const Pb__Placement *placement =
		service ? service->spec->task->placement : task->spec->placement;
	struct constraints c;
	struct err e;

	if (!placement || placement->n_constraints == 0)
		return true;
	/* What does not parse was never accepted by us; leave its tasks be. */
	return !constraints_parse(&c, placement->constraints, placement->n_constraints, a, &e) ||
	       constraints_match(&c, node);
}

static bool is_concerned(const Pb__Task *task)
{
	return task->desired_state >= PB__TASK_STATE__ASSIGNED &&
	       task->desired_state <= PB__TASK_STATE__COMPLETE &&
	       task_state(task) >= PB__TASK_STATE__ASSIGNED &&
	       task_state(task) < PB__TASK_STATE__COMPLETE;
}

static void reject(struct txn *t, const char *id)
{
	Pb__Task *task = txn_edit_task(t, id);

	task->status = task_status(t, task, PB__TASK_STATE__REJECTED,
				   "task rejected by constraint enforcer",
				   "assigned node no longer meets constraints");
	txn_put(t, task);
}

/* False if the transaction is full. */
static bool enforce(struct txn *t, const Pb__Node *node)
{
	struct arena *a = txn_arena(t);
	struct objects tasks = view_tasks_of_node(txn_view(t), node->id, a);
	struct free_resources free = free_resources_of(node, a);
	bool says_what_it_has = node->description && node->description->resources;
	const Pb__Task *task;

	objects_each (tasks, Pb__Task, task) {
		if (!is_concerned(task))
			continue;
		if (!node_matches(txn_view(t), task, node, a) ||
		    (says_what_it_has && !free_resources_take(&free, task))) {
			if (!txn_has_room(t, 1))
				return false;
			reject(t, task->id);
		}
	}
	return true;
}

static void mark(struct enforcer *f, const struct change *c)
{
	const Pb__Node *old = c->old, *new = c->new;

	if (c->kind != OBJECT_NODE || !new)
		return;
	if (!old || old->role != new->role || strcmp(old->status->addr, new->status->addr) != 0 ||
	    !pb_equal(old->spec, new->spec) || !pb_equal(old->description, new->description))
		marks_add(&f->nodes, new->id);
}

static void notice(void *self, const struct change *c, struct now now)
{
	mark(self, c);
}

static void lead(void *self, const struct view *v, struct now now)
{
	AUTO_ARENA struct arena a = { 0 };
	struct objects nodes = view_all(v, OBJECT_NODE, &a);

	for (size_t i = 0; i < nodes.count; i++)
		marks_add(&((struct enforcer *)self)->nodes, object_id(nodes.items[i]));
}

static void decide(void *self, struct txn *t)
{
	struct enforcer *f = self;
	size_t count;
	const struct change *changes = txn_changes(t, &count);
	const char *id;

	for (size_t i = 0; i < count; i++)
		mark(f, &changes[i]);
	while (!txn_is_full(t) && (id = marks_take(&f->nodes, txn_arena(t)))) {
		const Pb__Node *node = view_node(txn_view(t), id);

		if (node && node->spec->availability == PB__NODE_SPEC__AVAILABILITY__ACTIVE &&
		    !enforce(t, node)) {
			marks_add(&f->nodes, id);
			return;
		}
	}
}

static int64_t deadline(const void *self)
{
	return marks_are_empty(&((const struct enforcer *)self)->nodes) ? NEVER_MS : 0;
}

static void resign(void *self)
{
	marks_clear(&((struct enforcer *)self)->nodes);
}

struct controller enforcer_controller(struct enforcer *f)
{
	return (struct controller){ "enforce", f, lead, notice, decide, deadline, resign };
}

void enforcer_free(struct enforcer *f)
{
	if (!f)
		return;
	resign(f);
	free(f);
}
