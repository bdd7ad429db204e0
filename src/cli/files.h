/* Files that users name on the command line. */
#ifndef SHOAL_CLI_FILES_H
#define SHOAL_CLI_FILES_H

#include "base/err.h"
#include "base/str.h"

/* The whole file, "-" being standard input, as text; the caller frees it. ERR_EXHAUSTED above `max`. */
char *file_read_text(const char *path, size_t max, struct err *e);
/* The same as bytes, appended. */
MUST_CHECK bool named_file_read(const char *path, struct buf *into, struct err *e);

/* Lines of a file of NAME=VALUE (or NAME: its value here) as --env-file and --label-file have them,
 * one call a line. */
typedef void file_each_pair(void *self, const char *pair);
MUST_CHECK bool file_read_pairs(const char *path, bool takes_from_environment, file_each_pair *each,
				void *self, struct err *e);

#endif
