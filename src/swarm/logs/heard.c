#include "swarm/logs/heard.h"

#include <string.h>

#include "base/mem.h"

struct heard {
	struct tree_node by_task;
	int64_t last_ns;
	uint64_t at_last;               /* lines that were written then */
	struct pb_digest first_at_last; /* of them that was heard: a tail begins amid them */
	uint64_t speaker;               /* the publisher that brought the last */
	uint64_t repeater;              /* another, that has not come further yet ... */
	uint64_t again;                 /* ... and brought so many of those at the last */
	bool is_over;                   /* the task is gone: another has nothing new to say of it */
	char task_id[];
};

static int compare_task(const void *key, const struct tree_node *node)
{
	return strcmp(key, tree_entry(node, struct heard, by_task)->task_id);
}

void heard_init(struct heard_tasks *h)
{
	h->by_task = TREE(compare_task);
}

static struct heard *find(const struct heard_tasks *h, const char *task_id)
{
	return tree_entry(tree_find(&h->by_task, task_id), struct heard, by_task);
}

static void drop(struct heard_tasks *h, struct heard *task)
{
	tree_remove(&h->by_task, &task->by_task);
	free(task);
}

void heard_clear(struct heard_tasks *h)
{
	struct heard *task;

	tree_each (&h->by_task, struct heard, by_task, task)
		drop(h, task);
}

void heard_begin_anew(struct heard_tasks *h,
		      bool (*is_there)(const void *self, const char *task_id), const void *self)
{
	struct heard *task;

	tree_each (&h->by_task, struct heard, by_task, task)
		task->is_over |= !is_there(self, task->task_id);
}

static void make_room(struct heard_tasks *h)
{
	struct heard *task, *oldest = NULL;

	if (h->by_task.count < HEARD_MAX)
		return;
	tree_each (&h->by_task, struct heard, by_task, task)
		if (!oldest || task->last_ns < oldest->last_ns)
			oldest = task;
	drop(h, oldest);
}

static int64_t time_of(const Pb__LogMessage *line)
{
	const Pb__Timestamp *t = line->timestamp;

	return t ? t->seconds * 1000000000 + t->nanos : 0;
}

/* Was it heard before? */
static bool is_again(struct heard *task, const Pb__LogMessage *line, int64_t ns, uint64_t publisher)
{
	if (publisher == task->speaker)
		return false;
	if (publisher != task->repeater)
		task->again = 0;
	task->repeater = publisher;
	if (task->is_over || ns < task->last_ns)
		return true;
	if (ns == task->last_ns && task->again < task->at_last) {
		if (task->again > 0 || pb_digest_compare(pb_digest(line), task->first_at_last) == 0)
			task->again++;
		return true;
	}
	return false;
}

bool heard_is_new(struct heard_tasks *h, const Pb__LogMessage *line, uint64_t publisher)
{
	const char *task_id = line->context->task_id;
	struct heard *task = find(h, task_id);
	int64_t ns = time_of(line);

	if (!task) {
		make_room(h);
		task = xcalloc(1, sizeof(*task) + strlen(task_id) + 1);
		strcpy(task->task_id, task_id);
		task->speaker = publisher;
		tree_insert(&h->by_task, task_id, &task->by_task);
	}
	if (is_again(task, line, ns, publisher))
		return false;
	task->speaker = publisher;
	if (ns != task->last_ns)
		task->at_last = task->again = 0;
	if (task->at_last == 0)
		task->first_at_last = pb_digest(line);
	task->last_ns = ns;
	task->at_last++;
	return true;
}

bool heard_last(const struct heard_tasks *h, const char *task_id, int64_t *ns)
{
	const struct heard *task = find(h, task_id);

	if (task)
		*ns = task->last_ns;
	return task;
}
