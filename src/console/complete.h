/* Completion in the user's shell: `shoal completion bash` prints a script that asks
 * `shoal __complete WORD...` for what can follow, a line each. Names of containers, services and
 * so on are the program's business. */
#ifndef SHOAL_CONSOLE_COMPLETE_H
#define SHOAL_CONSOLE_COMPLETE_H

#include "console/command.h"

bool complete_script(struct cli *c, const struct args *a, struct err *e);
bool complete_words(struct cli *c, const struct args *a, struct err *e);

/* Append the candidate as a line if it begins like `begun`. */
void complete_add(struct buf *out, const char *candidate, const char *begun);
/* What can stand in the place of the last word, appended as lines. */
void complete_candidates(struct cli *c, const char *const *words, size_t count, struct buf *out);

#endif
