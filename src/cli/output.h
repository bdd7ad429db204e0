/* Answers that are files: save and export. */
#ifndef SHOAL_CLI_OUTPUT_H
#define SHOAL_CLI_OUTPUT_H

#include "cli/cli.h"

/* Write an answer's body to `path`, whole or not at all, or to standard output if it is "". */
MUST_CHECK bool output_save(struct cli *c, const struct request *r, const char *path,
			    const char *what, struct err *e);

#endif
