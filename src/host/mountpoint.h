/* Mounts of the host, for jobs in threads: all of it blocks. */
#ifndef SHOAL_HOST_MOUNTPOINT_H
#define SHOAL_HOST_MOUNTPOINT_H

#include <stdbool.h>

#include "base/err.h"

bool is_mountpoint(const char *path);
/* Unmount, at once or when its last user goes. Fine if nothing is mounted there. */
bool unmount(const char *path, struct err *e) MUST_CHECK;

#endif
