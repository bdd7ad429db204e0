/* The machine's bridges and sandboxes: behind seam/net. */
#include "sim/machine_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static struct net_event *say_net(struct inbox *out, const struct pending *p,
				 enum net_event_kind kind)
{
	struct input *in = inbox_add(out, INPUT_NET, p->ticket);

	in->net.kind = kind;
	in->net.object = p->object;
	in->net.id = arena_strdup(&out->memory, p->id);
	in->net.generation = p->generation;
	in->net.text = "";
	return &in->net;
}

static bool net_fails(struct pending *p, struct inbox *out)
{
	struct net_event *event;

	if (!p->must_fail)
		return false;
	event = say_net(out, p, NET_FAILED);
	event->err_kind = ERR_INTERNAL;
	event->text = "netlink: no buffer space";
	return true;
}

static void do_bridge(struct machine *m, struct pending *p, struct inbox *out)
{
	if (net_fails(p, out))
		return;
	(void)machine_name_take(&m->bridges, p->id);
	say_net(out, p, NET_APPLIED)->link = "br0";
}

static void check_sandbox(struct machine *m, const struct machine_name *mine)
{
	struct machine_name *other;

	tree_each (&m->sandboxes, struct machine_name, node, other) {
		if (other == mine)
			continue;
		if (mine->address[0] && strcmp(other->address, mine->address) == 0)
			machine_violate(m, "address %s is given to %.12s and %.12s", mine->address,
					mine->id, other->id);
		for (size_t i = 0; i < mine->port_count; i++)
			for (size_t k = 0; k < other->port_count; k++)
				if (mine->ports[i] == other->ports[k])
					machine_violate(m, "port %u is given to %.12s and %.12s",
							mine->ports[i], mine->id, other->id);
	}
}

static void do_sandbox(struct machine *m, struct pending *p, struct inbox *out)
{
	const struct net_port *wanted = (const struct net_port *)p->list;
	struct machine_name *box;
	struct net_event *event;
	struct net_port *ports;

	if (net_fails(p, out))
		return;
	box = machine_name_take(&m->sandboxes, p->id);
	snprintf(box->address, sizeof(box->address), "%s", p->text);
	box->port_count = 0;
	ports = arena_copy(&out->memory, wanted, p->count * sizeof(*ports));
	for (size_t i = 0; i < p->count && i < 16; i++) {
		if (ports[i].host_port == 0)
			ports[i].host_port = ++m->next_port;
		box->ports[box->port_count++] = ports[i].host_port;
	}
	check_sandbox(m, box);
	event = say_net(out, p, NET_APPLIED);
	event->netns = arena_printf(&out->memory, "/netns/%s", p->id);
	event->ports = ports;
	event->port_count = p->count;
}

static void do_names(struct machine *m, struct pending *p, struct inbox *out)
{
	if (!net_fails(p, out))
		(void)say_net(out, p, NET_APPLIED);
}

static void do_drop(struct machine *m, struct pending *p, struct inbox *out)
{
	struct machine_container *c = machine_container(m, p->id);

	if (net_fails(p, out))
		return;
	if (p->object == NET_SANDBOX && c && c->is_running)
		machine_violate(m, "network of running container %.12s dropped", p->id);
	machine_name_drop(p->object == NET_BRIDGE ? &m->bridges : &m->sandboxes, p->id);
	(void)say_net(out, p, NET_APPLIED);
}

static void do_net_list(struct machine *m, struct pending *p, struct inbox *out)
{
	struct machine_name *n;

	p->object = NET_BRIDGE;
	tree_each (&m->bridges, struct machine_name, node, n) {
		p->id = n->id;
		(void)say_net(out, p, NET_LISTED);
	}
	p->object = NET_SANDBOX;
	tree_each (&m->sandboxes, struct machine_name, node, n) {
		p->id = n->id;
		(void)say_net(out, p, NET_LISTED);
	}
	(void)say_net(out, p, NET_LIST_END);
}

static void n_list(void *self, uint64_t t)
{
	struct pending *p = machine_give(self, "list", "", t, do_net_list);

	p->must_fail = false;
}

/* Networks are applied in the order given: one key for all. */
static struct pending *give_net(struct machine *m, uint64_t generation, enum net_object object,
				const char *id, carry_out_fn *f)
{
	struct pending *p = machine_give(m, "net", "", 0, f);

	p->id = arena_strdup(&p->memory, id);
	p->generation = generation;
	p->object = object;
	return p;
}

static void n_want_bridge(void *self, uint64_t generation, const struct net_bridge *what)
{
	(void)give_net(self, generation, NET_BRIDGE, what->id, do_bridge);
}

static void n_want_sandbox(void *self, uint64_t generation, const struct net_sandbox *what)
{
	struct machine *m = self;
	struct pending *p = give_net(m, generation, NET_SANDBOX, what->id, do_sandbox);

	p->text =
		arena_strdup(&p->memory, what->interface_count ? what->interfaces[0].address : "");
	p->list = arena_copy(&p->memory, what->ports, what->port_count * sizeof(*what->ports));
	p->count = what->port_count;
}

static void n_want_names(void *self, uint64_t generation, const char *network,
			 const struct net_name *names, size_t count)
{
	(void)give_net(self, generation, NET_NAMES, network, do_names);
}

static void n_drop(void *self, uint64_t generation, enum net_object object, const char *id)
{
	(void)give_net(self, generation, object, id, do_drop);
}

struct net machine_net(struct machine *m)
{
	return (struct net){ m, n_list, n_want_bridge, n_want_sandbox, n_want_names, n_drop };
}
