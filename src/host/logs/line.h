/* A line of a log as conmon writes it: "2026-11-22T16:33:03.508248184+00:00 stdout F text". */
#ifndef SHOAL_HOST_LOGS_LINE_H
#define SHOAL_HOST_LOGS_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct log_line {
	int64_t at_ns; /* since 1970 */
	bool is_stderr;
	bool is_partial; /* the line goes on */
	struct str text; /* without the newline of the file */
};

/* `line` is without its newline. False: it is no such line. */
bool log_line_parse(struct str line, struct log_line *parsed);

#define LOG_TIME_MAX 40
/* "2026-11-22T16:33:03.508248184Z", as docker prints it. */
void log_time_print(int64_t at_ns, char out[LOG_TIME_MAX]);

#endif
