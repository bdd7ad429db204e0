/* A connection to a host's SSH, for provisioning: commands with input, output and exit status.
 *
 * libssh speaks; no configuration of the user's has a say. The host's key is checked against the
 * machine's pins (hostkey.h); one that was never seen is pinned, and the user warned. Who we are is
 * shown by the machine's key or, when it has none, by those of the user's agent and home. Every wait
 * has an end. For people there is ssh(1) (sshconfig.h). */
#ifndef SHOAL_MACHINE_REMOTE_H
#define SHOAL_MACHINE_REMOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "machine/sshconfig.h"

struct cli;
struct remote;

#define REMOTE_WORD_MAX 4096

/* ERR_UNAVAILABLE: nobody listens there, or not in time. ERR_UNAUTHENTICATED: it does not let us
 * in. ERR_CONFLICT: it is not the host that we know. remote_close() what is not NULL. */
/* `c` may be NULL: then a host that was never seen is refused. */
struct remote *remote_open(struct cli *c, const struct machine *m, const struct ssh_address *to,
			   int timeout_ms, struct err *e);
void remote_close(struct remote *r);

struct remote_job {
	const char *command; /* for the shell of the user who is logged in */
	struct str input;    /* what it reads, ... */
	int input_fd;        /* ... or, unless 0, a file to its end */
	int timeout_ms;      /* of all of it */
	struct buf *output;  /* up to its maximum, the rest is thrown away; NULL: all of it */
	struct buf *errors;
};

/* Run a command to its end; *status is its exit status. Fails when it cannot be run, the connection
 * is lost, the time is over or a signal ended it. */
bool remote_run(struct remote *r, const struct remote_job *job, int *status,
		struct err *e) MUST_CHECK;
/* The same, and anything but exit status 0 is a failure with the last line it wrote as text. */
bool remote_must(struct remote *r, const struct remote_job *job, struct err *e) MUST_CHECK;

static inline void remote_close_scope(struct remote **r)
{
	remote_close(*r);
}
#define AUTO_REMOTE __attribute__((cleanup(remote_close_scope)))

#endif
