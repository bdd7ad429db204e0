#include "swarm/allocate/allocate.h"

#include "base/log.h"
#include "swarm/allocate/ports.h"
#include "swarm/marks.h"
#include "swarm/network.h"
#include "swarm/task.h"

struct allocate {
	const struct log *log;
	struct ports ports;
	struct marks networks, services, tasks; /* to be looked at */
	struct marks without_port; /* services whose ports are taken, until some are given back */
	struct marks with_stuck;   /* services whose tasks wait for their endpoint */
	struct marks without_network; /* tasks that wait for a network */
};

struct allocate *allocate_new(const struct log *log)
{
	struct allocate *al = NEW(struct allocate);

	al->log = log;
	marks_init(&al->networks);
	marks_init(&al->services);
	marks_init(&al->tasks);
	marks_init(&al->without_port);
	marks_init(&al->with_stuck);
	marks_init(&al->without_network);
	return al;
}

static void mark_all_again(struct marks *from, struct marks *to)
{
	AUTO_ARENA struct arena a = { 0 };
	const char *id;

	while ((id = marks_take(from, &a)))
		marks_add(to, id);
}

static bool is_new(const Pb__Task *task)
{
	return task_state(task) == PB__TASK_STATE__NEW && task_is_wanted(task);
}

static void mark(struct allocate *al, const struct change *c)
{
	if (!c->new)
		return;
	if (c->kind == OBJECT_NETWORK) {
		marks_add(&al->networks, object_id(c->new));
		mark_all_again(&al->without_network, &al->tasks);
	} else if (c->kind == OBJECT_SERVICE) {
		marks_add(&al->services, object_id(c->new));
	} else if (c->kind == OBJECT_TASK && is_new(c->new)) {
		marks_add(&al->tasks, object_id(c->new));
	}
}

static void notice(void *self, const struct change *c, struct now now)
{
	struct allocate *al = self;

	mark(al, c);
	/* What changes of an endpoint was taken and given back when it was decided. */
	if (c->kind == OBJECT_SERVICE && c->what == CHANGE_REMOVED) {
		ports_release_endpoint(&al->ports, ((const Pb__Service *)c->old)->endpoint);
		mark_all_again(&al->without_port, &al->services);
	}
}

static void lead(void *self, const struct view *v, struct now now)
{
	struct allocate *al = self;
	AUTO_ARENA struct arena a = { 0 };
	static const enum object_kind kinds[] = { OBJECT_NETWORK, OBJECT_SERVICE, OBJECT_TASK };

	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		struct objects all = view_all(v, kinds[k], &a);

		for (size_t i = 0; i < all.count; i++) {
			mark(al, &(struct change){ CHANGE_CREATED, kinds[k], NULL, all.items[i] });
			if (kinds[k] == OBJECT_SERVICE)
				ports_take_endpoint(&al->ports,
						    ((const Pb__Service *)all.items[i])->endpoint);
		}
	}
}

/* ---- networks ---- */

static void allocate_network(struct allocate *al, struct txn *t, const char *id)
{
	struct arena *a = txn_arena(t);
	const Pb__Network *now = view_network(txn_view(t), id);
	Pb__Network *network;

	if (!now || now->driver_state || !network_is_node_local(now->spec))
		return;
	network = txn_edit(t, OBJECT_NETWORK, id);
	network->driver_state = PB_NEW(a, driver);
	network->driver_state->name = arena_strdup(a, network_driver(now->spec));
	/* Stock nodes read through these without a look whether they are there. */
	network->ipam = PB_NEW(a, ipamoptions);
	network->ipam->driver = PB_NEW(a, driver);
	txn_put(t, network);
}

/* ---- services ---- */

static bool service_is_allocated(const Pb__Service *service)
{
	return service->endpoint && pb_equal(service->endpoint->spec, service->spec->endpoint);
}

static void mark_stuck_tasks(struct allocate *al, struct txn *t, const char *service_id)
{
	struct objects tasks = view_tasks_of_service(txn_view(t), service_id, txn_arena(t));
	const Pb__Task *task;

	if (!marks_has(&al->with_stuck, service_id))
		return;
	marks_remove(&al->with_stuck, service_id);
	objects_each (tasks, Pb__Task, task)
		if (is_new(task))
			marks_add(&al->tasks, task->id);
}

static void allocate_service(struct allocate *al, struct txn *t, const char *id)
{
	struct arena *a = txn_arena(t);
	const Pb__Service *now = view_service(txn_view(t), id);
	Pb__Endpoint *endpoint;
	Pb__Service *service;
	struct err e;

	if (!now || service_is_allocated(now))
		return;
	endpoint = PB_NEW(a, endpoint);
	if (!ports_of_endpoint(&al->ports, now->endpoint, now->spec->endpoint, endpoint, a, &e)) {
		log_warn(al->log, "allocate", "service %s: %s", now->spec->annotations->name,
			 e.text);
		marks_add(&al->without_port, id);
		return;
	}
	service = txn_edit_service(t, id);
	endpoint->spec = service->spec->endpoint;
	service->endpoint = endpoint;
	txn_put(t, service);
	mark_all_again(&al->without_port, &al->services);
	mark_stuck_tasks(al, t, id);
}

/* ---- tasks ---- */

static const Pb__NetworkAttachmentConfig *const *
wanted_networks(const Pb__Task *task, const Pb__Service *service, size_t *count)
{
	bool of_task = task->spec->n_networks > 0 || !service;

	*count = of_task ? task->spec->n_networks : service->spec->n_networks;
	return (const Pb__NetworkAttachmentConfig *const *)(of_task ? task->spec->networks
								    : service->spec->networks);
}

/* Each attachment carries the network, whole. False if one is not there or not allocated. */
static bool attach_networks(struct txn *t, Pb__Task *task, const Pb__Service *service)
{
	struct arena *a = txn_arena(t);
	size_t count;
	const Pb__NetworkAttachmentConfig *const *wanted = wanted_networks(task, service, &count);

	task->n_networks = 0;
	task->networks = arena_alloc(a, (count + 1) * sizeof(*task->networks));
	for (size_t i = 0; i < count; i++) {
		const Pb__Network *network = view_network(txn_view(t), wanted[i]->target);
		Pb__NetworkAttachment *at;

		if (!network || !network->driver_state)
			return false;
		at = PB_NEW(a, network_attachment);
		at->network = (Pb__Network *)network;
		at->n_aliases = wanted[i]->n_aliases;
		at->aliases = wanted[i]->aliases;
		at->n_driver_attachment_opts = wanted[i]->n_driver_attachment_opts;
		at->driver_attachment_opts = wanted[i]->driver_attachment_opts;
		task->networks[task->n_networks++] = at;
	}
	return true;
}

static void allocate_task(struct allocate *al, struct txn *t, const char *id)
{
	const Pb__Task *now = view_task(txn_view(t), id);
	const Pb__Service *service = now ? view_service(txn_view(t), now->service_id) : NULL;
	Pb__Task *task;

	if (!now || !is_new(now))
		return;
	if (now->service_id[0] && !service)
		return; /* it will be removed */
	if (service && !service_is_allocated(service)) {
		marks_add(&al->with_stuck, service->id);
		return;
	}
	task = txn_edit_task(t, id);
	if (!attach_networks(t, task, service)) {
		marks_add(&al->without_network, id);
		return;
	}
	if (service)
		task->endpoint = service->endpoint;
	task->status = task_status(t, task, PB__TASK_STATE__PENDING, "pending task scheduling", "");
	txn_put(t, task);
}

/* ---- controller ---- */

static void work_off(struct allocate *al, struct txn *t, struct marks *marks,
		     void (*step)(struct allocate *al, struct txn *t, const char *id))
{
	const char *id;

	while (txn_has_room(t, 1) && (id = marks_take(marks, txn_arena(t))))
		step(al, t, id);
}

/* What the transaction changes already takes no further room in it. */
static void work_off_changed(struct allocate *al, struct txn *t, enum object_kind kind,
			     struct marks *marks,
			     void (*step)(struct allocate *al, struct txn *t, const char *id),
			     const struct change *changes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *id = changes[i].new ? object_id(changes[i].new) : "";

		if (changes[i].kind != kind || !marks_has(marks, id) ||
		    !txn_has_room_for(t, kind, id))
			continue;
		marks_remove(marks, id);
		step(al, t, id);
	}
}

static void decide(void *self, struct txn *t)
{
	struct allocate *al = self;
	size_t count;
	const struct change *changes = txn_changes(t, &count);

	for (size_t i = 0; i < count; i++)
		mark(al, &changes[i]);
	work_off_changed(al, t, OBJECT_NETWORK, &al->networks, allocate_network, changes, count);
	work_off(al, t, &al->networks, allocate_network);
	work_off_changed(al, t, OBJECT_SERVICE, &al->services, allocate_service, changes, count);
	work_off(al, t, &al->services, allocate_service);
	work_off_changed(al, t, OBJECT_TASK, &al->tasks, allocate_task, changes, count);
	work_off(al, t, &al->tasks, allocate_task);
}

static int64_t deadline(const void *self)
{
	const struct allocate *al = self;

	return marks_are_empty(&al->networks) && marks_are_empty(&al->services) &&
			       marks_are_empty(&al->tasks)
		       ? NEVER_MS
		       : 0;
}

static void resign(void *self)
{
	struct allocate *al = self;

	marks_clear(&al->networks);
	marks_clear(&al->services);
	marks_clear(&al->tasks);
	marks_clear(&al->without_port);
	marks_clear(&al->with_stuck);
	marks_clear(&al->without_network);
	al->ports = (struct ports){ 0 };
}

struct controller allocate_controller(struct allocate *al)
{
	return (struct controller){ "allocate", al, lead, notice, decide, deadline, resign };
}

void allocate_free(struct allocate *al)
{
	if (!al)
		return;
	resign(al);
	free(al);
}
