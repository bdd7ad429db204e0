/* Values in commas, "type=volume,source=data,target=/data", and words as a shell splits them. */
#ifndef SHOAL_CLI_CSV_H
#define SHOAL_CLI_CSV_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

/* Take the next field of a comma-separated line into *field (emptied first); a field in double
 * quotes may hold commas, "" stands for a quote. False at the end. */
bool csv_next(struct str *rest, struct buf *field);

/* Words of a command line with quotes and backslashes, as a JSON list; NULL and *e when a quote is
 * left open. */
json_t *shell_words(const char *text, struct err *e);

#endif
