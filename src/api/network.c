/* Networks: those of the swarm and those of this host, in one list. */
#include "api/call.h"
#include "api/lookup.h"
#include "api/route.h"
#include "docker/tables.h"
#include "engine/engine.h"
#include "node/membership.h"
#include "node/node.h"
#include "pb/map.h"
#include "swarm/leader.h"
#include "swarm/network.h"

/* What a network of either kind is to a client. All borrowed. */
struct shown {
	const char *name, *id, *scope, *driver, *ipam_driver;
	const Pb__Timestamp *created;
	int64_t created_ns;
	bool ipv6, internal, attachable, ingress;
	const char *config_from;
	Pb__MapEntry *const *options, *const *labels, *const *ipam_options;
	size_t option_count, label_count, ipam_option_count;
	const Pb__IPAMOptions *ipam;   /* of the swarm */
	const Pb__LocalNetwork *local; /* of this host */
};

static struct shown of_swarm(const Pb__Network *n)
{
	const Pb__Driver *driver = n->driver_state ? n->driver_state : n->spec->driver_config;
	const Pb__IPAMOptions *ipam = n->ipam ? n->ipam : n->spec->ipam;

	return (struct shown){
		.name = n->spec->annotations->name,
		.id = n->id,
		.scope = "swarm",
		.driver = driver && driver->name[0] ? driver->name : "overlay",
		.ipam_driver = ipam && ipam->driver && ipam->driver->name[0] ? ipam->driver->name
									     : "default",
		.created = n->meta->created_at,
		.ipv6 = n->spec->ipv6_enabled,
		.internal = n->spec->internal,
		.attachable = n->spec->attachable,
		.ingress = n->spec->ingress,
		.config_from = n->spec->config_from_case == PB__NETWORK_SPEC__CONFIG_FROM_NETWORK
				       ? n->spec->network
				       : "",
		.options = driver ? driver->options : NULL,
		.option_count = driver ? driver->n_options : 0,
		.labels = n->spec->annotations->labels,
		.label_count = n->spec->annotations->n_labels,
		.ipam_options = ipam && ipam->driver ? ipam->driver->options : NULL,
		.ipam_option_count = ipam && ipam->driver ? ipam->driver->n_options : 0,
		.ipam = ipam,
	};
}

static struct shown of_host(const Pb__LocalNetwork *n)
{
	return (struct shown){
		.name = n->name,
		.id = n->id,
		.scope = "local",
		.driver = n->driver,
		.ipam_driver = "default",
		.created_ns = n->created_ns,
		.ipv6 = n->enable_ipv6,
		.internal = n->internal,
		.attachable = n->attachable,
		.config_from = "",
		.options = n->options,
		.option_count = n->n_options,
		.labels = n->labels,
		.label_count = n->n_labels,
		.ipam_options = n->ipam_options,
		.ipam_option_count = n->n_ipam_options,
		.local = n,
	};
}

/* ---- writing ---- */

static void write_map(struct json *j, const char *key, Pb__MapEntry *const *entries, size_t count)
{
	json_open_object(j, key);
	for (size_t i = 0; i < count; i++)
		json_text(j, entries[i]->key, entries[i]->value);
	json_close(j);
}

static void write_text_if(struct json *j, const char *key, const char *text)
{
	if (text[0])
		json_text(j, key, text);
}

static void write_pool(struct json *j, const char *subnet, const char *range, const char *gateway,
		       Pb__MapEntry *const *reserved, size_t reserved_count)
{
	json_open_object(j, NULL);
	write_text_if(j, "Subnet", subnet);
	write_text_if(j, "IPRange", range);
	write_text_if(j, "Gateway", gateway);
	if (reserved_count)
		write_map(j, "AuxiliaryAddresses", reserved, reserved_count);
	json_close(j);
}

static void write_ipam(struct json *j, const struct shown *n)
{
	json_open_object(j, "IPAM");
	json_text(j, "Driver", n->ipam_driver);
	if (n->ipam_option_count)
		write_map(j, "Options", n->ipam_options, n->ipam_option_count);
	else
		json_none(j, "Options");
	json_open_list(j, "Config");
	for (size_t i = 0; n->ipam && i < n->ipam->n_configs; i++) {
		const Pb__IPAMConfig *c = n->ipam->configs[i];

		write_pool(j, c->subnet, c->range, c->gateway, c->reserved, c->n_reserved);
	}
	if (n->local && n->local->subnet[0])
		write_pool(j, n->local->subnet, n->local->ip_range, n->local->gateway,
			   n->local->aux_addresses, n->local->n_aux_addresses);
	json_close(j);
	json_close(j);
}

static void write_created(struct json *j, struct call *c, const struct shown *n)
{
	static const struct dialect_field fields[] = { { "Created", "created_ns", DIALECT_TIME_NS },
						       { NULL } };
	static const struct dialect created = { &pb__local_network__descriptor, fields };
	Pb__LocalNetwork *when = PB_NEW(&c->arena, local_network);

	when->created_ns =
		n->created ? n->created->seconds * 1000000000 + n->created->nanos : n->created_ns;
	dialect_write_members(j, &created, when, c->minor);
}

static void write_containers(struct json *j, struct call *c, const struct shown *n)
{
	const struct engine *e = c->api->config.engine;

	json_open_object(j, "Containers");
	for (const Pb__Container *k = n->local ? engine_container_first(e) : NULL; k;
	     k = engine_container_next(e, k))
		for (size_t i = 0; i < k->n_endpoints; i++) {
			const Pb__EndpointSettings *ep = k->endpoints[i];

			if (strcmp(ep->network_id, n->id) != 0 || !ep->endpoint_id[0])
				continue;
			json_open_object(j, k->id);
			json_text(j, "Name", k->name);
			json_text(j, "EndpointID", ep->endpoint_id);
			json_text(j, "MacAddress", ep->mac_address);
			json_text(j, "IPv4Address",
				  ep->ip_address[0]
					  ? arena_printf(&c->arena, "%s/%lld", ep->ip_address,
							 (long long)ep->ip_prefix_len)
					  : "");
			json_text(j, "IPv6Address", "");
			json_close(j);
		}
	json_close(j);
}

static void write_network(struct json *j, struct call *c, const struct shown *n,
			  bool with_containers)
{
	json_open_object(j, NULL);
	json_text(j, "Name", n->name);
	json_text(j, "Id", n->id);
	write_created(j, c, n);
	json_text(j, "Scope", n->scope);
	json_text(j, "Driver", n->driver);
	json_bool(j, "EnableIPv6", n->ipv6);
	write_ipam(j, n);
	json_bool(j, "Internal", n->internal);
	json_bool(j, "Attachable", n->attachable);
	json_bool(j, "Ingress", n->ingress);
	json_open_object(j, "ConfigFrom");
	json_text(j, "Network", n->config_from);
	json_close(j);
	json_bool(j, "ConfigOnly", false);
	if (with_containers) {
		write_containers(j, c, n);
	} else {
		json_open_object(j, "Containers");
		json_close(j);
	}
	write_map(j, "Options", n->options, n->option_count);
	write_map(j, "Labels", n->labels, n->label_count);
	json_close(j);
}

/* ---- which ---- */

/* Networks of the host that the swarm only names are this host's own. */
static bool is_shown(const Pb__Network *n)
{
	return !PB_MAP_GET(n->spec->annotations, labels, NETWORK_PREDEFINED_LABEL);
}

static bool is_predefined(const char *name)
{
	return strcmp(name, "bridge") == 0 || strcmp(name, "host") == 0 ||
	       strcmp(name, "none") == 0;
}

static bool has_label(const struct shown *n, const char *wanted)
{
	struct str key, value = STR("");
	bool has_value = str_cut(str_of(wanted), '=', &key, &value);

	for (size_t i = 0; i < n->label_count; i++)
		if (str_equal_c(key, n->labels[i]->key))
			return !has_value || str_equal_c(value, n->labels[i]->value);
	return false;
}

/* Is one of the values of a filter, if there are any, in the text (at its beginning)? */
static bool resembles(const struct list_filters *f, const char *name, const char *text,
		      bool at_start)
{
	for (size_t i = 0; i < f->count; i++)
		if (strcmp(f->pairs[i].name, name) == 0 &&
		    (at_start ? str_starts_with(str_of(text), f->pairs[i].value)
			      : strstr(text, f->pairs[i].value) != NULL))
			return true;
	return !list_filters_has(f, name);
}

static bool is_wanted(const struct list_filters *f, const struct shown *n)
{
	for (size_t i = 0; i < f->count; i++)
		if (strcmp(f->pairs[i].name, "label") == 0 && !has_label(n, f->pairs[i].value))
			return false;
	return list_filters_allow(f, "driver", n->driver) &&
	       list_filters_allow(f, "scope", n->scope) &&
	       list_filters_allow(f, "type", is_predefined(n->name) ? "builtin" : "custom") &&
	       resembles(f, "name", n->name, false) && resembles(f, "id", n->id, true);
}

/* On a manager, after what the swarm says is current; elsewhere at once. */
static void when_current(struct call *c, call_next *next)
{
	struct leader_answer at_once = { .is_ok = true };

	if (node_swarm_state(c->api->config.node) == SWARM_ACTIVE && call_view(c))
		call_read(c, next);
	else
		next(c, &at_once);
}

static void list(struct call *c, const struct leader_answer *a)
{
	const struct engine *e = c->api->config.engine;
	const struct list_filters *f = c->state;
	struct objects all = { 0 };
	const Pb__Network *network;
	AUTO_BUF struct buf out;
	struct json j = call_json(c, &out);

	json_open_list(&j, NULL);
	for (const Pb__LocalNetwork *n = e ? engine_network_first(e) : NULL; n;
	     n = engine_network_next(e, n)) {
		struct shown shown = of_host(n);

		if (is_wanted(f, &shown))
			write_network(&j, c, &shown, c->minor < 28);
	}
	if (call_view(c))
		all = view_all(call_view(c), OBJECT_NETWORK, &c->arena);
	objects_each (all, Pb__Network, network) {
		struct shown shown = of_swarm(network);

		if (is_shown(network) && is_wanted(f, &shown))
			write_network(&j, c, &shown, c->minor < 28);
	}
	json_close(&j);
	call_reply_json(c, 200, &out);
}

void networks_list(struct call *c)
{
	static const char *const names[] = { "dangling", "driver", "id",   "label",
					     "name",     "scope",  "type", NULL };
	struct list_filters *f = ARENA_NEW(&c->arena, struct list_filters);

	if (!call_filters(c, names, f))
		return;
	c->state = f;
	when_current(c, list);
}

static const Pb__Network *swarm_network(struct call *c, const char *what)
{
	size_t matches;
	const Pb__Network *n = call_view(c) ? lookup_quietly(call_view(c), OBJECT_NETWORK, what,
							     &c->arena, &matches)
					    : NULL;

	return n && is_shown(n) ? n : NULL;
}

static const Pb__LocalNetwork *host_network(struct call *c, const char *what)
{
	const struct engine *e = c->api->config.engine;
	struct err ignored;

	return e ? engine_network_find(e, what, &ignored) : NULL;
}

static void inspect(struct call *c, const struct leader_answer *a)
{
	const char *what = c->params[0], *scope = call_query(c, "scope");
	const Pb__LocalNetwork *local = strcmp(scope, "swarm") == 0 ? NULL : host_network(c, what);
	const Pb__Network *network = strcmp(scope, "local") == 0 ? NULL : swarm_network(c, what);
	AUTO_BUF struct buf out;
	struct json j = call_json(c, &out);
	struct shown shown;

	if (!local && !network) {
		call_refuse(c, ERR_NOT_FOUND, "network %s not found", what);
		return;
	}
	shown = local ? of_host(local) : of_swarm(network);
	write_network(&j, c, &shown, true);
	call_reply_json(c, 200, &out);
}

void network_inspect(struct call *c)
{
	when_current(c, inspect);
}

/* ---- create ---- */

static void write_id(struct call *c, const char *id)
{
	AUTO_BUF struct buf out;
	struct json j = call_json(c, &out);

	json_open_object(&j, NULL);
	json_text(&j, "Id", id);
	json_text(&j, "Warning", "");
	json_close(&j);
	call_reply_json(c, 201, &out);
}

static void created_in_swarm(struct call *c, const struct leader_answer *a)
{
	write_id(c, ((const Pb__CreateNetworkResponse *)a->response)->network->id);
}

static void create_in_swarm(struct call *c, const struct leader_answer *a)
{
	const Pb__NetworkCreateRequest *r = c->state;
	Pb__CreateNetworkRequest *request = PB_NEW(&c->arena, create_network_request);

	if (view_by_name(call_view(c), OBJECT_NETWORK, r->spec->annotations->name)) {
		call_refuse(c, ERR_CONFLICT, "network with name %s already exists",
			    r->spec->annotations->name);
		return;
	}
	request->spec = r->spec;
	call_change(c, "CreateNetwork", request, created_in_swarm);
}

static void created_here(struct call *c, const struct engine_answer *a)
{
	if (a->kind == ENGINE_FAILED)
		call_refuse(c, a->err_kind, "%s", a->text);
	else
		write_id(c, a->id);
}

static void create_here(struct call *c, const Pb__NetworkSpec *spec)
{
	Pb__LocalNetwork *n = PB_NEW(&c->arena, local_network);
	const Pb__IPAMConfig *pool =
		spec->ipam && spec->ipam->n_configs ? spec->ipam->configs[0] : NULL;

	n->name = spec->annotations->name;
	n->driver = spec->driver_config && spec->driver_config->name[0] ? spec->driver_config->name
									: "bridge";
	n->internal = spec->internal;
	n->attachable = spec->attachable;
	n->enable_ipv6 = spec->ipv6_enabled;
	n->labels = spec->annotations->labels;
	n->n_labels = spec->annotations->n_labels;
	if (spec->driver_config) {
		n->options = spec->driver_config->options;
		n->n_options = spec->driver_config->n_options;
	}
	if (spec->ipam && spec->ipam->driver) {
		n->ipam_options = spec->ipam->driver->options;
		n->n_ipam_options = spec->ipam->driver->n_options;
	}
	if (pool) {
		n->subnet = pool->subnet;
		n->ip_range = pool->range;
		n->gateway = pool->gateway;
		n->has_gateway = pool->gateway[0] != '\0';
		n->aux_addresses = pool->reserved;
		n->n_aux_addresses = pool->n_reserved;
	}
	engine_network_create(c->api->config.engine, call_engine(c, created_here), n, c->now);
}

void network_create(struct call *c)
{
	const Pb__NetworkCreateRequest *r = call_body(c, &dialect_network_create);
	const char *driver;

	if (!r)
		return;
	if (!r->spec || !r->spec->annotations->name[0]) {
		call_refuse(c, ERR_INVALID, "network name is required");
		return;
	}
	driver = r->spec->driver_config ? r->spec->driver_config->name : "";
	if (is_predefined(r->spec->annotations->name)) {
		call_refuse(c, ERR_DENIED, "operation is not permitted on predefined %s network ",
			    r->spec->annotations->name);
		return;
	}
	if (r->config_only || r->spec->config_from_case == PB__NETWORK_SPEC__CONFIG_FROM_NETWORK) {
		call_refuse(c, ERR_UNSUPPORTED,
			    "networks made of another's configuration are not available");
		return;
	}
	c->state = (void *)r;
	if (strcmp(driver, "overlay") != 0 && strcmp(r->scope, "swarm") != 0 && !r->spec->ingress) {
		if (c->api->config.engine)
			create_here(c, r->spec);
		else
			call_refuse(c, ERR_UNSUPPORTED, "this node has no networks of its own");
		return;
	}
	if (node_swarm_state(c->api->config.node) == SWARM_ACTIVE && call_view(c))
		call_read(c, create_in_swarm);
	else
		call_refuse(c, ERR_UNAVAILABLE,
			    "This node is not a swarm manager. Use \"docker swarm init\" or "
			    "\"docker swarm "
			    "join\" to connect this node to swarm and try again.");
}

/* ---- remove ---- */

static void removed_from_swarm(struct call *c, const struct leader_answer *a)
{
	call_reply_empty(c, 204);
}

static void removed_here(struct call *c, const struct engine_answer *a)
{
	if (a->kind == ENGINE_FAILED)
		call_refuse(c, a->err_kind, "%s", a->text);
	else
		call_reply_empty(c, 204);
}

static void remove_found(struct call *c, const struct leader_answer *a)
{
	const char *what = c->params[0];
	const Pb__LocalNetwork *local = host_network(c, what);
	const Pb__Network *network = swarm_network(c, what);
	Pb__RemoveNetworkRequest *r = PB_NEW(&c->arena, remove_network_request);

	if (local) {
		engine_network_remove(c->api->config.engine, call_engine(c, removed_here), what,
				      c->now);
	} else if (network) {
		r->network_id = arena_strdup(&c->arena, network->id);
		call_change(c, "RemoveNetwork", r, removed_from_swarm);
	} else {
		call_refuse(c, ERR_NOT_FOUND, "network %s not found", what);
	}
}

void network_remove(struct call *c)
{
	when_current(c, remove_found);
}
