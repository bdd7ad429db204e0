#include "swarm/orchestrate/slot.h"

#include <string.h>

#include "base/tree.h"
#include "swarm/orchestrate/dirty.h"
#include "swarm/orchestrate/restart.h"
#include "swarm/task.h"

/* Stable: equal tasks stay in order of their ids. */
static void sort_by_node(const Pb__Task **tasks, size_t count, struct arena *a)
{
	const Pb__Task **other = arena_alloc(a, (count + 1) * sizeof(*other));

	for (size_t width = 1; width < count; width *= 2) {
		for (size_t left = 0; left < count; left += 2 * width) {
			size_t middle = left + width < count ? left + width : count;
			size_t right = left + 2 * width < count ? left + 2 * width : count;
			size_t x = left, y = middle;

			for (size_t i = left; i < right; i++) {
				bool take_x = x < middle &&
					      (y >= right ||
					       strcmp(tasks[x]->node_id, tasks[y]->node_id) <= 0);

				other[i] = take_x ? tasks[x++] : tasks[y++];
			}
		}
		memcpy(tasks, other, count * sizeof(*tasks));
	}
}

struct slots slots_of(const struct view *v, const Pb__Service *service, struct arena *a)
{
	struct objects list = view_tasks_of_service(v, service->id, a);
	const Pb__Task **tasks = (const Pb__Task **)list.items;
	struct slots slots = { .items = arena_alloc(a, (list.count + 1) * sizeof(*slots.items)) };
	bool is_global = service_is_global(service);

	if (is_global)
		sort_by_node(tasks, list.count, a);
	for (size_t i = 0; i < list.count; i++) {
		struct slot *slot = slots.count ? &slots.items[slots.count - 1] : NULL;
		bool is_same = slot && (is_global ? strcmp(slot->node_id, tasks[i]->node_id) == 0
						  : slot->number == tasks[i]->slot);

		if (!is_same) {
			slot = &slots.items[slots.count++];
			*slot = (struct slot){ tasks[i]->slot, tasks[i]->node_id, &tasks[i], 0 };
		}
		slot->count++;
	}
	return slots;
}

static bool is_newer(const Pb__Task *x, const Pb__Task *y)
{
	int64_t a = task_stamp_ns(x), b = task_stamp_ns(y);

	return a != b ? a > b : strcmp(x->id, y->id) > 0;
}

struct slot slot_living(const struct slot *slot, const struct view *v, const Pb__Service *service,
			const struct restarts *restarts, struct arena *a)
{
	struct slot living = *slot;
	const Pb__Task *newest = NULL;

	living.tasks = arena_alloc(a, (slot->count + 1) * sizeof(*living.tasks));
	living.count = 0;
	for (size_t i = 0; i < slot->count; i++) {
		if (slot->tasks[i]->desired_state <= PB__TASK_STATE__RUNNING)
			living.tasks[living.count++] = slot->tasks[i];
		else if (!newest || is_newer(slot->tasks[i], newest))
			newest = slot->tasks[i];
	}
	if (living.count > 0 || !newest || newest->desired_state == PB__TASK_STATE__REMOVE)
		return living;
	if (service->update_status &&
	    service->update_status->state == PB__UPDATE_STATUS__UPDATE_STATE__ROLLBACK_STARTED)
		return living;
	if (!restart_is_due(restarts, service, newest))
		living.tasks[living.count++] = newest;
	return living;
}

bool slot_is_dirty(const struct slot *living, const struct view *v, const Pb__Service *service)
{
	const Pb__Task *task = living->tasks[0];

	if (living->count != 1)
		return living->count > 1;
	if (task->spec_version && service->spec_version &&
	    task->spec_version->index == service->spec_version->index)
		return false; /* the usual case, without a look at the node */
	return task_is_dirty(service, task, view_node(v, task->node_id));
}

bool slot_is_running(const struct slot *slot)
{
	for (size_t i = 0; i < slot->count; i++)
		if (task_state(slot->tasks[i]) == PB__TASK_STATE__RUNNING)
			return true;
	return false;
}

/* ---- which slots stay ---- */

struct ranked {
	struct slot slot;
	uint64_t copy; /* its number among the slots of its node; 0: of several tasks or no node */
	bool is_running;
	size_t place; /* before, for a stable order */
};

static int compare_running(const void *x, const void *y)
{
	const struct ranked *a = x, *b = y;

	if (a->is_running != b->is_running)
		return a->is_running ? -1 : 1;
	return (a->place > b->place) - (a->place < b->place);
}

static int compare_copy(const void *x, const void *y)
{
	const struct ranked *a = x, *b = y;

	if (a->copy != b->copy)
		return a->copy < b->copy ? -1 : 1;
	return (a->place > b->place) - (a->place < b->place);
}

struct count {
	struct tree_node node;
	const char *node_id;
	uint64_t copies;
};

static int compare_node_id(const void *key, const struct tree_node *member)
{
	return strcmp(key, container_of(member, struct count, node)->node_id);
}

static uint64_t count_copy(struct tree *counts, const char *node_id, struct arena *a)
{
	struct count *c = tree_entry(tree_find(counts, node_id), struct count, node);

	if (!c) {
		c = ARENA_NEW(a, struct count);
		c->node_id = node_id;
		tree_insert(counts, node_id, &c->node);
	}
	return ++c->copies;
}

void slots_sort_to_keep(struct slots *slots, struct arena *a)
{
	struct ranked *ranked = arena_alloc(a, (slots->count + 1) * sizeof(*ranked));
	struct tree counts = TREE(compare_node_id);

	for (size_t i = 0; i < slots->count; i++)
		ranked[i] =
			(struct ranked){ slots->items[i], 0, slot_is_running(&slots->items[i]), i };
	qsort(ranked, slots->count, sizeof(*ranked), compare_running);
	for (size_t i = 0; i < slots->count; i++) {
		const struct slot *slot = &ranked[i].slot;

		ranked[i].place = i;
		if (slot->count == 1 && slot->tasks[0]->node_id[0])
			ranked[i].copy = count_copy(&counts, slot->tasks[0]->node_id, a);
	}
	qsort(ranked, slots->count, sizeof(*ranked), compare_copy);
	for (size_t i = 0; i < slots->count; i++)
		slots->items[i] = ranked[i].slot;
}
