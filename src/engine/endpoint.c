/* A container's places on networks: addresses, host ports, and the files that tell it of them.
 *
 * Addresses and ports belong to a container from the moment it begins to start until it has ended;
 * who has which is read from the records, so nothing can disagree with them. */
#include "engine/inside.h"
#include "engine/port.h"

#define PORTS_MAX 65536

enum netmode container_netmode(const struct container *c)
{
	const char *mode = c->record->host_config->network_mode;

	if (c->record->config->network_disabled || strcmp(mode, "none") == 0)
		return NETMODE_NONE;
	if (strcmp(mode, "host") == 0)
		return NETMODE_HOST;
	if (strncmp(mode, "container:", 10) == 0)
		return NETMODE_CONTAINER;
	return NETMODE_BRIDGE;
}

bool endpoint_on(const struct container *c, const struct network *n)
{
	for (size_t i = 0; i < c->record->n_endpoints; i++)
		if (strcmp(c->record->endpoints[i]->network_id, n->record->id) == 0)
			return true;
	return false;
}

static bool is_bridge(const struct network *n)
{
	return strcmp(n->record->driver, "bridge") == 0;
}

static bool is_default_bridge(const struct network *n)
{
	return strcmp(n->record->name, "bridge") == 0;
}

/* --- addresses --- */

static size_t taken_addresses(const struct engine *e, const struct network *n, uint32_t *taken)
{
	struct container *c;
	size_t count = 0;

	if (ipv4_parse(n->record->gateway, &taken[count]))
		count++;
	for (size_t i = 0; i < n->record->n_aux_addresses; i++)
		if (ipv4_parse(n->record->aux_addresses[i]->value, &taken[count]))
			count++;
	tree_each (&e->containers, struct container, by_id, c)
		for (size_t i = 0; i < c->record->n_endpoints; i++)
			if (strcmp(c->record->endpoints[i]->network_id, n->record->id) == 0 &&
			    ipv4_parse(c->record->endpoints[i]->ip_address, &taken[count]))
				count++;
	return count;
}

static size_t endpoint_count(const struct engine *e)
{
	struct container *c;
	size_t count = 0;

	tree_each (&e->containers, struct container, by_id, c)
		count += c->record->n_endpoints;
	return count;
}

static bool choose_address(struct engine *e, struct network *n, const char *asked,
			   uint32_t *address, struct err *err)
{
	AUTO_FREE uint32_t *taken =
		xcalloc(endpoint_count(e) + n->record->n_aux_addresses + 1, sizeof(*taken));
	struct ipam ipam = { .taken = taken, .taken_count = taken_addresses(e, n, taken) };
	uint32_t wanted = 0;

	if (!subnet_parse(n->record->subnet, &ipam.subnet))
		return fail(err, ERR_INTERNAL, "network %s has no subnet", n->record->name);
	if (n->record->ip_range[0])
		(void)subnet_parse(n->record->ip_range, &ipam.range);
	if (asked[0] && is_default_bridge(n))
		return fail(err, ERR_INVALID,
			    "user specified IP address is supported on user defined networks only");
	if (asked[0] && !ipv4_parse(asked, &wanted))
		return fail(err, ERR_INVALID, "invalid IPv4 address: %s", asked);
	return ipam_choose(&ipam, wanted, address, err);
}

static bool take_address(struct engine *e, struct container *c, struct network *n,
			 Pb__EndpointSettings *endpoint, struct err *err)
{
	struct subnet subnet;
	char text[IPV4_TEXT_MAX], mac[MAC_TEXT_MAX], id[HEX_ID_LEN + 1];
	uint32_t address;

	if (!choose_address(e, n, endpoint->ipv4_address, &address, err))
		return false;
	(void)subnet_parse(n->record->subnet, &subnet);
	ipv4_print(address, text);
	mac_of(address, mac);
	hex_id_new(&e->prng, id);
	endpoint->ip_address = arena_strdup(&c->memory, text);
	endpoint->ip_prefix_len = subnet.bits;
	endpoint->gateway = n->record->internal ? "" : arena_strdup(&c->memory, n->record->gateway);
	if (!endpoint->mac_address[0])
		endpoint->mac_address = arena_strdup(&c->memory, mac);
	endpoint->endpoint_id = arena_strdup(&c->memory, id);
	return true;
}

static bool take_endpoint(struct engine *e, struct container *c, Pb__EndpointSettings *endpoint,
			  struct err *err)
{
	struct network *n = network_by_id(e, endpoint->network_id);
	char id[HEX_ID_LEN + 1];

	if (!n)
		n = network_lookup(e, endpoint->network, err);
	if (!n)
		return false;
	endpoint->network_id = arena_strdup(&c->memory, n->record->id);
	if (is_bridge(n)) {
		network_want(e, n);
		return take_address(e, c, n, endpoint, err);
	}
	hex_id_new(&e->prng, id);
	endpoint->endpoint_id = arena_strdup(&c->memory, id);
	return true;
}

/* --- ports --- */

static bool port_is_taken(const struct engine *e, const char *host_ip, enum net_proto proto,
			  uint16_t number)
{
	struct container *c;
	struct err ignored;

	tree_each (&e->containers, struct container, by_id, c) {
		for (size_t i = 0; i < c->record->n_ports; i++) {
			const Pb__PortBinding *b = c->record->ports[i];
			struct port_range range;
			struct port port;

			if (port_parse(b->port, &port, &ignored) && port.proto == proto &&
			    port_range_parse(b->host_port, &range, &ignored) &&
			    range.first == number && port_addresses_clash(b->host_ip, host_ip))
				return true;
		}
	}
	return false;
}

static bool take_port(struct engine *e, struct container *c, const Pb__PortBinding *asked,
		      struct err *err)
{
	Pb__PortBinding *got = pb_dup(&c->memory, asked);
	struct port_range range;
	struct port port;

	if (!port_parse(asked->port, &port, err) ||
	    !port_range_parse(asked->host_port, &range, err))
		return false;
	if (!got->host_ip[0] && e->config.defaults.publish_ip)
		got->host_ip = arena_strdup(&c->memory, e->config.defaults.publish_ip);
	got->port = arena_printf(&c->memory, "%u/%s", port.number, port_proto_name(port.proto));
	got->host_port = "";
	if (c->record->n_ports == PORTS_MAX)
		return fail(err, ERR_INVALID, "more than %d published ports", PORTS_MAX);
	for (unsigned number = range.first; range.first && number <= range.last; number++) {
		if (port_is_taken(e, got->host_ip, port.proto, (uint16_t)number))
			continue;
		got->host_port = arena_printf(&c->memory, "%u", number);
		break;
	}
	if (range.first && !got->host_port[0])
		return fail(err, ERR_INTERNAL,
			    "driver failed programming external connectivity on endpoint %s (%s): "
			    "Bind for %s:%u failed: "
			    "port is already allocated",
			    c->record->name,
			    c->record->n_endpoints ? c->record->endpoints[0]->endpoint_id : "",
			    got->host_ip[0] ? got->host_ip : "0.0.0.0", range.first);
	PB_APPEND(&c->memory, c->record, ports, got);
	return true;
}

static bool is_bound(const Pb__HostConfig *host, const char *port)
{
	struct port a, b;
	struct err ignored;

	for (size_t i = 0; i < host->n_port_bindings; i++)
		if (port_parse(host->port_bindings[i]->port, &a, &ignored) &&
		    port_parse(port, &b, &ignored) && a.number == b.number && a.proto == b.proto)
			return true;
	return false;
}

static bool take_ports(struct engine *e, struct container *c, struct err *err)
{
	const Pb__HostConfig *host = c->record->host_config;
	const Pb__ContainerConfig *config = c->record->config;

	c->record->n_ports = 0;
	for (size_t i = 0; i < host->n_port_bindings; i++)
		if (!take_port(e, c, host->port_bindings[i], err))
			return false;
	for (size_t i = 0; host->publish_all_ports && i < config->n_exposed_ports; i++) {
		Pb__PortBinding *any = PB_NEW(&c->run, port_binding);

		any->port = config->exposed_ports[i];
		if (!is_bound(host, any->port) && !take_port(e, c, any, err))
			return false;
	}
	return true;
}

/* --- the sandbox --- */

static const char *default_gateway(const struct container *c)
{
	for (size_t i = 0; i < c->record->n_endpoints; i++)
		if (c->record->endpoints[i]->gateway[0])
			return c->record->endpoints[i]->gateway;
	return "";
}

static size_t fill_interfaces(struct engine *e, struct container *c, struct arena *a,
			      struct net_interface *interfaces)
{
	size_t count = 0;

	for (size_t i = 0; i < c->record->n_endpoints; i++) {
		const Pb__EndpointSettings *s = c->record->endpoints[i];

		if (!s->ip_address[0])
			continue;
		interfaces[count] = (struct net_interface){
			.network = s->network_id,
			.name = arena_printf(a, "eth%zu", count),
			.address = arena_printf(a, "%s/%lld", s->ip_address,
						(long long)s->ip_prefix_len),
			.mac = s->mac_address,
		};
		count++;
	}
	return count;
}

static size_t fill_ports(struct container *c, struct net_port *ports)
{
	struct port_range range;
	struct port port;
	struct err ignored;

	for (size_t i = 0; i < c->record->n_ports; i++) {
		const Pb__PortBinding *b = c->record->ports[i];

		(void)port_parse(b->port, &port, &ignored);
		(void)port_range_parse(b->host_port, &range, &ignored);
		ports[i] = (struct net_port){ port.proto, b->host_ip, range.first, port.number };
	}
	return c->record->n_ports;
}

static bool uses_resolver(const struct engine *e, const struct container *c)
{
	for (size_t i = 0; i < c->record->n_endpoints; i++) {
		struct network *n = network_by_id(e, c->record->endpoints[i]->network_id);

		if (n && is_bridge(n) && !is_default_bridge(n))
			return true;
	}
	return false;
}

static const char *const *servers(const struct engine *e, const struct container *c, size_t *count)
{
	static const char *const public_servers[] = { "8.8.8.8", "8.8.4.4" };
	const Pb__HostConfig *host = c->record->host_config;

	if (host->n_dns > 0) {
		*count = host->n_dns;
		return (const char *const *)host->dns;
	}
	*count = e->config.dns_count;
	if (*count > 0)
		return e->config.dns;
	*count = ARRAY_LEN(public_servers);
	return public_servers;
}

void endpoints_want(struct engine *e, struct container *c)
{
	const struct net *net = e->seams.net;
	AUTO_ARENA struct arena a = { 0 };
	struct net_interface *interfaces =
		arena_alloc(&a, (c->record->n_endpoints + 1) * sizeof(*interfaces));
	struct net_port *ports = arena_alloc(&a, (c->record->n_ports + 1) * sizeof(*ports));
	struct net_sandbox box = { .id = c->record->id, .interfaces = interfaces, .ports = ports };

	box.interface_count = fill_interfaces(e, c, &a, interfaces);
	box.port_count = fill_ports(c, ports);
	box.gateway = default_gateway(c);
	box.has_resolver = uses_resolver(e, c);
	box.upstreams = servers(e, c, &box.upstream_count);
	c->has_sandbox = true;
	net->want_sandbox(net->self, ++c->generation, &box);
}

static void tell_networks(struct engine *e, struct container *c, const char *action)
{
	for (size_t i = 0; i < c->record->n_endpoints; i++) {
		struct network *n = network_by_id(e, c->record->endpoints[i]->network_id);

		if (!n || !c->record->endpoints[i]->endpoint_id[0])
			continue;
		event_tell(e, "network", action, n->record->id, "container", c->record->id, "name",
			   n->record->name, "type", n->record->driver, NULL);
	}
}

static void tell_names(struct engine *e, struct container *c)
{
	for (size_t i = 0; i < c->record->n_endpoints; i++) {
		struct network *n = network_by_id(e, c->record->endpoints[i]->network_id);

		if (n && is_bridge(n) && !is_default_bridge(n))
			network_want_names(e, n);
	}
}

bool endpoint_connect(struct engine *e, struct container *c, Pb__EndpointSettings *endpoint,
		      struct err *err)
{
	struct network *n;

	if (!take_endpoint(e, c, endpoint, err))
		return false;
	n = network_by_id(e, endpoint->network_id);
	endpoints_want(e, c);
	event_tell(e, "network", "connect", n->record->id, "container", c->record->id, "name",
		   n->record->name, "type", n->record->driver, NULL);
	tell_names(e, c);
	return true;
}

bool endpoints_take(struct engine *e, struct container *c, struct err *err)
{
	enum netmode mode = container_netmode(c);

	c->has_sandbox = false;
	free(c->netns);
	c->netns = NULL;
	for (size_t i = 0; i < c->record->n_endpoints && mode != NETMODE_CONTAINER; i++)
		if (!take_endpoint(e, c, c->record->endpoints[i], err))
			return false;
	if (mode == NETMODE_BRIDGE && !take_ports(e, c, err))
		return false;
	if (mode == NETMODE_BRIDGE || mode == NETMODE_NONE)
		endpoints_want(e, c);
	tell_networks(e, c, "connect");
	tell_names(e, c);
	return true;
}

static void clear_endpoint(Pb__EndpointSettings *s)
{
	char mac[MAC_TEXT_MAX];
	uint32_t address;

	/* A MAC that we derived goes with the address; one that was asked for stays. */
	if (ipv4_parse(s->ip_address, &address)) {
		mac_of(address, mac);
		if (strcmp(mac, s->mac_address) == 0)
			s->mac_address = "";
	}
	s->ip_address = s->gateway = s->endpoint_id = "";
	s->ip_prefix_len = 0;
}

void endpoints_release(struct engine *e, struct container *c)
{
	const struct net *net = e->seams.net;

	if (c->has_sandbox)
		net->drop(net->self, ++c->generation, NET_SANDBOX, c->record->id);
	c->has_sandbox = false;
	free(c->netns);
	c->netns = NULL;
	tell_networks(e, c, "disconnect");
	for (size_t i = 0; i < c->record->n_endpoints; i++)
		clear_endpoint(c->record->endpoints[i]);
	tell_names(e, c);
	c->record->n_ports = 0;
	container_save(e, c);
}

/* --- files --- */

static const char *host_gateway(const struct engine *e)
{
	const char *said = e->config.defaults.host_gateway;

	return said ? said : e->config.bridge_gateway;
}

static void write_extra_hosts(struct engine *e, const struct container *c, struct buf *out)
{
	for (size_t i = 0; i < c->record->host_config->n_extra_hosts; i++) {
		struct str name, address;

		if (!str_cut(str_of(c->record->host_config->extra_hosts[i]), ':', &name, &address))
			continue;
		if (str_equal_c(address, "host-gateway"))
			address = str_of(host_gateway(e));
		buf_printf(out, "%.*s\t%.*s\n", STR_FMT(address), STR_FMT(name));
	}
}

/* "name:alias": containers of the default bridge know each other by links alone. */
static void write_links(struct engine *e, const struct container *c, struct buf *out)
{
	AUTO_ARENA struct arena a = { 0 };

	for (size_t i = 0; i < c->record->host_config->n_links; i++) {
		struct str name, alias;
		struct container *other;
		struct err ignored;

		if (!str_cut(str_of(c->record->host_config->links[i]), ':', &name, &alias))
			alias = name;
		other = container_lookup(e, arena_str(&a, name), &ignored);
		if (other && other->record->n_endpoints > 0 &&
		    other->record->endpoints[0]->ip_address[0])
			buf_printf(out, "%s\t%.*s %.12s %s\n",
				   other->record->endpoints[0]->ip_address, STR_FMT(alias),
				   other->record->id, other->record->name);
	}
}

void endpoints_write_hosts(struct engine *e, const struct container *c, struct buf *out)
{
	const Pb__ContainerConfig *config = c->record->config;

	buf_append_c(out,
		     "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost "
		     "ip6-loopback\nfe00::0\tip6-localnet\n"
		     "ff00::0\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n");
	write_links(e, c, out);
	write_extra_hosts(e, c, out);
	for (size_t i = 0; i < c->record->n_endpoints; i++) {
		if (!c->record->endpoints[i]->ip_address[0])
			continue;
		buf_printf(out, "%s\t", c->record->endpoints[i]->ip_address);
		if (config->domainname[0])
			buf_printf(out, "%s.%s ", config->hostname, config->domainname);
		buf_printf(out, "%s\n", config->hostname);
	}
}

static void write_line(struct buf *out, const char *key, const char *const *words, size_t count)
{
	if (count == 0 || (count == 1 && strcmp(words[0], ".") == 0))
		return;
	buf_append_c(out, key);
	for (size_t i = 0; i < count; i++)
		buf_printf(out, " %s", words[i]);
	buf_append_char(out, '\n');
}

void endpoints_write_resolv(struct engine *e, const struct container *c, struct buf *out)
{
	const Pb__HostConfig *host = c->record->host_config;
	bool has_resolver = uses_resolver(e, c);
	size_t count;
	const char *const *addresses = servers(e, c, &count);

	if (has_resolver)
		buf_append_c(out, "nameserver 127.0.0.11\n");
	for (size_t i = 0; !has_resolver && i < count; i++)
		buf_printf(out, "nameserver %s\n", addresses[i]);
	if (host->n_dns_search > 0)
		write_line(out, "search", (const char *const *)host->dns_search,
			   host->n_dns_search);
	else
		write_line(out, "search", e->config.dns_search, e->config.dns_search_count);
	if (host->n_dns_options > 0)
		write_line(out, "options", (const char *const *)host->dns_options,
			   host->n_dns_options);
	else if (has_resolver)
		buf_append_c(out, "options ndots:0\n");
	else
		write_line(out, "options", e->config.dns_options, e->config.dns_option_count);
}
