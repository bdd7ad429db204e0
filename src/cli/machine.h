/* `shoal machine`: a program of its own, shoal-machine, that lies beside ours or in PATH. */
#ifndef SHOAL_CLI_MACHINE_H
#define SHOAL_CLI_MACHINE_H

#include "cli/cli.h"

/* Become it; returns only when it cannot be run. */
bool machine_run(struct cli *c, const struct args *a, struct err *e);
/* Ask it what can follow the words. */
void machine_complete(struct cli *c, const struct command *cmd, const char *const *words,
		      size_t count, struct buf *out);

#endif
