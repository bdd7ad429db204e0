/* Moments as clients write them in queries: since, until. */
#ifndef SHOAL_API_MOMENT_H
#define SHOAL_API_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

struct err;

/* "1795331250", "1795331250.5", or how long ago: "10m", "1h30m", "90s". Empty and "0" are 0. In
 * nanoseconds since 1970. ERR_INVALID otherwise. */
bool moment_read(const char *text, int64_t now_ns, int64_t *ns, struct err *e);

#define MOMENT_TEXT_MAX 48
/* "2026-11-22T16:33:03.508248184Z", with all nine digits. */
void moment_print(int64_t seconds, int32_t nanos, char out[MOMENT_TEXT_MAX]);

#endif
