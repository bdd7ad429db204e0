/* What --help prints, from the tables. */
#ifndef SHOAL_CLI_HELP_H
#define SHOAL_CLI_HELP_H

#include <stdio.h>

#include "base/str.h"
#include "cli/command.h"

extern const struct option global_options[];

void help_program(FILE *to);
void help_group(const struct command_group *g, FILE *to);
/* `name` is the name the command was called by. */
void help_command(const struct command *c, const char *name, FILE *to);
/* "shoal ps [OPTIONS]" */
void help_usage(const struct command *c, const char *name, struct buf *out);

#endif
