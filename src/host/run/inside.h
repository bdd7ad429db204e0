/* Paths inside of a container's root, which a container may have filled with links to anywhere.
 *
 * Each path is resolved by the kernel with the root as "/" (openat2, RESOLVE_IN_ROOT), without the
 * magic links of /proc; what is meant is then used by its descriptor, never by name again. */
#ifndef SHOAL_HOST_RUN_INSIDE_H
#define SHOAL_HOST_RUN_INSIDE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/str.h"

/* -1 and errno on failure. `flags` without O_CREAT. */
int inside_open(int root, const char *path, int flags);
/* At most into->max bytes of a file; ERR_NOT_FOUND if it is missing. */
bool inside_read(int root, const char *path, struct buf *into, struct err *e) MUST_CHECK;
/* A folder and those above it; the ones that are made belong to uid:gid. */
bool inside_make_folder(int root, const char *path, uid_t uid, gid_t gid, struct err *e) MUST_CHECK;
/* Copy what is in folder `from` into the empty folder `to`: owners, modes, times, links, devices.
 */
bool inside_copy(int from, int to, struct err *e) MUST_CHECK;

#endif
