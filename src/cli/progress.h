/* How a pull, push, load or import goes: the engine's progress messages. */
#ifndef SHOAL_CLI_PROGRESS_H
#define SHOAL_CLI_PROGRESS_H

#include <stdio.h>

#include "cli/client.h"

/* Show messages until the stream ends; on a terminal a line an id, drawn over. `quiet` shows none,
 * and of `load` only what it loaded if `shows_stream`. Fails with the error the engine sends in
 * the stream. */
MUST_CHECK bool progress_show(struct stream *s, FILE *to, bool is_terminal, bool quiet,
			      bool shows_stream, struct err *e);

#endif
