#include "docker/inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/arena.h"

#define GO_ZERO_TIME    "0001-01-01T00:00:00Z"
#define GO_ZERO_SECONDS (-62135596800LL)

void rfc3339_write(int64_t seconds, int32_t nanos, char out[RFC3339_MAX])
{
	time_t t = (time_t)seconds;
	char fraction[16];
	size_t len;
	struct tm tm;

	if ((seconds == 0 && nanos == 0) || !gmtime_r(&t, &tm) || tm.tm_year + 1900 > 9999 ||
	    tm.tm_year + 1900 < 1) {
		snprintf(out, RFC3339_MAX, "%s", GO_ZERO_TIME);
		return;
	}
	len = (size_t)snprintf(out, RFC3339_MAX, "%04d-%02d-%02dT%02d:%02d:%02d",
			       (tm.tm_year + 1900) % 10000, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
			       tm.tm_min, tm.tm_sec);
	if (nanos > 0 && nanos < 1000000000) {
		snprintf(fraction, sizeof(fraction), ".%09d", (int)nanos);
		for (size_t i = strlen(fraction); fraction[i - 1] == '0'; i--)
			fraction[i - 1] = '\0';
		len += (size_t)snprintf(out + len, RFC3339_MAX - len, "%s", fraction);
	}
	snprintf(out + len, RFC3339_MAX - len, "Z");
}

static bool digits(const char **at, int count, int *value)
{
	*value = 0;
	for (int i = 0; i < count; i++, (*at)++) {
		if (**at < '0' || **at > '9')
			return false;
		*value = *value * 10 + (**at - '0');
	}
	return true;
}

static bool skip(const char **at, char c)
{
	if (**at != c)
		return false;
	(*at)++;
	return true;
}

static bool read_offset(const char **at, int *offset_s)
{
	int hours, minutes, sign = **at == '-' ? -1 : 1;

	if (skip(at, 'Z') || skip(at, 'z')) {
		*offset_s = 0;
		return true;
	}
	if (!skip(at, '+') && !skip(at, '-'))
		return false;
	if (!digits(at, 2, &hours) || !skip(at, ':') || !digits(at, 2, &minutes))
		return false;
	*offset_s = sign * (hours * 3600 + minutes * 60);
	return true;
}

bool rfc3339_read(struct str text, int64_t *seconds, int32_t *nanos)
{
	struct tm tm = { 0 };
	char copy[64];
	const char *at = copy;
	int offset_s, scale = 100000000;

	if (text.len >= sizeof(copy))
		return false;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	if (!digits(&at, 4, &tm.tm_year) || !skip(&at, '-') || !digits(&at, 2, &tm.tm_mon) ||
	    !skip(&at, '-') || !digits(&at, 2, &tm.tm_mday) ||
	    (!skip(&at, 'T') && !skip(&at, 't')) || !digits(&at, 2, &tm.tm_hour) ||
	    !skip(&at, ':') || !digits(&at, 2, &tm.tm_min) || !skip(&at, ':') ||
	    !digits(&at, 2, &tm.tm_sec))
		return false;
	if (tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
	    tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
		return false;
	*nanos = 0;
	if (skip(&at, '.'))
		for (; *at >= '0' && *at <= '9'; at++, scale /= 10)
			*nanos += (*at - '0') * scale;
	if (!read_offset(&at, &offset_s) || *at != '\0')
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	*seconds = (int64_t)timegm(&tm) - offset_s;
	if (*seconds == GO_ZERO_SECONDS)
		*seconds = 0;
	return true;
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool base64_write(struct str bytes, struct buf *out)
{
	const uint8_t *b = (const uint8_t *)bytes.ptr;
	char *to = buf_extend(out, (bytes.len + 2) / 3 * 4);

	if (!to)
		return false;
	for (size_t i = 0; i < bytes.len; i += 3) {
		size_t left = bytes.len - i;
		uint32_t three = (uint32_t)b[i] << 16 | (left > 1 ? (uint32_t)b[i + 1] << 8 : 0) |
				 (left > 2 ? b[i + 2] : 0);

		*to++ = alphabet[three >> 18];
		*to++ = alphabet[three >> 12 & 63];
		*to++ = left > 1 ? alphabet[three >> 6 & 63] : '=';
		*to++ = left > 2 ? alphabet[three & 63] : '=';
	}
	return true;
}

static int digit_of(char c)
{
	const char *at;

	if (c == '-')
		c = '+';
	if (c == '_')
		c = '/';
	at = c ? strchr(alphabet, c) : NULL;
	return at ? (int)(at - alphabet) : -1;
}

bool base64_read(struct arena *a, struct str text, struct str *bytes)
{
	uint8_t *out = arena_alloc(a, text.len / 4 * 3 + 4);
	uint32_t bits = 0;
	size_t len = 0, count = 0;

	for (int i = 0; i < 2 && text.len > 0 && text.ptr[text.len - 1] == '='; i++)
		text.len--;
	for (; count < text.len; count++) {
		int digit = digit_of(text.ptr[count]);

		if (digit < 0)
			return false;
		bits = bits << 6 | (uint32_t)digit;
		if (count % 4 == 3) {
			out[len++] = (uint8_t)(bits >> 16);
			out[len++] = (uint8_t)(bits >> 8);
			out[len++] = (uint8_t)bits;
			bits = 0;
		}
	}
	if (count % 4 == 1)
		return false;
	if (count % 4 >= 2)
		out[len++] = (uint8_t)(count % 4 == 2 ? bits >> 4 : bits >> 10);
	if (count % 4 == 3)
		out[len++] = (uint8_t)(bits >> 2);
	*bytes = str_bytes(out, len);
	return true;
}
