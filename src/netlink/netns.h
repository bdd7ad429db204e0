/* Network namespaces kept by a file: <exec-root>/netns/<id>. Blocks; for jobs in threads.
 *
 * A thread that visits a namespace comes back before it does anything else, or the process ends: a
 * thread of the pool left in a container's network would do the next one's work there. */
#ifndef SHOAL_NETLINK_NETNS_H
#define SHOAL_NETLINK_NETNS_H

#include <stdbool.h>

#include "base/err.h"

/* Make it if it is missing: no IPv6, loopback down. `path` may be a file of an earlier life that
 * keeps nothing: it is made anew. */
bool netns_make(const char *path, struct err *e) MUST_CHECK;
/* Its file goes; the namespace and all links in it go with its last process. Missing is fine. */
bool netns_remove(const char *path, struct err *e) MUST_CHECK;
/* -1 when it keeps no namespace. */
int netns_open(const char *path);

/* Call `visit` with this thread in the namespace. */
bool netns_visit(int netns, void *self, bool (*visit)(void *self, struct err *e),
		 struct err *e) MUST_CHECK;

/* Write a setting below /proc/sys/net of the namespace that this thread is in. */
bool sysctl_write(const char *name, const char *value, struct err *e) MUST_CHECK;

/* No IPv6 on this link ("all", "default"), if the kernel has any. */
bool sysctl_no_ipv6(const char *link, struct err *e) MUST_CHECK;

#endif
