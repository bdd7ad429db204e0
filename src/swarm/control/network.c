#include <arpa/inet.h>
#include <string.h>

#include "pb/map.h"
#include "swarm/control/inside.h"
#include "swarm/network.h"
#include "swarm/schedule/constraint.h"

/* ---- specs ---- */

struct prefix {
	int family;
	uint8_t address[16];
	unsigned bits;
};

static bool prefix_parse(struct prefix *p, const char *text)
{
	struct str base, bits;
	uint64_t count;
	char plain[INET6_ADDRSTRLEN];

	if (!str_cut(str_of(text), '/', &base, &bits) || base.len >= sizeof(plain))
		return false;
	memcpy(plain, base.ptr, base.len);
	plain[base.len] = '\0';
	p->family = strchr(plain, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(p->family, plain, p->address) != 1 || !str_to_u64(bits, &count) ||
	    count > (p->family == AF_INET ? 32 : 128))
		return false;
	p->bits = (unsigned)count;
	return true;
}

static bool address_is_valid(const char *text)
{
	uint8_t bytes[16];

	return inet_pton(strchr(text, ':') ? AF_INET6 : AF_INET, text, bytes) == 1;
}

static bool ipam_config_is_valid(const Pb__IPAMConfig *config, struct err *e)
{
	struct prefix subnet, range;
	struct str address, bits;

	if (!prefix_parse(&subnet, config->subnet))
		return fail(e, ERR_INVALID, "ipam configuration: invalid subnet %s",
			    config->subnet);
	if (config->range[0]) {
		if (!prefix_parse(&range, config->range))
			return fail(e, ERR_INVALID, "ipam configuration: invalid range %s",
				    config->range);
		str_cut(str_of(config->range), '/', &address, &bits);
		if (range.family != subnet.family || range.bits < subnet.bits ||
		    !address_is_in(address, str_of(config->subnet)))
			return fail(e, ERR_INVALID,
				    "ipam configuration: subnet %s does not contain range %s",
				    config->subnet, config->range);
	}
	if (config->gateway[0]) {
		if (!address_is_valid(config->gateway))
			return fail(e, ERR_INVALID, "ipam configuration: invalid gateway %s",
				    config->gateway);
		if (!address_is_in(str_of(config->gateway), str_of(config->subnet)))
			return fail(e, ERR_INVALID,
				    "ipam configuration: subnet %s does not contain gateway %s",
				    config->subnet, config->gateway);
	}
	return true;
}

static bool ipam_is_valid(const Pb__IPAMOptions *ipam, struct err *e)
{
	for (size_t i = 0; ipam && i < ipam->n_configs; i++)
		if (!ipam_config_is_valid(ipam->configs[i], e))
			return false;
	return true;
}

static const Pb__Network *ingress_network(const struct control *c)
{
	struct objects all = view_all(c->view, OBJECT_NETWORK, c->arena);
	const Pb__Network *network;

	objects_each (all, Pb__Network, network)
		if (network_is_ingress(network->spec))
			return network;
	return NULL;
}

static bool spec_is_valid(const struct control *c, const Pb__NetworkSpec *spec, struct err *e)
{
	const Pb__Network *other;

	if (spec->ingress && spec->attachable)
		return fail(e, ERR_INVALID, "ingress network cannot be attachable");
	if (!object_name_is_valid(spec->annotations, e))
		return false;
	if (PB_MAP_GET(spec->annotations, labels, NETWORK_PREDEFINED_LABEL))
		return fail(e, ERR_DENIED,
			    "label " NETWORK_PREDEFINED_LABEL
			    " is for internally created predefined "
			    "networks and cannot be applied by users");
	if (!ipam_is_valid(spec->ipam, e))
		return false;
	if (!c->overlay_is_built && !network_is_node_local(spec))
		return fail(e, ERR_UNSUPPORTED,
			    "overlay networks are not available yet; publish ports with mode=host");
	other = spec->ingress ? ingress_network(c) : NULL;
	if (other)
		return fail(e, ERR_CONFLICT, "ingress network (%s) is already present", other->id);
	return true;
}

/* ---- methods ---- */

const void *control_create_network(struct control *c, const void *message, struct err *e)
{
	const Pb__CreateNetworkRequest *request = message;
	struct arena *a = txn_arena(c->txn);
	Pb__CreateNetworkResponse *response = PB_NEW(c->arena, create_network_response);
	Pb__Network *network;

	if (!request->spec)
		return refuse_argument(e);
	if (!spec_is_valid(c, request->spec, e))
		return NULL;
	network = PB_NEW(a, network);
	network->id = fresh_id(c, OBJECT_NETWORK);
	network->spec = pb_dup(a, request->spec);
	/* The reference has no kind for this one, and says no more than this. */
	if (view_by_name(c->view, OBJECT_NETWORK, network->spec->annotations->name)) {
		fail(e, ERR_OUT_OF_SEQUENCE, "name conflicts with an existing object");
		return NULL;
	}
	if (!txn_create(c->txn, network, e))
		return NULL;
	response->network = pb_dup(c->arena, network);
	return response;
}

static const Pb__Network *find(const struct control *c, const char *id, const char *name,
			       struct err *e)
{
	const Pb__Network *network;

	if (!id[0] && !name[0])
		return refuse_argument(e);
	network = id[0] ? view_network(c->view, id) : view_by_name(c->view, OBJECT_NETWORK, name);
	return network ? network : refuse_missing(e, OBJECT_NETWORK, id[0] ? id : name);
}

const void *control_get_network(struct control *c, const void *message, struct err *e)
{
	const Pb__GetNetworkRequest *request = message;
	Pb__GetNetworkResponse *response = PB_NEW(c->arena, get_network_response);
	const Pb__Network *network = find(c, request->network_id, request->name, e);

	if (!network)
		return NULL;
	response->network = (Pb__Network *)network;
	return response;
}

const void *control_list_networks(struct control *c, const void *message, struct err *e)
{
	const Pb__ListNetworksRequest *request = message;
	struct list_filter filter = LIST_FILTER(request->filters);
	struct objects all = view_all(c->view, OBJECT_NETWORK, c->arena);
	Pb__ListNetworksResponse *response = PB_NEW(c->arena, list_networks_response);
	const Pb__Network *network;

	response->networks = arena_alloc(c->arena, (all.count + 1) * sizeof(*response->networks));
	objects_each (all, Pb__Network, network) {
		const Pb__Annotations *about = network->spec->annotations;

		if (list_keeps(&filter, network->id, about->name, about->labels, about->n_labels))
			response->networks[response->n_networks++] = (Pb__Network *)network;
	}
	return response;
}

/* ---- removal ---- */

static bool attaches_to(Pb__NetworkAttachmentConfig *const *list, size_t count, const char *id)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i]->target, id) == 0)
			return true;
	return false;
}

static bool publishes_on_ingress(const Pb__Service *s)
{
	const Pb__EndpointSpec *spec = s->spec->endpoint;

	for (size_t i = 0; spec && i < spec->n_ports; i++)
		if (spec->ports[i]->publish_mode == PB__PORT_CONFIG__PUBLISH_MODE__INGRESS)
			return true;
	return false;
}

static bool is_unused(const struct control *c, const Pb__Network *network, struct err *e)
{
	struct objects services = view_all(c->view, OBJECT_SERVICE, c->arena);
	struct objects tasks = view_all(c->view, OBJECT_TASK, c->arena);
	const Pb__Service *s;
	const Pb__Task *task;

	objects_each (services, Pb__Service, s) {
		const Pb__TaskSpec *spec = s->spec->task;

		if (network_is_ingress(network->spec) && publishes_on_ingress(s))
			return fail(e, ERR_IN_USE,
				    "ingress network cannot be removed because service %s depends "
				    "on it",
				    s->id);
		if (attaches_to(spec->n_networks ? spec->networks : s->spec->networks,
				spec->n_networks ? spec->n_networks : s->spec->n_networks,
				network->id))
			return fail(e, ERR_IN_USE, "network %s is in use by service %s",
				    network->id, s->id);
	}
	/* Those of services say so themselves; here it is about containers that were attached by
	 * hand. */
	objects_each (tasks, Pb__Task, task)
		if (!task->service_id[0] && task->desired_state < PB__TASK_STATE__SHUTDOWN &&
		    attaches_to(task->spec->networks, task->spec->n_networks, network->id))
			return fail(e, ERR_IN_USE, "network %s is in use by task %s", network->id,
				    task->id);
	return true;
}

const void *control_remove_network(struct control *c, const void *message, struct err *e)
{
	const Pb__RemoveNetworkRequest *request = message;
	const Pb__Network *network = find(c, request->network_id, request->name, e);

	if (!network)
		return NULL;
	if (network_is_predefined(network->spec)) {
		fail(e, ERR_IN_USE,
		     "network %s (%s) is a swarm predefined network and cannot be removed",
		     network->id, network->spec->annotations->name);
		return NULL;
	}
	if (!is_unused(c, network, e))
		return NULL;
	txn_remove(c->txn, OBJECT_NETWORK, network->id);
	return PB_NEW(c->arena, remove_network_response);
}
