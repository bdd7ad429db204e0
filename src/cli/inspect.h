/* `inspect` of any noun: objects as the engine sent them, laid out or through a template. */
#ifndef SHOAL_CLI_INSPECT_H
#define SHOAL_CLI_INSPECT_H

#include "cli/cli.h"

/* Fetch one object's text; fails with ERR_NOT_FOUND when there is none. */
typedef bool inspect_fetch(struct cli *c, const struct args *a, const char *word, struct buf *text,
			   struct err *e);

/* Print the objects of all words by --format ("" or absent: a JSON list). What cannot be fetched is
 * complained about after the others were printed. */
MUST_CHECK bool inspect_print(struct cli *c, const struct args *a, inspect_fetch *fetch,
			      struct err *e);

#endif
