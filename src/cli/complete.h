/* Completion in the user's shell: `shoal completion bash` prints a script that asks
 * `shoal __complete WORD...` for what can follow, a line each. Names of containers, services and
 * so on come from the engine; without one there are just none. */
#ifndef SHOAL_CLI_COMPLETE_H
#define SHOAL_CLI_COMPLETE_H

#include "cli/cli.h"

bool complete_script(struct cli *c, const struct args *a, struct err *e);
bool complete_words(struct cli *c, const struct args *a, struct err *e);

/* What can stand in the place of the last word, appended as lines. */
void complete_candidates(struct cli *c, const char *const *words, size_t count, struct buf *out);

#endif
