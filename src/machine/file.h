/* Files and folders of the store and of local hosts. What is written is synced: it must be there
 * after a loss of power, because what it speaks of (a host, an address) still is. */
#ifndef SHOAL_MACHINE_FILE_H
#define SHOAL_MACHINE_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/str.h"

/* After a crash the file holds the old bytes or the new ones. */
bool file_replace(const char *path, struct str bytes, mode_t mode, struct err *e) MUST_CHECK;
/* All of it, at most into->max bytes (ERR_EXHAUSTED). ERR_NOT_FOUND when there is none. */
bool file_read(const char *path, struct buf *into, struct err *e) MUST_CHECK;
bool file_copy(const char *from, const char *to, mode_t mode, struct err *e) MUST_CHECK;

/* With all folders above it. There already is fine; its mode is then left alone. */
bool folder_make(const char *path, mode_t mode, struct err *e) MUST_CHECK;
/* With all that is in it, however deep, never across a mount or a link. Missing is fine. */
bool folder_remove(const char *path, struct err *e) MUST_CHECK;

#endif
