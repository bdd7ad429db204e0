/* Directories: made with the mode asked for, and made to last. */
#ifndef SHOAL_HOST_DIR_H
#define SHOAL_HOST_DIR_H

#include <sys/types.h>

#include "base/err.h"

/* Make it, and its parents (0755) where absent. One that is there gets the mode; one that is
 * a symbolic link or somebody else's is refused. */
bool dir_make(const char *path, mode_t mode, struct err *e) MUST_CHECK;
/* Names made, renamed or removed in it are on stable storage when true. */
bool dir_sync(const char *path, struct err *e) MUST_CHECK;

#endif
