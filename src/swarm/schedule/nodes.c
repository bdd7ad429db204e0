#include "swarm/schedule/nodes.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "swarm/schedule/resource.h"
#include "swarm/task.h"

struct service_load {
	struct tree_node node;
	uint64_t active;
	char id[];
};

struct failures {
	struct tree_node node;
	char *service_id;
	uint64_t version;
	int64_t at_ms[FAILURES_MAX]; /* a ring of the latest */
	size_t count, next;
};

struct load_key {
	uint64_t active;
	const char *id;
};

struct failures_key {
	const char *service_id;
	uint64_t version;
};

static int compare_id(const void *key, const struct tree_node *member)
{
	return strcmp(key, container_of(member, struct node_info, by_id)->id);
}

static int compare_load(const void *key, const struct tree_node *member)
{
	const struct load_key *a = key;
	const struct node_info *b = container_of(member, struct node_info, by_load);

	if (a->active != b->active)
		return a->active < b->active ? -1 : 1;
	return strcmp(a->id, b->id);
}

static int compare_service(const void *key, const struct tree_node *member)
{
	return strcmp(key, container_of(member, struct service_load, node)->id);
}

static int compare_failures(const void *key, const struct tree_node *member)
{
	const struct failures_key *a = key;
	const struct failures *b = container_of(member, struct failures, node);
	int order = strcmp(a->service_id, b->service_id);

	return order ? order : (a->version > b->version) - (a->version < b->version);
}

void nodes_init(struct nodes *n)
{
	*n = (struct nodes){ TREE(compare_id), TREE(compare_load) };
}

struct node_info *nodes_find(const struct nodes *n, const char *id)
{
	return tree_entry(tree_find(&n->by_id, id), struct node_info, by_id);
}

static void insert_by_load(struct nodes *n, struct node_info *node)
{
	struct load_key key = { node->active, node->id };

	tree_insert(&n->by_load, &key, &node->by_load);
}

struct node_info *nodes_get(struct nodes *n, const char *id)
{
	struct node_info *node = nodes_find(n, id);

	if (node)
		return node;
	node = NEW(struct node_info);
	node->id = xstrdup(id);
	node->services = TREE(compare_service);
	node->failures = TREE(compare_failures);
	tree_insert(&n->by_id, node->id, &node->by_id);
	insert_by_load(n, node);
	return node;
}

static void failures_free(struct node_info *node, struct failures *f)
{
	tree_remove(&node->failures, &f->node);
	free(f->service_id);
	free(f);
}

static void node_free(struct nodes *n, struct node_info *node)
{
	struct tree_node *member;

	tree_remove(&n->by_id, &node->by_id);
	tree_remove(&n->by_load, &node->by_load);
	while ((member = tree_first(&node->services))) {
		tree_remove(&node->services, member);
		free(container_of(member, struct service_load, node));
	}
	while ((member = tree_first(&node->failures)))
		failures_free(node, container_of(member, struct failures, node));
	free(node->ports);
	free(node->id);
	free(node);
}

void nodes_remove(struct nodes *n, const char *id)
{
	struct node_info *node = nodes_find(n, id);

	if (node)
		node_free(n, node);
}

void nodes_clear(struct nodes *n)
{
	struct tree_node *member;

	while ((member = tree_first(&n->by_id)))
		node_free(n, container_of(member, struct node_info, by_id));
}

/* ---- claims ---- */

static void claim_ports(struct claim *c, const Pb__Endpoint *endpoint, struct arena *a)
{
	if (!endpoint || endpoint->n_ports == 0)
		return;
	c->ports = arena_alloc(a, endpoint->n_ports * sizeof(*c->ports));
	for (size_t i = 0; i < endpoint->n_ports; i++) {
		const Pb__PortConfig *p = endpoint->ports[i];

		if (p->publish_mode == PB__PORT_CONFIG__PUBLISH_MODE__HOST &&
		    p->published_port != 0)
			c->ports[c->port_count++] =
				(struct host_port){ p->protocol, p->published_port };
	}
}

struct claim claim_of(const Pb__Task *task, struct arena *a)
{
	const Pb__Resources *r = reservations_of(task);
	struct claim c = { .node_id = "", .service_id = task->service_id };

	if (!task->node_id[0] || !task_is_on_node(task))
		return c;
	c.node_id = task->node_id;
	c.is_active = task_is_wanted(task);
	if (r) {
		c.nano_cpus = r->nano_cpus;
		c.memory_bytes = r->memory_bytes;
	}
	claim_ports(&c, task->endpoint, a);
	return c;
}

static void count_active(struct nodes *n, struct node_info *node, const char *service_id, int delta)
{
	struct service_load *load =
		tree_entry(tree_find(&node->services, service_id), struct service_load, node);
	size_t size = strlen(service_id) + 1;

	tree_remove(&n->by_load, &node->by_load);
	node->active += (uint64_t)delta;
	insert_by_load(n, node);

	if (!load) {
		load = xcalloc(1, sizeof(*load) + size);
		memcpy(load->id, service_id, size);
		tree_insert(&node->services, load->id, &load->node);
	}
	load->active += (uint64_t)delta;
	if (load->active == 0) {
		tree_remove(&node->services, &load->node);
		free(load);
	}
}

static void port_add(struct node_info *node, struct host_port p)
{
	if (node->port_count == node->port_capacity) {
		node->port_capacity = node->port_capacity ? node->port_capacity * 2 : 4;
		node->ports = xrealloc(node->ports, node->port_capacity * sizeof(*node->ports));
	}
	node->ports[node->port_count++] = p;
}

static void port_remove(struct node_info *node, struct host_port p)
{
	for (size_t i = 0; i < node->port_count; i++) {
		if (node->ports[i].port != p.port || node->ports[i].protocol != p.protocol)
			continue;
		node->ports[i] = node->ports[--node->port_count];
		return;
	}
}

static void apply(struct nodes *n, const struct claim *c, int sign)
{
	struct node_info *node = c->node_id[0] ? nodes_get(n, c->node_id) : NULL;

	if (!node)
		return;
	if (c->is_active)
		count_active(n, node, c->service_id, sign);
	node->reserved_cpus += sign * c->nano_cpus;
	node->reserved_memory += sign * c->memory_bytes;
	for (size_t i = 0; i < c->port_count; i++) {
		if (sign > 0)
			port_add(node, c->ports[i]);
		else
			port_remove(node, c->ports[i]);
	}
}

void nodes_add(struct nodes *n, const struct claim *c)
{
	apply(n, c, 1);
}

void nodes_take_back(struct nodes *n, const struct claim *c)
{
	apply(n, c, -1);
}

uint64_t node_tasks_of(const struct node_info *node, const char *service_id)
{
	const struct service_load *load =
		tree_entry(tree_find(&node->services, service_id), struct service_load, node);

	return load ? load->active : 0;
}

/* ---- failures ---- */

static bool is_recent(int64_t at_ms, int64_t now_ms)
{
	return at_ms > now_ms - FAILURES_AGE_MS;
}

static size_t newest(const struct failures *f)
{
	return (f->next + FAILURES_MAX - 1) % FAILURES_MAX;
}

static void forget_old(struct node_info *node, int64_t now_ms)
{
	struct failures *f;

	tree_each (&node->failures, struct failures, node, f)
		if (!is_recent(f->at_ms[newest(f)], now_ms))
			failures_free(node, f);
}

void node_note_failure(struct node_info *node, const char *service_id, uint64_t version,
		       int64_t now_ms)
{
	struct failures_key key = { service_id, version };
	struct failures *f;

	forget_old(node, now_ms);
	f = tree_entry(tree_find(&node->failures, &key), struct failures, node);
	if (!f) {
		f = NEW(struct failures);
		f->service_id = xstrdup(service_id);
		f->version = version;
		tree_insert(&node->failures, &key, &f->node);
	}
	f->at_ms[f->next] = now_ms;
	f->next = (f->next + 1) % FAILURES_MAX;
	f->count += f->count < FAILURES_MAX;
}

uint64_t node_failures_of(const struct node_info *node, const char *service_id, uint64_t version,
			  int64_t now_ms)
{
	struct failures_key key = { service_id, version };
	const struct failures *f =
		tree_entry(tree_find(&node->failures, &key), struct failures, node);
	uint64_t recent = 0;

	for (size_t i = 0; f && i < f->count; i++)
		recent += is_recent(f->at_ms[i], now_ms);
	return recent;
}
