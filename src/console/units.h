/* Sizes, durations and times as people write and read them.
 *
 * Durations are nanoseconds, sizes bytes, times nanoseconds since 1970 UTC. The words are those
 * of the tools people already use: "2 minutes", "1.98MB", "644KiB", "1m30s". A function that
 * writes fills the caller's text and returns it. */
#ifndef SHOAL_CONSOLE_UNITS_H
#define SHOAL_CONSOLE_UNITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define NS_PER_SECOND  INT64_C(1000000000)
#define UNITS_TEXT_MAX 64

struct units_text {
	char text[UNITS_TEXT_MAX];
};

/* "Less than a second", "3 seconds", "About a minute", "5 weeks": a length of time at a glance. */
const char *human_duration(int64_t ns, struct units_text *out);
/* "1.98MB": powers of 1000, `digits` significant digits. */
const char *human_size(double bytes, int digits, struct units_text *out);
/* "644KiB": powers of 1024, four significant digits. */
const char *human_binary_size(double bytes, struct units_text *out);
/* "1h0m5s", "1.5s", "500ms", "0s": the exact form. */
const char *exact_duration(int64_t ns, struct units_text *out);

/* "512", "64m", "1.5g", "10KiB": binary multiples; -1 only if the caller allows it before. */
MUST_CHECK bool size_parse(const char *text, int64_t *bytes, struct err *e);
/* "0.5", "2": billionths of a CPU, at most nine decimals. */
MUST_CHECK bool cpus_parse(const char *text, int64_t *nano_cpus, struct err *e);

/* RFC 3339, any fraction, any offset. */
MUST_CHECK bool time_parse(const char *text, int64_t *ns);
/* "2026-11-22 07:03:30 +0000 UTC", with the fraction if `fraction`; local time if `local`. */
const char *time_write(int64_t ns, bool fraction, bool local, struct units_text *out);
/* What --since and --until accept, as the API wants it: a unix time "1795330951[.000000001]".
 * Relative ("10m") counts back from `now_ns`; dates without a zone are local. */
MUST_CHECK bool since_parse(const char *text, int64_t now_ns, struct units_text *out,
			    struct err *e);

#endif
