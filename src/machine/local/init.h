/* The first process of a local host: it mounts the host's view of files, starts the engine, starts
 * it again when it ends by itself, and collects dead processes.
 *
 * The host sees this computer's files but has /proc, /sys and /run of its own, and a layer of its own
 * above /etc: what it changes there, and /etc/{hostname,hosts,resolv.conf}, is seen by it alone.
 * SIGTERM shuts it down: the engine, then everything else. When the engine ends with an error right
 * after its first start, the host ends, too. */
#ifndef SHOAL_MACHINE_LOCAL_INIT_H
#define SHOAL_MACHINE_LOCAL_INIT_H

#include "machine/local/host.h"

/* How shoal-machine is called to be it: "shoal-machine __host ID". */
#define INIT_COMMAND "__host"

/* Does not return while the host runs; the result is an exit code. */
int host_init(const char *id);

/* Text for the host's /etc/resolv.conf: the servers of ours that it can reach. */
void resolvers_for_host(struct str ours, struct buf *out);

#endif
