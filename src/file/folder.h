/* Folders with all that is in them. All of it blocks. */
#ifndef SHOAL_FILE_FOLDER_H
#define SHOAL_FILE_FOLDER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* With all folders above it, which nobody but us may write. There already is fine; its mode is then
 * left alone. */
bool folder_make(const char *path, mode_t mode, struct err *e) MUST_CHECK;
/* The same, and its mode is set in any case. */
bool folder_make_as(const char *path, mode_t mode, struct err *e) MUST_CHECK;

/* A folder with all that is in it, however deep, or a file; never across a mount or a link. Missing
 * is fine. */
bool folder_remove(const char *path, struct err *e) MUST_CHECK;
bool folder_remove_at(int parent, const char *name, struct err *e) MUST_CHECK;

/* Bytes that its files take; a file with several names counts once. Unreadable parts count nothing.
 */
int64_t folder_size(const char *path);
bool folder_is_empty(const char *path);

#endif
