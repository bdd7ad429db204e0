#include "template/jsontext.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "template/field.h"

static void write_string(const char *text, size_t length, bool escape_html, struct buf *out)
{
	buf_append_char(out, '"');
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (c == '\n')
			buf_append_c(out, "\\n");
		else if (c == '\r')
			buf_append_c(out, "\\r");
		else if (c == '\t')
			buf_append_c(out, "\\t");
		else if (c < 0x20 || (escape_html && strchr("<>&", c)))
			buf_printf(out, "\\u%04x", c);
		else
			buf_append_char(out, (char)c);
	}
	buf_append_char(out, '"');
}

/* The shortest digits that read back as the same number. */
static void write_real(double value, struct buf *out)
{
	char text[40];

	for (int digits = 15; digits <= 17; digits++) {
		(void)snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	buf_append_c(out, text);
}

static void write_object(const json_t *object, bool sorted, bool escape_html, struct buf *out)
{
	size_t count = 0, written = 0;
	AUTO_FREE const char **keys = NULL;
	const char *key;
	json_t *value;

	if (sorted) {
		keys = field_keys(object, &count);
	} else {
		keys = xcalloc(json_object_size(object), sizeof(*keys));
		json_object_foreach((json_t *)object, key, value) keys[count++] = key;
	}
	buf_append_char(out, '{');
	for (size_t i = 0; i < count; i++) {
		if (keys[i][0] == '\x01')
			continue;
		if (written++)
			buf_append_char(out, ',');
		write_string(keys[i], strlen(keys[i]), escape_html, out);
		buf_append_char(out, ':');
		jsontext_write(json_object_get(object, keys[i]), sorted, escape_html, out);
	}
	buf_append_char(out, '}');
}

void jsontext_write(const json_t *value, bool sorted, bool escape_html, struct buf *out)
{
	switch (value ? json_typeof(value) : JSON_NULL) {
	case JSON_OBJECT:
		write_object(value, sorted, escape_html, out);
		break;
	case JSON_ARRAY:
		buf_append_char(out, '[');
		for (size_t i = 0; i < json_array_size(value); i++) {
			if (i)
				buf_append_char(out, ',');
			jsontext_write(json_array_get(value, i), sorted, escape_html, out);
		}
		buf_append_char(out, ']');
		break;
	case JSON_STRING:
		write_string(json_string_value(value), json_string_length(value), escape_html, out);
		break;
	case JSON_INTEGER:
		buf_printf(out, "%lld", (long long)json_integer_value(value));
		break;
	case JSON_REAL:
		write_real(json_real_value(value), out);
		break;
	case JSON_TRUE:
		buf_append_c(out, "true");
		break;
	case JSON_FALSE:
		buf_append_c(out, "false");
		break;
	case JSON_NULL:
		buf_append_c(out, "null");
		break;
	}
}

static void new_line(struct buf *out, const char *prefix, const char *indent, int depth)
{
	buf_append_char(out, '\n');
	buf_append_c(out, prefix);
	for (int i = 0; i < depth; i++)
		buf_append_c(out, indent);
}

/* Index just past the string that begins at `at`. */
static size_t string_end(struct str text, size_t at)
{
	for (at++; at < text.len && text.ptr[at] != '"'; at++)
		if (text.ptr[at] == '\\')
			at++;
	return at + 1 < text.len ? at + 1 : text.len;
}

static size_t skip_blanks(struct str text, size_t at)
{
	while (at < text.len && strchr(" \t\r\n", text.ptr[at]))
		at++;
	return at;
}

void jsontext_indent(struct str text, const char *prefix, const char *indent, struct buf *out)
{
	int depth = 0;

	for (size_t at = skip_blanks(text, 0), next; at < text.len; at = skip_blanks(text, next)) {
		char c = text.ptr[at];

		next = at + 1;
		if (c == '{' || c == '[') {
			size_t inside = skip_blanks(text, next);

			buf_append_char(out, c);
			if (inside < text.len &&
			    (text.ptr[inside] == '}' || text.ptr[inside] == ']')) {
				buf_append_char(out, text.ptr[inside]);
				next = inside + 1;
			} else {
				new_line(out, prefix, indent, ++depth);
			}
		} else if (c == '}' || c == ']') {
			new_line(out, prefix, indent, --depth);
			buf_append_char(out, c);
		} else if (c == ',') {
			buf_append_char(out, c);
			new_line(out, prefix, indent, depth);
		} else if (c == ':') {
			buf_append_c(out, ": ");
		} else if (c == '"') {
			next = string_end(text, at);
			buf_append(out, text.ptr + at, next - at);
		} else {
			buf_append_char(out, c);
		}
	}
}
