/* The programs that do this daemon's work beside it: what they say their versions are.
 *
 * They are asked once, in another thread, since a program takes milliseconds to start and a daemon that
 * comes back is wanted at once. Until they have answered, or if they do not, nothing is said of
 * them. */
#ifndef SHOAL_DAEMON_PROGRAMS_H
#define SHOAL_DAEMON_PROGRAMS_H

#include "api/api.h"

struct loop;
struct programs;

/* The answers appear in *host, which outlives programs_close(). `init` may be "". All borrowed until
 * then. */
struct programs *programs_ask(struct loop *loop, const char *runtime, const char *init,
			      struct api_host *host);
/* Nothing appears any more. NULL is fine. */
void programs_close(struct programs *p);

/* "crun version 1.8.1\ncommit: f8a0...", "conmon version 2.1.6\ncommit: unknown", "runc version
 * 1.1.5+ds1\ncommit: 1.1.5+ds1-1", "tini version 0.19.0 - git.de40ad0": the version and, if one is
 * said, the commit. Texts of PROGRAM_WORD_MAX. */
#define PROGRAM_WORD_MAX 64
void program_read_version(const char *said, char *version, char *commit);

#endif
