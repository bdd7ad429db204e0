/* A small world for the controllers: a store whose transactions are committed at once, virtual
 * time, and agents that do what tasks tell them. After every commit the laws of tasks are checked.
 *
 * What a container does is in its image's name: "web" runs until it is told to stop, "fail:300"
 * fails and "done:300" completes after 300 ms of running, "reject" cannot be prepared, "stubborn"
 * never stops. */
#ifndef SHOAL_TESTS_SWARM_DRIVE_H
#define SHOAL_TESTS_SWARM_DRIVE_H

#include "base/log.h"
#include "base/mem.h"
#include "base/prng.h"
#include "pb/map.h"
#include "swarm/control/control.h"
#include "swarm/controllers.h"
#include "swarm/found.h"
#include "swarm/span.h"
#include "swarm/task.h"
#include "test.h"

#define STEP_MS 10 /* an agent's, from one state to the next */

struct drive {
	struct store *store;
	struct prng prng;
	struct controllers controllers;
	struct now now;
	uint64_t index;
	struct arena arena; /* of the test */
	bool user_removes_tasks;
	char dead[64][32]; /* nodes whose agents do nothing */
	int dead_count;
	uint64_t commits;
	const struct control_root *root; /* for the next change */
	bool needs_root;                 /* the last one did */
};

static const struct log drive_log = { .level = LOG_ERROR };

/* ---- laws ---- */

static inline void check_task(const struct drive *d, const Pb__Task *old, const Pb__Task *new)
{
	if (!old) {
		CHECK(task_state(new) <= PB__TASK_STATE__ASSIGNED);
	} else if (!new) {
		CHECK(task_state(old) < PB__TASK_STATE__ASSIGNED ||
		      task_state(old) >= PB__TASK_STATE__COMPLETE || d->user_removes_tasks);
	} else {
		CHECK(task_state(new) >= task_state(old));
		CHECK(new->desired_state >= old->desired_state);
		CHECK(new->slot == old->slot);
		CHECK_STR(new->service_id, old->service_id);
		if (old->node_id[0])
			CHECK_STR(new->node_id, old->node_id);
		CHECK(pb_equal(new->spec, old->spec));
	}
	if (!new)
		return;
	CHECK(task_state(new) != PB__TASK_STATE__REMOVE);
	if (task_state(new) >= PB__TASK_STATE__ASSIGNED &&
	    !(task_state(new) == PB__TASK_STATE__SHUTDOWN && !new->node_id[0]))
		CHECK(new->node_id[0]);
}

static inline void commit(struct drive *d, struct txn *t)
{
	AUTO_BUF struct buf entry = BUF_MAX(4 << 20);
	const struct change *changes;
	struct err e;
	size_t count;
	bool is_restored;

	if (!txn_encode(t, 1, &entry, &e) || !store_apply(d->store, buf_str(&entry), &e))
		TEST_FAIL("%s", e.text);
	txn_close(t);
	d->index++;
	d->commits++;
	changes = store_changes(d->store, &count, &is_restored);
	for (size_t i = 0; i < count; i++) {
		if (changes[i].kind == OBJECT_TASK)
			check_task(d, changes[i].old, changes[i].new);
		for (size_t k = 0; k < CONTROLLERS_OF_TASKS; k++)
			d->controllers.items[k].notice(d->controllers.items[k].self, &changes[i],
						       d->now);
	}
	store_forget(d->store);
}

static inline struct txn *begin(struct drive *d)
{
	return txn_open(d->store, ++d->index, d->now);
}

/* Let the controllers add their part, and commit. */
static inline void finish(struct drive *d, struct txn *t)
{
	for (size_t k = 0; k < CONTROLLERS_OF_TASKS; k++)
		d->controllers.items[k].decide(d->controllers.items[k].self, t);
	CHECK(txn_count(t) <= TXN_ACTIONS_MAX);
	if (txn_is_empty(t))
		txn_close(t);
	else
		commit(d, t);
}

/* ---- time ---- */

static inline int64_t drive_deadline(const struct drive *d)
{
	int64_t first = NEVER_MS;

	for (size_t k = 0; k < CONTROLLERS_OF_TASKS; k++) {
		int64_t at = d->controllers.items[k].deadline(d->controllers.items[k].self);

		first = at < first ? at : first;
	}
	return first;
}

/* Until nothing is left to do at this moment. */
static inline void settle(struct drive *d)
{
	for (int i = 0; drive_deadline(d) <= d->now.mono_ms; i++) {
		if (i > 100000)
			TEST_FAIL("the controllers never come to rest");
		finish(d, begin(d));
	}
}

static inline bool agent_lives(const struct drive *d, const char *node_id)
{
	const Pb__Node *node = view_node(store_view(d->store), node_id);

	for (int i = 0; i < d->dead_count; i++)
		if (strcmp(d->dead[i], node_id) == 0)
			return false;
	return node && node->status->state == PB__NODE_STATUS__STATE__READY;
}

static inline long image_ms(const char *image, const char *verb)
{
	size_t len = strlen(verb);

	return strncmp(image, verb, len) == 0 && image[len] == ':' ? atol(image + len + 1) : -1;
}

/* What a task's agent does next, and when; 0: nothing. */
static inline Pb__TaskState agent_next(const Pb__Task *task, int64_t *at_ms)
{
	const char *image = task->spec->container->image;
	int64_t since_ms = moment_ns(task->status->timestamp) / 1000000;

	*at_ms = since_ms + STEP_MS;
	if (!task_is_on_node(task))
		return 0;
	if (task->desired_state > PB__TASK_STATE__COMPLETE)
		return strcmp(image, "stubborn") == 0 ? 0 : PB__TASK_STATE__SHUTDOWN;
	switch (task_state(task)) {
	case PB__TASK_STATE__ASSIGNED:
		return PB__TASK_STATE__ACCEPTED;
	case PB__TASK_STATE__ACCEPTED:
		return PB__TASK_STATE__PREPARING;
	case PB__TASK_STATE__PREPARING:
		return strcmp(image, "reject") == 0 ? PB__TASK_STATE__REJECTED
						    : PB__TASK_STATE__READY;
	case PB__TASK_STATE__READY:
		return task->desired_state >= PB__TASK_STATE__RUNNING ? PB__TASK_STATE__STARTING
								      : 0;
	case PB__TASK_STATE__STARTING:
		return PB__TASK_STATE__RUNNING;
	default:
		break;
	}
	if (image_ms(image, "fail") >= 0) {
		*at_ms = since_ms + image_ms(image, "fail");
		return PB__TASK_STATE__FAILED;
	}
	if (image_ms(image, "done") >= 0) {
		*at_ms = since_ms + image_ms(image, "done");
		return PB__TASK_STATE__COMPLETE;
	}
	return 0;
}

/* All agents report what is due. Returns when the next report is, in wall ms. */
static inline int64_t agents_step(struct drive *d)
{
	AUTO_ARENA struct arena a = { 0 };
	struct objects tasks = view_all(store_view(d->store), OBJECT_TASK, &a);
	struct txn *t = begin(d);
	int64_t now_ms = d->now.wall_ns / 1000000, next_ms = NEVER_MS;
	const Pb__Task *task;

	objects_each (tasks, Pb__Task, task) {
		int64_t at_ms;
		Pb__TaskState next = agent_next(task, &at_ms);
		Pb__Task *edit;

		if (next == 0 || !agent_lives(d, task->node_id))
			continue;
		if (at_ms > now_ms || txn_count(t) >= 100) {
			next_ms = at_ms < next_ms ? at_ms : next_ms;
			continue;
		}
		edit = txn_edit_task(t, task->id);
		edit->status = task_status(t, edit, next, "", "");
		txn_put(t, edit);
		if (now_ms + STEP_MS < next_ms)
			next_ms = now_ms + STEP_MS;
	}
	if (txn_is_empty(t))
		txn_close(t);
	else
		finish(d, t);
	return next_ms;
}

static inline void run(struct drive *d, int64_t ms)
{
	int64_t until = d->now.mono_ms + ms;

	for (;;) {
		int64_t agents_ms, next;

		settle(d);
		agents_ms = agents_step(d);
		settle(d);
		next = drive_deadline(d);
		if (agents_ms != NEVER_MS) {
			int64_t in = agents_ms - d->now.wall_ns / 1000000;

			if (d->now.mono_ms + in < next)
				next = d->now.mono_ms + (in > 0 ? in : 0);
		}
		if (next > until)
			next = until;
		if (next <= d->now.mono_ms && d->now.mono_ms >= until)
			return;
		d->now.wall_ns += (next - d->now.mono_ms) * 1000000;
		d->now.mono_ms = next;
	}
}

/* ---- the swarm ---- */

static inline struct drive *drive_new(uint64_t seed)
{
	struct drive *d = NEW(struct drive);
	static const uint8_t chance[FOUND_CHANCE_BYTES];
	struct founding first = { .cluster_id = "cluster",
				  .node_id = "manager",
				  .ca_cert = STR("the root\n"),
				  .ca_digest = "sha256:",
				  .chance = chance,
				  .availability = PB__NODE_SPEC__AVAILABILITY__DRAIN,
				  .prng = &d->prng };
	struct err e;
	struct txn *t;

	d->store = store_new(&drive_log);
	d->now = (struct now){ .mono_ms = 1000, .wall_ns = INT64_C(1700000000000000000) };
	prng_seed(&d->prng, seed);
	controllers_init(&d->controllers, &d->prng, &drive_log);
	t = begin(d);
	CHECK(found_swarm(t, &first, &e));
	commit(d, t);
	settle(d);
	return d;
}

static inline void drive_free(struct drive *d)
{
	controllers_clear(&d->controllers);
	store_free(d->store);
	arena_clear(&d->arena);
	free(d);
}

/* Another leader takes over: everything that was only remembered is gone. */
static inline void new_leader(struct drive *d)
{
	for (size_t k = 0; k < CONTROLLERS_OF_TASKS; k++)
		d->controllers.items[k].resign(d->controllers.items[k].self);
	for (size_t k = 0; k < CONTROLLERS_OF_TASKS; k++)
		d->controllers.items[k].lead(d->controllers.items[k].self, store_view(d->store),
					     d->now);
}

static inline void add_node(struct drive *d, const char *id, int64_t cpus)
{
	struct txn *t = begin(d);
	struct arena *a = txn_arena(t);
	Pb__Node *node = PB_NEW(a, node);

	node->id = arena_strdup(a, id);
	node->status->state = PB__NODE_STATUS__STATE__READY;
	node->description = PB_NEW(a, node_description);
	node->description->hostname = node->id;
	node->description->platform = PB_NEW(a, platform);
	node->description->platform->os = "linux";
	node->description->platform->architecture = "x86_64";
	node->description->resources = PB_NEW(a, resources);
	node->description->resources->nano_cpus = cpus * 1000000000;
	node->description->resources->memory_bytes = INT64_C(1) << 33;
	txn_put(t, node);
	finish(d, t);
}

static inline void add_workers(struct drive *d, int count)
{
	for (int i = 1; i <= count; i++)
		add_node(d, arena_printf(&d->arena, "worker%d", i), 4);
}

static inline void set_node_state(struct drive *d, const char *id, Pb__NodeStatus__State state)
{
	struct txn *t = begin(d);
	Pb__Node *node = txn_edit_node(t, id);

	node->status->state = state;
	txn_put(t, node);
	finish(d, t);
}

static inline void set_availability(struct drive *d, const char *id, Pb__NodeSpec__Availability to)
{
	struct txn *t = begin(d);
	Pb__Node *node = txn_edit_node(t, id);

	node->spec->availability = to;
	txn_put(t, node);
	finish(d, t);
}

static inline void label_node(struct drive *d, const char *id, const char *key, const char *value)
{
	struct txn *t = begin(d);
	Pb__Node *node = txn_edit_node(t, id);

	PB_MAP_SET(txn_arena(t), node->spec->annotations, labels, key, value);
	txn_put(t, node);
	finish(d, t);
}

/* ---- requests ---- */

static const struct control_chance drive_chance = { { 1 }, { 2 }, { 3 } };

/* The response in the test's arena, or NULL and an error. */
static inline const void *ask(struct drive *d, const char *method, const void *request,
			      struct err *e)
{
	char path[128];
	const struct control_method *m;
	struct control c = {
		.arena = &d->arena, .prng = &d->prng, .chance = &drive_chance, .root = d->root
	};
	const void *response;

	snprintf(path, sizeof(path), "/docker.swarmkit.v1.Control/%s", method);
	m = control_find(str_of(path));
	CHECK(m);
	if (m->is_read) {
		c.view = store_view(d->store);
		response = m->handle(&c, request, e);
		return response ? pb_dup(&d->arena, response) : NULL;
	}
	c.txn = begin(d);
	c.view = txn_view(c.txn);
	response = m->handle(&c, request, e);
	d->needs_root = c.needs_root;
	if (response) {
		response = pb_dup(&d->arena, response);
		finish(d, c.txn);
	} else {
		txn_close(c.txn);
	}
	return response;
}

static inline Pb__ServiceSpec *spec_of(struct drive *d, const char *name, const char *image)
{
	Pb__ServiceSpec *spec = PB_NEW(&d->arena, service_spec);

	spec->annotations->name = arena_strdup(&d->arena, name);
	spec->task->runtime_case = PB__TASK_SPEC__RUNTIME_CONTAINER;
	spec->task->container = PB_NEW(&d->arena, container_spec);
	spec->task->container->image = arena_strdup(&d->arena, image);
	return spec;
}

static inline Pb__ServiceSpec *replicated(struct drive *d, const char *name, const char *image,
					  uint64_t replicas)
{
	Pb__ServiceSpec *spec = spec_of(d, name, image);

	spec->mode_case = PB__SERVICE_SPEC__MODE_REPLICATED;
	spec->replicated = PB_NEW(&d->arena, replicated_service);
	spec->replicated->replicas = replicas;
	return spec;
}

static inline Pb__ServiceSpec *global(struct drive *d, const char *name, const char *image)
{
	Pb__ServiceSpec *spec = spec_of(d, name, image);

	spec->mode_case = PB__SERVICE_SPEC__MODE_GLOBAL;
	spec->global = PB_NEW(&d->arena, global_service);
	return spec;
}

static inline Pb__RestartPolicy *policy(struct drive *d, Pb__ServiceSpec *spec,
					Pb__RestartPolicy__RestartCondition condition,
					int64_t delay_ms, uint64_t max_attempts, int64_t window_ms)
{
	Pb__RestartPolicy *p = spec->task->restart = PB_NEW(&d->arena, restart_policy);

	p->condition = condition;
	p->delay = span(&d->arena, delay_ms);
	p->max_attempts = max_attempts;
	if (window_ms)
		p->window = span(&d->arena, window_ms);
	return p;
}

static inline const char *create(struct drive *d, Pb__ServiceSpec *spec)
{
	Pb__CreateServiceRequest *request = PB_NEW(&d->arena, create_service_request);
	const Pb__CreateServiceResponse *response;
	struct err e;

	request->spec = spec;
	response = ask(d, "CreateService", request, &e);
	if (!response)
		TEST_FAIL("%s", e.text);
	return response->service->id;
}

static inline const Pb__Service *service(const struct drive *d, const char *id)
{
	return view_service(store_view(d->store), id);
}

static inline bool try_update(struct drive *d, const char *id, Pb__ServiceSpec *spec, struct err *e)
{
	Pb__UpdateServiceRequest *request = PB_NEW(&d->arena, update_service_request);

	request->service_id = arena_strdup(&d->arena, id);
	request->service_version = pb_dup(&d->arena, service(d, id)->meta->version);
	request->spec = spec;
	return ask(d, "UpdateService", request, e) != NULL;
}

static inline void update(struct drive *d, const char *id, Pb__ServiceSpec *spec)
{
	struct err e;

	if (!try_update(d, id, spec, &e))
		TEST_FAIL("%s", e.text);
}

static inline void scale(struct drive *d, const char *id, uint64_t replicas)
{
	Pb__ServiceSpec *spec = pb_dup(&d->arena, service(d, id)->spec);

	spec->replicated->replicas = replicas;
	update(d, id, spec);
}

static inline void remove_it(struct drive *d, const char *id)
{
	Pb__RemoveServiceRequest *request = PB_NEW(&d->arena, remove_service_request);
	struct err e;

	request->service_id = arena_strdup(&d->arena, id);
	if (!ask(d, "RemoveService", request, &e))
		TEST_FAIL("%s", e.text);
}

/* ---- looks ---- */

static inline struct objects tasks_of(struct drive *d, const char *service_id)
{
	return view_tasks_of_service(store_view(d->store), service_id, &d->arena);
}

static inline int count_state(struct drive *d, const char *service_id, Pb__TaskState state)
{
	struct objects tasks = tasks_of(d, service_id);
	const Pb__Task *task;
	int n = 0;

	objects_each (tasks, Pb__Task, task)
		n += task_state(task) == state;
	return n;
}

static inline int running(struct drive *d, const char *service_id)
{
	return count_state(d, service_id, PB__TASK_STATE__RUNNING);
}

static inline int running_on(struct drive *d, const char *service_id, const char *node_id)
{
	struct objects tasks = tasks_of(d, service_id);
	const Pb__Task *task;
	int n = 0;

	objects_each (tasks, Pb__Task, task)
		n += task_state(task) == PB__TASK_STATE__RUNNING &&
		     strcmp(task->node_id, node_id) == 0;
	return n;
}

static inline int count_tasks(struct drive *d, const char *service_id)
{
	return (int)tasks_of(d, service_id).count;
}

/* The first one in this state; NULL for none. */
static inline const Pb__Task *a_task(struct drive *d, const char *service_id, Pb__TaskState state)
{
	struct objects tasks = tasks_of(d, service_id);
	const Pb__Task *task;

	objects_each (tasks, Pb__Task, task)
		if (task_state(task) == state)
			return task;
	return NULL;
}

static inline const char *image_of(const Pb__Task *task)
{
	return task->spec->container->image;
}

static inline int running_image(struct drive *d, const char *service_id, const char *image)
{
	struct objects tasks = tasks_of(d, service_id);
	const Pb__Task *task;
	int n = 0;

	objects_each (tasks, Pb__Task, task)
		n += task_state(task) == PB__TASK_STATE__RUNNING &&
		     strcmp(image_of(task), image) == 0;
	return n;
}

#endif
