/* Kinds of networks, as control and allocator tell them apart. */
#ifndef SHOAL_SWARM_NETWORK_H
#define SHOAL_SWARM_NETWORK_H

#include "pb/pb.h"

#define NETWORK_PREDEFINED_LABEL "com.docker.swarm.predefined"

/* "overlay" where the spec names none. */
const char *network_driver(const Pb__NetworkSpec *spec);
/* One of those every node has: bridge, host. */
bool network_is_predefined(const Pb__NetworkSpec *spec);
/* Each node sees to it alone; the swarm allocates nothing for it. */
bool network_is_node_local(const Pb__NetworkSpec *spec);
bool network_is_ingress(const Pb__NetworkSpec *spec);

#endif
