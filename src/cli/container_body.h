/* A new container's body from options: Config with HostConfig and NetworkingConfig. */
#ifndef SHOAL_CLI_CONTAINER_BODY_H
#define SHOAL_CLI_CONTAINER_BODY_H

#include "cli/cli.h"

/* NULL and *e when an option makes no sense. `detaches`: nothing is attached. */
json_t *container_body(struct cli *c, const struct args *a, bool detaches, struct err *e);
/* Resources and restart policy of `container update`. */
json_t *container_update_body(const struct args *a, struct err *e);

/* container_network.c: networks, links and addresses; published and exposed ports. */
MUST_CHECK bool container_put_networks(const struct args *a, json_t *body, struct err *e);
MUST_CHECK bool container_put_ports(const struct args *a, json_t *body, struct err *e);
/* container_devices.c: devices, disk limits, GPUs. */
MUST_CHECK bool container_put_devices(const struct args *a, json_t *body, struct err *e);

#endif
