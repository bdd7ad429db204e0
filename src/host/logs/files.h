/* The files of one log: PATH is the newest, PATH.1 the one before it, and so on. All of it blocks.
 */
#ifndef SHOAL_HOST_LOGS_FILES_H
#define SHOAL_HOST_LOGS_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define LOG_FILES_MAX 1000

/* Number n of the log: 0 is PATH. The caller frees. */
char *log_file_path(const char *path, int n);
/* The number of its oldest file, or -1 when there is none. */
int log_file_oldest(const char *path);
/* The number by which an open file is known now, or -1 when it was removed. */
int log_file_number(const char *path, int fd);

struct log_place {
	int fd; /* -1: there is no log yet */
	off_t at;
	bool is_newest;
};

/* Where the last `count` lines begin that `wanted` wants (-1: all lines). */
void log_find_tail(const char *path, int64_t count, bool want_stdout, bool want_stderr,
		   struct log_place *place);
/* The file after the one that is open; false if that is the newest. */
bool log_next_file(const char *path, struct log_place *place);

/* Make room: PATH becomes PATH.1 and so on; at most files_max of them stay, with the new one.
 * conmon is to open PATH again afterwards. */
bool log_shift(const char *path, int files_max, struct err *e) MUST_CHECK;
/* After conmon has. */
void log_trim(const char *path, int files_max);

#endif
