#include "sim/growth.h"

#include <string.h>

#include "sim/disk.h"
#include "sim/hands.h"
#include "swarm/span.h"
#include "swarm/unlock_key.h"

#define UPDATE_NODE    "/docker.swarmkit.v1.Control/UpdateNode"
#define UPDATE_CLUSTER "/docker.swarmkit.v1.Control/UpdateCluster"
#define REMOVE_NODE    "/docker.swarmkit.v1.Control/RemoveNode"

/* A node that no host is by then never will be. */
#define LOST_AFTER_MS 40000

static struct sim_node *any_manager(struct world *w)
{
	struct sim_node *s = &w->nodes[prng_below(&w->prng, w->node_count)];

	return s->node && s->paused_until_ms <= w->now_ms && node_view(s->node) &&
			       view_cluster(node_view(s->node))
		       ? s
		       : NULL;
}

static void found(struct growth *g)
{
	struct sim_node *first = &g->world->nodes[0];
	struct swarm_init init = { .listen_addr = first->addr, .advertise_addr = first->addr };

	g->is_founded = true;
	node_swarm_init(first->node, node_ticket(first->node), &init);
	world_wake(first);
}

static void join_one(struct growth *g, struct sim_node *s)
{
	struct world *w = g->world;
	const struct sim_node *manager = any_manager(w);
	const Pb__Cluster *cluster = manager ? view_cluster(node_view(manager->node)) : NULL;
	struct swarm_join join;

	if (!cluster)
		return;
	join = (struct swarm_join){
		.listen_addr = s->addr,
		.advertise_addr = s->addr,
		.remote_addr = manager->addr,
		.token = prng_chance(&w->prng, 1, 2) ? cluster->root_ca->join_tokens->worker
						     : cluster->root_ca->join_tokens->manager,
		.root_digest = cluster->root_ca->ca_cert_hash,
	};
	node_swarm_join(s->node, node_ticket(s->node), &join);
	world_wake(s);
}

static void unlock(struct growth *g, struct sim_node *s)
{
	static const uint8_t wrong[UNLOCK_KEY_BYTES] = "a key that opens nothing at all.";
	struct str key = hands_unlock_key(s->hands);
	bool is_mistaken = prng_chance(&g->world->prng, 1, 3);

	if (key.len == 0) {
		world_fail(g->world, "%s is locked without a key", s->name);
		return;
	}
	node_swarm_unlock(s->node, node_ticket(s->node),
			  is_mistaken ? wrong : (const uint8_t *)key.ptr);
	world_wake(s);
}

static const struct sim_node *node_of(const struct world *w, const char *id)
{
	for (size_t i = 0; i < w->node_count; i++)
		if (strcmp(w->nodes[i].node_id, id) == 0)
			return &w->nodes[i];
	return NULL;
}

/* Of joins that were given up. */
static void remove_lost_nodes(struct growth *g)
{
	AUTO_ARENA struct arena a = { 0 };
	struct world *w = g->world;
	const struct sim_node *manager = any_manager(w);
	struct objects nodes;
	const Pb__Node *node;

	if (!manager)
		return;
	nodes = view_all(node_view(manager->node), OBJECT_NODE, &a);
	objects_each (nodes, Pb__Node, node) {
		Pb__RemoveNodeRequest *request = PB_NEW(&a, remove_node_request);
		int64_t age_ms =
			(world_now(w).wall_ns - moment_ns(node->meta->created_at)) / 1000000;

		if (node_of(w, node->id) || age_ms < LOST_AFTER_MS)
			continue;
		request->node_id = node->id;
		request->force = true;
		node_change(manager->node, node_ticket(manager->node), REMOVE_NODE, request);
		world_wake((struct sim_node *)manager);
		return;
	}
}

static void join_all(struct world *w, void *arg)
{
	struct growth *g = arg;

	if (!g->is_founded)
		found(g);
	for (size_t i = 1; i < w->node_count; i++)
		if (w->nodes[i].node && w->nodes[i].paused_until_ms <= w->now_ms &&
		    node_swarm_state(w->nodes[i].node) == SWARM_INACTIVE)
			join_one(g, &w->nodes[i]);
	for (size_t i = 0; i < w->node_count; i++)
		if (w->nodes[i].node && w->nodes[i].paused_until_ms <= w->now_ms &&
		    node_swarm_state(w->nodes[i].node) == SWARM_LOCKED)
			unlock(g, &w->nodes[i]);
	if (g->rotates)
		remove_lost_nodes(g);
	world_plan(w, 1000, join_all, g);
}

static void change_role(struct growth *g, struct sim_node *manager)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__UpdateNodeRequest *request = PB_NEW(&a, update_node_request);
	struct objects nodes = view_all(node_view(manager->node), OBJECT_NODE, &a);
	const Pb__Node *node;

	if (nodes.count == 0)
		return;
	node = nodes.items[prng_below(&g->world->prng, nodes.count)];
	request->node_id = arena_strdup(&a, node->id);
	request->node_version = pb_dup(&a, node->meta->version);
	request->spec = pb_dup(&a, node->spec);
	/* More are made than unmade, so that there mostly are several. */
	request->spec->desired_role =
		prng_chance(&g->world->prng, 3, 5) ? PB__NODE_ROLE__MANAGER : PB__NODE_ROLE__WORKER;
	node_change(manager->node, node_ticket(manager->node), UPDATE_NODE, request);
	world_wake(manager);
}

static void change_lock(struct growth *g, struct sim_node *manager)
{
	AUTO_ARENA struct arena a = { 0 };
	const Pb__Cluster *cluster = view_cluster(node_view(manager->node));
	Pb__UpdateClusterRequest *request = PB_NEW(&a, update_cluster_request);

	request->cluster_id = arena_strdup(&a, cluster->id);
	request->cluster_version = pb_dup(&a, cluster->meta->version);
	request->spec = pb_dup(&a, cluster->spec);
	request->spec->encryption_config->auto_lock_managers = prng_chance(&g->world->prng, 2, 3);
	request->rotation->manager_unlock_key = prng_chance(&g->world->prng, 1, 2);
	node_change(manager->node, node_ticket(manager->node), UPDATE_CLUSTER, request);
	world_wake(manager);
}

static void change_root(struct growth *g, struct sim_node *manager)
{
	AUTO_ARENA struct arena a = { 0 };
	const Pb__Cluster *cluster = view_cluster(node_view(manager->node));
	Pb__UpdateClusterRequest *request = PB_NEW(&a, update_cluster_request);

	request->cluster_id = arena_strdup(&a, cluster->id);
	request->cluster_version = pb_dup(&a, cluster->meta->version);
	request->spec = pb_dup(&a, cluster->spec);
	if (prng_chance(&g->world->prng, 1, 6))
		request->spec->ca_config->signing_ca_cert = cluster->root_ca->ca_cert;
	else
		request->spec->ca_config->force_rotate++;
	node_change(manager->node, node_ticket(manager->node), UPDATE_CLUSTER, request);
	world_wake(manager);
}

static void start_again(struct world *w, void *arg)
{
	(void)w;
	world_start(arg);
}

static const struct sim_node *leader_of(const struct world *w)
{
	for (size_t i = 0; i < w->node_count; i++)
		if (w->nodes[i].node && node_is_leading(w->nodes[i].node))
			return &w->nodes[i];
	return NULL;
}

/* Any member of three or more that can spare one. */
static void lose_journal(struct growth *g)
{
	struct world *w = g->world;
	const struct sim_node *leader = leader_of(w);
	struct sim_node *s = &w->nodes[prng_below(&w->prng, w->node_count)];
	const struct members *members;
	const struct member *m;

	if (!leader || !s->node || !node_group(s->node))
		return;
	members = group_members(node_group(leader->node));
	m = members_find_node(members, s->node_id);
	if (g->lost && !members_was_removed(members, g->lost))
		return;
	if (!m || members_voters(members) < 3)
		return;
	g->lost = m->raft_id;
	world_crash(s, false);
	disk_lose_raft(s->disk);
	world_plan(w, prng_between(&w->prng, 100, 5000), start_again, s);
}

static void act(struct world *w, void *arg)
{
	struct growth *g = arg;
	struct sim_node *manager;

	if (w->now_ms >= g->until_ms)
		return;
	if (g->loses && prng_chance(&w->prng, 1, 10))
		lose_journal(g);
	manager = any_manager(w);
	if (manager && g->locks && prng_chance(&w->prng, 1, 3))
		change_lock(g, manager);
	else if (manager && g->rotates && prng_chance(&w->prng, 1, 3))
		change_root(g, manager);
	else if (manager)
		change_role(g, manager);
	world_plan(w, prng_between(&w->prng, 1, 2 * g->every_ms), act, g);
}

void growth_begin(struct growth *g, struct world *w, int64_t until_ms)
{
	*g = (struct growth){ .world = w,
			      .until_ms = until_ms,
			      .every_ms = prng_between(&w->prng, 1000, 30000),
			      .loses = prng_chance(&w->prng, 1, 2),
			      .locks = prng_chance(&w->prng, 1, 2),
			      .rotates = prng_chance(&w->prng, 1, 2) };
	world_plan(w, 10, join_all, g);
	world_plan(w, 3000, act, g);
}

static void check_lock(struct growth *g, const struct sim_node *s, const Pb__Cluster *cluster)
{
	struct str wanted = node_is_manager(s->node) ? unlock_key_of(cluster) : (struct str){ 0 };

	if (node_swarm_state(s->node) == SWARM_LOCKED)
		world_fail(g->world, "%s is still locked", s->name);
	else if (!str_equal(hands_unlock_key(s->hands), wanted))
		world_fail(g->world, "the keys of %s are not locked as the swarm wants it",
			   s->name);
}

static void check_root(struct growth *g, const struct sim_node *s, const Pb__RootCA *root)
{
	struct str cert = str_bytes(root->ca_cert.data, root->ca_cert.len);

	if (root->root_rotation)
		world_fail(g->world, "the root certificate is still being replaced");
	else if (!hands_trust(s->hands, cert))
		world_fail(g->world, "%s does not believe in the swarm's root", s->name);
	else if (!hands_lead_to(s->hands, cert))
		world_fail(g->world, "the certificate of %s does not lead to the swarm's root",
			   s->name);
}

void growth_check_calm(struct growth *g)
{
	AUTO_ARENA struct arena a = { 0 };
	struct world *w = g->world;
	const struct sim_node *leader = leader_of(w);
	const struct member *m;
	struct objects nodes;
	const Pb__Node *node;

	if (!leader)
		return;
	nodes = view_all(node_view(leader->node), OBJECT_NODE, &a);
	objects_each (nodes, Pb__Node, node) {
		const struct sim_node *s = node_of(w, node->id);
		bool is_to_be = node->spec->desired_role == PB__NODE_ROLE__MANAGER;

		if (!s || !s->node)
			continue; /* a join that was given up */
		check_lock(g, s, view_cluster(node_view(leader->node)));
		check_root(g, s, view_cluster(node_view(leader->node))->root_ca);
		m = members_find_node(group_members(node_group(leader->node)), node->id);
		if (node->role != node->spec->desired_role)
			world_fail(w, "%s still has another role than it is to have", s->name);
		else if (is_to_be != node_is_manager(s->node))
			world_fail(w, "%s is %s manager", s->name, is_to_be ? "no" : "still a");
		else if (is_to_be && (!m || !m->is_voter))
			world_fail(w, "%s does not vote", s->name);
		else if (!is_to_be && m)
			world_fail(w, "%s is still a member", s->name);
	}
}
