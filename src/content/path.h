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

/* Read a file from its place to its end into b; false when it does not fit or cannot be read. */
bool file_read_all(int fd, struct buf *b);
bool file_write_all(int fd, const void *data, size_t size);

/* Remove a file or a whole tree `name` of the directory `parent`; links are not followed. True when
 * it is gone. */
bool path_remove(int parent, const char *name);

/* Normalise a name from an archive: no leading "/", no "." and no empty parts, ".." only removes what is
 * before it and never leads above the root. "" is the root itself. The caller frees it. */
char *path_clean(const char *name);

#endif
