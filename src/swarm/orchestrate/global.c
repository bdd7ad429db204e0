/* Global services: one task on every node that takes part.
 *
 * A node takes part unless it is down or drained; there the tasks are shut down. Where the
 * constraints do not match they are shut down too; a paused node is left as it is. */
#include <string.h>

#include "swarm/orchestrate/orchestrate.h"
#include "swarm/orchestrate/restart.h"
#include "swarm/orchestrate/slot.h"
#include "swarm/orchestrate/update.h"
#include "swarm/schedule/constraint.h"
#include "swarm/task.h"

static bool constraints_of(const Pb__Service *service, struct constraints *c, struct arena *a)
{
	const Pb__Placement *placement = service->spec->task->placement;
	struct err e;

	*c = (struct constraints){ 0 };
	return !placement ||
	       constraints_parse(c, placement->constraints, placement->n_constraints, a, &e);
}

static bool shut_down(struct txn *t, const struct slot *slot)
{
	for (size_t i = 0; i < slot->count; i++) {
		if (slot->tasks[i]->desired_state >= PB__TASK_STATE__SHUTDOWN)
			continue;
		if (!txn_has_room(t, 1))
			return false;
		task_desire(t, slot->tasks[i]->id, PB__TASK_STATE__SHUTDOWN);
	}
	return true;
}

/* One node's part. `slot` is what is there, `node` NULL if it is gone. Slots that are the updater's
 * to look at are added to `settled`. */
static bool reconcile_node(const struct orchestra *o, struct txn *t, const Pb__Service *service,
			   const struct constraints *constraints, const Pb__Node *node,
			   const struct slot *slot, struct slots *settled)
{
	struct slot living;

	if (!node || node_is_invalid(node))
		return shut_down(t, slot);
	if (!constraints || !constraints_match(constraints, node))
		return shut_down(t, slot);
	if (node->spec->availability == PB__NODE_SPEC__AVAILABILITY__PAUSE)
		return true;
	living = slot_living(slot, txn_view(t), service, o->restarts, txn_arena(t));
	if (living.count > 0) {
		settled->items[settled->count++] = living;
		return true;
	}
	if (!txn_has_room(t, 1))
		return false;
	task_add(t, task_of_service(t, o->prng, service, 0, node->id));
	return true;
}

static bool reconcile(const struct orchestra *o, struct txn *t, const Pb__Service *service)
{
	struct arena *a = txn_arena(t);
	struct objects nodes = view_all(txn_view(t), OBJECT_NODE, a);
	struct slots slots = slots_of(txn_view(t), service, a);
	struct slots settled = { .items = arena_alloc(a, (slots.count + 1) * sizeof(struct slot)) };
	struct constraints parsed,
		*constraints = constraints_of(service, &parsed, a) ? &parsed : NULL;
	size_t n = 0, s = 0;
	bool done = true;

	/* Nodes and slots both in order of node ids. */
	while (done && (n < nodes.count || s < slots.count)) {
		const Pb__Node *node = n < nodes.count ? nodes.items[n] : NULL;
		const struct slot *slot = s < slots.count ? &slots.items[s] : NULL;
		int order = !node ? 1 : !slot ? -1 : strcmp(node->id, slot->node_id);
		struct slot none = { .node_id = node ? node->id : "" };

		done = reconcile_node(o, t, service, constraints, order <= 0 ? node : NULL,
				      order >= 0 ? slot : &none, &settled);
		n += order <= 0;
		s += order >= 0;
	}
	update_service(o->updates, t, service, &settled);
	return done;
}

static bool node_changed(const struct orchestra *o, struct txn *t, const Pb__Service *service,
			 const char *node_id)
{
	struct arena *a = txn_arena(t);
	struct objects tasks = tasks_of_slot(txn_view(t), service, 0, node_id, a);
	struct slot slot = { 0, node_id, (const Pb__Task **)tasks.items, tasks.count };
	struct slot place[1];
	struct slots settled = { place, 0 };
	struct constraints parsed,
		*constraints = constraints_of(service, &parsed, a) ? &parsed : NULL;

	return reconcile_node(o, t, service, constraints, view_node(txn_view(t), node_id), &slot,
			      &settled);
}

static bool replace(const struct orchestra *o, struct txn *t, const Pb__Service *service,
		    const Pb__Task *task)
{
	if (node_is_invalid(view_node(txn_view(t), task->node_id)))
		task_desire(t, task->id, PB__TASK_STATE__SHUTDOWN);
	else
		restart_task(o->restarts, t, service, task);
	return true;
}

const struct mode mode_global = { reconcile, replace, node_changed };
