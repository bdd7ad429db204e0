#include "console/units.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/duration.h"
#include "base/mem.h"
#include "base/str.h"

#define NS_PER_MINUTE (60 * NS_PER_SECOND)
#define NS_PER_HOUR   (60 * NS_PER_MINUTE)

static const char *const decimal_units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
static const char *const binary_units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };

static const char *say(struct units_text *out, const char *words)
{
	(void)snprintf(out->text, sizeof(out->text), "%s", words);
	return out->text;
}

static const char *count(struct units_text *out, int64_t n, const char *things)
{
	(void)snprintf(out->text, sizeof(out->text), "%lld %s", (long long)n, things);
	return out->text;
}

const char *human_duration(int64_t ns, struct units_text *out)
{
	int64_t seconds = ns / NS_PER_SECOND;
	int64_t minutes = ns / NS_PER_MINUTE;
	int64_t hours = (ns + NS_PER_HOUR / 2) / NS_PER_HOUR;

	if (seconds < 1)
		return say(out, "Less than a second");
	if (seconds == 1)
		return say(out, "1 second");
	if (seconds < 60)
		return count(out, seconds, "seconds");
	if (minutes == 1)
		return say(out, "About a minute");
	if (minutes < 60)
		return count(out, minutes, "minutes");
	if (hours == 1)
		return say(out, "About an hour");
	if (hours < 48)
		return count(out, hours, "hours");
	if (hours < 24 * 7 * 2)
		return count(out, hours / 24, "days");
	if (hours < 24 * 30 * 2)
		return count(out, hours / 24 / 7, "weeks");
	if (hours < 24 * 365 * 2)
		return count(out, hours / 24 / 30, "months");
	return count(out, ns / NS_PER_HOUR / 24 / 365, "years");
}

static const char *scaled(double n, double base, const char *const units[], size_t count,
			  int digits, struct units_text *out)
{
	size_t i = 0;

	while (n >= base && i + 1 < count) {
		n /= base;
		i++;
	}
	(void)snprintf(out->text, sizeof(out->text), "%.*g%s", digits, n, units[i]);
	return out->text;
}

const char *human_size(double bytes, int digits, struct units_text *out)
{
	return scaled(bytes, 1000, decimal_units, ARRAY_LEN(decimal_units), digits, out);
}

const char *human_binary_size(double bytes, struct units_text *out)
{
	return scaled(bytes, 1024, binary_units, ARRAY_LEN(binary_units), 4, out);
}

/* n/scale with the fraction's trailing zeros dropped. */
static void append_fraction(struct buf *b, int64_t n, int64_t scale)
{
	int64_t rest = n % scale;

	buf_printf(b, "%lld", (long long)(n / scale));
	if (rest == 0)
		return;
	buf_append_char(b, '.');
	while (rest) {
		scale /= 10;
		buf_append_char(b, (char)('0' + rest / scale));
		rest %= scale;
	}
}

const char *exact_duration(int64_t ns, struct units_text *out)
{
	AUTO_BUF struct buf b = BUF_MAX(UNITS_TEXT_MAX - 1);

	if (ns < 0) {
		buf_append_char(&b, '-');
		ns = -ns;
	}
	if (ns == 0) {
		buf_append_c(&b, "0s");
	} else if (ns < NS_PER_SECOND) {
		int64_t scale = ns < 1000 ? 1 : ns < 1000000 ? 1000 : 1000000;

		append_fraction(&b, ns, scale);
		buf_append_c(&b, scale == 1 ? "ns" : scale == 1000 ? "µs" : "ms");
	} else {
		if (ns >= NS_PER_HOUR)
			buf_printf(&b, "%lldh", (long long)(ns / NS_PER_HOUR));
		if (ns >= NS_PER_MINUTE)
			buf_printf(&b, "%lldm", (long long)(ns % NS_PER_HOUR / NS_PER_MINUTE));
		append_fraction(&b, ns % NS_PER_MINUTE, NS_PER_SECOND);
		buf_append_char(&b, 's');
	}
	memcpy(out->text, b.data, b.len + 1);
	return out->text;
}

bool size_parse(const char *text, int64_t *bytes, struct err *e)
{
	static const char letters[] = "kmgtp";
	double scale = 1, value;
	const char *letter;
	char *end;

	if (!isdigit((unsigned char)text[0]) && text[0] != '.')
		return fail(e, ERR_INVALID, "invalid size: '%s'", text);
	value = strtod(text, &end);
	if (end != text + strspn(text, "0123456789."))
		return fail(e, ERR_INVALID, "invalid size: '%s'", text);
	if (*end == ' ')
		end++;
	letter = *end ? strchr(letters, tolower((unsigned char)*end)) : NULL;
	if (letter) {
		for (const char *l = letters; l <= letter; l++)
			scale *= 1024;
		end++;
		if (*end == 'i' || *end == 'I')
			end++;
	}
	if (*end == 'b' || *end == 'B')
		end++;
	value *= scale;
	if (*end || !(value < 9.2e18))
		return fail(e, ERR_INVALID, "invalid size: '%s'", text);
	*bytes = (int64_t)value;
	return true;
}

bool cpus_parse(const char *text, int64_t *nano_cpus, struct err *e)
{
	int64_t value = 0, scale = NS_PER_SECOND;
	const char *at = text;
	bool seen = false;

	for (; isdigit((unsigned char)*at) && value < 1000000; at++, seen = true)
		value = value * 10 + (*at - '0');
	value *= NS_PER_SECOND;
	if (*at == '.')
		for (at++; isdigit((unsigned char)*at); at++, seen = true) {
			scale /= 10;
			if (scale == 0 && *at != '0')
				return fail(e, ERR_INVALID, "value is too precise");
			value += scale * (*at - '0');
		}
	if (*at || !seen)
		return fail(e, ERR_INVALID, "failed to parse %s as a rational number", text);
	*nano_cpus = value;
	return true;
}

/* Digits of a fraction after '.', as nanoseconds. */
static const char *take_fraction(const char *at, int64_t *ns)
{
	int64_t scale = NS_PER_SECOND;

	*ns = 0;
	if (*at != '.')
		return at;
	for (at++; isdigit((unsigned char)*at); at++) {
		scale /= 10;
		*ns += scale * (*at - '0');
	}
	return at;
}

bool time_parse(const char *text, int64_t *ns)
{
	struct tm tm = { 0 };
	const char *at = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	int64_t fraction, seconds;
	int hours, minutes;

	if (!at)
		return false;
	at = take_fraction(at, &fraction);
	seconds = timegm(&tm);
	if (strcmp(at, "Z") != 0) {
		if ((*at != '+' && *at != '-') || sscanf(at + 1, "%2d:%2d", &hours, &minutes) != 2)
			return false;
		seconds -= (*at == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
	}
	return !__builtin_mul_overflow(seconds, NS_PER_SECOND, ns) &&
	       !__builtin_add_overflow(*ns, fraction, ns);
}

const char *time_write(int64_t ns, bool fraction, bool local, struct units_text *out)
{
	time_t seconds = (time_t)(ns / NS_PER_SECOND);
	int64_t rest = ns % NS_PER_SECOND;
	char day[32], zone[24], digits[12] = "";
	struct tm tm;

	if (rest < 0) {
		rest += NS_PER_SECOND;
		seconds--;
	}
	if (local)
		localtime_r(&seconds, &tm);
	else
		gmtime_r(&seconds, &tm);
	if (fraction && rest) {
		(void)snprintf(digits, sizeof(digits), ".%09lld", (long long)rest);
		for (size_t n = strlen(digits); digits[n - 1] == '0'; n--)
			digits[n - 1] = '\0';
	}
	(void)strftime(day, sizeof(day), "%Y-%m-%d %H:%M:%S", &tm);
	(void)strftime(zone, sizeof(zone), local ? "%z %Z" : "+0000 UTC", &tm);
	(void)snprintf(out->text, sizeof(out->text), "%s%s %s", day, digits, zone);
	return out->text;
}

/* "1136073600" or "1136073600.000000001". */
static bool is_unix_time(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	if (digits == 0)
		return false;
	if (text[digits] == '.')
		digits += 1 + strspn(text + digits + 1, "0123456789");
	return text[digits] == '\0';
}

/* A date of any of the accepted precisions; local unless it names a zone. */
static bool date_parse(const char *text, int64_t *ns)
{
	static const char *const forms[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H",
					     "%Y-%m-%d" };

	if (time_parse(text, ns))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		struct tm tm = { .tm_isdst = -1 };
		const char *end = strptime(text, forms[i], &tm);
		int64_t fraction = 0;
		bool utc;

		if (!end)
			continue;
		if (i == 0)
			end = take_fraction(end, &fraction);
		utc = strcmp(end, "Z") == 0;
		if (*end && !utc)
			continue;
		*ns = (int64_t)(utc ? timegm(&tm) : mktime(&tm)) * NS_PER_SECOND + fraction;
		return true;
	}
	return false;
}

bool since_parse(const char *text, int64_t now_ns, struct units_text *out, struct err *e)
{
	struct err ignored;
	int64_t ns;

	if (strcmp(text, "0") != 0 && duration_parse(text, &ns, &ignored)) {
		(void)snprintf(out->text, sizeof(out->text), "%lld",
			       (long long)((now_ns - ns) / NS_PER_SECOND));
		return true;
	}
	if (is_unix_time(text)) {
		(void)snprintf(out->text, sizeof(out->text), "%s", text);
		return true;
	}
	if (!date_parse(text, &ns))
		return fail(e, ERR_INVALID,
			    "\"%s\" is no time: give 10m, 2026-01-31T15:04:05 or a unix time",
			    text);
	(void)snprintf(out->text, sizeof(out->text), "%lld.%09lld", (long long)(ns / NS_PER_SECOND),
		       (long long)(ns % NS_PER_SECOND));
	return true;
}
