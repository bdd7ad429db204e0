/* What logs commands of containers and of services share. */
#ifndef SHOAL_CLI_LOGS_H
#define SHOAL_CLI_LOGS_H

#include "cli/cli.h"

/* The query of a logs call from --since, --until, --tail, --follow, --timestamps; `details` asks for
 * them whatever --details says. */
MUST_CHECK bool logs_query(struct cli *c, const struct args *a, bool details, struct query *q,
			   struct err *e);
/* Copy a log to standard output and error; raw if it comes from a terminal. */
MUST_CHECK bool logs_copy(struct stream *s, bool is_tty, struct err *e);

#endif
