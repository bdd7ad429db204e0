/* Inside control/: the cluster object as clients see and change it. */
#ifndef SHOAL_SWARM_CONTROL_CLUSTER_H
#define SHOAL_SWARM_CONTROL_CLUSTER_H

#include "pb/pb.h"

/* The cluster as clients may see it: without keys. A shallow copy in the arena, but for what is
 * left out; other rooms that show clusters go through this too. */
const Pb__Cluster *cluster_redacted(const Pb__Cluster *cluster, struct arena *a);

/* The same token with another secret; NULL if `token` is none. */
const char *token_with_secret(const char *token, const uint8_t secret[16], struct arena *a);

#endif
