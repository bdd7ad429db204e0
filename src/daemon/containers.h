/* The hands of containers: runtime, networks, images. */
#ifndef SHOAL_DAEMON_CONTAINERS_H
#define SHOAL_DAEMON_CONTAINERS_H

#include "host/endpoint.h"
#include "seam/content.h"
#include "seam/net.h"
#include "seam/runtime.h"

struct config;
struct container_hands;
struct loop;

/* Makes the hands; they must outlive the node. The endpoints are those that API connections are
 * joined to. On failure nothing is left. */
bool container_hands_open(const struct config *c, struct loop *loop, struct endpoints *endpoints,
			  struct container_hands **hands, struct err *e) MUST_CHECK;
const struct runtime *container_hands_runtime(const struct container_hands *h);
const struct net *container_hands_net(const struct container_hands *h);
const struct content *container_hands_content(const struct container_hands *h);
/* Take over what a reload may have changed: registries, and the OCI runtimes. */
void container_hands_reconfigure(struct container_hands *h, const struct config *c);
/* Containers run on. Before loop_free(). NULL is fine. */
void container_hands_close(struct container_hands *h);

#endif
