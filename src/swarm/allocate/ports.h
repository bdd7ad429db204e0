/* Published ports: which numbers of the ingress network are taken.
 *
 * One number can be published once a protocol in the whole swarm. A service asks for a fixed port,
 * or for any; "any" is the lowest free one of the range, so that two managers that see the same log
 * choose alike. Nothing here is stored: a new leader rebuilds the set from the services. */
#ifndef SHOAL_SWARM_ALLOCATE_PORTS_H
#define SHOAL_SWARM_ALLOCATE_PORTS_H

#include "pb/pb.h"

#define PORT_ANY       0
#define PORT_ANY_FIRST 30000
#define PORT_ANY_LAST  32767
#define PORT_PROTOCOLS 3

/* All zeroes is an empty set. */
struct ports {
	uint64_t taken[PORT_PROTOCOLS][65536 / 64];
};

/* Take port `want`, or any if it is PORT_ANY, and say in *got which it was. Fails with ERR_CONFLICT
 * (it is taken), ERR_EXHAUSTED (none is left) or ERR_INVALID (no such protocol or port). */
bool ports_take(struct ports *p, Pb__PortConfig__Protocol protocol, uint32_t want, uint32_t *got,
		struct err *e);
/* Give back what ports_take() gave out. */
void ports_release(struct ports *p, Pb__PortConfig__Protocol protocol, uint32_t port);

/* The ports of an endpoint with this spec (may be NULL), in the arena. Ingress ports are taken; an
 * earlier endpoint's are given back first, and a port that was chosen for one that asks for any
 * stays the same. Host-mode ports are each node's own. On failure nothing changes. */
bool ports_of_endpoint(struct ports *p, const Pb__Endpoint *old, const Pb__EndpointSpec *spec,
		       Pb__Endpoint *new, struct arena *a, struct err *e);
void ports_take_endpoint(struct ports *p, const Pb__Endpoint *endpoint);
void ports_release_endpoint(struct ports *p, const Pb__Endpoint *endpoint);

#endif
