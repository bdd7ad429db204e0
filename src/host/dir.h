/* Names in a directory that outlive a loss of power; the rest of what a directory needs is in
 * file.h. */
#ifndef SHOAL_HOST_DIR_H
#define SHOAL_HOST_DIR_H

#include "base/err.h"

/* Names made, renamed or removed in it are on stable storage when true. */
bool dir_sync(const char *path, struct err *e) MUST_CHECK;

#endif
