/* The worker: the set of tasks that this node was given, and what of it must outlive the process.
 */
#include <string.h>

#include "agent/inside.h"
#include "base/log.h"
#include "base/mem.h"

#define RECORD_MAX (16 << 20)

static int compare_task(const void *key, const struct tree_node *node)
{
	return strcmp(key, tree_entry(node, struct agent_task, by_id)->task->id);
}

static int compare_ticket(const void *key, const struct tree_node *node)
{
	uint64_t a = *(const uint64_t *)key,
		 b = tree_entry(node, struct agent_task, by_ticket)->ticket;

	return (a > b) - (a < b);
}

static int compare_dependency(const void *key, const struct tree_node *node)
{
	return strcmp(key, tree_entry(node, struct dependency, by_key)->key);
}

void worker_begin(struct agent *a)
{
	a->tasks = TREE(compare_task);
	a->waiting = TREE(compare_ticket);
	a->dependencies = TREE(compare_dependency);
	list_init(&a->dirty);
	list_init(&a->unreported);
}

static void dependency_free(struct agent *a, struct dependency *d)
{
	tree_remove(&a->dependencies, &d->by_key);
	arena_clear(&d->memory);
	free(d);
}

void worker_clear(struct agent *a)
{
	struct agent_task *t;
	struct dependency *d;

	tree_each (&a->tasks, struct agent_task, by_id, t)
		task_free(a, t);
	tree_each (&a->dependencies, struct dependency, by_key, d)
		dependency_free(a, d);
	heap_clear(&a->retries);
	arena_clear(&a->record_memory);
	free(a->records);
	free(a->reporting);
}

void worker_mark(struct agent *a, struct agent_task *t)
{
	if (list_is_empty(&t->dirty))
		list_push_back(&a->dirty, &t->dirty);
}

static void record(struct agent *a, const char *task_id, struct str value)
{
	if (a->record_count == a->record_capacity) {
		a->record_capacity = a->record_capacity ? a->record_capacity * 2 : 16;
		a->records = xrealloc(a->records, a->record_capacity * sizeof(*a->records));
	}
	a->records[a->record_count++] =
		(struct journal_record){ TASK_TABLE, arena_strdup(&a->record_memory, task_id),
					 value };
}

void worker_keep(struct agent *a, struct agent_task *t)
{
	AUTO_BUF struct buf bytes = BUF_MAX(RECORD_MAX);

	if (t->is_gone || !pb_encode(t->task, &bytes))
		return;
	record(a, t->task->id, str_bytes(arena_str(&a->record_memory, buf_str(&bytes)), bytes.len));
}

void worker_forget(struct agent *a, const char *task_id)
{
	record(a, task_id, (struct str){ 0 });
}

void worker_status_changed(struct agent *a, struct agent_task *t)
{
	t->report++;
	if (!t->is_gone && list_is_empty(&t->unreported))
		list_push_back(&a->unreported, &t->unreported);
	worker_keep(a, t);
	logs_task_changed(a, t);
}

static struct agent_task *task_find(const struct agent *a, const char *id)
{
	return tree_entry(tree_find(&a->tasks, id), struct agent_task, by_id);
}

void agent_load(struct agent *a, const struct journal_image *image)
{
	for (size_t i = 0; i < image->record_count; i++) {
		const struct journal_record *r = &image->records[i];
		AUTO_ARENA struct arena memory = { 0 };
		const Pb__Task *task;
		struct err e;

		if (strcmp(r->table, TASK_TABLE) != 0)
			continue;
		task = pb_decode(&memory, &pb__task__descriptor, r->value, RECORD_MAX, &e);
		if (!task || task_find(a, task->id)) {
			log_error(a->config.log, "agent", "task record %s is unreadable", r->key);
			continue;
		}
		task_new(a, task);
		worker_status_changed(a, task_find(a, task->id));
	}
	/* Nothing of this needs to be written again. */
	a->record_count = 0;
	arena_reset(&a->record_memory);
	if (a->tasks.count == 0) {
		a->is_listed = true;
		return;
	}
	a->list_ticket = ticket_next(&a->tickets);
	a->config.executor->list(a->config.executor->self, a->list_ticket);
}

static void keep_dependency(struct agent *a, const char *kind, const char *id, const void *object)
{
	AUTO_FREE char *key = xasprintf("%s/%s", kind, id);
	struct dependency *d =
		tree_entry(tree_find(&a->dependencies, key), struct dependency, by_key);

	if (!d) {
		d = xcalloc(1, sizeof(*d) + strlen(key) + 1);
		strcpy(d->key, key);
		tree_insert(&a->dependencies, key, &d->by_key);
	}
	arena_clear(&d->memory);
	d->object = pb_dup(&d->memory, object);
}

static void drop_dependency(struct agent *a, const char *kind, const char *id)
{
	AUTO_FREE char *key = xasprintf("%s/%s", kind, id);
	struct dependency *d =
		tree_entry(tree_find(&a->dependencies, key), struct dependency, by_key);

	if (d)
		dependency_free(a, d);
}

static const void *find_dependency(const struct agent *a, const char *kind, const char *id)
{
	AUTO_FREE char *key = xasprintf("%s/%s", kind, id);
	struct dependency *d =
		tree_entry(tree_find(&a->dependencies, key), struct dependency, by_key);

	return d ? d->object : NULL;
}

const Pb__Secret *agent_secret(const struct agent *a, const char *id)
{
	return find_dependency(a, "secret", id);
}

const Pb__Config *agent_config_object(const struct agent *a, const char *id)
{
	return find_dependency(a, "config", id);
}

static void assign_task(struct agent *a, const Pb__Task *task, bool is_removal)
{
	struct agent_task *t = task_find(a, task->id);

	if (is_removal) {
		if (t)
			task_drop(a, t);
		else
			worker_forget(a, task->id);
		return;
	}
	if (t) {
		if (!t->is_gone)
			task_update(a, t, task);
		return;
	}
	task_new(a, task);
	task_find(a, task->id)->is_unknown = task->status->state > PB__TASK_STATE__ASSIGNED;
}

/* In a complete set, what is not named is to go. */
static void drop_unnamed(struct agent *a, const Pb__AssignmentsMessage *m)
{
	struct agent_task *t;
	struct dependency *d;

	tree_each (&a->tasks, struct agent_task, by_id, t) {
		bool is_named = false;

		for (size_t i = 0; i < m->n_changes && !is_named; i++)
			is_named =
				m->changes[i]->assignment &&
				m->changes[i]->assignment->item_case == PB__ASSIGNMENT__ITEM_TASK &&
				strcmp(m->changes[i]->assignment->task->id, t->task->id) == 0;
		if (!is_named)
			task_drop(a, t);
	}
	tree_each (&a->dependencies, struct dependency, by_key, d)
		dependency_free(a, d);
}

void worker_assign(struct agent *a, const Pb__AssignmentsMessage *m)
{
	if (m->type == PB__ASSIGNMENTS_MESSAGE__TYPE__COMPLETE)
		drop_unnamed(a, m);
	for (size_t i = 0; i < m->n_changes; i++) {
		const Pb__Assignment *item = m->changes[i]->assignment;
		bool is_removal =
			m->changes[i]->action == PB__ASSIGNMENT_CHANGE__ASSIGNMENT_ACTION__REMOVE;

		if (!item)
			continue;
		if (item->item_case == PB__ASSIGNMENT__ITEM_SECRET && is_removal)
			drop_dependency(a, "secret", item->secret->id);
		else if (item->item_case == PB__ASSIGNMENT__ITEM_SECRET)
			keep_dependency(a, "secret", item->secret->id, item->secret);
		else if (item->item_case == PB__ASSIGNMENT__ITEM_CONFIG && is_removal)
			drop_dependency(a, "config", item->config->id);
		else if (item->item_case == PB__ASSIGNMENT__ITEM_CONFIG)
			keep_dependency(a, "config", item->config->id, item->config);
	}
	for (size_t i = 0; i < m->n_changes; i++) {
		const Pb__Assignment *item = m->changes[i]->assignment;

		if (item && item->item_case == PB__ASSIGNMENT__ITEM_TASK)
			assign_task(a, item->task,
				    m->changes[i]->action ==
					    PB__ASSIGNMENT_CHANGE__ASSIGNMENT_ACTION__REMOVE);
	}
}

/* What the executor found after a restart. A task that was running and has nothing there was lost
 * with the machine; one that was not yet running is prepared again. */
static void on_listed(struct agent *a, const struct executor_event *ev)
{
	struct agent_task *t = task_find(a, ev->task_id);
	struct executor_event exited = { .kind = EXECUTOR_EXITED,
					 .task_id = ev->task_id,
					 .exit_code = ev->exit_code };

	if (!t) {
		/* Of a task that was removed while we were away. */
		a->config.executor->remove(a->config.executor->self, ticket_next(&a->tickets),
					   ev->task_id);
		return;
	}
	t->is_found = true;
	if (!ev->is_running && t->task->status->state == PB__TASK_STATE__RUNNING)
		task_executor_event(a, t, &exited, a->now);
}

static void on_list_end(struct agent *a)
{
	struct agent_task *t;

	a->is_listed = true;
	tree_each (&a->tasks, struct agent_task, by_id, t) {
		struct executor_event lost = {
			.kind = EXECUTOR_EXITED,
			.exit_code = -1,
			.text = "the container was lost with a restart of the host"
		};

		if (!t->is_found && t->task->status->state == PB__TASK_STATE__RUNNING)
			task_executor_event(a, t, &lost, a->now);
		worker_mark(a, t);
	}
}

void agent_executor_event(struct agent *a, uint64_t ticket, const struct executor_event *ev)
{
	struct tree_node *node;

	switch (ev->kind) {
	case EXECUTOR_LISTED:
		on_listed(a, ev);
		return;
	case EXECUTOR_LIST_END:
		if (ticket == a->list_ticket)
			on_list_end(a);
		return;
	case EXECUTOR_LOG:
		logs_batch(a, ticket, &ev->log);
		return;
	case EXECUTOR_EXITED:
		node = ev->task_id ? tree_find(&a->tasks, ev->task_id) : NULL;
		if (node)
			task_executor_event(a, tree_entry(node, struct agent_task, by_id), ev,
					    a->now);
		return;
	default:
		node = tree_find(&a->waiting, &ticket);
		if (node)
			task_executor_event(a, tree_entry(node, struct agent_task, by_ticket), ev,
					    a->now);
		return;
	}
}

void worker_turn(struct agent *a)
{
	struct agent_task *t;
	struct heap_node *due;

	while ((due = heap_take_due(&a->retries, a->now.mono_ms)))
		worker_mark(a, heap_entry(due, struct agent_task, retry));
	if (a->is_listed) {
		list_each (&a->dirty, struct agent_task, dirty, t) {
			list_remove(&t->dirty);
			task_step(a, t, a->now);
		}
	}
	if (a->record_count) {
		a->config.journal->write_local(a->config.journal->self, ticket_next(&a->tickets),
					       a->records, a->record_count);
		a->record_count = 0;
		arena_reset(&a->record_memory);
	}
}

void agent_leave(struct agent *a)
{
	struct agent_task *t;

	tree_each (&a->tasks, struct agent_task, by_id, t)
		task_drop(a, t);
	worker_turn(a);
}
