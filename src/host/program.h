/* Running a program of the host to its end: crun, conmon's front, nft, ps.
 *
 * Blocks, so only for jobs in threads. The child gets standard input, output and error, the
 * descriptors listed in `keep` under the same numbers, and nothing else; a fresh signal mask;
 * and the environment given here, not ours. What has not ended in time is killed. */
#ifndef SHOAL_HOST_PROGRAM_H
#define SHOAL_HOST_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/str.h"

#define PROGRAM_ARGS_MAX 64
#define PROGRAM_KEEP_MAX 3

struct program {
	const char *args[PROGRAM_ARGS_MAX + 1]; /* args[0] is the program, looked up in PATH */
	size_t arg_count;
	const char *folder;     /* to run in, or NULL */
	const char *const *env; /* NULL: PATH alone */
	struct str input;       /* what it reads */
	int keep[PROGRAM_KEEP_MAX];
	size_t keep_count;
	int timeout_ms;
	_Atomic pid_t *pid; /* told here while it runs; NULL: nobody asks */
};

/* The path of the program of this name in the folder that ours lies in; the caller frees. NULL if
 * we cannot find out where that is. */
char *program_beside_us(const char *name, struct err *e);

void program_arg(struct program *p, const char *arg);
void program_args(struct program *p, const char *const *args); /* NULL ends them */

/* Run it. `output` and `errors` take what it wrote up to their maxima, the rest is thrown away;
 * either may be NULL. *exit_code is its exit code, or 128 + signal. Fails when it cannot be run or
 * runs out of time. */
bool program_run(const struct program *p, struct buf *output, struct buf *errors, int *exit_code,
		 struct err *e) MUST_CHECK;
/* The same, and anything but exit code 0 is a failure with its last words as text. */
bool program_must(const struct program *p, struct buf *output, struct err *e) MUST_CHECK;
/* Start it and tell its pid; the caller waits for it. Input is nothing, output goes nowhere. */
bool program_start(const struct program *p, pid_t *pid, struct err *e) MUST_CHECK;

#endif
