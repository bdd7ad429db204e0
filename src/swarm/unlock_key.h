/* The unlock key of a swarm whose managers are locked (autolock): 32 bytes in the cluster object, which
 * every manager's keys on disk are locked with. */
#ifndef SHOAL_SWARM_UNLOCK_KEY_H
#define SHOAL_SWARM_UNLOCK_KEY_H

#include "base/arena.h"
#include "base/str.h"
#include "pb/pb.h"

/* Empty when managers are not locked. Borrowed from the cluster. */
struct str unlock_key_of(const Pb__Cluster *cluster);
/* Empty: managers are not locked any more. */
void unlock_key_set(Pb__Cluster *cluster, struct str key, struct arena *a);

#endif
