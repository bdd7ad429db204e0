/* Addresses of a new network, from --subnet, --ip-range, --gateway and --aux-address. */
#ifndef SHOAL_CLI_NETWORK_IPAM_H
#define SHOAL_CLI_NETWORK_IPAM_H

#include <jansson.h>

#include "base/err.h"
#include "console/option.h"

/* Fill body.IPAM. Ranges, gateways and taken addresses go to the subnet that holds them. */
MUST_CHECK bool network_put_ipam(json_t *body, const struct args *a, struct err *e);

#endif
