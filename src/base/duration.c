#include "base/duration.h"

#include <ctype.h>

#include "base/mem.h"
#include "base/str.h"

#define NS_PER_SECOND INT64_C(1000000000)
#define NS_PER_MINUTE (60 * NS_PER_SECOND)
#define NS_PER_HOUR   (60 * NS_PER_MINUTE)

static int64_t unit_ns(struct str unit)
{
	static const struct {
		const char *name;
		int64_t ns;
	} units[] = {
		{ "ns", 1 },          { "us", 1000 },         { "µs", 1000 },
		{ "ms", 1000000 },    { "s", NS_PER_SECOND }, { "m", NS_PER_MINUTE },
		{ "h", NS_PER_HOUR },
	};

	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (str_equal_c(unit, units[i].name))
			return units[i].ns;
	return 0;
}

/* One "12.5ms" of a duration, at *at; its length is added to *sum. */
static bool take_part(const char **at, const char *whole, int64_t *sum, struct err *e)
{
	const char *digits = *at, *unit;
	int64_t scale, value = 0, fraction = 0, divisor = 1;
	bool seen = false;

	for (; isdigit((unsigned char)*digits); digits++, seen = true)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, *digits - '0', &value))
			return fail(e, ERR_INVALID, "time: invalid duration \"%s\"", whole);
	if (*digits == '.') {
		for (digits++; isdigit((unsigned char)*digits); digits++, seen = true) {
			if (divisor >= NS_PER_SECOND)
				continue;
			fraction = fraction * 10 + (*digits - '0');
			divisor *= 10;
		}
	}
	if (!seen)
		return fail(e, ERR_INVALID, "time: invalid duration \"%s\"", whole);
	for (unit = digits; *unit && *unit != '.' && !isdigit((unsigned char)*unit); unit++)
		;
	if (unit == digits)
		return fail(e, ERR_INVALID, "time: missing unit in duration \"%s\"", whole);
	scale = unit_ns(str_bytes(digits, (size_t)(unit - digits)));
	if (scale == 0)
		return fail(e, ERR_INVALID, "time: unknown unit \"%.*s\" in duration \"%s\"",
			    (int)(unit - digits), digits, whole);
	if (__builtin_mul_overflow(value, scale, &value) ||
	    __builtin_add_overflow(value, (int64_t)((__int128)fraction * scale / divisor),
				   &value) ||
	    __builtin_add_overflow(*sum, value, sum))
		return fail(e, ERR_INVALID, "time: invalid duration \"%s\"", whole);
	*at = unit;
	return true;
}

bool duration_parse(const char *text, int64_t *ns, struct err *e)
{
	const char *at = text;
	bool negative = *at == '-';
	int64_t sum = 0;

	if (*at == '-' || *at == '+')
		at++;
	if (strcmp(at, "0") == 0) {
		*ns = 0;
		return true;
	}
	if (*at == '\0')
		return fail(e, ERR_INVALID, "time: invalid duration \"%s\"", text);
	while (*at)
		if (!take_part(&at, text, &sum, e))
			return false;
	*ns = negative ? -sum : sum;
	return true;
}
