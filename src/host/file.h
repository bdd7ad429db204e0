/* Files and folders of the host, for jobs in threads: all of it blocks.
 *
 * Nothing here follows a symbolic link in the last part of a path that it writes or removes.
 * What lies inside of a container's root is reached through host/run/inside.h instead. */
#ifndef SHOAL_HOST_FILE_H
#define SHOAL_HOST_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/str.h"

/* After a crash the file holds the old bytes or the new ones; not synced: what must outlive a loss
 * of power belongs into the journal. */
bool file_replace(const char *path, struct str bytes, mode_t mode, struct err *e) MUST_CHECK;
/* Over what is there, so that bind mounts of the file see it. Made if it is missing. */
bool file_overwrite(const char *path, struct str bytes, mode_t mode, struct err *e) MUST_CHECK;
/* All of it, at most into->max bytes (ERR_EXHAUSTED). ERR_NOT_FOUND when there is none. */
bool file_read(const char *path, struct buf *into, struct err *e) MUST_CHECK;
bool file_read_at(int folder, const char *path, struct buf *into, struct err *e) MUST_CHECK;
bool file_exists(const char *path);

/* With all folders above it (0700 those); its own mode is set in any case. */
bool folder_make(const char *path, mode_t mode, struct err *e) MUST_CHECK;
/* With all that is in it, however deep, never across a mount or a link. Missing is fine. */
bool folder_remove(const char *path, struct err *e) MUST_CHECK;
/* Bytes that its files take; a file with several names counts once. Unreadable parts count nothing.
 */
int64_t folder_size(const char *path);
bool folder_is_empty(const char *path);

bool is_mountpoint(const char *path);
/* Unmount, at once or when its last user goes. Fine if nothing is mounted there. */
bool unmount(const char *path, struct err *e) MUST_CHECK;

#endif
