/* --mount, of containers and of services. */
#ifndef SHOAL_CLI_MOUNT_H
#define SHOAL_CLI_MOUNT_H

#include <jansson.h>

#include "base/err.h"

/* "type=bind,source=/a,target=/b,readonly" as the engine's Mount object; NULL and *e. */
json_t *mount_parse(const char *text, struct err *e);

#endif
