/* Replicated services: so many slots, numbered from 1, with one running task each.
 *
 * Too few slots: the lowest free numbers are filled. Too many: those stay that run, spread over
 * nodes; the tasks of the others are to be removed, and the reaper deletes them when they have
 * stopped, so that nothing of theirs is used again too early. */
#include <string.h>

#include "base/log.h"
#include "swarm/orchestrate/orchestrate.h"
#include "swarm/orchestrate/restart.h"
#include "swarm/orchestrate/slot.h"
#include "swarm/orchestrate/update.h"
#include "swarm/task.h"

struct parted {
	struct slots living; /* their tasks are those of slot_living() */
	struct slots dead;
};

static struct parted part(const struct orchestra *o, const struct view *v,
			  const Pb__Service *service, struct arena *a)
{
	struct slots all = slots_of(v, service, a);
	struct parted p = {
		.living.items = arena_alloc(a, (all.count + 1) * sizeof(struct slot)),
		.dead.items = arena_alloc(a, (all.count + 1) * sizeof(struct slot)),
	};

	for (size_t i = 0; i < all.count; i++) {
		struct slot living = slot_living(&all.items[i], v, service, o->restarts, a);

		if (living.count > 0)
			p.living.items[p.living.count++] = living;
		else
			p.dead.items[p.dead.count++] = all.items[i];
	}
	return p;
}

/* False if the transaction is full. */
static bool remove_slot(struct txn *t, const struct slot *slot)
{
	for (size_t i = 0; i < slot->count; i++) {
		if (slot->tasks[i]->desired_state >= PB__TASK_STATE__REMOVE)
			continue;
		if (!txn_has_room(t, 1))
			return false;
		task_desire(t, slot->tasks[i]->id, PB__TASK_STATE__REMOVE);
	}
	return true;
}

/* A number that lives again keeps its history. */
static bool remove_dead(struct txn *t, const struct parted *p, uint64_t but_up_to)
{
	for (size_t i = 0; i < p->dead.count; i++)
		if (p->dead.items[i].number > but_up_to && !remove_slot(t, &p->dead.items[i]))
			return false;
	return true;
}

/* Fill the lowest free numbers; *last is the highest one that was used. Walks the living slots
 * beside the numbers: both are in order. */
static bool add_tasks(const struct orchestra *o, struct txn *t, const Pb__Service *service,
		      const struct slots *living, uint64_t missing, uint64_t *last)
{
	size_t at = 0;

	for (uint64_t number = 1; missing > 0; number++) {
		while (at < living->count && living->items[at].number < number)
			at++;
		if (at < living->count && living->items[at].number == number)
			continue;
		if (!txn_has_room(t, 1))
			return false;
		task_add(t, task_of_service(t, o->prng, service, number, ""));
		*last = number;
		missing--;
	}
	return true;
}

static bool reconcile(const struct orchestra *o, struct txn *t, const Pb__Service *service)
{
	struct arena *a = txn_arena(t);
	uint64_t wanted = service->spec->replicated->replicas, last = 0;
	struct parted p = part(o, txn_view(t), service, a);

	if (p.living.count < wanted) {
		update_service(o->updates, t, service, &p.living);
		return add_tasks(o, t, service, &p.living, wanted - p.living.count, &last) &&
		       remove_dead(t, &p, last);
	}
	if (p.living.count > wanted) {
		slots_sort_to_keep(&p.living, a);
		for (size_t i = wanted; i < p.living.count; i++)
			if (!remove_slot(t, &p.living.items[i]))
				return false;
		log_mark(o->log, "replicated.scaled_down");
		return remove_dead(t, &p, 0);
	}
	update_service(o->updates, t, service, &p.living);
	return remove_dead(t, &p, 0);
}

/* A slot that is too much by now is not filled again. */
static bool replace(const struct orchestra *o, struct txn *t, const Pb__Service *service,
		    const Pb__Task *task)
{
	restart_task(o->restarts, t, service, task);
	return true;
}

const struct mode mode_replicated = { reconcile, replace, NULL };
