/* Networks: local bridges and overlays of the swarm. */
#include <string.h>

#include "base/mem.h"
#include "cli/cli.h"
#include "template/field.h"
#include "console/format.h"
#include "cli/inspect.h"
#include "cli/list_options.h"
#include "cli/network_ipam.h"
#include "console/order.h"
#include "cli/pairs.h"
#include "cli/program.h"
#include "cli/prune.h"
#include "console/units.h"

static const struct column columns[] = {
	{ "ID", "NETWORK ID" },
	{ "Name", "NAME" },
	{ "Driver", "DRIVER" },
	{ "Scope", "SCOPE" },
	{ "IPv4", "IPV4" },
	{ "IPv6", "IPV6" },
	{ "Internal", "INTERNAL" },
	{ "Labels", "LABELS" },
	{ "CreatedAt", "CREATED AT" },
	{ 0 },
};

static const struct listing listing = { columns, "{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}",
					"{{.ID}}" };

static const struct option connect_options[] = {
	{ 0, "alias", OPT_CSV, "another name of the container in this network" },
	{ 0, "driver-opt", OPT_CSV, "an option of the driver: key=value" },
	{ 0, "gw-priority", OPT_INT, "the network with the highest has the default route" },
	{ 0, "ip", OPT_TEXT, "IPv4 address" },
	{ 0, "ip6", OPT_TEXT, "IPv6 address" },
	{ 0, "link", OPT_LIST, "link to another container: CONTAINER[:ALIAS]" },
	{ 0, "link-local-ip", OPT_CSV, "link-local address" },
	{ 0 },
};

static const struct option create_options[] = {
	{ 0, "attachable", OPT_BOOL, "containers that are no tasks may use it" },
	{ 0, "aux-address", OPT_LIST, "an address that is taken: name=address", .word = "map" },
	{ 0, "config-from", OPT_TEXT, "network to take the settings from" },
	{ 0, "config-only", OPT_BOOL, "keep settings, make no network" },
	{ 'd', "driver", OPT_TEXT, "kind of network", .fallback = "bridge",
	  .choices = "bridge overlay macvlan ipvlan" },
	{ 0, "gateway", OPT_CSV, "gateway of a subnet" },
	{ 0, "ingress", OPT_BOOL, "make the network of the routing mesh" },
	{ 0, "internal", OPT_BOOL, "no way out of it" },
	{ 0, "ip-range", OPT_CSV, "part of a subnet that containers get addresses of: CIDR" },
	{ 0, "ipam-driver", OPT_TEXT, "who gives out addresses", .fallback = "default" },
	{ 0, "ipam-opt", OPT_LIST, "an option of who gives out addresses: key=value",
	  .word = "map" },
	{ 0, "ipv4", OPT_BOOL, "give out IPv4 addresses", .fallback = "true" },
	{ 0, "ipv6", OPT_BOOL, "give out IPv6 addresses" },
	{ 0, "label", OPT_LIST, "a label: key=value" },
	{ 'o', "opt", OPT_LIST, "an option of the driver: key=value", .word = "map" },
	{ 0, "scope", OPT_TEXT, "where it is known", .choices = "local swarm" },
	{ 0, "subnet", OPT_CSV, "a subnet: CIDR" },
	{ 0 },
};

static const struct option disconnect_options[] = {
	{ 'f', "force", OPT_BOOL, "disconnect even if the container does not answer" },
	{ 0 },
};

static const struct option inspect_options[] = {
	OPTION_INSPECT_FORMAT,
	{ 'v', "verbose", OPT_BOOL, "show the services and tasks in it" },
	{ 0 },
};

static const struct option list_options[] = {
	OPTION_FILTER, OPTION_FORMAT, OPTION_NO_TRUNC, OPTION_QUIET_IDS, { 0 },
};

static const struct option prune_options[] = {
	{ 0, "filter", OPT_FILTER, "remove only what fits: until=TIME, label=NAME" },
	{ 'f', "force", OPT_BOOL, "do not ask" },
	{ 0 },
};

static const struct option remove_options[] = {
	{ 'f', "force", OPT_BOOL, "do not fail if there is no such network" },
	{ 0 },
};

static void put_list(json_t *body, const char *path, const struct args *a, const char *option)
{
	size_t count;
	const char *const *list = args_list(a, option, &count);

	if (count)
		field_put(body, path, text_list(list, count));
}

static void put_text_if(json_t *body, const char *path, const struct args *a, const char *option)
{
	if (*args_text(a, option))
		field_put_text(body, path, args_text(a, option));
}

static bool network_connect(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_FREE char *path = path_of("/networks/%s/connect", a->words[0]);
	AUTO_JSON json_t *body = json_object();
	const char *const *list;
	size_t count;

	field_put_text(body, "Container", a->words[1]);
	field_put(body, "EndpointConfig", json_object());
	put_text_if(body, "EndpointConfig.IPAMConfig.IPv4Address", a, "ip");
	put_text_if(body, "EndpointConfig.IPAMConfig.IPv6Address", a, "ip6");
	put_list(body, "EndpointConfig.IPAMConfig.LinkLocalIPs", a, "link-local-ip");
	put_list(body, "EndpointConfig.Links", a, "link");
	put_list(body, "EndpointConfig.Aliases", a, "alias");
	list = args_list(a, "driver-opt", &count);
	if (count)
		field_put(body, "EndpointConfig.DriverOpts", pairs_object(list, count));
	if (args_has(a, "gw-priority"))
		field_put(body, "EndpointConfig.GwPriority",
			  json_integer(args_int(a, "gw-priority")));
	return client_post(c->client, path, NULL, body, NULL, e);
}

static bool network_disconnect(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_FREE char *path = path_of("/networks/%s/disconnect", a->words[0]);
	AUTO_JSON json_t *body = json_object();

	field_put_text(body, "Container", a->words[1]);
	field_put(body, "Force", json_boolean(args_bool(a, "force")));
	return client_post(c->client, path, NULL, body, NULL, e);
}

static bool network_create(struct cli *c, const struct args *a, struct err *e)
{
	static const char *const switches[][2] = {
		{ "internal", "Internal" },
		{ "attachable", "Attachable" },
		{ "ingress", "Ingress" },
		{ "config-only", "ConfigOnly" },
	};
	AUTO_JSON json_t *body = json_object(), *answer = NULL;
	const char *const *list;
	size_t count;

	field_put_text(body, "Name", a->words[0]);
	field_put(body, "CheckDuplicate", json_true());
	field_put_text(body, "Driver", args_text(a, "driver"));
	field_put_text(body, "Scope", args_text(a, "scope"));
	if (args_has(a, "ipv6"))
		field_put(body, "EnableIPv6", json_boolean(args_bool(a, "ipv6")));
	if (args_has(a, "ipv4"))
		field_put(body, "EnableIPv4", json_boolean(args_bool(a, "ipv4")));
	if (!network_put_ipam(body, a, e))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(switches); i++)
		field_put(body, switches[i][1], json_boolean(args_bool(a, switches[i][0])));
	if (args_has(a, "config-from"))
		field_put_text(body, "ConfigFrom.Network", args_text(a, "config-from"));
	list = args_list(a, "opt", &count);
	field_put(body, "Options", pairs_object(list, count));
	list = args_list(a, "label", &count);
	field_put(body, "Labels", pairs_object(list, count));
	if (!client_post(c->client, "/networks/create", NULL, body, &answer, e))
		return false;
	printf("%s\n", field_text(answer, "Id"));
	return true;
}

static const char *truth(bool value)
{
	return value ? "true" : "false";
}

static json_t *network_row(const json_t *network, bool whole)
{
	json_t *row = row_new(field_at(network, "Labels"));
	AUTO_BUF struct buf labels = BUF_MAX(65536);
	struct units_text text;
	int64_t created_ns;
	char id[13];

	row_set(row, "ID",
		whole ? field_text(network, "Id") : short_id(field_text(network, "Id"), id));
	row_set(row, "Name", field_text(network, "Name"));
	row_set(row, "Driver", field_text(network, "Driver"));
	row_set(row, "Scope", field_text(network, "Scope"));
	row_set(row, "IPv4", truth(field_bool(network, "EnableIPv4")));
	row_set(row, "IPv6", truth(field_bool(network, "EnableIPv6")));
	row_set(row, "Internal", truth(field_bool(network, "Internal")));
	field_join_labels(field_at(network, "Labels"), ",", &labels);
	row_set(row, "Labels", buf_str(&labels).ptr);
	if (time_parse(field_text(network, "Created"), &created_ns))
		row_set(row, "CreatedAt", time_write(created_ns, true, false, &text));
	else
		row_set(row, "CreatedAt", field_text(network, "Created"));
	return row;
}

static bool network_list(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_JSON json_t *rows = json_array(), *networks = NULL;
	AUTO_QUERY struct query q = QUERY;
	const char *const *filters;
	size_t count;

	filters = args_list(a, "filter", &count);
	query_add_filters(&q, filters, count);
	networks = client_get(c->client, "/networks", &q, e);
	if (!networks)
		return false;
	sort_by(networks, "Name");
	for (size_t i = 0; i < json_array_size(networks); i++)
		json_array_append_new(
			rows, network_row(json_array_get(networks, i), args_bool(a, "no-trunc")));
	return listing_print(&listing, args_text(a, "format"), args_bool(a, "quiet"), rows, e);
}

static bool fetch_network(struct cli *c, const struct args *a, const char *word, struct buf *text,
			  struct err *e)
{
	AUTO_FREE char *path = path_of("/networks/%s", word);
	AUTO_QUERY struct query q = QUERY;

	if (args_bool(a, "verbose"))
		query_add(&q, "verbose", "true");
	return client_get_text(c->client, path, &q, text, e);
}

static bool network_inspect(struct cli *c, const struct args *a, struct err *e)
{
	return inspect_print(c, a, fetch_network, e);
}

static bool remove_one(struct cli *c, const struct args *a, const char *word, struct err *e)
{
	AUTO_FREE char *path = path_of("/networks/%s", word);
	AUTO_JSON json_t *network = client_get(c->client, path, NULL, e);

	if (field_bool(network, "Ingress") &&
	    !cli_confirm(
		    "WARNING! Before removing the routing-mesh network, make sure all the nodes in "
		    "your swarm run the same engine version. Otherwise, removal may not be effective "
		    "and functionality of newly created ingress networks will be impaired."))
		return fail(e, ERR_INVALID, "%s was not removed", word);
	if (!client_delete(c->client, path, NULL, NULL, e))
		return args_bool(a, "force") && e->kind == ERR_NOT_FOUND;
	printf("%s\n", word);
	return true;
}

static bool network_remove(struct cli *c, const struct args *a, struct err *e)
{
	cli_each(c, a, false, remove_one);
	return true;
}

static bool network_prune(struct cli *c, const struct args *a, struct err *e)
{
	return prune_command(c, a, &prune_networks, e);
}

const struct command network_commands[] = {
	{ "network connect", NULL, "NETWORK CONTAINER", "connect a container to a network",
	  "$ shoal network connect --alias db backend postgres1", connect_options, network_connect,
	  2, 2, 0, NAMES_NETWORKS },
	{ "network create", NULL, "NETWORK", "make a network",
	  "$ shoal network create --subnet 10.5.0.0/24 backend\n"
	  "For the services of a swarm\n"
	  "$ shoal network create -d overlay --attachable backend",
	  create_options, network_create, 1, 1 },
	{ "network disconnect", NULL, "NETWORK CONTAINER", "disconnect a container from a network",
	  "$ shoal network disconnect backend postgres1", disconnect_options, network_disconnect, 2,
	  2, 0, NAMES_NETWORKS },
	{ "network inspect", NULL, "NETWORK [NETWORK...]", "show all that is known of networks",
	  "$ shoal network inspect -f '{{json .IPAM.Config}}' backend", inspect_options,
	  network_inspect, 1, -1, 0, NAMES_NETWORKS },
	{ "network ls", "network list", NULL, "list networks",
	  "$ shoal network ls --filter driver=overlay", list_options, network_list, 0, 0 },
	{ "network prune", NULL, NULL, "remove networks that nothing uses",
	  "$ shoal network prune -f", prune_options, network_prune, 0, 0 },
	{ "network rm", "network remove", "NETWORK [NETWORK...]", "remove networks",
	  "$ shoal network rm backend", remove_options, network_remove, 1, -1, 0, NAMES_NETWORKS },
	{ 0 },
};
