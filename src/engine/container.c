/* Containers: finding them, their states, and the queue of what is asked of each.
 *
 *                 start                      exit, policy says so
 *     CREATED ------------> RUNNING <-----------------------------> RESTARTING
 *        |                   |  ^                                       |
 *        |             pause |  | unpause                               | stop, or it cannot start
 *        |                   v  |                                       v
 *        |                  PAUSED -----------------------------> EXITED (start: RUNNING)
 *        |                                                          |
 *        +------------------------------- remove ---------> REMOVING <--> DEAD (could not be
 * removed)
 *
 * Beside its state a container has a step: the business that is under way. Requests that need
 * the container to themselves wait in its queue until the step is IDLE again. */
#include "base/fsm.h"
#include "base/str.h"
#include "engine/inside.h"

#define TO(state) FSM_TO(PB__CONTAINER__STATE__##state)

static const struct fsm_state states[] = {
	[PB__CONTAINER__STATE__CREATED] = { "created", TO(RUNNING) | TO(REMOVING) },
	[PB__CONTAINER__STATE__RUNNING] = { "running", TO(PAUSED) | TO(RESTARTING) | TO(EXITED) },
	[PB__CONTAINER__STATE__PAUSED] = { "paused", TO(RUNNING) | TO(RESTARTING) | TO(EXITED) },
	[PB__CONTAINER__STATE__RESTARTING] = { "restarting", TO(RUNNING) | TO(EXITED) },
	[PB__CONTAINER__STATE__EXITED] = { "exited", TO(RUNNING) | TO(RESTARTING) | TO(REMOVING) },
	[PB__CONTAINER__STATE__REMOVING] = { "removing", TO(DEAD) },
	[PB__CONTAINER__STATE__DEAD] = { "dead", TO(REMOVING) },
};

static const struct fsm_state steps[] = {
	[STEP_IDLE] = { "idle", FSM_TO(STEP_MAKING) | FSM_TO(STEP_PREPARING) |
					FSM_TO(STEP_REMOVING) | FSM_TO(STEP_BUSY) },
	[STEP_MAKING] = { "making", FSM_TO(STEP_IDLE) | FSM_TO(STEP_REMOVING) },
	[STEP_PREPARING] = { "preparing", FSM_TO(STEP_LAUNCHING) | FSM_TO(STEP_IDLE) },
	[STEP_LAUNCHING] = { "launching", FSM_TO(STEP_IDLE) },
	[STEP_REMOVING] = { "removing", FSM_TO(STEP_IDLE) },
	[STEP_BUSY] = { "busy", FSM_TO(STEP_IDLE) },
};

void container_move(struct engine *e, struct container *c, Pb__Container__State state)
{
	fsm_move(states, &c->state, state, e->config.log, "container", c->record->id);
	c->record->state = state;
	container_save(e, c);
	executor_container_changed(e, c);
}

void container_step(struct engine *e, struct container *c, enum step step)
{
	fsm_move(steps, &c->step, step, e->config.log, "container step", c->record->id);
}

const char *engine_container_state(const Pb__Container *c)
{
	return states[c->state].name;
}

bool container_has_process(const struct container *c)
{
	return c->state == PB__CONTAINER__STATE__RUNNING ||
	       c->state == PB__CONTAINER__STATE__PAUSED;
}

bool container_is_running(const struct container *c)
{
	return container_has_process(c) || c->state == PB__CONTAINER__STATE__RESTARTING;
}

/* --- life of the object --- */

struct container *container_new(struct engine *e, const Pb__Container *record)
{
	struct container *c = NEW(struct container);

	c->record = pb_dup(&c->memory, record);
	c->state = record->state;
	c->serial = ++e->container_serial;
	list_init(&c->dirty);
	list_init(&c->requests);
	list_init(&c->waiters);
	list_init(&c->execs);
	tree_insert(&e->containers, c->record->id, &c->by_id);
	tree_insert(&e->container_ages, &c->serial, &c->by_age);
	if (c->record->task_id[0])
		tree_insert(&e->container_tasks, c->record->task_id, &c->by_task);
	return c;
}

void container_name(struct engine *e, struct container *c, const char *name)
{
	if (c->by_name.height)
		tree_remove(&e->container_names, &c->by_name);
	c->record->name = arena_strdup(&c->memory, name);
	tree_insert(&e->container_names, c->record->name, &c->by_name);
}

static void forget_files(struct container *c)
{
	for (size_t i = 0; i < c->file_count; i++) {
		free(c->files[i].name);
		free(c->files[i].destination);
		if (c->files[i].data.data)
			explicit_bzero(c->files[i].data.data, c->files[i].data.capacity);
		buf_clear(&c->files[i].data);
	}
	free(c->files);
}

void container_free(struct engine *e, struct container *c)
{
	struct request *r;

	timer_stop(e, &c->stop_timer);
	timer_stop(e, &c->restart_timer);
	timer_stop(e, &c->health_timer);
	execs_free(e, c);
	list_each (&c->requests, struct request, link, r) {
		arena_clear(&r->memory);
		free(r);
	}
	waiters_clear(c);
	list_remove(&c->dirty);
	tree_remove(&e->containers, &c->by_id);
	tree_remove(&e->container_ages, &c->by_age);
	if (c->by_name.height)
		tree_remove(&e->container_names, &c->by_name);
	if (c->by_task.height)
		tree_remove(&e->container_tasks, &c->by_task);
	forget_files(c);
	free(c->root);
	free(c->upper);
	free(c->netns);
	arena_clear(&c->run);
	arena_clear(&c->memory);
	free(c);
}

/* --- finding --- */

struct container *container_by_id(const struct engine *e, const char *id)
{
	return tree_entry(tree_find(&e->containers, id), struct container, by_id);
}

struct container *container_by_name(const struct engine *e, const char *name)
{
	return tree_entry(tree_find(&e->container_names, name), struct container, by_name);
}

struct container *container_lookup(const struct engine *e, const char *ref, struct err *err)
{
	struct container *c = container_by_id(e, ref), *next;

	if (!c)
		c = container_by_name(e, ref[0] == '/' ? ref + 1 : ref);
	if (c || !ref[0])
		goto found;

	c = tree_entry(tree_at_or_after(&e->containers, ref), struct container, by_id);
	if (!c || !str_starts_with(str_of(c->record->id), ref)) {
		c = NULL;
		goto found;
	}
	next = tree_entry(tree_next(&c->by_id), struct container, by_id);
	if (next && str_starts_with(str_of(next->record->id), ref)) {
		(void)fail(err, ERR_INVALID, "Multiple IDs found with provided prefix: %s", ref);
		return NULL;
	}
found:
	if (!c)
		(void)fail(err, ERR_NOT_FOUND, "No such container: %s", ref);
	return c;
}

struct container *container_for(struct engine *e, uint64_t ticket, const char *ref, struct now now)
{
	struct container *c;
	struct err err;

	if (engine_refuses(e, ticket, now))
		return NULL;
	c = container_lookup(e, ref, &err);
	if (!c)
		answer_fail(e, ticket, &err);
	return c;
}

const Pb__Container *engine_container_find(const struct engine *e, const char *ref, struct err *err)
{
	struct container *c = container_lookup(e, ref, err);

	return c ? c->record : NULL;
}

const Pb__Container *engine_container_first(const struct engine *e)
{
	struct container *c = tree_entry(tree_first(&e->container_ages), struct container, by_age);

	return c ? c->record : NULL;
}

const Pb__Container *engine_container_next(const struct engine *e, const Pb__Container *record)
{
	struct container *c = container_by_id(e, record->id);

	c = c ? tree_entry(tree_next(&c->by_age), struct container, by_age) : NULL;
	return c ? c->record : NULL;
}

const char *container_folder(const struct engine *e, struct arena *a, const char *id)
{
	return arena_printf(a, "%s/containers/%s", e->config.data_root, id);
}

char *container_cgroup(const struct engine *e, struct arena *a, const Pb__Container *record)
{
	const char *parent = record->host_config->cgroup_parent;

	return arena_printf(a, "%s/%s", parent[0] ? parent : e->config.cgroup_parent, record->id);
}

/* --- requests and waiters --- */

struct request *request_add(struct container *c, uint64_t asker,
			    void (*run)(struct engine *, struct container *, struct request *))
{
	struct request *r = NEW(struct request);

	r->asker = asker;
	r->run = run;
	list_push_back(&c->requests, &r->link);
	return r;
}

struct request *request_add_first(struct container *c, uint64_t asker,
				  void (*run)(struct engine *, struct container *,
					      struct request *))
{
	struct request *r = NEW(struct request);

	r->asker = asker;
	r->run = run;
	list_push_front(&c->requests, &r->link);
	return r;
}

void requests_run(struct engine *e, struct container *c)
{
	while (c->step == STEP_IDLE && !list_is_empty(&c->requests)) {
		struct request *r = list_first(&c->requests, struct request, link);

		list_remove(&r->link);
		r->run(e, c, r);
		arena_clear(&r->memory);
		free(r);
	}
}

void requests_refuse(struct engine *e, struct container *c, const struct err *err)
{
	struct request *r;

	list_each (&c->requests, struct request, link, r) {
		list_remove(&r->link);
		answer_fail(e, r->asker, err);
		arena_clear(&r->memory);
		free(r);
	}
}

struct waiter *waiter_add(struct container *c, enum waiter_kind kind, uint64_t asker)
{
	struct waiter *w = NEW(struct waiter);

	w->kind = kind;
	w->asker = asker;
	list_push_back(&c->waiters, &w->link);
	return w;
}

void waiters_clear(struct container *c)
{
	struct waiter *w;

	list_each (&c->waiters, struct waiter, link, w) {
		list_remove(&w->link);
		free(w);
	}
}

/* What an asker began goes on; a mere wait does not. */
static void forget_waits(struct container *c, uint64_t asker)
{
	struct waiter *w;

	list_each (&c->waiters, struct waiter, link, w) {
		if (w->asker != asker)
			continue;
		w->asker = 0;
		if (w->kind == WAITER_WAIT || w->kind == WAITER_STOPPED) {
			list_remove(&w->link);
			free(w);
		}
	}
}

static void forget_requests(struct container *c, uint64_t asker)
{
	struct request *r;
	struct exec *x;

	list_each (&c->requests, struct request, link, r)
		if (r->asker == asker)
			r->asker = 0;
	list_each (&c->execs, struct exec, of_container, x)
		if (x->asker == asker)
			x->asker = 0;
	if (c->starter == asker)
		c->starter = 0;
}

void containers_forget(struct engine *e, uint64_t asker)
{
	struct container *c;

	tree_each (&e->containers, struct container, by_id, c) {
		forget_waits(c, asker);
		forget_requests(c, asker);
	}
}
