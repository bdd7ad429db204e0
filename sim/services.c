#include "sim/services.h"

#include <stdio.h>
#include <string.h>

#include "sim/hands.h"

#define CONTROL "/docker.swarmkit.v1.Control/"

static struct sim_node *leader_of(struct world *w)
{
	for (size_t i = 0; i < w->config.managers; i++)
		if (w->nodes[i].node && node_is_leading(w->nodes[i].node) &&
		    w->nodes[i].paused_until_ms <= w->now_ms)
			return &w->nodes[i];
	return NULL;
}

static void join_one(struct services *s, struct sim_node *worker)
{
	struct world *w = s->world;
	struct sim_node *manager = &w->nodes[prng_below(&w->prng, w->config.managers)];
	const Pb__Cluster *cluster = manager->node && node_view(manager->node)
					     ? view_cluster(node_view(manager->node))
					     : NULL;
	struct swarm_join join;

	if (!cluster)
		return;
	join = (struct swarm_join){
		.listen_addr = "0.0.0.0:2377",
		.remote_addr = manager->addr,
		.token = cluster->root_ca->join_tokens->worker,
		.root_digest = cluster->root_ca->ca_cert_hash,
	};
	node_swarm_join(worker->node, node_ticket(worker->node), &join);
	world_wake(worker);
}

static void join_all(struct world *w, void *arg)
{
	struct services *s = arg;

	for (size_t i = w->config.managers; i < w->node_count; i++)
		if (w->nodes[i].node && w->nodes[i].paused_until_ms <= w->now_ms &&
		    node_swarm_state(w->nodes[i].node) == SWARM_INACTIVE)
			join_one(s, &w->nodes[i]);
	world_plan(w, 2000, join_all, s);
}

static Pb__ServiceSpec *spec_of(struct arena *a, const char *name, uint64_t replicas,
				const char *image)
{
	Pb__ServiceSpec *spec = PB_NEW(a, service_spec);

	spec->annotations->name = (char *)name;
	spec->task->runtime_case = PB__TASK_SPEC__RUNTIME_CONTAINER;
	spec->task->container = PB_NEW(a, container_spec);
	spec->task->container->image = (char *)image;
	spec->mode_case = PB__SERVICE_SPEC__MODE_REPLICATED;
	spec->replicated = PB_NEW(a, replicated_service);
	spec->replicated->replicas = replicas;
	return spec;
}

static void create(struct services *s, struct sim_node *leader, struct arena *a)
{
	Pb__CreateServiceRequest *request = PB_NEW(a, create_service_request);
	struct prng *p = &s->world->prng;

	request->spec = spec_of(a, arena_printf(a, "s%llu", (unsigned long long)++s->created),
				prng_below(p, 10), "nginx");
	node_change(leader->node, node_ticket(leader->node), CONTROL "CreateService", request);
}

static void update(struct services *s, struct sim_node *leader, struct arena *a,
		   const Pb__Service *service)
{
	Pb__UpdateServiceRequest *request = PB_NEW(a, update_service_request);
	struct prng *p = &s->world->prng;

	request->service_id = service->id;
	request->service_version = service->meta->version;
	request->spec = pb_dup(a, service->spec);
	if (prng_chance(p, 1, 3))
		request->spec->task->container->image =
			arena_printf(a, "nginx:%d", (int)prng_below(p, 5));
	else
		request->spec->replicated->replicas = prng_below(p, 10);
	node_change(leader->node, node_ticket(leader->node), CONTROL "UpdateService", request);
}

static void drop(struct sim_node *leader, struct arena *a, const Pb__Service *service)
{
	Pb__RemoveServiceRequest *request = PB_NEW(a, remove_service_request);

	request->service_id = service->id;
	node_change(leader->node, node_ticket(leader->node), CONTROL "RemoveService", request);
}

static void act(struct world *w, void *arg)
{
	struct services *s = arg;
	struct sim_node *leader = leader_of(w);
	AUTO_ARENA struct arena a = { 0 };
	struct objects services;
	unsigned draw = (unsigned)prng_below(&w->prng, 10);

	if (w->now_ms >= s->until_ms)
		return;
	if (leader) {
		services = view_all(node_view(leader->node), OBJECT_SERVICE, &a);
		if (services.count < 3 || (draw < 2 && services.count < 8))
			create(s, leader, &a);
		else if (draw < 8)
			update(s, leader, &a, services.items[prng_below(&w->prng, services.count)]);
		else
			drop(leader, &a, services.items[prng_below(&w->prng, services.count)]);
		world_wake(leader);
	}
	world_plan(w, prng_between(&w->prng, 1, 2 * s->every_ms), act, s);
}

void services_begin(struct services *s, struct world *w, int64_t until_ms)
{
	*s = (struct services){ .world = w,
				.until_ms = until_ms,
				.every_ms = prng_between(&w->prng, 1000, 20000) };
	world_plan(w, 1000, join_all, s);
	world_plan(w, 5000, act, s);
}

static struct sim_node *node_by_id(struct world *w, const char *id)
{
	for (size_t i = 0; i < w->node_count; i++)
		if (strcmp(w->nodes[i].node_id, id) == 0)
			return &w->nodes[i];
	return NULL;
}

static void check_service(struct services *s, const struct view *v, const Pb__Service *service)
{
	struct world *w = s->world;
	AUTO_ARENA struct arena a = { 0 };
	struct objects tasks = view_tasks_of_service(v, service->id, &a);
	const Pb__Task *t;
	uint64_t running = 0;

	objects_each (tasks, Pb__Task, t) {
		struct sim_node *at = node_by_id(w, t->node_id);

		if (t->desired_state != PB__TASK_STATE__RUNNING)
			continue;
		if (t->status->state != PB__TASK_STATE__RUNNING) {
			world_fail(w, "service %s: task %s (slot %llu) is %s: %s",
				   service->spec->annotations->name, t->id,
				   (unsigned long long)t->slot,
				   pb_enum_name(&pb__task_state__descriptor, t->status->state),
				   t->status->err[0] ? t->status->err : t->status->message);
			return;
		}
		if (!at || !hands_runs(at->hands, t->id)) {
			world_fail(w, "service %s: task %s runs nowhere",
				   service->spec->annotations->name, t->id);
			return;
		}
		running++;
	}
	if (running != service->spec->replicated->replicas)
		world_fail(w, "service %s: %llu of %llu tasks run",
			   service->spec->annotations->name, (unsigned long long)running,
			   (unsigned long long)service->spec->replicated->replicas);
}

void services_check_calm(struct services *s)
{
	struct world *w = s->world;
	struct sim_node *leader = leader_of(w);
	AUTO_ARENA struct arena a = { 0 };
	const struct view *v;
	struct objects services;
	const Pb__Service *service;

	if (!leader)
		return; /* said elsewhere */
	v = node_view(leader->node);
	services = view_all(v, OBJECT_SERVICE, &a);
	objects_each (services, Pb__Service, service)
		check_service(s, v, service);
	for (size_t i = 0; i < w->node_count; i++) {
		struct sim_node *n = &w->nodes[i];
		size_t given = view_tasks_of_node(v, n->node_id, &a).count;

		if (!n->node || node_swarm_state(n->node) != SWARM_ACTIVE)
			world_fail(w, "%s is not in the swarm after the calm (%s)", n->name,
				   n->node ? swarm_state_name(node_swarm_state(n->node)) : "down");
		else if (hands_count(n->hands) > given)
			world_fail(w, "%s has %zu containers of %zu tasks", n->name,
				   hands_count(n->hands), given);
	}
}
