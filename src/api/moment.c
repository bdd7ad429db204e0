#include "api/moment.h"

#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include "base/err.h"

#define SECOND INT64_C(1000000000)

static bool read_digits(const char **at, int64_t *value)
{
	const char *start = *at;

	*value = 0;
	for (; **at >= '0' && **at <= '9'; (*at)++) {
		if (*at - start >= 12)
			return false;
		*value = *value * 10 + (**at - '0');
	}
	return *at > start;
}

static bool read_fraction(const char **at, int64_t *ns)
{
	int64_t scale = SECOND / 10;

	*ns = 0;
	for (; **at >= '0' && **at <= '9'; (*at)++, scale /= 10)
		*ns += (**at - '0') * scale;
	return true;
}

static bool read_unix(const char *at, int64_t *ns)
{
	int64_t seconds, fraction = 0;

	if (!read_digits(&at, &seconds) || seconds > INT64_MAX / SECOND - 1)
		return false;
	if (*at == '.') {
		at++;
		(void)read_fraction(&at, &fraction);
	}
	*ns = seconds * SECOND + fraction;
	return *at == '\0';
}

static int64_t unit_of(char c)
{
	return c == 's' ? SECOND : c == 'm' ? 60 * SECOND : c == 'h' ? 3600 * SECOND : 0;
}

static bool read_span(const char *at, int64_t *ns)
{
	int64_t sum = 0;

	do {
		int64_t number, unit;

		if (!read_digits(&at, &number))
			return false;
		unit = unit_of(*at);
		if (unit == 0 || number > (INT64_MAX - sum) / unit)
			return false;
		sum += number * unit;
		at++;
	} while (*at);
	*ns = sum;
	return true;
}

bool moment_read(const char *text, int64_t now_ns, int64_t *ns, struct err *e)
{
	int64_t span;

	*ns = 0;
	if (!text[0] || read_unix(text, ns))
		return true;
	if (!read_span(text, &span))
		return fail(e, ERR_INVALID,
			    "invalid time: \"%s\" is neither seconds since 1970 nor a span", text);
	*ns = now_ns > span ? now_ns - span : 0;
	return true;
}

void moment_print(int64_t seconds, int32_t nanos, char out[MOMENT_TEXT_MAX])
{
	time_t at = (time_t)seconds;
	char date[32] = "";
	struct tm tm;

	if (gmtime_r(&at, &tm))
		(void)strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(out, MOMENT_TEXT_MAX, "%s.%09uZ", date, (unsigned)nanos % 1000000000u);
}
