/* Sandboxes: network namespaces of containers, their links and published ports. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "host/net/model.h"
#include "netlink/netns.h"
#include "netlink/rtnl.h"

static struct sandbox *parse(struct model *m, const struct net_sandbox *what, struct err *e)
{
	struct sandbox *s = NEW(struct sandbox);
	bool ok = true;

	s->path = model_netns_path(m, what->id);
	s->sockets = (struct resolver_sockets){ -1, -1, -1 };
	s->has_resolver = what->has_resolver;
	s->interfaces = xcalloc(what->interface_count + 1, sizeof(*s->interfaces));
	s->ports = xcalloc(what->port_count + 1, sizeof(*s->ports));
	if (strlen(what->id) > NET_ID_MAX || strchr(what->id, '/'))
		ok = fail(e, ERR_INVALID, "%s is no id of a container", what->id);
	else
		(void)strcpy(s->id, what->id);
	for (size_t i = 0; ok && i < what->interface_count; i++) {
		const struct net_interface *from = &what->interfaces[i];
		struct interface *to = &s->interfaces[s->interface_count++];

		if (strlen(from->name) >= IFNAMSIZ || strlen(from->network) > NET_ID_MAX) {
			ok = fail(e, ERR_INVALID, "the name of an interface is too long");
			break;
		}
		(void)strcpy(to->name, from->name);
		(void)strcpy(to->network, from->network);
		model_link_name(m, "sv", what->id, from->name, to->host_name);
		ok = cidr_parse(from->address, &to->address, &to->prefix, e) &&
		     mac_parse(from->mac, to->mac, e);
	}
	for (size_t i = 0; ok && i < what->port_count; i++) {
		const struct net_port *from = &what->ports[i];
		struct held_port *to = &s->ports[s->port_count++];

		*to = (struct held_port){ .proto = from->proto,
					  .host_port = from->host_port,
					  .target = from->target,
					  .socket = -1 };
		ok = !from->host_ip[0] || address_parse(from->host_ip, &to->host_ip, e);
	}
	for (size_t i = 0;
	     ok && i < what->upstream_count && s->upstream_count < RESOLVER_UPSTREAMS_MAX; i++) {
		struct err ignored; /* a server of IPv6: there are others, or none */

		if (address_parse(what->upstreams[i], &s->upstreams[s->upstream_count], &ignored))
			s->upstream_count++;
	}
	ok = ok && (!what->gateway[0] || address_parse(what->gateway, &s->gateway, e));
	if (ok)
		return s;
	sandbox_free(s);
	return NULL;
}

static bool is_same(const struct held_port *a, const struct held_port *b)
{
	return a->proto == b->proto && a->host_ip == b->host_ip && a->host_port == b->host_port;
}

/* What was held before goes on being held without a gap. */
static void take_over_ports(struct sandbox *s, struct sandbox *before)
{
	for (size_t i = 0; i < s->port_count; i++) {
		for (size_t j = 0; j < before->port_count; j++) {
			if (s->ports[i].socket >= 0 || before->ports[j].socket < 0 ||
			    !is_same(&s->ports[i], &before->ports[j]))
				continue;
			s->ports[i].socket = before->ports[j].socket;
			before->ports[j].socket = -1;
		}
	}
}

static bool hold_ports(struct sandbox *s, struct err *e)
{
	for (size_t i = 0; i < s->port_count; i++)
		if (s->ports[i].socket < 0 && !port_hold(&s->ports[i], e))
			return false;
	return true;
}

static bool is_wanted(const struct sandbox *s, const struct link *l)
{
	for (size_t i = 0; i < s->interface_count; i++)
		if (strcmp(s->interfaces[i].name, l->name) == 0 &&
		    memcmp(s->interfaces[i].mac, l->mac, sizeof(l->mac)) == 0)
			return true;
	return strcmp(l->kind, "veth") != 0;
}

#define STRAYS_MAX 64

struct strays {
	const struct sandbox *s;
	char names[STRAYS_MAX][IFNAMSIZ];
	size_t count;
};

static void see_stray(void *self, const struct link *l)
{
	struct strays *strays = self;

	if (!is_wanted(strays->s, l) && strays->count < STRAYS_MAX)
		(void)strcpy(strays->names[strays->count++], l->name);
}

/* Links of networks that the container has left. */
static bool remove_strays(const struct sandbox *s, struct rtnl *inside, struct err *e)
{
	struct strays strays = { .s = s };

	if (!link_each(inside, &strays, see_stray, e))
		return false;
	for (size_t i = 0; i < strays.count; i++)
		if (!link_delete(inside, strays.names[i], e))
			return false;
	return true;
}

static bool plug_in(struct model *m, struct rtnl *outside, struct rtnl *inside, int netns,
		    const struct interface *i, struct err *e)
{
	const struct bridge *b = model_bridge(m, i->network);
	struct veth v = { .name = i->host_name, .peer_name = i->name, .peer_netns = netns };
	struct link peer, port;
	struct err missing;

	if (!b)
		return fail(e, ERR_NOT_FOUND, "network %.12s is not there", i->network);
	memcpy(v.peer_mac, i->mac, sizeof(v.peer_mac));
	v.mtu = b->mtu;
	v.master = b->index;
	if (!link_find(inside, i->name, &peer, &missing)) {
		/* A half of the same name may linger while its namespace is being torn down. */
		if (!link_delete(outside, i->host_name, e) || !link_add_veth(outside, &v, e) ||
		    !sysctl_no_ipv6(i->host_name, e) || !link_find(inside, i->name, &peer, e))
			return false;
	}
	if (!link_find(outside, i->host_name, &port, e))
		return false;
	if ((port.master != b->index || !port.is_up) &&
	    !link_change(
		    outside,
		    &(struct link_change){ .index = port.index, .up = true, .master = b->index },
		    e))
		return false;
	return link_set_port(outside, port.index, !b->icc, e) &&
	       link_change(inside,
			   &(struct link_change){ .index = peer.index, .up = true, .mtu = b->mtu },
			   e) &&
	       address_add(inside, peer.index, i->address, i->prefix, e) &&
	       address_keep_only(inside, peer.index, i->address, i->prefix, e) &&
	       link_forward(outside, port.index, e);
}

static bool furnish(struct model *m, struct rtnl *outside, struct sandbox *s, struct err *e)
{
	AUTO_CLOSE int netns = netns_open(s->path);
	struct rtnl *inside;
	struct link lo;
	bool ok;

	if (netns < 0)
		return fail(e, ERR_INTERNAL, "network namespace %s is gone", s->path);
	if (!rtnl_open(netns, &inside, e))
		return false;
	ok = link_find(inside, "lo", &lo, e) &&
	     link_change(inside, &(struct link_change){ .index = lo.index, .up = true }, e) &&
	     remove_strays(s, inside, e);
	for (size_t i = 0; ok && i < s->interface_count; i++)
		ok = plug_in(m, outside, inside, netns, &s->interfaces[i], e);
	ok = ok && route_default(inside, s->gateway, e);
	rtnl_close(inside);
	if (!ok || !s->has_resolver || s->resolver_is_open)
		return ok;
	s->resolver_is_open = resolver_open(netns, &s->sockets, e);
	return s->resolver_is_open;
}

bool sandbox_apply(struct model *m, struct rtnl *rtnl, const struct net_sandbox *what,
		   struct err *e)
{
	struct sandbox *before = model_sandbox(m, what->id), *s = parse(m, what, e);
	int had_netns;

	if (!s)
		return false;
	had_netns = netns_open(s->path);
	if (had_netns >= 0)
		(void)close(had_netns);
	if (before) {
		take_over_ports(s, before);
		s->resolver_is_open = before->resolver_is_open && s->has_resolver;
	}
	if (!hold_ports(s, e) || !netns_make(s->path, e) || !furnish(m, rtnl, s, e)) {
		struct err ignored;

		if (before)
			take_over_ports(before, s);
		if (had_netns < 0 && !netns_remove(s->path, &ignored))
			ignored.kind = ERR_NONE;
		sandbox_free(s);
		return false;
	}
	if (before) {
		tree_remove(&m->sandboxes, &before->by_id);
		sandbox_free(before);
	}
	tree_insert(&m->sandboxes, s->id, &s->by_id);
	return true;
}

bool sandbox_drop(struct model *m, const char *id, struct err *e)
{
	AUTO_FREE char *path = model_netns_path(m, id);
	struct sandbox *s = model_sandbox(m, id);

	if (!netns_remove(path, e))
		return false;
	if (s) {
		tree_remove(&m->sandboxes, &s->by_id);
		sandbox_free(s);
	}
	return true;
}

bool model_mend(struct model *m, struct rtnl *rtnl, struct err *e)
{
	struct bridge *b;
	struct sandbox *s;

	tree_each (&m->bridges, struct bridge, by_id, b) {
		struct in_addr network = { htonl(b->network) }, gateway = { htonl(b->gateway) };
		char subnet[INET_ADDRSTRLEN + 4], address[INET_ADDRSTRLEN] = "";
		struct net_bridge what = { .id = b->id,
					   .link = b->link,
					   .subnet = subnet,
					   .gateway = address,
					   .icc = b->icc,
					   .masquerade = b->masquerade,
					   .internal = b->internal,
					   .mtu = b->mtu };

		inet_ntop(AF_INET, &network, subnet, sizeof(subnet));
		(void)snprintf(subnet + strlen(subnet), 4, "/%d", b->prefix);
		if (b->gateway)
			inet_ntop(AF_INET, &gateway, address, sizeof(address));
		if (!bridge_apply(m, rtnl, &what, e))
			return false;
	}
	tree_each (&m->sandboxes, struct sandbox, by_id, s)
		if (!furnish(m, rtnl, s, e))
			return while_doing(e, "sandbox %.12s", s->id);
	return true;
}
