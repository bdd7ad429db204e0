/* Hearing of what others change: our nft table, and links of the host.
 *
 * nft tells of each transaction which process made it; those of ours are known by pid. When the
 * kernel could not keep up telling, everything may have changed. */
#ifndef SHOAL_HOST_NET_MONITOR_H
#define SHOAL_HOST_NET_MONITOR_H

#include <stdbool.h>

#include "base/err.h"

struct loop;
struct model;
struct monitor;

/* In the namespace of this thread. `changed` is called on the loop. Of the model it reads what
 * never changes and the pids. */
bool monitor_new(struct loop *loop, const struct model *m, void *self, void (*changed)(void *self),
		 struct monitor **monitor, struct err *e) MUST_CHECK;
void monitor_free(struct monitor *monitor);

#endif
