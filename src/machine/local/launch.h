/* The life of a local host: a process tree of its own in namespaces of its own (network, host name,
 * processes, mounts, IPC, control groups). Its first process (init.h) is the host's power: when it
 * ends the kernel ends all others, and their mounts and links with them. */
#ifndef SHOAL_MACHINE_LOCAL_LAUNCH_H
#define SHOAL_MACHINE_LOCAL_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "machine/local/host.h"

/* Start its first process, with its link to the bridge. The engine follows by itself. A crash on
 * the way leaves no process. */
bool host_launch(const struct host *h, struct err *e) MUST_CHECK;
/* Its first process as this computer sees it; 0 when the host does not run. */
pid_t host_pid(const char *id);
/* End it: in good order (SIGTERM, and a while), or at once. Its link, control groups and run folder
 * are gone afterwards. Fine when it does not run. */
bool host_end(const char *id, bool in_order, struct err *e) MUST_CHECK;
/* Run words in the host; without words a login shell. *status is the exit code. */
bool host_enter(const struct host *h, const char *const *words, size_t count, int *status,
		struct err *e) MUST_CHECK;

/* The folder of the program that runs, for its siblings; the caller frees it. Asked for before this
 * process enters another mount namespace: there the kernel may call it by another path. */
char *own_folder(void);

#endif
