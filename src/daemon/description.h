/* What this host and engine are, as the swarm hears it. */
#ifndef SHOAL_DAEMON_DESCRIPTION_H
#define SHOAL_DAEMON_DESCRIPTION_H

#include "pb/pb.h"

struct config;

Pb__NodeDescription *describe_host(struct arena *a, const struct config *c);

#endif
