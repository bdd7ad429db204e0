#include "sim/stage.h"

#include <string.h>

#include "base/mem.h"
#include "sim/hands.h"

#define CONTROL      "/docker.swarmkit.v1.Control/"
#define STEP_MS      10
#define PATIENCE_MS  15000
#define QUIET_MS     10000
#define UNSETTLED_MS 300000

/* ---- waiting ---- */

void stage_wait(struct stage *g, int64_t ms)
{
	world_run(&g->world, g->world.now_ms + ms);
}

static struct sim_node *leader_now(struct stage *g)
{
	struct world *w = &g->world;

	for (size_t i = 0; i < w->node_count; i++)
		if (w->nodes[i].node && node_is_leading(w->nodes[i].node) &&
		    w->nodes[i].paused_until_ms <= w->now_ms)
			return &w->nodes[i];
	return NULL;
}

static struct sim_node *leader_soon(struct stage *g, struct err *e)
{
	int64_t until_ms = g->world.now_ms + PATIENCE_MS;
	struct sim_node *leader;

	while (!(leader = leader_now(g)) && g->world.now_ms < until_ms)
		stage_wait(g, STEP_MS);
	if (!leader)
		(void)fail(e, ERR_UNAVAILABLE, "nobody leads");
	return leader;
}

const struct view *stage_view(struct stage *g, struct err *e)
{
	struct sim_node *leader = leader_soon(g, e);

	return leader ? node_view(leader->node) : NULL;
}

bool stage_settle(struct stage *g, struct err *e)
{
	int64_t began_ms = g->world.now_ms, since_ms = began_ms;
	struct pb_digest last = { 0 };

	while (g->world.now_ms - since_ms < QUIET_MS) {
		struct sim_node *leader = leader_soon(g, e);
		struct pb_digest digest;

		if (!leader)
			return false;
		digest = store_digest(node_store(leader->node));
		if (pb_digest_compare(digest, last) != 0)
			since_ms = g->world.now_ms;
		last = digest;
		if (g->world.now_ms - began_ms > UNSETTLED_MS)
			return fail(e, ERR_UNAVAILABLE, "it does not settle");
		stage_wait(g, 100);
	}
	return true;
}

/* ---- asking ---- */

/* The outcome of a ticket of this life of the node. */
static bool await(struct stage *g, struct sim_node *s, uint64_t ticket, struct err *e)
{
	int64_t until_ms = g->world.now_ms + PATIENCE_MS;
	uint64_t life = s->lives;

	while (g->world.now_ms < until_ms && s->node && s->lives == life) {
		struct leader_answer *a = node_take_answer(s->node);
		bool is_ok;

		if (!a) {
			stage_wait(g, 1);
			continue;
		}
		if (a->ticket != ticket) {
			leader_answer_free(a);
			continue;
		}
		is_ok = a->is_ok;
		if (!is_ok)
			*e = a->err;
		leader_answer_free(a);
		return is_ok;
	}
	return fail(e, ERR_UNKNOWN_OUTCOME, "%s did not answer", s->name);
}

bool stage_change(struct stage *g, const char *method, const void *request, struct err *e)
{
	struct sim_node *leader = leader_soon(g, e);
	AUTO_ARENA struct arena a = { 0 };
	uint64_t ticket;

	if (!leader)
		return false;
	ticket = node_ticket(leader->node);
	node_change(leader->node, ticket, arena_printf(&a, CONTROL "%s", method), request);
	world_wake(leader);
	return await(g, leader, ticket, e);
}

static bool join(struct stage *g, struct sim_node *worker, struct err *e)
{
	const struct view *v = stage_view(g, e);
	const Pb__Cluster *cluster = v ? view_cluster(v) : NULL;
	struct swarm_join how;
	uint64_t ticket;

	if (!cluster)
		return fail(e, ERR_UNAVAILABLE, "there is no swarm to join");
	how = (struct swarm_join){
		.listen_addr = "0.0.0.0:2377",
		.remote_addr = leader_now(g)->addr,
		.token = cluster->root_ca->join_tokens->worker,
		.root_digest = cluster->root_ca->ca_cert_hash,
	};
	ticket = node_ticket(worker->node);
	node_swarm_join(worker->node, ticket, &how);
	world_wake(worker);
	return await(g, worker, ticket, e);
}

bool stage_go_alone(struct stage *g, struct sim_node *host, struct err *e)
{
	struct swarm_init how = { .listen_addr = host->addr,
				  .advertise_addr = host->addr,
				  .force_new_cluster = true };
	uint64_t ticket;

	if (!host->node)
		return fail(e, ERR_UNAVAILABLE, "%s is down", host->name);
	ticket = node_ticket(host->node);
	node_swarm_init(host->node, ticket, &how);
	world_wake(host);
	return await(g, host, ticket, e);
}

/* ---- watching ---- */

static size_t count_running(struct world *w, const struct view *v, const Pb__Service *service)
{
	AUTO_ARENA struct arena a = { 0 };
	struct objects tasks = view_tasks_of_service(v, service->id, &a);
	const Pb__Task *t;
	size_t running = 0;

	objects_each (tasks, Pb__Task, t)
		for (size_t i = 0; i < w->node_count; i++)
			running += hands_runs(w->nodes[i].hands, t->id);
	return running;
}

static void after_turn(struct world *w, struct sim_node *s)
{
	struct stage *g = w->config.watch_self;

	readers_after_turn(&g->readers, s);
	if (!s->node || !node_is_leading(s->node))
		return;
	for (struct stage_watch *i = g->watches; i; i = i->next) {
		const struct view *v = node_view(s->node);
		const Pb__Service *service = view_by_name(v, OBJECT_SERVICE, i->service);
		size_t running = service ? count_running(w, v, service) : 0;

		i->fewest = running < i->fewest ? running : i->fewest;
		i->most = running > i->most ? running : i->most;
	}
}

void stage_watch(struct stage *g, const char *service)
{
	struct stage_watch *w = NEW(struct stage_watch);

	*w = (struct stage_watch){ xstrdup(service), SIZE_MAX, 0, g->watches };
	g->watches = w;
}

bool stage_watched(struct stage *g, const char *service, size_t *fewest, size_t *most)
{
	for (struct stage_watch **at = &g->watches, *w; (w = *at); at = &w->next) {
		if (strcmp(w->service, service) != 0)
			continue;
		*fewest = w->fewest;
		*most = w->most;
		*at = w->next;
		free(w->service);
		free(w);
		return true;
	}
	return false;
}

static void mark(void *self, const char *name)
{
	struct sim_node *s = self;
	struct stage *g = s->world->config.watch_self;
	struct stage_mark *m;

	if (stage_has_mark(g, name))
		return;
	m = NEW(struct stage_mark);
	*m = (struct stage_mark){ name, g->marks };
	g->marks = m;
}

bool stage_has_mark(const struct stage *g, const char *name)
{
	for (const struct stage_mark *m = g->marks; m; m = m->next)
		if (strcmp(m->name, name) == 0)
			return true;
	return false;
}

struct reader *stage_read(struct stage *g, const char *service, bool follows, int64_t tail,
			  struct err *e)
{
	const Pb__Service *s = stage_service(g, service, e);

	return s ? reader_begin(&g->readers, leader_now(g), s, follows, tail) : NULL;
}

/* ---- the curtain ---- */

bool stage_begin(struct stage *g, const struct world_config *c, struct err *e)
{
	struct world_config config = *c;

	config.watch = after_turn;
	config.watch_self = g;
	config.mark = mark;
	world_init(&g->world, &config);
	g->readers.world = &g->world;
	g->is_set = true;
	if (!leader_soon(g, e))
		return false;
	stage_wait(g, 1000); /* founding */
	for (size_t i = c->managers; i < g->world.node_count; i++)
		if (!join(g, &g->world.nodes[i], e))
			return while_doing(e, "%s joins", g->world.nodes[i].name);
	return stage_settle(g, e);
}

void stage_clear(struct stage *g)
{
	readers_clear(&g->readers);
	if (g->is_set)
		world_clear(&g->world);
	for (struct stage_mark *m = g->marks, *next; m; m = next) {
		next = m->next;
		free(m);
	}
	for (struct stage_watch *w = g->watches, *next; w; w = next) {
		next = w->next;
		free(w->service);
		free(w);
	}
	*g = (struct stage){ 0 };
}

/* ---- names ---- */

struct sim_node *stage_host(struct stage *g, const char *name, struct err *e)
{
	for (size_t i = 0; i < g->world.node_count; i++)
		if (strcmp(g->world.nodes[i].name, name) == 0)
			return &g->world.nodes[i];
	(void)fail(e, ERR_NOT_FOUND, "no host %s", name);
	return NULL;
}

const Pb__Service *stage_service(struct stage *g, const char *name, struct err *e)
{
	const struct view *v = stage_view(g, e);
	const Pb__Service *service = v ? view_by_name(v, OBJECT_SERVICE, name) : NULL;

	if (v && !service)
		(void)fail(e, ERR_NOT_FOUND, "no service %s", name);
	return service;
}

const Pb__Node *stage_node(struct stage *g, const char *name, struct err *e)
{
	const struct view *v = stage_view(g, e);
	struct sim_node *host = v ? stage_host(g, name, e) : NULL;
	const Pb__Node *node = host ? view_node(v, host->node_id) : NULL;

	if (host && !node)
		(void)fail(e, ERR_NOT_FOUND, "no node %s", name);
	return node;
}

const char *stage_host_name(const struct view *v, const char *node_id)
{
	const Pb__Node *node = view_node(v, node_id);

	return node && node->description ? node->description->hostname : "-";
}

const char *stage_task_name(const struct view *v, const Pb__Task *task, struct arena *a)
{
	const char *service = task->service_annotations->name;

	if (task->slot)
		return arena_printf(a, "%s.%llu", service, (unsigned long long)task->slot);
	return arena_printf(a, "%s.%s", service, stage_host_name(v, task->node_id));
}

const Pb__Task *stage_task(struct stage *g, const char *name, struct err *e)
{
	AUTO_ARENA struct arena a = { 0 };
	const struct view *v = stage_view(g, e);
	struct objects tasks;
	const Pb__Task *t, *found = NULL;

	if (!v)
		return NULL;
	tasks = view_all(v, OBJECT_TASK, &a);
	objects_each (tasks, Pb__Task, t)
		if (t->desired_state <= PB__TASK_STATE__RUNNING &&
		    strcmp(stage_task_name(v, t, &a), name) == 0 &&
		    (!found || found->meta->version->index < t->meta->version->index))
			found = t;
	if (!found)
		(void)fail(e, ERR_NOT_FOUND, "no task %s", name);
	return found;
}
