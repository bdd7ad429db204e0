#include "swarm/orchestrate/restart.h"

#include <string.h>

#include "base/heap.h"
#include "base/list.h"
#include "base/log.h"
#include "swarm/marks.h"
#include "swarm/orchestrate/slot.h"
#include "swarm/span.h"
#include "swarm/task.h"

/* A task that waits for its start. */
struct start {
	struct tree_node by_task;
	struct tree_node by_slot;
	struct heap_node due;
	char *task_id, *service_id;
	uint64_t slot;
	int64_t after_ms;   /* not before */
	int64_t patient_ms; /* with others of its slot until; 0: does not wait for them */
	bool is_replaced;   /* it failed before its start: its successor is made when this is due */
};

struct start_key {
	const char *service_id;
	uint64_t slot;
	const char *task_id;
};

/* The attempts in a slot; kept where the policy limits them. */
struct history {
	struct tree_node node;
	char *service_id, *node_id;
	uint64_t slot;
	uint64_t spec_version;
	uint64_t total;
	/* Of the latest, in no order. */
	int64_t *created_ns;
	size_t count, capacity;
};

struct history_key {
	const char *service_id;
	uint64_t slot;
	const char *node_id;
};

struct restarts {
	struct prng *prng;
	const struct log *log;
	struct tree by_task, by_slot;
	struct heap due;
	struct tree histories;
};

static int compare_task(const void *key, const struct tree_node *member)
{
	return strcmp(key, container_of(member, struct start, by_task)->task_id);
}

static int compare_slot(const void *key, const struct tree_node *member)
{
	const struct start_key *a = key;
	const struct start *b = container_of(member, struct start, by_slot);
	int order = strcmp(a->service_id, b->service_id);

	if (order)
		return order;
	if (a->slot != b->slot)
		return a->slot < b->slot ? -1 : 1;
	return strcmp(a->task_id, b->task_id);
}

static int compare_history(const void *key, const struct tree_node *member)
{
	const struct history_key *a = key;
	const struct history *b = container_of(member, struct history, node);
	int order = strcmp(a->service_id, b->service_id);

	if (order)
		return order;
	if (a->slot != b->slot)
		return a->slot < b->slot ? -1 : 1;
	return strcmp(a->node_id, b->node_id);
}

struct restarts *restarts_new(struct prng *prng, const struct log *log)
{
	struct restarts *r = NEW(struct restarts);

	r->prng = prng;
	r->log = log;
	r->by_task = TREE(compare_task);
	r->by_slot = TREE(compare_slot);
	r->histories = TREE(compare_history);
	return r;
}

/* ---- starts ---- */

static struct start *start_find(struct restarts *r, const char *task_id)
{
	return tree_entry(tree_find(&r->by_task, task_id), struct start, by_task);
}

static void start_drop(struct restarts *r, struct start *s)
{
	tree_remove(&r->by_task, &s->by_task);
	tree_remove(&r->by_slot, &s->by_slot);
	heap_remove(&r->due, &s->due);
	free(s->task_id);
	free(s->service_id);
	free(s);
}

static struct start *start_new(struct restarts *r, const Pb__Task *task, int64_t after_ms,
			       int64_t patient_ms)
{
	struct start *s = start_find(r, task->id);
	struct start_key key;

	if (s)
		start_drop(r, s);
	s = NEW(struct start);
	s->task_id = xstrdup(task->id);
	s->service_id = xstrdup(task->service_id);
	s->slot = task->slot;
	s->after_ms = after_ms;
	s->patient_ms = patient_ms;
	key = (struct start_key){ s->service_id, s->slot, s->task_id };
	tree_insert(&r->by_task, s->task_id, &s->by_task);
	tree_insert(&r->by_slot, &key, &s->by_slot);
	heap_set(&r->due, &s->due, after_ms);
	return s;
}

void restart_start_later(struct restarts *r, struct txn *t, const Pb__Task *task, int64_t delay_ms,
			 bool waits)
{
	int64_t now_ms = txn_now(t).mono_ms;

	start_new(r, task, now_ms + delay_ms, waits ? now_ms + RESTART_OLD_TASK_MS : 0);
}

/* Does another task of the slot hold its place on a node that lives? */
static bool slot_is_busy(const struct view *v, const Pb__Service *service, const Pb__Task *task,
			 struct arena *a)
{
	struct objects others = tasks_of_slot(v, service, task->slot, task->node_id, a);
	const Pb__Task *other;

	objects_each (others, Pb__Task, other)
		if (other->id != task->id && strcmp(other->id, task->id) != 0 &&
		    task_is_on_node(other) && other->desired_state > PB__TASK_STATE__COMPLETE &&
		    !node_is_down(view_node(v, other->node_id)))
			return true;
	return false;
}

/* Look at one that is due: start it, replace it, or say when to look again. */
static void start_step(struct restarts *r, struct txn *t, struct start *s)
{
	const struct view *v = txn_view(t);
	int64_t now_ms = txn_now(t).mono_ms;
	const Pb__Task *task = view_task(v, s->task_id);
	const Pb__Service *service = view_service(v, s->service_id);

	if (!task || !service) {
		start_drop(r, s);
		return;
	}
	if (now_ms < s->after_ms) {
		heap_set(&r->due, &s->due, s->after_ms);
		return;
	}
	if (s->is_replaced) {
		start_drop(r, s);
		restart_task(r, t, service, task);
		return;
	}
	if (task->desired_state != PB__TASK_STATE__READY) {
		start_drop(r, s);
		return;
	}
	if (now_ms < s->patient_ms && slot_is_busy(v, service, task, txn_arena(t))) {
		heap_set(&r->due, &s->due, s->patient_ms);
		return;
	}
	task_desire(t, task->id,
		    service_is_job(service) ? PB__TASK_STATE__COMPLETE : PB__TASK_STATE__RUNNING);
	start_drop(r, s);
}

/* Something of the slot moved: those who wait for it look again. */
static void touch_slot(struct restarts *r, const char *service_id, uint64_t slot, int64_t now_ms)
{
	struct start_key key = { service_id, slot, "" };
	struct tree_node *n = tree_at_or_after(&r->by_slot, &key);

	for (; n; n = tree_next(n)) {
		struct start *s = container_of(n, struct start, by_slot);

		if (s->slot != slot || strcmp(s->service_id, service_id) != 0)
			return;
		if (s->due.deadline_ms > now_ms && s->after_ms <= now_ms)
			heap_set(&r->due, &s->due, now_ms);
	}
}

static void touch_all(struct restarts *r, int64_t now_ms)
{
	struct start *s;

	tree_each (&r->by_task, struct start, by_task, s)
		if (s->after_ms <= now_ms)
			heap_set(&r->due, &s->due, now_ms);
}

/* ---- history ---- */

static void history_drop(struct restarts *r, struct history *h)
{
	tree_remove(&r->histories, &h->node);
	free(h->service_id);
	free(h->node_id);
	free(h->created_ns);
	free(h);
}

static struct history_key history_key_of(const Pb__Service *service, const Pb__Task *task)
{
	return (struct history_key){ service->id, task->slot,
				     service_is_global(service) ? task->node_id : "" };
}

static struct history *history_find(const struct restarts *r, const Pb__Service *service,
				    const Pb__Task *task)
{
	struct history_key key = history_key_of(service, task);

	return tree_entry(tree_find(&r->histories, &key), struct history, node);
}

static struct history *history_get(struct restarts *r, const Pb__Service *service,
				   const Pb__Task *task)
{
	struct history_key key = history_key_of(service, task);
	struct history *h = history_find(r, service, task);

	if (h)
		return h;
	h = NEW(struct history);
	h->service_id = xstrdup(key.service_id);
	h->node_id = xstrdup(key.node_id);
	h->slot = key.slot;
	tree_insert(&r->histories, &key, &h->node);
	return h;
}

static void history_push(struct history *h, int64_t created_ns)
{
	if (h->count == h->capacity) {
		h->capacity = h->capacity ? h->capacity * 2 : 4;
		h->created_ns = xrealloc(h->created_ns, h->capacity * sizeof(*h->created_ns));
	}
	h->created_ns[h->count++] = created_ns;
}

static void history_drop_oldest(struct history *h)
{
	size_t oldest = 0;

	for (size_t i = 1; i < h->count; i++)
		if (h->created_ns[i] < h->created_ns[oldest])
			oldest = i;
	h->created_ns[oldest] = h->created_ns[--h->count];
}

/* Remember that `task` was made to take the place of another. */
static void remember(struct restarts *r, const Pb__Service *service, const Pb__Task *task,
		     int64_t created_ns)
{
	const Pb__RestartPolicy *policy = task->spec->restart;
	int64_t window_ms;
	struct history *h;

	if (!policy || policy->max_attempts == 0)
		return;
	h = history_get(r, service, task);
	if (h->spec_version != version_index(task->spec_version)) {
		h->spec_version = version_index(task->spec_version);
		h->total = 0;
		h->count = 0;
	}
	h->total++;
	window_ms = span_ms(policy->window, 0);
	if (window_ms > 0) {
		/* Only as many as the limit can ever matter: the oldest goes. */
		if (h->count >= policy->max_attempts)
			history_drop_oldest(h);
		history_push(h, created_ns);
	}
}

static uint64_t attempts_in_window(const struct history *h, int64_t end_ns, int64_t window_ms)
{
	int64_t start_ns = end_ns - window_ms * 1000000;
	uint64_t inside = 0;

	for (size_t i = 0; i < h->count; i++)
		inside += h->created_ns[i] > start_ns && h->created_ns[i] < end_ns;
	return inside;
}

bool restart_is_due(const struct restarts *r, const Pb__Service *service, const Pb__Task *task)
{
	const Pb__RestartPolicy *policy = task->spec->restart;
	Pb__RestartPolicy__RestartCondition condition =
		policy ? policy->condition : PB__RESTART_POLICY__RESTART_CONDITION__ANY;
	bool has_completed = task_state(task) == PB__TASK_STATE__COMPLETE;
	const struct history *h;
	int64_t window_ms;

	if (condition == PB__RESTART_POLICY__RESTART_CONDITION__NONE)
		return false;
	if (has_completed && (condition == PB__RESTART_POLICY__RESTART_CONDITION__ON_FAILURE ||
			      service_is_job(service)))
		return false;
	if (!policy || policy->max_attempts == 0)
		return true;
	h = history_find(r, service, task);
	if (!h || h->spec_version != version_index(task->spec_version))
		return true;
	window_ms = span_ms(policy->window, 0);
	if (window_ms <= 0)
		return h->total < policy->max_attempts;
	return attempts_in_window(h, task_stamp_ns(task), window_ms) < policy->max_attempts;
}

void restart_forget_service(struct restarts *r, const char *service_id)
{
	struct history_key key = { service_id, 0, "" };
	struct tree_node *n = tree_at_or_after(&r->histories, &key);

	while (n) {
		struct history *h = container_of(n, struct history, node);

		if (strcmp(h->service_id, service_id) != 0)
			return;
		n = tree_next(n);
		history_drop(r, h);
	}
}

/* ---- restart ---- */

static int64_t policy_delay_ms(const Pb__Task *task)
{
	int64_t ms =
		span_ms(task->spec->restart ? task->spec->restart->delay : NULL, RESTART_DELAY_MS);

	return ms > 0 ? ms : 0;
}

void restart_task(struct restarts *r, struct txn *t, const Pb__Service *service,
		  const Pb__Task *task)
{
	const struct view *v = txn_view(t);
	const Pb__Node *node = view_node(v, task->node_id);
	struct start *waiting = start_find(r, task->id);
	int64_t delay_ms;
	bool is_due, still_runs;
	Pb__Task *next;

	if (!task_is_wanted(task))
		return;
	/* Its own delay runs: a task that fails while it prepares must not shorten it. */
	if (waiting && txn_now(t).mono_ms < waiting->after_ms && task_has_stopped(task)) {
		waiting->is_replaced = true;
		return;
	}
	is_due = restart_is_due(r, service, task);
	still_runs = task_is_on_node(task) && !node_is_down(node);
	task_desire(t, task->id, PB__TASK_STATE__SHUTDOWN);
	if (!is_due) {
		log_mark(r->log, "restart.not_due");
		return;
	}

	next = task_of_service(t, r->prng, service, task->slot,
			       service_is_global(service) ? task->node_id : "");
	if (task->job_iteration)
		next->job_iteration = task->job_iteration;
	next->desired_state = PB__TASK_STATE__READY;
	task_add(t, next);
	remember(r, service, next, txn_now(t).wall_ns);

	delay_ms = policy_delay_ms(task);
	/* The delay spares a node from what fails again and again: this was not the task's fault. */
	if (node &&
	    (node_is_down(node) || node->spec->availability == PB__NODE_SPEC__AVAILABILITY__DRAIN))
		delay_ms = 0;
	restart_start_later(r, t, next, delay_ms, still_runs);
}

/* ---- controller ---- */

static void notice(void *self, const struct change *c, struct now now)
{
	struct restarts *r = self;
	const Pb__Task *task = c->new ? c->new : c->old;

	if (c->kind == OBJECT_TASK && c->what != CHANGE_CREATED)
		touch_slot(r, task->service_id, task->slot, now.mono_ms);
	else if (c->kind == OBJECT_NODE && node_is_down(c->new))
		touch_all(r, now.mono_ms);
	else if (c->kind == OBJECT_SERVICE && c->what == CHANGE_REMOVED)
		restart_forget_service(r, object_id(c->old));
}

static void decide(void *self, struct txn *t)
{
	struct restarts *r = self;
	struct heap_node *due;

	while (txn_has_room(t, 2) && (due = heap_take_due(&r->due, txn_now(t).mono_ms)))
		start_step(r, t, heap_entry(due, struct start, due));
}

static int64_t deadline(const void *self)
{
	return heap_deadline(&((const struct restarts *)self)->due);
}

static void resign(void *self)
{
	struct restarts *r = self;
	struct tree_node *n;

	while ((n = tree_first(&r->by_task)))
		start_drop(r, container_of(n, struct start, by_task));
	while ((n = tree_first(&r->histories)))
		history_drop(r, container_of(n, struct history, node));
}

static int64_t created_ns(const Pb__Task *task)
{
	return moment_ns(task->meta->created_at);
}

/* Each but the first of the newest version was a restart. */
static void rebuild_history(struct restarts *r, const Pb__Service *service, const struct slot *slot)
{
	uint64_t newest = 0;
	const Pb__Task *first = NULL;

	for (size_t i = 0; i < slot->count; i++)
		if (version_index(slot->tasks[i]->spec_version) > newest)
			newest = version_index(slot->tasks[i]->spec_version);
	for (size_t i = 0; i < slot->count; i++) {
		const Pb__Task *task = slot->tasks[i];

		if (version_index(task->spec_version) == newest &&
		    (!first || created_ns(task) < created_ns(first)))
			first = task;
	}
	for (size_t i = 0; i < slot->count; i++) {
		const Pb__Task *task = slot->tasks[i];

		if (task != first && version_index(task->spec_version) == newest)
			remember(r, service, task, created_ns(task));
	}
}

/* What remains of the delay counts from the task's creation; to wait for others costs nothing if
 * there are none. */
static void rebuild_start(struct restarts *r, const Pb__Task *task, struct now now)
{
	int64_t passed_ms = (now.wall_ns - moment_ns(task->status->timestamp)) / 1000000;
	int64_t left_ms = policy_delay_ms(task) - (passed_ms > 0 ? passed_ms : 0);

	start_new(r, task, now.mono_ms + (left_ms > 0 ? left_ms : 0),
		  now.mono_ms + RESTART_OLD_TASK_MS);
}

static void lead(void *self, const struct view *v, struct now now)
{
	struct restarts *r = self;
	AUTO_ARENA struct arena a = { 0 };
	struct objects services = view_all(v, OBJECT_SERVICE, &a);
	const Pb__Service *service;

	objects_each (services, Pb__Service, service) {
		struct slots slots = slots_of(v, service, &a);

		for (size_t k = 0; k < slots.count; k++) {
			const struct slot *slot = &slots.items[k];

			rebuild_history(r, service, slot);
			for (size_t i = 0; i < slot->count; i++)
				if (slot->tasks[i]->desired_state == PB__TASK_STATE__READY)
					rebuild_start(r, slot->tasks[i], now);
		}
	}
}

struct controller restarts_controller(struct restarts *r)
{
	return (struct controller){ "restart", r, lead, notice, decide, deadline, resign };
}

void restarts_free(struct restarts *r)
{
	if (!r)
		return;
	resign(r);
	heap_clear(&r->due);
	free(r);
}
