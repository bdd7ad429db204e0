/* From the words of a command line to the command that runs. */
#ifndef SHOAL_CONSOLE_DISPATCH_H
#define SHOAL_CONSOLE_DISPATCH_H

#include "console/command.h"

/* Find the command that the words begin with, read its options, run it or print help. What is
 * wrong goes to standard error; the result is the exit code. */
int dispatch(struct cli *c, const char *const *words, size_t count);

#endif
