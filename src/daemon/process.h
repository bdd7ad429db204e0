/* This process as the system sees it: what it may leak, the file with its number, and what it
 * tells the service manager. */
#ifndef SHOAL_DAEMON_PROCESS_H
#define SHOAL_DAEMON_PROCESS_H

#include <stdint.h>

#include "base/err.h"

struct log;

/* Before anything is opened: files are ours alone (umask), descriptors we were given (but for those
 * systemd passed) end at exec, no core and no tracer of another user sees our keys, a broken pipe
 * is an error and no signal, and as many descriptors as the system allows may be open. */
void process_harden(void);

/* Take the pid file: locked as long as we live, so that a stale one is simply taken over.
 * ERR_IN_USE names who has it. "" takes none. */
bool pidfile_take(const char *path, int *fd, struct err *e) MUST_CHECK;
void pidfile_drop(const char *path, int fd);

/* "READY=1" and the like, to NOTIFY_SOCKET; without one, nothing. Source: sd_notify(3). */
void notify_service_manager(const char *state);

/* How eager the kernel is to kill this process when memory runs out; 0 leaves it as it is. */
void process_set_oom_score(int64_t adjust, const struct log *log);

/* In so many ms this process ends with status 0, whatever it is waiting for. Nothing is lost: what
 * was not acknowledged yet never will be. */
void process_end_within(int ms);

/* Random bytes to begin with. */
uint64_t process_seed(void);

#endif
