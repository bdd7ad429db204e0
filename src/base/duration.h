/* Durations as Go's tools and people write them. */
#ifndef SHOAL_BASE_DURATION_H
#define SHOAL_BASE_DURATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* "300ms", "1h15m30.5s", "-2s", "0": in nanoseconds. ERR_INVALID "time: ..." otherwise. */
MUST_CHECK bool duration_parse(const char *text, int64_t *ns, struct err *e);

#endif
