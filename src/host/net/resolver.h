/* The resolver that a sandbox has at 127.0.0.11:53.
 *
 * Its sockets lie inside of the sandbox, on a port of their own: a rule there leads port 53 of that
 * address to it, so that the container may serve DNS on port 53 itself. Names of the sandbox's
 * networks are answered from what the mind said; everything else is asked of the upstream servers,
 * from inside of the sandbox, so that an internal network is no way out (CVE-2024-29018). Only a
 * server at a loopback address of the host is asked by the host, and only for sandboxes that have a
 * way out. Upstream is asked by UDP, also for clients that came by TCP: an answer that is too long
 * for it stays truncated. */
#ifndef SHOAL_HOST_NET_RESOLVER_H
#define SHOAL_HOST_NET_RESOLVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct loop;
struct names;
struct resolver;

#define RESOLVER_ADDRESS       0x7f00000bu /* 127.0.0.11 */
#define RESOLVER_TTL_S         600         /* as dockerd */
#define RESOLVER_UPSTREAMS_MAX 3
#define RESOLVER_PENDING_MAX   1024 /* questions under way a sandbox */
#define RESOLVER_TIMEOUT_MS    2000 /* then the next upstream */

/* What lies in the sandbox: made in a job (resolver_open), then the loop's. -1: none. */
struct resolver_sockets {
	int udp, tcp, ask;
};

/* Blocks. Makes the sockets and the rule in the namespace. */
bool resolver_open(int netns, struct resolver_sockets *sockets, struct err *e) MUST_CHECK;
void resolver_close(struct resolver_sockets *sockets);

struct resolver_config {
	const char *const *networks; /* ids, in the order that names are looked up in */
	size_t network_count;
	const uint32_t *upstreams;
	size_t upstream_count;
	bool has_way_out;
};

/* Takes the sockets. `names` outlives it. */
struct resolver *resolver_new(struct loop *loop, const struct names *names,
			      struct resolver_sockets sockets,
			      const struct resolver_config *config);
void resolver_set(struct resolver *r, const struct resolver_config *config);
void resolver_free(struct resolver *r);

#endif
