/* Files whole: read, written and put in the place of others. All of it blocks. */
#ifndef SHOAL_FILE_FILE_H
#define SHOAL_FILE_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/str.h"

/* All of `bytes`, also where the kernel takes them in parts; false and errno. */
bool file_write_all(int fd, struct str bytes);

/* After a crash of the program the file holds the old bytes or the new ones. A link in the last part
 * of the path is replaced, not followed. */
bool file_replace(const char *path, struct str bytes, mode_t mode, struct err *e) MUST_CHECK;
/* The same after a loss of power; so is a copy, of at most 1 MB. */
bool file_replace_synced(const char *path, struct str bytes, mode_t mode, struct err *e) MUST_CHECK;
bool file_copy(const char *from, const char *to, mode_t mode, struct err *e) MUST_CHECK;
/* Over what is there, so that bind mounts of the file see it. Made if it is missing. */
bool file_overwrite(const char *path, struct str bytes, mode_t mode, struct err *e) MUST_CHECK;

/* All of it, at most into->max bytes (ERR_EXHAUSTED). ERR_NOT_FOUND when there is none. */
bool file_read(const char *path, struct buf *into, struct err *e) MUST_CHECK;
bool file_read_at(int folder, const char *path, struct buf *into, struct err *e) MUST_CHECK;
/* From its place to its end; false when it does not fit or cannot be read. */
bool file_read_rest(int fd, struct buf *into);

bool file_exists(const char *path);

#endif
