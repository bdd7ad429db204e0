/* Manual pages from the tables: `shoal man DIR` writes shoal.1 and a page a command. */
#ifndef SHOAL_CLI_MAN_H
#define SHOAL_CLI_MAN_H

#include "cli/cli.h"

bool man_write(struct cli *c, const struct args *a, struct err *e);

#endif
