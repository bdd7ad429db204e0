/* Ports as they are written: "80/tcp" in a container, "8080" or "8000-8010" on the host. */
#ifndef SHOAL_ENGINE_PORT_H
#define SHOAL_ENGINE_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "seam/net.h"

struct err;

struct port {
	enum net_proto proto;
	uint16_t number;
};

struct port_range {
	uint16_t first, last; /* both 0: any */
};

/* "80", "80/tcp", "53/udp", "5060/sctp". ERR_INVALID with docker's words. */
bool port_parse(const char *text, struct port *port, struct err *err);
bool port_range_parse(const char *text, struct port_range *range, struct err *err);
const char *port_proto_name(enum net_proto proto);

/* Two addresses of a host may not carry one port twice; "" and "0.0.0.0" are all of them. */
bool port_addresses_clash(const char *a, const char *b);

#endif
