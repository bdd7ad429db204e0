/* Where this host is in its network, and where others of its swarm may be.
 *
 * What a node advertised is kept with the name of the interface that had the address. When the
 * interface has another one later (a new lease, a renumbered network), that is what the node
 * advertises from then on; an address that was never this host's (behind a translating router) stays.
 * Others of the swarm that moved along are looked for at their old places in the new network, and
 * then in the whole of it: private IPv4 networks of at most 4,094 hosts, of a larger one the 1,022
 * around this host. */
#ifndef SHOAL_HOST_SURVEY_H
#define SHOAL_HOST_SURVEY_H

#include <net/if.h>
#include <netinet/in.h>

#include "base/arena.h"
#include "seam/peer.h"

#define SURVEY_ADDRESSES_MAX 128

struct survey_address {
	char interface[IFNAMSIZ];
	char text[INET6_ADDRSTRLEN];
	bool is_v4;
	uint32_t ip, mask; /* of IPv4, in host order */
};

struct survey_host {
	struct survey_address addresses[SURVEY_ADDRESSES_MAX];
	size_t count;
};

/* The addresses that this host has now, but for loopback. */
void survey_host(struct survey_host *host);
/* What follows from them; the texts live in the arena. */
void survey(const struct survey_host *host, const struct peer_whereabouts *was, struct arena *a,
	    struct peer_survey *found);

#endif
