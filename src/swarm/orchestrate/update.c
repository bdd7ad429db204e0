#include "swarm/orchestrate/update.h"

#include <string.h>

#include "base/heap.h"
#include "base/log.h"
#include "base/tree.h"
#include "swarm/orchestrate/dirty.h"
#include "swarm/orchestrate/restart.h"
#include "swarm/orchestrate/update_policy.h"
#include "swarm/span.h"
#include "swarm/task.h"

/*      FREE ──take a slot──► WAITS for the new task ──it runs, or ended──► PAUSES for the delay
 *        ▲                                                                   │
 *        └───────────────────────────────────────────────────────────────────┘ */
enum phase { FREE, WAITS, PAUSES };

struct worker {
	enum phase phase;
	char *task_id;    /* WAITS: the new one */
	int64_t until_ms; /* PAUSES */
};

/* A slot to be looked at: what it was found by. */
struct place {
	uint64_t number;
	char *node_id;
};

/* A task that this update made. */
struct made {
	struct tree_node node;
	bool has_run, has_failed;
	int64_t ran_ms;
	char id[];
};

struct update {
	struct tree_node node;
	struct heap_node due;
	char *service_id;
	struct pb_digest spec; /* that it works towards */
	struct update_policy policy;

	struct place *places;
	size_t place_count, place_next;
	struct worker *workers;
	size_t worker_count;

	struct tree made;
	uint64_t failures;
	char *culprit;   /* the task whose failure was the last one seen */
	int64_t done_ms; /* all slots are through, and it watches on until; 0: not yet */
};

struct updates {
	struct prng *prng;
	struct restarts *restarts;
	const struct log *log;
	struct tree by_service;
	struct heap due;
};

static int compare_service(const void *key, const struct tree_node *member)
{
	return strcmp(key, container_of(member, struct update, node)->service_id);
}

static int compare_made(const void *key, const struct tree_node *member)
{
	return strcmp(key, container_of(member, struct made, node)->id);
}

struct updates *updates_new(struct prng *prng, struct restarts *restarts, const struct log *log)
{
	struct updates *u = NEW(struct updates);

	u->prng = prng;
	u->restarts = restarts;
	u->log = log;
	u->by_service = TREE(compare_service);
	return u;
}

static struct update *update_find(const struct updates *u, const char *service_id)
{
	return tree_entry(tree_find(&u->by_service, service_id), struct update, node);
}

static void update_drop(struct updates *u, struct update *up)
{
	struct tree_node *n;

	tree_remove(&u->by_service, &up->node);
	heap_remove(&u->due, &up->due);
	while ((n = tree_first(&up->made))) {
		tree_remove(&up->made, n);
		free(container_of(n, struct made, node));
	}
	for (size_t i = 0; i < up->place_count; i++)
		free(up->places[i].node_id);
	for (size_t i = 0; i < up->worker_count; i++)
		free(up->workers[i].task_id);
	free(up->places);
	free(up->workers);
	free(up->service_id);
	free(up->culprit);
	free(up);
}

/* ---- the stored state ---- */

static Pb__UpdateStatus__UpdateState state_of(const Pb__Service *service)
{
	return service->update_status ? service->update_status->state
				      : PB__UPDATE_STATUS__UPDATE_STATE__UNKNOWN;
}

static bool is_rolling_back(const Pb__Service *service)
{
	return state_of(service) == PB__UPDATE_STATUS__UPDATE_STATE__ROLLBACK_STARTED;
}

static bool is_paused(const Pb__Service *service)
{
	return state_of(service) == PB__UPDATE_STATUS__UPDATE_STATE__PAUSED ||
	       state_of(service) == PB__UPDATE_STATUS__UPDATE_STATE__ROLLBACK_PAUSED;
}

static void write_started(struct txn *t, const char *service_id)
{
	struct arena *a = txn_arena(t);
	Pb__Service *service = txn_edit_service(t, service_id);

	service->update_status = PB_NEW(a, update_status);
	service->update_status->state = PB__UPDATE_STATUS__UPDATE_STATE__UPDATING;
	service->update_status->message = "update in progress";
	service->update_status->started_at = moment(a, txn_now(t).wall_ns);
	txn_put(t, service);
}

/* Does nothing if no update was going on. */
static void write_completed(struct txn *t, const Pb__Service *now)
{
	bool was_rollback = is_rolling_back(now);
	Pb__Service *service;

	if (!was_rollback && state_of(now) != PB__UPDATE_STATUS__UPDATE_STATE__UPDATING)
		return;
	service = txn_edit_service(t, now->id);
	service->update_status->state =
		was_rollback ? PB__UPDATE_STATUS__UPDATE_STATE__ROLLBACK_COMPLETED
			     : PB__UPDATE_STATUS__UPDATE_STATE__COMPLETED;
	service->update_status->message = was_rollback ? "rollback completed" : "update completed";
	service->update_status->completed_at = moment(txn_arena(t), txn_now(t).wall_ns);
	txn_put(t, service);
}

static void write_paused(struct txn *t, const Pb__Service *now, const char *culprit)
{
	bool was_rollback = is_rolling_back(now);
	Pb__Service *service = txn_edit_service(t, now->id);

	if (!service->update_status)
		service->update_status = PB_NEW(txn_arena(t), update_status);
	service->update_status->state = was_rollback
						? PB__UPDATE_STATUS__UPDATE_STATE__ROLLBACK_PAUSED
						: PB__UPDATE_STATUS__UPDATE_STATE__PAUSED;
	service->update_status->message = arena_printf(
		txn_arena(t), "%s paused due to failure or early termination of task %s",
		was_rollback ? "rollback" : "update", culprit);
	txn_put(t, service);
}

static void write_rollback(struct txn *t, const char *service_id, const char *culprit)
{
	struct arena *a = txn_arena(t);
	Pb__Service *service = txn_edit_service(t, service_id);

	service->spec = service->previous_spec;
	service->spec_version = service->previous_spec_version;
	service->previous_spec = NULL;
	service->previous_spec_version = NULL;
	service->update_status = PB_NEW(a, update_status);
	service->update_status->state = PB__UPDATE_STATUS__UPDATE_STATE__ROLLBACK_STARTED;
	service->update_status->message = arena_printf(
		a, "update rolled back due to failure or early termination of task %s", culprit);
	service->update_status->started_at = moment(a, txn_now(t).wall_ns);
	txn_put(t, service);
}

/* ---- begin ---- */

static void add_places(struct update *up, const struct slots *living, const struct view *v,
		       const Pb__Service *service)
{
	up->places = xcalloc(living->count + 1, sizeof(*up->places));
	for (size_t i = 0; i < living->count; i++)
		if (slot_is_dirty(&living->items[i], v, service))
			up->places[up->place_count++] =
				(struct place){ living->items[i].number,
						xstrdup(living->items[i].node_id) };
}

void update_service(struct updates *u, struct txn *t, const Pb__Service *service,
		    const struct slots *living)
{
	struct update *up = update_find(u, service->id);
	struct pb_digest spec = pb_digest(service->spec);

	if (up && !is_paused(service) && pb_digest_compare(up->spec, spec) == 0)
		return;
	if (up)
		update_drop(u, up);
	if (is_paused(service))
		return;

	up = NEW(struct update);
	up->service_id = xstrdup(service->id);
	up->spec = spec;
	up->policy = update_policy_of(is_rolling_back(service) ? service->spec->rollback
							       : service->spec->update);
	up->made = TREE(compare_made);
	add_places(up, living, txn_view(t), service);
	tree_insert(&u->by_service, up->service_id, &up->node);
	if (up->place_count == 0) {
		update_drop(u, up);
		if (txn_has_room(t, 1))
			write_completed(t, service);
		return;
	}
	up->worker_count = up->policy.parallelism && up->policy.parallelism < up->place_count
				   ? up->policy.parallelism
				   : up->place_count;
	up->workers = xcalloc(up->worker_count, sizeof(*up->workers));
	heap_set(&u->due, &up->due, txn_now(t).mono_ms);
}

/* ---- one slot ---- */

static void remember_made(struct update *up, const char *task_id)
{
	size_t size = strlen(task_id) + 1;
	struct made *m = xcalloc(1, sizeof(*m) + size);

	memcpy(m->id, task_id, size);
	tree_insert(&up->made, m->id, &m->node);
}

static void worker_wait(struct worker *w, const char *task_id)
{
	free(w->task_id);
	w->task_id = xstrdup(task_id);
	w->phase = WAITS;
}

/* A task of the slot that is as it should be; one that runs rather than one that does not. */
static const Pb__Task *pick_clean(const struct slot *living, const struct view *v,
				  const Pb__Service *service)
{
	const Pb__Task *best = NULL;

	for (size_t i = 0; i < living->count; i++) {
		const Pb__Task *task = living->tasks[i];

		if (task->desired_state > PB__TASK_STATE__RUNNING ||
		    task_is_dirty(service, task, view_node(v, task->node_id)))
			continue;
		if (!best || (task_state(task) == PB__TASK_STATE__RUNNING &&
			      task_state(best) != PB__TASK_STATE__RUNNING))
			best = task;
	}
	return best;
}

static void shut_down_but(struct txn *t, const struct slot *slot, const char *keep_id)
{
	for (size_t i = 0; i < slot->count; i++)
		if (slot->tasks[i]->desired_state <= PB__TASK_STATE__RUNNING &&
		    strcmp(slot->tasks[i]->id, keep_id) != 0)
			task_desire(t, slot->tasks[i]->id, PB__TASK_STATE__SHUTDOWN);
}

static struct slot slot_at(const struct view *v, const Pb__Service *service, const struct place *p,
			   struct arena *a)
{
	struct objects tasks = tasks_of_slot(v, service, p->number, p->node_id, a);

	return (struct slot){ p->number, p->node_id, (const Pb__Task **)tasks.items, tasks.count };
}

static void begin_new(struct updates *u, struct txn *t, struct update *up,
		      const Pb__Service *service, const struct slot *living, const struct place *p,
		      struct worker *w)
{
	Pb__Task *task = task_of_service(t, u->prng, service, p->number,
					 service_is_global(service) ? p->node_id : "");

	remember_made(up, task->id);
	worker_wait(w, task->id);
	if (up->policy.starts_first) {
		task_add(t, task);
		return;
	}
	task->desired_state = PB__TASK_STATE__READY;
	task_add(t, task);
	shut_down_but(t, living, task->id);
	restart_start_later(u->restarts, t, task, 0, true);
}

/* False if the transaction is too full for it. */
static bool begin_slot(struct updates *u, struct txn *t, struct update *up,
		       const Pb__Service *service, struct worker *w)
{
	const struct view *v = txn_view(t);
	struct arena *a = txn_arena(t);
	const struct place *p = &up->places[up->place_next];
	struct slot slot = slot_at(v, service, p, a);
	struct slot living = slot_living(&slot, v, service, u->restarts, a);
	const Pb__Task *clean;

	if (living.count == 0 || !slot_is_dirty(&living, v, service)) {
		up->place_next++; /* gone, or somebody else saw to it */
		return true;
	}
	if (!txn_has_room(t, living.count + 1))
		return false;
	up->place_next++;
	clean = pick_clean(&living, v, service);
	if (!clean) {
		begin_new(u, t, up, service, &living, p, w);
		return true;
	}
	shut_down_but(t, &living, clean->id);
	if (clean->desired_state == PB__TASK_STATE__READY)
		restart_start_later(u->restarts, t, clean, 0, true);
	worker_wait(w, clean->id);
	return true;
}

/* The slot's new task runs or has ended: the old ones, if they were kept so long, may go. */
static void end_slot(struct txn *t, struct update *up, const Pb__Service *service, struct worker *w)
{
	const Pb__Task *task = view_task(txn_view(t), w->task_id);
	struct place p;
	struct slot slot;

	if (task && up->policy.starts_first && task_state(task) == PB__TASK_STATE__RUNNING) {
		p = (struct place){ task->slot, task->node_id };
		slot = slot_at(txn_view(t), service, &p, txn_arena(t));
		shut_down_but(t, &slot, task->id);
	}
	w->phase = PAUSES;
	w->until_ms = txn_now(t).mono_ms + up->policy.delay_ms;
}

static bool has_arrived(const struct view *v, const struct worker *w)
{
	const Pb__Task *task = view_task(v, w->task_id);

	return !task || task_state(task) >= PB__TASK_STATE__RUNNING ||
	       task->desired_state > PB__TASK_STATE__COMPLETE;
}

/* As far as it goes now. False if the transaction is full. */
static bool worker_step(struct updates *u, struct txn *t, struct update *up,
			const Pb__Service *service, struct worker *w)
{
	if (w->phase == WAITS && has_arrived(txn_view(t), w)) {
		if (!txn_has_room(t, 2))
			return false;
		end_slot(t, up, service, w);
	}
	if (w->phase == PAUSES && txn_now(t).mono_ms >= w->until_ms)
		w->phase = FREE;
	while (w->phase == FREE && up->place_next < up->place_count)
		if (!begin_slot(u, t, up, service, w))
			return false;
	return true;
}

/* ---- the whole ---- */

/* True if that was the end of it. */
static bool act_on_failures(struct updates *u, struct txn *t, struct update *up,
			    const Pb__Service *service)
{
	if (up->policy.action == PB__UPDATE_CONFIG__FAILURE_ACTION__CONTINUE ||
	    !update_has_failed(&up->policy, up->failures, up->place_count))
		return false;
	if (up->policy.action == PB__UPDATE_CONFIG__FAILURE_ACTION__ROLLBACK &&
	    !is_rolling_back(service) && service->previous_spec) {
		log_mark(u->log, "update.rolled_back");
		write_rollback(t, service->id, up->culprit);
	} else {
		log_mark(u->log, "update.paused");
		write_paused(t, service, up->culprit);
	}
	update_drop(u, up);
	return true;
}

static bool is_through(const struct update *up)
{
	if (up->place_next < up->place_count)
		return false;
	for (size_t i = 0; i < up->worker_count; i++)
		if (up->workers[i].phase == WAITS)
			return false;
	return true;
}

static int64_t next_look(const struct update *up)
{
	int64_t next = up->done_ms ? up->done_ms : NEVER_MS;

	for (size_t i = 0; i < up->worker_count && !up->done_ms; i++)
		if (up->workers[i].phase == PAUSES && up->workers[i].until_ms < next)
			next = up->workers[i].until_ms;
	return next;
}

/* False if the transaction is full. */
static bool update_step(struct updates *u, struct txn *t, struct update *up)
{
	int64_t now_ms = txn_now(t).mono_ms;
	const Pb__Service *service = view_service(txn_view(t), up->service_id);

	if (!service || is_paused(service) ||
	    pb_digest_compare(pb_digest(service->spec), up->spec) != 0) {
		update_drop(u, up); /* whoever changed it had the service looked at */
		return true;
	}
	if (!txn_has_room(t, 2))
		return false;
	if (act_on_failures(u, t, up, service))
		return true;
	if (!service->update_status) {
		write_started(t, service->id);
		service = view_service(txn_view(t), up->service_id);
	}
	for (size_t i = 0; i < up->worker_count; i++)
		if (!worker_step(u, t, up, service, &up->workers[i]))
			return false;
	if (is_through(up)) {
		if (!up->done_ms)
			up->done_ms =
				up->policy.action == PB__UPDATE_CONFIG__FAILURE_ACTION__CONTINUE
					? now_ms
					: now_ms + up->policy.monitor_ms;
		if (now_ms >= up->done_ms) {
			if (!txn_has_room(t, 1))
				return false;
			write_completed(t, service);
			update_drop(u, up);
			return true;
		}
	}
	heap_set(&u->due, &up->due, next_look(up));
	return true;
}

/* ---- controller ---- */

static void notice_task(struct updates *u, const struct change *c, struct now now)
{
	const Pb__Task *task = c->new ? c->new : c->old;
	struct update *up = update_find(u, task->service_id);
	struct made *m;

	if (!up)
		return;
	heap_set(&u->due, &up->due, now.mono_ms);
	m = tree_entry(tree_find(&up->made, task->id), struct made, node);
	if (!m || !c->new)
		return;
	if (task_state(task) == PB__TASK_STATE__RUNNING && !m->has_run) {
		m->has_run = true;
		m->ran_ms = now.mono_ms;
	}
	/* One that was told to stop did not fail. */
	if (!task_has_stopped(task) || m->has_failed || (c->old && !task_is_wanted(c->old)))
		return;
	if (!m->has_run || now.mono_ms < m->ran_ms + up->policy.monitor_ms) {
		m->has_failed = true;
		up->failures++;
		free(up->culprit);
		up->culprit = xstrdup(task->id);
	}
}

static void notice(void *self, const struct change *c, struct now now)
{
	struct updates *u = self;

	if (c->kind == OBJECT_TASK) {
		notice_task(u, c, now);
	} else if (c->kind == OBJECT_SERVICE) {
		struct update *up = update_find(u, object_id(c->new ? c->new : c->old));

		if (up)
			heap_set(&u->due, &up->due, now.mono_ms);
	}
}

/* Work is marked by whoever looks at the services. */
static void lead(void *self, const struct view *v, struct now now)
{
}

static void decide(void *self, struct txn *t)
{
	struct updates *u = self;
	int64_t now_ms = txn_now(t).mono_ms;
	struct heap_node *due;

	while (!txn_is_full(t) && (due = heap_take_due(&u->due, now_ms))) {
		struct update *up = heap_entry(due, struct update, due);

		if (!update_step(u, t, up)) {
			heap_set(&u->due, &up->due, now_ms);
			return;
		}
	}
}

static int64_t deadline(const void *self)
{
	return heap_deadline(&((const struct updates *)self)->due);
}

static void resign(void *self)
{
	struct updates *u = self;
	struct tree_node *n;

	while ((n = tree_first(&u->by_service)))
		update_drop(u, container_of(n, struct update, node));
}

struct controller updates_controller(struct updates *u)
{
	return (struct controller){ "update", u, lead, notice, decide, deadline, resign };
}

void updates_free(struct updates *u)
{
	if (!u)
		return;
	resign(u);
	heap_clear(&u->due);
	free(u);
}
