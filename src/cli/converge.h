/* Waiting until a service is what it should be, and showing how far it is. */
#ifndef SHOAL_CLI_CONVERGE_H
#define SHOAL_CLI_CONVERGE_H

#include "cli/cli.h"

/* Watch the service until all its tasks run and stay so for its monitor period, or its job is done.
 * Fails when an update or rollback pauses. Ctrl-C ends the watching only. On a terminal the
 * lines are drawn over; elsewhere a line is printed when it says something new. What keeps a task
 * from running is shown with it. */
MUST_CHECK bool converge(struct cli *c, const char *service, bool quiet, struct err *e);

#endif
