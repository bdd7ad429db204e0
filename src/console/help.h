/* What --help prints, from the tables. */
#ifndef SHOAL_CONSOLE_HELP_H
#define SHOAL_CONSOLE_HELP_H

#include <stdio.h>

#include "base/str.h"
#include "console/command.h"

void help_program(FILE *to);
void help_group(const struct command_group *g, FILE *to);
/* `name` is the name the command was called by. */
void help_command(const struct command *c, const char *name, FILE *to);
/* "shoal ps [OPTIONS]" */
void help_usage(const struct command *c, const char *name, struct buf *out);

#endif
