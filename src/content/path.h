/* Ways through a directory tree that somebody else filled.
 *
 * A path is resolved inside its root by the kernel (openat2: RESOLVE_IN_ROOT and
 * RESOLVE_NO_MAGICLINKS), so that no link and no ".." leads out of it. */
#ifndef SHOAL_CONTENT_PATH_H
#define SHOAL_CONTENT_PATH_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/str.h"

/* open() of `path` below the directory `root`. -1 and errno. */
int path_open_in_root(int root, const char *path, int flags);

/* Normalise a name from an archive: no leading "/", no "." and no empty parts, ".." only removes what is
 * before it and never leads above the root. "" is the root itself. The caller frees it. */
char *path_clean(const char *name);

#endif
