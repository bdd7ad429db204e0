/* Control groups of a local host: one of its own in each hierarchy of this computer, which the host
 * sees as the root. Both generations, and the mix. */
#ifndef SHOAL_MACHINE_LOCAL_GROUPS_H
#define SHOAL_MACHINE_LOCAL_GROUPS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

/* Make the host's groups and put this process in. */
bool groups_enter(const char *id, struct err *e) MUST_CHECK;
/* Join a host that runs. */
bool groups_join(const char *id, struct err *e) MUST_CHECK;
/* For the host's first process, in its own cgroup and mount namespaces: mount the hierarchies, as
 * it sees them, at `root`/sys/fs/cgroup. */
bool groups_mount(const char *root, struct err *e) MUST_CHECK;
/* Remove the host's groups and all below them; waits a little for their last processes. */
bool groups_remove(const char *id, struct err *e) MUST_CHECK;

#endif
