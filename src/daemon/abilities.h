/* What the kernel of this host can limit: read from its control groups, of either version. */
#ifndef SHOAL_DAEMON_ABILITIES_H
#define SHOAL_DAEMON_ABILITIES_H

#include <stdbool.h>

#include "api/api.h"

/* `root` is where the control groups are mounted: "/sys/fs/cgroup". */
void abilities_read(const char *root, struct api_abilities *a);
/* A sentence for each that is missing, as `docker info` prints them; into the list, which has room for
 * API_ABILITIES. Returns how many. */
unsigned abilities_missing(const struct api_abilities *a, const char **warnings);

#endif
