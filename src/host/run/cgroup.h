/* Control groups of both generations, as far as containers are counted and watched by them.
 *
 * A host has cgroup2 at /sys/fs/cgroup, or the first generation below it with a folder a
 * controller, or (hybrid) the first generation and a cgroup2 without controllers at "unified". A
 * container's cgroup is named by the same path in each controller. */
#ifndef SHOAL_HOST_RUN_CGROUP_H
#define SHOAL_HOST_RUN_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

bool cgroup_is_v2(void);
bool cgroup_is_hybrid(void);

/* Path of a file of the cgroup; the controller counts only in the first generation. The caller
 * frees. */
char *cgroup_path(const char *controller, const char *cgroup, const char *file);
/* The cgroup.procs of a cgroup without limits, made here for processes of ours; NULL if there can
 * be none. */
char *cgroup_for_conmon(const char *name);

/* Its folders, if nothing is in them. */
void cgroup_remove(const char *cgroup);
bool cgroup_is_frozen(const char *cgroup);
/* How often something in it was killed for want of memory. */
uint64_t cgroup_oom_kills(const char *cgroup);
/* A descriptor that becomes readable when something in it may have been killed so, or -1. */
int cgroup_oom_watch(const char *cgroup);
enum cgroup_oom { CGROUP_OOM_NONE, CGROUP_OOM_HAPPENED, CGROUP_OOM_GONE };
/* Why it did: *kills is what was known before and is now; GONE when there is no such cgroup any
 * more. */
enum cgroup_oom cgroup_oom_look(int fd, const char *cgroup, uint64_t *kills);

/* "key value" lines: the value of a key, or 0. */
uint64_t cgroup_keyed(struct str text, const char *key);
/* A whole file; empty if it cannot be read. */
void cgroup_read(const char *controller, const char *cgroup, const char *file, struct buf *into);

#endif
