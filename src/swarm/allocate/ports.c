#include "swarm/allocate/ports.h"

#include <string.h>

static const char *const protocol_names[PORT_PROTOCOLS] = { "tcp", "udp", "sctp" };

static bool is_possible(Pb__PortConfig__Protocol protocol, uint32_t port)
{
	return (unsigned)protocol < PORT_PROTOCOLS && port < 65536;
}

static bool is_taken(const struct ports *p, Pb__PortConfig__Protocol protocol, uint32_t port)
{
	return p->taken[protocol][port / 64] >> port % 64 & 1;
}

static void mark_taken(struct ports *p, Pb__PortConfig__Protocol protocol, uint32_t port)
{
	p->taken[protocol][port / 64] |= UINT64_C(1) << port % 64;
}

bool ports_take(struct ports *p, Pb__PortConfig__Protocol protocol, uint32_t want, uint32_t *got,
		struct err *e)
{
	uint32_t first = want == PORT_ANY ? PORT_ANY_FIRST : want;
	uint32_t last = want == PORT_ANY ? PORT_ANY_LAST : want;

	if (!is_possible(protocol, want))
		return fail(e, ERR_INVALID, "no such port: %u", want);
	for (uint32_t port = first; port <= last; port++) {
		if (is_taken(p, protocol, port))
			continue;
		mark_taken(p, protocol, port);
		*got = port;
		return true;
	}
	if (want == PORT_ANY)
		return fail(e, ERR_EXHAUSTED, "no free %s port between %d and %d",
			    protocol_names[protocol], PORT_ANY_FIRST, PORT_ANY_LAST);
	return fail(e, ERR_CONFLICT, "port %u/%s is already published by another service", want,
		    protocol_names[protocol]);
}

void ports_release(struct ports *p, Pb__PortConfig__Protocol protocol, uint32_t port)
{
	if (is_possible(protocol, port))
		p->taken[protocol][port / 64] &= ~(UINT64_C(1) << port % 64);
}

static bool is_ingress(const Pb__PortConfig *port)
{
	return port->publish_mode == PB__PORT_CONFIG__PUBLISH_MODE__INGRESS;
}

void ports_take_endpoint(struct ports *p, const Pb__Endpoint *endpoint)
{
	for (size_t i = 0; endpoint && i < endpoint->n_ports; i++) {
		const Pb__PortConfig *port = endpoint->ports[i];

		if (is_ingress(port) && is_possible(port->protocol, port->published_port))
			mark_taken(p, port->protocol, port->published_port);
	}
}

void ports_release_endpoint(struct ports *p, const Pb__Endpoint *endpoint)
{
	for (size_t i = 0; endpoint && i < endpoint->n_ports; i++)
		if (is_ingress(endpoint->ports[i]))
			ports_release(p, endpoint->ports[i]->protocol,
				      endpoint->ports[i]->published_port);
}

/* What an equal request for any port was given before; PORT_ANY if there was none. */
static uint32_t chosen_before(const Pb__Endpoint *old, const Pb__PortConfig *want)
{
	for (size_t i = 0; old && i < old->n_ports; i++) {
		const Pb__PortConfig *had = old->ports[i];

		if (is_ingress(had) && strcmp(had->name, want->name) == 0 &&
		    had->protocol == want->protocol && had->target_port == want->target_port &&
		    had->published_port >= PORT_ANY_FIRST && had->published_port <= PORT_ANY_LAST)
			return had->published_port;
	}
	return PORT_ANY;
}

static bool take_one(struct ports *p, const Pb__Endpoint *old, Pb__PortConfig *port, struct err *e)
{
	struct err unused;

	if (port->published_port == PORT_ANY) {
		uint32_t before = chosen_before(old, port);

		if (before != PORT_ANY &&
		    ports_take(p, port->protocol, before, &port->published_port, &unused))
			return true;
	}
	return ports_take(p, port->protocol, port->published_port, &port->published_port, e);
}

bool ports_of_endpoint(struct ports *p, const Pb__Endpoint *old, const Pb__EndpointSpec *spec,
		       Pb__Endpoint *new, struct arena *a, struct err *e)
{
	struct ports before = *p;
	size_t count = spec ? spec->n_ports : 0;

	new->ports = arena_alloc(a, (count + 1) * sizeof(*new->ports));
	new->n_ports = 0;
	ports_release_endpoint(p, old);
	/* Fixed ones first: "any" must not sit on a number that another line asks for. */
	for (int fixed = 1; fixed >= 0; fixed--) {
		for (size_t i = 0; i < count; i++) {
			Pb__PortConfig *port;

			if ((spec->ports[i]->published_port != PORT_ANY) != fixed)
				continue;
			port = pb_dup(a, spec->ports[i]);
			new->ports[i] = port;
			if (is_ingress(port) && !take_one(p, old, port, e)) {
				*p = before;
				return false;
			}
		}
	}
	new->n_ports = count;
	return true;
}
