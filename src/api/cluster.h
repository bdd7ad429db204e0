/* The cluster object as clients see it: in GET /swarm, and without its tokens in GET /info. */
#ifndef SHOAL_API_CLUSTER_H
#define SHOAL_API_CLUSTER_H

#include "base/json_write.h"
#include "pb/pb.h"

void cluster_write_members(struct json *j, const Pb__Cluster *cluster, int minor, bool with_tokens);

#endif
