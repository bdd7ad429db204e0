/* Bridges of the host. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "host/net/model.h"
#include "netlink/netns.h"
#include "netlink/rtnl.h"

#define MTU_DEFAULT 1500

static bool parse(struct model *m, const struct net_bridge *what, struct bridge *b, struct err *e)
{
	if (strlen(what->id) > NET_ID_MAX)
		return fail(e, ERR_INVALID, "the id of a network is too long");
	(void)strcpy(b->id, what->id);
	if (what->link[0] &&
	    (strlen(what->link) >= IFNAMSIZ || strchr(what->link, '/') || strchr(what->link, '"')))
		return fail(e, ERR_INVALID, "%s is no name of a link", what->link);
	if (what->link[0])
		(void)strcpy(b->link, what->link);
	else
		model_link_name(m, "sb", what->id, "", b->link);
	b->icc = what->icc;
	b->masquerade = what->masquerade;
	b->internal = what->internal;
	b->mtu = what->mtu ? what->mtu : MTU_DEFAULT;
	if (!cidr_parse(what->subnet, &b->network, &b->prefix, e))
		return false;
	b->network &= b->prefix ? 0xffffffffu << (32 - b->prefix) : 0;
	return !what->gateway[0] || address_parse(what->gateway, &b->gateway, e);
}

/* Packets of the host to 127.0.0.1 that go to a container leave through the bridge; what comes in
 * through it with such an address is dropped by our rules. */
static bool configure(const struct bridge *b, struct err *e)
{
	AUTO_FREE char *route_localnet = xasprintf("ipv4/conf/%s/route_localnet", b->link);

	return sysctl_no_ipv6(b->link, e) && sysctl_write(route_localnet, "1", e) &&
	       (b->internal || sysctl_write("ipv4/ip_forward", "1", e));
}

static bool make_link(struct model *m, struct rtnl *rtnl, struct bridge *b, struct link *l,
		      struct err *e)
{
	AUTO_FREE char *alias = xasprintf("shoal:%s:%s", m->tag, b->id);
	struct err missing;

	if (!link_find(rtnl, b->link, l, &missing)) {
		if (!link_add_bridge(rtnl, b->link, b->mtu, e) || !link_find(rtnl, b->link, l, e))
			return false;
		if (!link_change(rtnl, &(struct link_change){ .index = l->index, .alias = alias },
				 e))
			return false;
		b->is_ours = true;
		return true;
	}
	b->is_ours = strcmp(l->alias, alias) == 0;
	if (strcmp(l->kind, "bridge") != 0)
		return fail(e, ERR_CONFLICT, "%s is no bridge", b->link);
	if (!b->is_ours && strncmp(l->alias, "shoal:", 6) == 0)
		return fail(e, ERR_CONFLICT, "bridge %s belongs to another network", b->link);
	return true;
}

bool bridge_apply(struct model *m, struct rtnl *rtnl, const struct net_bridge *what, struct err *e)
{
	struct bridge *b = model_bridge(m, what->id);
	struct bridge wanted = { 0 };
	struct link l;

	if (!parse(m, what, &wanted, e) || !make_link(m, rtnl, &wanted, &l, e))
		return false;
	wanted.index = l.index;
	if (!configure(&wanted, e) ||
	    !link_change(rtnl,
			 &(struct link_change){ .index = l.index, .up = true, .mtu = wanted.mtu },
			 e) ||
	    (wanted.gateway && !address_add(rtnl, l.index, wanted.gateway, wanted.prefix, e)) ||
	    (wanted.gateway && wanted.is_ours &&
	     !address_keep_only(rtnl, l.index, wanted.gateway, wanted.prefix, e)))
		return while_doing(e, "bridge %s", wanted.link);
	if (!b) {
		b = NEW(struct bridge);
		*b = wanted;
		tree_insert(&m->bridges, b->id, &b->by_id);
	} else {
		struct tree_node place = b->by_id;

		*b = wanted;
		b->by_id = place;
	}
	return true;
}

struct search {
	char alias[LINK_ALIAS_MAX + 1];
	struct link found;
};

static void see(void *self, const struct link *l)
{
	struct search *s = self;

	if (strcmp(l->alias, s->alias) == 0)
		s->found = *l;
}

/* Also one of an earlier life, which the model does not know. */
bool bridge_drop(struct model *m, struct rtnl *rtnl, const char *id, struct err *e)
{
	struct bridge *b = model_bridge(m, id);
	struct search search = { .found = { .index = 0 } };

	(void)snprintf(search.alias, sizeof(search.alias), "shoal:%s:%s", m->tag, id);
	if (!link_each(rtnl, &search, see, e) ||
	    (search.found.index && !link_delete(rtnl, search.found.name, e)))
		return false;
	if (b) {
		tree_remove(&m->bridges, &b->by_id);
		free(b);
	}
	return true;
}
