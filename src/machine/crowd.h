/* Many things at once, a process each: they share the store, and nothing else. */
#ifndef SHOAL_MACHINE_CROWD_H
#define SHOAL_MACHINE_CROWD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct cli;

#define CROWD_AT_ONCE 64

/* Do `one` for 0 to count - 1, at most CROWD_AT_ONCE of them at a time; returns when all are done.
 * One that fails is told with complain(); c->status becomes the worst of all. With a count of one no
 * process is made. */
bool crowd_run(struct cli *c, size_t count,
	       bool (*one)(struct cli *c, size_t i, void *arg, struct err *e), void *arg,
	       struct err *e);

#endif
