/* config.json of the client's folder, and how files in that folder are written. */
#ifndef SHOAL_CLI_SETTINGS_H
#define SHOAL_CLI_SETTINGS_H

#include <jansson.h>

#include "base/err.h"
#include "base/str.h"

/* The client's settings; an empty object if there are none or they make no sense. */
json_t *settings_read(const char *dir);
MUST_CHECK bool settings_write(const char *dir, const json_t *settings, struct err *e);

/* The old file or the new one, never half of it, and readable by its owner only. The folder, and
 * those above it, are made. */
MUST_CHECK bool settings_replace(const char *path, struct str text, struct err *e);

#endif
