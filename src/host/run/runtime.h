/* The hands behind seam/runtime: containers of an OCI runtime, each under a conmon.
 *
 *   <exec-root>/bundles/<id>/rootfs     the root, while it is mounted
 *   <exec-root>/bundles/<id>/...        config.json, sockets and pid files, while it runs
 *   <exec-root>/execs/<exec id>/        the same of an exec
 *   <exec-root>/files/<id>/             the tmpfs of its secrets
 *   <exec-root>/oci/                    the OCI runtime's own state
 *   <data-root>/containers/<id>/exit    how it ended: "<exit code> <oom> <ns>"
 *
 * conmon forks away from us and becomes the parent of the container, so that the container neither
 * ends nor changes when this process does; nothing here is a subreaper, and orphans go to the
 * host's init. What was running is found again by its bundle. Each conmon is watched through a
 * pidfd, which neither a reused pid nor a missed signal can fool; one that is killed takes its
 * container along.
 *
 * conmon sends output to us before it looks at anything else, and waits when we do not read. So we
 * stop reading only while the container runs: then a slow client slows the container down, as it
 * does with dockerd, and nothing else. */
#ifndef SHOAL_HOST_RUN_RUNTIME_H
#define SHOAL_HOST_RUN_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "seam/runtime.h"

struct endpoints;
struct loop;
struct runtime_hands;

/* A runtime that --add-runtime named. */
struct runtime_program {
	const char *name;
	const char *path;
};

struct runtime_programs {
	const char *fallback;               /* where none is named; "": crun if there, else runc */
	const struct runtime_program *list; /* beside crun and runc */
	size_t count;
};

struct runtime_hands_config {
	struct loop *loop;
	struct endpoints *endpoints;
	const char *data_root, *exec_root; /* absolute */
	const char *front;                 /* NULL: "shoal-oci" beside our own program */
	struct runtime_programs programs;
};

/* Makes the folders. What it points at is copied, but for loop and endpoints. */
bool runtime_hands_new(const struct runtime_hands_config *config, struct runtime_hands **hands,
		       struct err *e) MUST_CHECK;
/* Containers run on; endpoints of ours end. Before loop_free(). */
void runtime_hands_free(struct runtime_hands *hands);

/* For what is started from now on; copied. */
void runtime_hands_set_programs(struct runtime_hands *hands, const struct runtime_programs *p);

struct runtime runtime_hands_seam(struct runtime_hands *hands);

#endif
