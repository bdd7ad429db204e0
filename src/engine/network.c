/* Local networks: the three that are always there and the bridges that users make.
 *
 * A bridge is wanted of the hands when the engine starts and when it is made; a failure is kept and
 * told to whoever wants to use it, and each use tries again. */
#include <stdio.h>

#include "engine/inside.h"
#include "pb/map.h"

#define BRIDGE    "bridge"
#define NAMES_MAX 65536

/* --- objects --- */

static struct network *network_new(struct engine *e, const Pb__LocalNetwork *record)
{
	struct network *n = NEW(struct network);

	n->record = pb_dup(&n->memory, record);
	tree_insert(&e->networks, n->record->id, &n->by_id);
	tree_insert(&e->network_names, n->record->name, &n->by_name);
	return n;
}

static void network_free(struct engine *e, struct network *n)
{
	tree_remove(&e->networks, &n->by_id);
	if (n->by_name.height)
		tree_remove(&e->network_names, &n->by_name);
	arena_clear(&n->memory);
	free(n);
}

void network_load_record(struct engine *e, const Pb__LocalNetwork *record)
{
	(void)network_new(e, record);
}

void networks_clear(struct engine *e)
{
	struct network *n;

	tree_each (&e->networks, struct network, by_id, n)
		network_free(e, n);
}

static bool is_predefined(const struct network *n)
{
	static const char *const names[] = { BRIDGE, "host", "none" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(n->record->name, names[i]) == 0)
			return true;
	return false;
}

struct network *network_by_id(const struct engine *e, const char *id)
{
	return tree_entry(tree_find(&e->networks, id), struct network, by_id);
}

struct network *network_by_name(const struct engine *e, const char *name)
{
	return tree_entry(tree_find(&e->network_names, name), struct network, by_name);
}

struct network *network_lookup(const struct engine *e, const char *ref, struct err *err)
{
	struct network *n = network_by_id(e, ref), *next;

	if (!n)
		n = network_by_name(e, ref);
	if (n)
		return n;
	n = ref[0] ? tree_entry(tree_at_or_after(&e->networks, ref), struct network, by_id) : NULL;
	if (!n || !str_starts_with(str_of(n->record->id), ref)) {
		(void)fail(err, ERR_NOT_FOUND, "network %s not found", ref);
		return NULL;
	}
	next = tree_entry(tree_next(&n->by_id), struct network, by_id);
	if (next && str_starts_with(str_of(next->record->id), ref)) {
		(void)fail(err, ERR_INVALID,
			   "network %s is ambiguous (2 matches found based on ID prefix)", ref);
		return NULL;
	}
	return n;
}

const Pb__LocalNetwork *engine_network_find(const struct engine *e, const char *ref,
					    struct err *err)
{
	struct network *n = network_lookup(e, ref, err);

	return n ? n->record : NULL;
}

const Pb__LocalNetwork *engine_network_first(const struct engine *e)
{
	struct network *n = tree_entry(tree_first(&e->network_names), struct network, by_name);

	return n ? n->record : NULL;
}

const Pb__LocalNetwork *engine_network_next(const struct engine *e, const Pb__LocalNetwork *record)
{
	struct network *n = network_by_id(e, record->id);

	n = n ? tree_entry(tree_next(&n->by_name), struct network, by_name) : NULL;
	return n ? n->record : NULL;
}

/* --- what is wanted of the hands --- */

static bool option_is_off(const Pb__LocalNetwork *record, const char *key)
{
	const char *value = PB_MAP_GET(record, options, key);

	return value && strcmp(value, "false") == 0;
}

void network_want(struct engine *e, struct network *n)
{
	const struct net *net = e->seams.net;
	const Pb__LocalNetwork *r = n->record;
	const char *link = PB_MAP_GET(r, options, "com.docker.network.bridge.name");
	const char *mtu = PB_MAP_GET(r, options, "com.docker.network.driver.mtu");
	uint64_t number = 0;
	struct net_bridge want;

	if (strcmp(r->driver, BRIDGE) != 0 || (n->is_wanted && !n->has_fault))
		return;
	if (mtu)
		(void)str_to_u64(str_of(mtu), &number);
	want = (struct net_bridge){
		.id = r->id,
		.link = link ? link : "",
		.subnet = r->subnet,
		.gateway = r->gateway,
		.icc = !option_is_off(r, "com.docker.network.bridge.enable_icc"),
		.masquerade = !r->internal &&
			      !option_is_off(r, "com.docker.network.bridge.enable_ip_masquerade"),
		.internal = r->internal,
		.mtu = number <= 65535 ? (int)number : 0,
	};
	n->is_wanted = true;
	n->has_fault = false;
	net->want_bridge(net->self, ++n->generation, &want);
}

static void add_name(struct arena *a, struct net_name *names, size_t *count, const char *name,
		     const char *address)
{
	if (*count < NAMES_MAX && name[0])
		names[(*count)++] = (struct net_name){ arena_strdup(a, name), address };
}

void network_want_names(struct engine *e, struct network *n)
{
	const struct net *net = e->seams.net;
	AUTO_ARENA struct arena a = { 0 };
	struct net_name *names;
	struct container *c;
	size_t count = 0, room = 0;

	tree_each (&e->containers, struct container, by_id, c)
		for (size_t i = 0; i < c->record->n_endpoints; i++)
			room += 3 + c->record->endpoints[i]->n_aliases;
	names = arena_alloc(&a, (room + 1) * sizeof(*names));
	tree_each (&e->containers, struct container, by_id, c) {
		for (size_t i = 0; i < c->record->n_endpoints; i++) {
			const Pb__EndpointSettings *s = c->record->endpoints[i];

			if (strcmp(s->network_id, n->record->id) != 0 || !s->ip_address[0])
				continue;
			add_name(&a, names, &count, c->record->name, s->ip_address);
			add_name(&a, names, &count,
				 arena_printf(&a, "%.*s", HEX_ID_SHORT_LEN, c->record->id),
				 s->ip_address);
			for (size_t k = 0; k < s->n_aliases; k++)
				add_name(&a, names, &count, s->aliases[k], s->ip_address);
		}
	}
	net->want_names(net->self, ++n->names_generation, n->record->id, names, count);
}

void network_input(struct engine *e, const struct net_event *event)
{
	struct container *c;
	struct network *n;

	if (event->object == NET_SANDBOX) {
		c = container_by_id(e, event->id);
		if (c)
			start_input_net(e, c, event);
		return;
	}
	n = network_by_id(e, event->id);
	if (event->kind != NET_FAILED)
		return;
	log_warn(e->config.log, "engine", "network %.12s: %s", event->id, event->text);
	if (n && event->object == NET_BRIDGE && event->generation == n->generation) {
		n->has_fault = true;
		(void)fail(&n->fault, event->err_kind, "%s", event->text);
		(void)while_doing(&n->fault, "network %s", n->record->name);
	}
}

/* --- the predefined ones --- */

static void describe_bridge(struct engine *e, struct arena *a, Pb__LocalNetwork *record)
{
	int mtu = e->config.bridge_mtu ? e->config.bridge_mtu : 1500;

	record->subnet = (char *)e->config.bridge_subnet;
	record->gateway = (char *)e->config.bridge_gateway;
	PB_MAP_SET(a, record, options, "com.docker.network.bridge.default_bridge", "true");
	PB_MAP_SET(a, record, options, "com.docker.network.bridge.enable_icc",
		   e->config.defaults.no_icc ? "false" : "true");
	PB_MAP_SET(a, record, options, "com.docker.network.bridge.enable_ip_masquerade", "true");
	PB_MAP_SET(a, record, options, "com.docker.network.bridge.host_binding_ipv4",
		   e->config.defaults.publish_ip ? e->config.defaults.publish_ip : "0.0.0.0");
	PB_MAP_SET(a, record, options, "com.docker.network.driver.mtu", arena_printf(a, "%d", mtu));
}

static bool has_running(const struct engine *e, const struct network *n)
{
	struct container *c;

	tree_each (&e->containers, struct container, by_id, c) {
		if (!container_is_running(c))
			continue;
		for (size_t i = 0; i < c->record->n_endpoints; i++)
			if (strcmp(c->record->endpoints[i]->network_id, n->record->id) == 0)
				return true;
	}
	return false;
}

/* The default bridge is as the configuration says, which may have changed since it was made. What
 * runs on it keeps its addresses, so then the change waits. */
static void renew_bridge(struct engine *e, struct network *n)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__LocalNetwork *record = pb_dup(&a, n->record);

	describe_bridge(e, &a, record);
	if (pb_equal(record, n->record))
		return;
	if (has_running(e, n)) {
		log_warn(e->config.log, "engine",
			 "the default bridge stays as it was: containers run on it");
		return;
	}
	network_free(e, n);
	(void)network_new(e, record);
	record_put(e, TABLE_NETWORKS, record->id, record);
}

static void ensure(struct engine *e, const char *name, const char *driver)
{
	AUTO_ARENA struct arena a = { 0 };
	struct network *n = network_by_name(e, name);
	Pb__LocalNetwork *record;
	char id[HEX_ID_LEN + 1];

	if (n && strcmp(driver, BRIDGE) == 0)
		renew_bridge(e, n);
	if (n)
		return;
	record = PB_NEW(&a, local_network);
	hex_id_new(&e->prng, id);
	record->id = id;
	record->name = (char *)name;
	record->driver = (char *)driver;
	record->created_ns = e->now.wall_ns;
	if (strcmp(driver, BRIDGE) == 0)
		describe_bridge(e, &a, record);
	(void)network_new(e, record);
	record_put(e, TABLE_NETWORKS, record->id, record);
}

void networks_ensure_predefined(struct engine *e)
{
	ensure(e, BRIDGE, BRIDGE);
	ensure(e, "host", "host");
	ensure(e, "none", "null");
}

/* --- create --- */

static bool choose_pool(struct engine *e, const struct subnet *used, size_t count,
			struct subnet *mine, struct err *err)
{
	const struct engine_config *c = &e->config;

	return c->pool_count ? ipam_choose_pool(c->pools, c->pool_count, used, count, mine, err)
			     : ipam_choose_pool(ipam_default_pools, ipam_default_pool_count, used,
						count, mine, err);
}

static bool choose_subnet(struct engine *e, struct arena *a, Pb__LocalNetwork *record,
			  struct err *err)
{
	AUTO_FREE struct subnet *used = xcalloc(e->networks.count + 1, sizeof(*used));
	struct subnet mine, range;
	struct network *n;
	char text[SUBNET_TEXT_MAX], gateway[IPV4_TEXT_MAX];
	uint32_t address;
	size_t count = 0;

	tree_each (&e->networks, struct network, by_id, n)
		count += subnet_parse(n->record->subnet, &used[count]);
	if (!record->subnet[0]) {
		if (!choose_pool(e, used, count, &mine, err))
			return false;
	} else if (!subnet_parse(record->subnet, &mine) || mine.bits > 30) {
		return fail(err, ERR_INVALID, "invalid subnet %s", record->subnet);
	}
	for (size_t i = 0; i < count; i++)
		if (subnets_overlap(used[i], mine))
			return fail(err, ERR_DENIED,
				    "Pool overlaps with other one on this address space");
	if (record->ip_range[0] && (!subnet_parse(record->ip_range, &range) ||
				    !subnet_has(mine, range.base) || range.bits < mine.bits))
		return fail(err, ERR_INVALID, "invalid range %s", record->ip_range);
	subnet_print(mine, text);
	record->subnet = arena_strdup(a, text);
	if (!record->gateway[0]) {
		ipv4_print(mine.base + 1, gateway);
		record->gateway = arena_strdup(a, gateway);
	}
	if (!ipv4_parse(record->gateway, &address) || !subnet_has(mine, address))
		return fail(err, ERR_INVALID, "invalid gateway %s", record->gateway);
	return true;
}

static bool check_new(struct engine *e, Pb__LocalNetwork *record, struct err *err)
{
	if (!record->name[0] || strlen(record->name) > 255)
		return fail(err, ERR_INVALID, "invalid name: name is empty");
	if (strcmp(record->name, "default") == 0 || strcmp(record->name, BRIDGE) == 0 ||
	    strcmp(record->name, "host") == 0 || strcmp(record->name, "none") == 0)
		return fail(err, ERR_DENIED, "operation is not permitted on predefined %s network ",
			    record->name);
	if (network_by_name(e, record->name))
		return fail(err, ERR_CONFLICT, "network with name %s already exists", record->name);
	if (strcmp(record->driver, "host") == 0 || strcmp(record->driver, "null") == 0)
		return fail(err, ERR_DENIED, "only one instance of \"%s\" network is allowed",
			    record->driver);
	if (strcmp(record->driver, BRIDGE) != 0)
		return fail(err, ERR_NOT_FOUND, "plugin \"%s\" not found", record->driver);
	if (record->enable_ipv6)
		return fail(err, ERR_UNSUPPORTED, "networks with IPv6 are not supported");
	if (e->networks.count >= NETWORKS_MAX)
		return fail(err, ERR_EXHAUSTED, "this engine holds %d networks at most",
			    NETWORKS_MAX);
	return true;
}

static void network_saved(struct engine *e, struct call *call, const struct input *in)
{
	if (e->has_journal_fault)
		answer_fail(e, call->asker, &e->journal_fault);
	else if (call->number)
		answer_id(e, call->asker, call->object);
	else
		answer_done(e, call->asker);
}

void engine_network_create(struct engine *e, uint64_t ticket, const Pb__LocalNetwork *what,
			   struct now now)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__LocalNetwork *record;
	struct network *n;
	struct err err;
	char id[HEX_ID_LEN + 1];

	if (engine_refuses(e, ticket, now))
		return;
	record = pb_dup(&a, what);
	if (!record->driver[0])
		record->driver = BRIDGE;
	record->has_gateway = record->gateway[0] != '\0';
	if (!check_new(e, record, &err) || !choose_subnet(e, &a, record, &err)) {
		answer_fail(e, ticket, &err);
		return;
	}
	hex_id_new(&e->prng, id);
	record->id = id;
	record->created_ns = now.wall_ns;
	n = network_new(e, record);
	network_want(e, n);
	record_put(e, TABLE_NETWORKS, record->id, record);
	event_tell(e, "network", "create", record->id, "name", record->name, "type", record->driver,
		   NULL);
	call_when_safe(e, network_saved, record->id, ticket)->number = 1;
}

/* --- remove --- */

static struct container *user_of(const struct engine *e, const struct network *n)
{
	struct container *c;

	tree_each (&e->containers, struct container, by_id, c)
		if (endpoint_on(c, n) && (container_is_running(c) || c->step == STEP_PREPARING ||
					  c->step == STEP_LAUNCHING))
			return c;
	return NULL;
}

static void remove_network(struct engine *e, struct network *n)
{
	const struct net *net = e->seams.net;

	if (n->is_wanted)
		net->drop(net->self, ++n->generation, NET_BRIDGE, n->record->id);
	if (n->names_generation)
		net->drop(net->self, ++n->names_generation, NET_NAMES, n->record->id);
	event_tell(e, "network", "destroy", n->record->id, "name", n->record->name, "type",
		   n->record->driver, NULL);
	record_delete(e, TABLE_NETWORKS, n->record->id);
	network_free(e, n);
}

void engine_network_remove(struct engine *e, uint64_t ticket, const char *ref, struct now now)
{
	struct network *n;
	struct err err;

	if (engine_refuses(e, ticket, now))
		return;
	n = network_lookup(e, ref, &err);
	if (!n) {
		answer_fail(e, ticket, &err);
		return;
	}
	if (is_predefined(n)) {
		ANSWER_FAIL(e, ticket, ERR_DENIED,
			    "%s is a pre-defined network and cannot be removed", n->record->name);
		return;
	}
	if (user_of(e, n)) {
		ANSWER_FAIL(e, ticket, ERR_DENIED,
			    "error while removing network: network %s id %s has active endpoints",
			    n->record->name, n->record->id);
		return;
	}
	remove_network(e, n);
	(void)call_when_safe(e, network_saved, ref, ticket);
}

void engine_networks_prune(struct engine *e, uint64_t ticket, struct engine_filter filter,
			   struct now now)
{
	struct engine_answer *a;
	const char **names;
	struct network *n;

	if (engine_refuses(e, ticket, now))
		return;
	a = answer_new(e, ticket, ENGINE_DONE, true);
	names = arena_alloc(&e->answer_memory, (e->networks.count + 1) * sizeof(*names));
	tree_each (&e->network_names, struct network, by_name, n) {
		if (is_predefined(n) || user_of(e, n) ||
		    (filter.matches && !filter.matches(filter.self, n->record)))
			continue;
		names[a->line_count++] = arena_strdup(&e->answer_memory, n->record->name);
		remove_network(e, n);
	}
	a->lines = names;
}

/* --- connect and disconnect --- */

static bool check_connect(const struct container *c, const struct network *n, struct err *err)
{
	enum netmode mode = container_netmode(c);

	if (mode == NETMODE_HOST || strcmp(n->record->name, "host") == 0)
		return fail(err, ERR_DENIED,
			    "container cannot be connected to host network - container must be "
			    "created in host network mode");
	if (mode == NETMODE_CONTAINER)
		return fail(err, ERR_DENIED,
			    "container sharing network namespace with another container or host "
			    "cannot be connected to any other network");
	if (strcmp(n->record->driver, BRIDGE) != 0)
		return fail(err, ERR_DENIED,
			    "container cannot be connected to multiple networks with one of the "
			    "networks in private (none) mode");
	if (endpoint_on(c, n))
		return fail(err, ERR_DENIED, "endpoint with name %s already exists in network %s",
			    c->record->name, n->record->name);
	return true;
}

static void run_connect(struct engine *e, struct container *c, struct request *r)
{
	const Pb__EndpointSettings *asked = r->endpoint;
	struct network *n;
	struct err err;
	Pb__EndpointSettings *s;

	n = network_lookup(e, r->text, &err);
	if (!n || !check_connect(c, n, &err)) {
		answer_fail(e, r->asker, &err);
		return;
	}
	s = asked ? pb_dup(&c->memory, asked) : PB_NEW(&c->memory, endpoint_settings);
	s->network = arena_strdup(&c->memory, n->record->name);
	s->network_id = arena_strdup(&c->memory, n->record->id);
	PB_APPEND(&c->memory, c->record, endpoints, s);
	container_save(e, c);
	if (!container_has_process(c)) {
		(void)call_when_safe(e, network_saved, c->record->id, r->asker);
		return;
	}
	if (!endpoint_connect(e, c, s, &err)) {
		c->record->n_endpoints--;
		answer_fail(e, r->asker, &err);
		return;
	}
	c->net_asker = r->asker;
	container_step(e, c, STEP_BUSY);
}

static void run_disconnect(struct engine *e, struct container *c, struct request *r)
{
	struct network *n;
	struct err err;
	size_t kept = 0;

	n = network_lookup(e, r->text, &err);
	if (!n) {
		answer_fail(e, r->asker, &err);
		return;
	}
	if (!endpoint_on(c, n)) {
		ANSWER_FAIL(e, r->asker, ERR_DENIED, "container %s is not connected to network %s",
			    c->record->id, n->record->name);
		return;
	}
	for (size_t i = 0; i < c->record->n_endpoints; i++)
		if (strcmp(c->record->endpoints[i]->network_id, n->record->id) != 0)
			c->record->endpoints[kept++] = c->record->endpoints[i];
	c->record->n_endpoints = kept;
	container_save(e, c);
	event_tell(e, "network", "disconnect", n->record->id, "container", c->record->id, "name",
		   n->record->name, "type", n->record->driver, NULL);
	if (!container_has_process(c)) {
		(void)call_when_safe(e, network_saved, c->record->id, r->asker);
		return;
	}
	network_want_names(e, n);
	endpoints_want(e, c);
	c->net_asker = r->asker;
	container_step(e, c, STEP_BUSY);
}

static struct request *
ask_container(struct engine *e, uint64_t ticket, const char *network, const char *container,
	      void (*run)(struct engine *, struct container *, struct request *), struct now now)
{
	struct container *c = container_for(e, ticket, container, now);
	struct request *r;
	struct err err;

	if (!c)
		return NULL;
	if (!network_lookup(e, network, &err)) {
		answer_fail(e, ticket, &err);
		return NULL;
	}
	r = request_add(c, ticket, run);
	r->text = arena_strdup(&r->memory, network);
	return r;
}

void engine_network_connect(struct engine *e, uint64_t ticket, const char *ref,
			    const char *container, const Pb__EndpointSettings *settings,
			    struct now now)
{
	struct request *r = ask_container(e, ticket, ref, container, run_connect, now);

	if (!r)
		return;
	r->endpoint = pb_dup(&r->memory, settings);
	requests_run(e, container_lookup(e, container, &(struct err){ 0 }));
}

void engine_network_disconnect(struct engine *e, uint64_t ticket, const char *ref,
			       const char *container, bool force, struct now now)
{
	if (ask_container(e, ticket, ref, container, run_disconnect, now))
		requests_run(e, container_lookup(e, container, &(struct err){ 0 }));
}
