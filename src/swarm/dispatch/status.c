/* Task statuses: the newest of each task waits here until a transaction takes it. A task never goes
 * back to an earlier state, whoever says so. */
#include <string.h>

#include "swarm/dispatch/inside.h"

static struct reported *reported_find(const struct dispatch *d, const char *id)
{
	return tree_entry(tree_find(&d->reported, id), struct reported, by_task);
}

static void reported_free(struct dispatch *d, struct reported *r)
{
	tree_remove(&d->reported, &r->by_task);
	list_remove(&r->link);
	arena_clear(&r->memory);
	free(r);
}

void status_clear(struct dispatch *d)
{
	struct reported *r;

	list_each (&d->reported_order, struct reported, link, r)
		reported_free(d, r);
}

static void keep(struct dispatch *d, const char *id, const Pb__TaskStatus *status)
{
	struct reported *r = reported_find(d, id);

	if (!r) {
		r = xcalloc(1, sizeof(*r) + strlen(id) + 1);
		strcpy(r->id, id);
		tree_insert(&d->reported, id, &r->by_task);
		list_push_back(&d->reported_order, &r->link);
	}
	arena_clear(&r->memory);
	r->status = pb_dup(&r->memory, status);
}

bool status_report(struct dispatch *d, const char *node_id,
		   const Pb__UpdateTaskStatusRequest *request, struct err *e)
{
	const struct view *v = store_view(d->config.store);

	for (size_t i = 0; i < request->n_updates; i++) {
		const Pb__Task *t = view_task(v, request->updates[i]->task_id);

		if (t && strcmp(t->node_id, node_id) != 0)
			return fail(e, ERR_DENIED, "cannot update a task not assigned this node");
	}
	for (size_t i = 0; i < request->n_updates; i++)
		if (request->updates[i]->status && view_task(v, request->updates[i]->task_id))
			keep(d, request->updates[i]->task_id, request->updates[i]->status);
	return true;
}

static void apply(struct dispatch *d, struct txn *t, const struct reported *r)
{
	const Pb__Task *task = view_task(txn_view(t), r->id);
	struct now now = txn_now(t);
	Pb__TaskStatus *status;
	Pb__Task *edit;

	if (!task || r->status->state < task->status->state)
		return;
	status = pb_dup(txn_arena(t), r->status);
	status->applied_by = (char *)d->config.node_id;
	status->applied_at = task->status->applied_at;
	if (pb_equal(status, task->status))
		return;
	status->applied_at = PB_NEW(txn_arena(t), timestamp);
	status->applied_at->seconds = now.wall_ns / 1000000000;
	status->applied_at->nanos = (int32_t)(now.wall_ns % 1000000000);
	edit = txn_edit_task(t, r->id);
	edit->status = status;
	txn_put(t, edit);
}

void status_decide(struct dispatch *d, struct txn *t)
{
	struct reported *r;

	list_each (&d->reported_order, struct reported, link, r) {
		if (txn_is_full(t))
			return;
		apply(d, t, r);
		reported_free(d, r);
	}
}
