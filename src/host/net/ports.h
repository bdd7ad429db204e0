/* Ports of the host that containers are published on: each is held by a bound socket that never
 * listens, so that a program of the host that wants it is refused, and we are when one has it. */
#ifndef SHOAL_HOST_NET_PORTS_H
#define SHOAL_HOST_NET_PORTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "seam/net.h"

struct held_port {
	enum net_proto proto;
	uint32_t host_ip; /* host order; 0 for all */
	uint16_t host_port;
	uint16_t target;
	int socket;
};

/* Take it; port 0 becomes a free one. ERR_CONFLICT when somebody has it. */
bool port_hold(struct held_port *p, struct err *e) MUST_CHECK;
void port_release(struct held_port *p);
const char *net_proto_name(enum net_proto proto);

#endif
