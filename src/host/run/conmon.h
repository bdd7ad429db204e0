/* Starting conmon, the process that outlives us and is a container's (or exec's) parent.
 *
 * conmon forks itself away, has the OCI runtime create the container, and tells its pid through a
 * pipe as a line {"data": pid, "message": "..."}; a negative pid is a failure and the message the
 * runtime's words. It then serves `attach` (a SOCK_SEQPACKET socket: packets out begin with a byte
 * that names the stream, packets in are input) and `ctl` (a FIFO: "1 H W" resizes, "2 0 0" opens
 * the log again), and leaves the exit code in a file named after the container. Seen of
 * conmon 2.1.6; its manual says little of it. */
#ifndef SHOAL_HOST_RUN_CONMON_H
#define SHOAL_HOST_RUN_CONMON_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/str.h"

#define CONMON_STDOUT     2
#define CONMON_STDERR     3
#define CONMON_PACKET_MAX (32 << 10) /* of input; more in one packet would be cut off */

/* An OCI runtime as it is to be called: a program and arguments that come before its own. */
#define OCI_FRONT_MAX 5
struct oci {
	const char *front[OCI_FRONT_MAX + 1];
	bool is_crun;
};

struct conmon {
	const struct oci *oci;
	const char *id;           /* of the container */
	const char *name;         /* of what is started: id, or the exec's */
	const char *bundle;       /* folder of config.json or process.json */
	const char *log;          /* path of the log file, or NULL */
	const char *cgroup_procs; /* where conmon itself goes, or NULL */
	bool is_exec;
	bool tty;
	bool open_stdin;
	bool leave_stdin_open; /* else input ends when the attached client's does */
	bool wants_attach;     /* the socket is connected before the process begins */
};

struct conmon_started {
	pid_t pid; /* of the container's (or exec's) first process */
	int conmon_pidfd;
	pid_t conmon_pid;
	int attached;  /* the socket, or -1 */
	int exit_code; /* of a failure: 127, 126 or 128 */
};

/* Run `create` or `exec`. What it opened is the caller's, also descriptors that are -1. */
bool conmon_start(const struct conmon *c, struct conmon_started *started, struct err *e) MUST_CHECK;
/* The conmon of this bundle, if it is alive: a pidfd, or -1. */
int conmon_find(const char *bundle, pid_t *pid);
/* The process that it started, or 0 if that is no child of it any more. */
pid_t conmon_child(const char *bundle, pid_t conmon_pid);
/* The note that conmon left. */
bool conmon_exit_code(const char *bundle, const char *id, int *code, int64_t *at_ns);

/* Connect to the attach socket; non-blocking from then on. */
bool conmon_connect(const char *bundle, int *fd, struct err *e) MUST_CHECK;
bool conmon_resize(const char *bundle, int32_t height, int32_t width, struct err *e) MUST_CHECK;
bool conmon_reopen_log(const char *bundle, struct err *e) MUST_CHECK;

#endif
