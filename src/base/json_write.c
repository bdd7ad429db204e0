#include "base/json_write.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

struct json json_begin(struct buf *out)
{
	return (struct json){ .out = out };
}

bool json_is_complete(const struct json *j)
{
	return j->depth == 0 && j->has_members[0] && !j->out->overflow;
}

/* Length of the UTF-8 sequence at the start of s, or 0 if there is none. */
static size_t utf8_length(struct str s)
{
	unsigned char c = s.ptr[0];
	size_t length = c < 0x80                ? 1
			: c >= 0xc2 && c < 0xe0 ? 2
			: (c & 0xf0) == 0xe0    ? 3
			: c >= 0xf0 && c < 0xf5 ? 4
						: 0;

	if (length == 0 || length > s.len)
		return 0;
	for (size_t i = 1; i < length; i++)
		if (((unsigned char)s.ptr[i] & 0xc0) != 0x80)
			return 0;

	unsigned char second = length > 1 ? s.ptr[1] : 0;
	bool is_overlong = (c == 0xe0 && second < 0xa0) || (c == 0xf0 && second < 0x90);
	bool is_surrogate = c == 0xed && second >= 0xa0;
	bool is_beyond = c == 0xf4 && second >= 0x90;
	return is_overlong || is_surrogate || is_beyond ? 0 : length;
}

static void write_escaped(struct buf *out, struct str s)
{
	buf_append_char(out, '"');
	while (s.len > 0) {
		unsigned char c = s.ptr[0];
		size_t length = utf8_length(s);

		if (length == 0)
			buf_append_c(out, "\xef\xbf\xbd");
		else if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (c == '\n')
			buf_append_c(out, "\\n");
		else if (c == '\t')
			buf_append_c(out, "\\t");
		else if (c == '\r')
			buf_append_c(out, "\\r");
		else if (c < 0x20 || c == 0x7f)
			buf_printf(out, "\\u%04x", c);
		else
			buf_append(out, s.ptr, length);
		length += length == 0;
		s.ptr += length;
		s.len -= length;
	}
	buf_append_char(out, '"');
}

static void begin_value(struct json *j, const char *key)
{
	assert(j->depth > 0 || !j->has_members[0]);
	assert((key != NULL) == (j->closing[j->depth] == '}'));

	if (j->has_members[j->depth])
		buf_append_char(j->out, ',');
	j->has_members[j->depth] = true;
	if (key) {
		write_escaped(j->out, str_of(key));
		buf_append_char(j->out, ':');
	}
}

static void open_level(struct json *j, const char *key, const char *opening, char closing)
{
	begin_value(j, key);
	assert(j->depth < JSON_DEPTH_MAX);
	j->depth++;
	j->has_members[j->depth] = false;
	j->closing[j->depth] = closing;
	buf_append_c(j->out, opening);
}

void json_open_object(struct json *j, const char *key)
{
	open_level(j, key, "{", '}');
}

void json_open_list(struct json *j, const char *key)
{
	open_level(j, key, "[", ']');
}

void json_close(struct json *j)
{
	assert(j->depth > 0);
	buf_append_char(j->out, j->closing[j->depth]);
	j->depth--;
}

void json_str(struct json *j, const char *key, struct str value)
{
	begin_value(j, key);
	write_escaped(j->out, value);
}

void json_text(struct json *j, const char *key, const char *value)
{
	json_str(j, key, str_of(value));
}

void json_int(struct json *j, const char *key, int64_t value)
{
	begin_value(j, key);
	buf_printf(j->out, "%lld", (long long)value);
}

void json_uint(struct json *j, const char *key, uint64_t value)
{
	begin_value(j, key);
	buf_printf(j->out, "%llu", (unsigned long long)value);
}

void json_float(struct json *j, const char *key, float value)
{
	char text[32] = "0";

	for (int digits = 1; digits <= 9 && value - value == 0; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, (double)value);
		if (strtof(text, NULL) == value)
			break;
	}
	begin_value(j, key);
	buf_append_c(j->out, text);
}

void json_bool(struct json *j, const char *key, bool value)
{
	begin_value(j, key);
	buf_append_c(j->out, value ? "true" : "false");
}

void json_none(struct json *j, const char *key)
{
	begin_value(j, key);
	buf_append_c(j->out, "null");
}

void json_strings(struct json *j, const char *key, const char *const *values, size_t count)
{
	json_open_list(j, key);
	for (size_t i = 0; i < count; i++)
		json_text(j, NULL, values[i]);
	json_close(j);
}
