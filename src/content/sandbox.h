/* Workers: children that can do one kind of thing to one place, and talk over one channel.
 *
 *   SANDBOX_NET    its own uid, no capabilities, no files but a copy of the resolver's; sockets
 *   SANDBOX_PARSE  its own uid, no capabilities, no files, no sockets: bytes in, records out
 *   SANDBOX_TREE   uid 0 with CHOWN DAC_OVERRIDE FOWNER FSETID MKNOD SETFCAP, no sockets, and
 *                  a directory as its root, mounted nosuid, nodev and noexec
 *
 * All of them: a mount namespace of their own into which the root was pivoted, no_new_privs, a
 * seccomp filter without execve, mount, ptrace and their like, limits on memory and descriptors, no
 * descriptor but the channel and those given. All but NET cannot fork either. A worker
 * dies with whoever started it. Locale, digests and resolver are set up by sandbox_prepare()
 * in the parent, since a worker has no file to load them from. */
#ifndef SHOAL_CONTENT_SANDBOX_H
#define SHOAL_CONTENT_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "content/channel.h"

enum sandbox_kind { SANDBOX_NET, SANDBOX_PARSE, SANDBOX_TREE };

/* Something mounted over the tree, found inside it by openat2(RESOLVE_IN_ROOT). */
struct sandbox_mount {
	const char *source, *destination;
	bool is_read_only;
};

struct sandbox {
	enum sandbox_kind kind;
	uid_t uid;        /* NET, PARSE */
	const char *root; /* TREE */
	bool is_read_only;
	const struct sandbox_mount *mounts;
	size_t mount_count;
};

struct worker {
	pid_t pid; /* 0: none */
	struct channel channel;
};

/* The life of a worker: true when it did what it was for. On failure it fills *e, which is sent up
 * as a failure record. */
typedef bool worker_run(struct channel *up, void *arg, struct err *e);

void sandbox_prepare(void);

/* Fork one. The child sees the parent's memory as it was, and keeps `fds` open. */
bool worker_start(struct worker *w, const struct sandbox *s, worker_run *run, void *arg,
		  const int *fds, size_t fd_count, struct err *e) MUST_CHECK;

/* A record from it. A failure record fails with what it says; so does its death, with `what` it was
 * doing. */
bool worker_receive(struct worker *w, const char *what, struct record *r, struct err *e) MUST_CHECK;

/* Wait for its end. Fails unless it ended well. */
bool worker_finish(struct worker *w, const char *what, struct err *e) MUST_CHECK;

/* Why it is gone: "the worker that was WHAT died of signal 11". Reaps it. Returns false. */
bool worker_gone(struct worker *w, const char *what, struct err *e);

/* Kill it if it is there, reap it, close the channel. */
void worker_end(struct worker *w);

static inline void worker_end_scope(struct worker *w)
{
	worker_end(w);
}
#define AUTO_WORKER __attribute__((cleanup(worker_end_scope)))

#endif
