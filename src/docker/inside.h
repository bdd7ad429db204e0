/* What the files of this room share: values of JSON that are no plain number or string. */
#ifndef SHOAL_DOCKER_INSIDE_H
#define SHOAL_DOCKER_INSIDE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "docker/base64.h"

struct arena;

/* "2026-11-22T07:03:45.651597774Z", fraction as short as it can be, "0001-01-01T00:00:00Z" for 0 of
 * both. */
#define RFC3339_MAX 40
void rfc3339_write(int64_t seconds, int32_t nanos, char out[RFC3339_MAX]);
bool rfc3339_read(struct str text, int64_t *seconds, int32_t *nanos);

/* The keys of an object, in byte order. */
const char **sorted_keys(struct arena *a, const json_t *object, size_t *count);

/* "KEY: must be a string" and the like, for tables' own values. */
bool wrong_type(struct err *e, const char *wanted);

#endif
