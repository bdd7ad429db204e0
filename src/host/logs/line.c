#include "host/logs/line.h"

#include <stdio.h>
#include <time.h>

static bool digits(struct str *s, size_t count, int *value)
{
	*value = 0;
	if (s->len < count)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (s->ptr[i] < '0' || s->ptr[i] > '9')
			return false;
		*value = *value * 10 + (s->ptr[i] - '0');
	}
	s->ptr += count;
	s->len -= count;
	return true;
}

static bool skip(struct str *s, char c)
{
	if (s->len == 0 || s->ptr[0] != c)
		return false;
	s->ptr++;
	s->len--;
	return true;
}

/* ".508248184"; absent is 0. */
static bool fraction(struct str *s, int64_t *ns)
{
	int64_t unit = 100000000;

	*ns = 0;
	if (!skip(s, '.'))
		return true;
	for (; s->len > 0 && s->ptr[0] >= '0' && s->ptr[0] <= '9'; s->ptr++, s->len--) {
		*ns += unit * (s->ptr[0] - '0');
		unit /= 10;
	}
	return true;
}

/* "Z", "+00:00" */
static bool zone(struct str *s, int64_t *offset_s)
{
	int hours, minutes;
	bool is_west;

	*offset_s = 0;
	if (skip(s, 'Z'))
		return true;
	is_west = skip(s, '-');
	if (!is_west && !skip(s, '+'))
		return false;
	if (!digits(s, 2, &hours) || !skip(s, ':') || !digits(s, 2, &minutes))
		return false;
	*offset_s = (is_west ? -1 : 1) * (hours * 3600 + minutes * 60);
	return true;
}

static bool parse_time(struct str s, int64_t *at_ns)
{
	struct tm tm = { 0 };
	int64_t ns, offset_s;

	if (!digits(&s, 4, &tm.tm_year) || !skip(&s, '-') || !digits(&s, 2, &tm.tm_mon) ||
	    !skip(&s, '-') || !digits(&s, 2, &tm.tm_mday) || !skip(&s, 'T') ||
	    !digits(&s, 2, &tm.tm_hour) || !skip(&s, ':') || !digits(&s, 2, &tm.tm_min) ||
	    !skip(&s, ':') || !digits(&s, 2, &tm.tm_sec) || !fraction(&s, &ns) ||
	    !zone(&s, &offset_s) || s.len > 0)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	if (tm.tm_year < 70 || tm.tm_year > 350)
		return false;
	*at_ns = ((int64_t)timegm(&tm) - offset_s) * 1000000000 + ns;
	return true;
}

bool log_line_parse(struct str line, struct log_line *parsed)
{
	struct str time, stream, tag, text;

	if (!str_cut(line, ' ', &time, &text) || !str_cut(text, ' ', &stream, &text) ||
	    !str_cut(text, ' ', &tag, &text))
		return false;
	parsed->is_stderr = str_equal_c(stream, "stderr");
	parsed->is_partial = str_equal_c(tag, "P");
	parsed->text = text;
	if (!parsed->is_stderr && !str_equal_c(stream, "stdout"))
		return false;
	if (!parsed->is_partial && !str_equal_c(tag, "F"))
		return false;
	return parse_time(time, &parsed->at_ns);
}

void log_time_print(int64_t at_ns, char out[LOG_TIME_MAX])
{
	time_t seconds = at_ns / 1000000000;
	struct tm tm;
	size_t len;

	gmtime_r(&seconds, &tm);
	len = strftime(out, LOG_TIME_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(out + len, LOG_TIME_MAX - len, ".%09lldZ", (long long)(at_ns % 1000000000));
}
