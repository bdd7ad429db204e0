/* Manual pages from the tables: `shoal man DIR` writes shoal.1 and a page a command. */
#ifndef SHOAL_CONSOLE_MAN_H
#define SHOAL_CONSOLE_MAN_H

#include "console/command.h"

bool man_write(struct cli *c, const struct args *a, struct err *e);

#endif
