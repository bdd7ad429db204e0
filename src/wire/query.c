#include "wire/query.h"

#include <strings.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool decode(struct arena *a, struct str s, bool plus_is_blank, const char **decoded,
		   struct err *e)
{
	char *out = arena_alloc(a, s.len + 1), *to = out;

	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (c == '%') {
			int high = i + 2 < s.len ? hex_value(s.ptr[i + 1]) : -1;
			int low = i + 2 < s.len ? hex_value(s.ptr[i + 2]) : -1;

			if (high < 0 || low < 0)
				return fail(e, ERR_INVALID, "invalid URL escape \"%.*s\"",
					    (int)(s.len - i < 3 ? s.len - i : 3), s.ptr + i);
			c = (char)(high << 4 | low);
			i += 2;
		} else if (c == '+' && plus_is_blank) {
			c = ' ';
		}
		if (c == '\0')
			return fail(e, ERR_INVALID, "NUL in a URL");
		*to++ = c;
	}
	*to = '\0';
	*decoded = out;
	return true;
}

bool target_split(struct str target, struct str *path, struct str *query, struct err *e)
{
	struct str rest = target, fragment;

	for (const char *const *scheme = (const char *const[]){ "http://", "https://", NULL };
	     *scheme; scheme++) {
		ptrdiff_t slash;

		if (!str_starts_with(rest, *scheme))
			continue;
		rest = str_bytes(rest.ptr + strlen(*scheme), rest.len - strlen(*scheme));
		slash = str_find(rest, '/');
		rest = slash < 0 ? STR("/") : str_bytes(rest.ptr + slash, rest.len - (size_t)slash);
		break;
	}
	if (rest.len == 0 || rest.ptr[0] != '/')
		return fail(e, ERR_INVALID, "invalid request target \"%.*s\"", STR_FMT(target));
	str_cut(rest, '#', &rest, &fragment);
	if (!str_cut(rest, '?', path, query))
		*query = STR("");
	return true;
}

bool path_decode(struct arena *a, struct str path, const char **decoded, struct err *e)
{
	return decode(a, path, false, decoded, e);
}

static size_t count_pairs(struct str text)
{
	size_t n = 1;

	for (size_t i = 0; i < text.len; i++)
		n += text.ptr[i] == '&';
	return n;
}

bool query_parse(struct arena *a, struct str text, struct query *q, struct err *e)
{
	size_t most = count_pairs(text), n = 0;
	struct query_pair *pairs;
	bool more = true;

	if (most > QUERY_PAIRS_MAX)
		return fail(e, ERR_INVALID, "more than %d parameters in a URL", QUERY_PAIRS_MAX);
	pairs = arena_alloc(a, most * sizeof(*pairs));
	while (more) {
		struct str pair, rest, name, value;

		more = str_cut(text, '&', &pair, &rest);
		if (pair.len > 0) {
			if (!str_cut(pair, '=', &name, &value))
				value = STR("");
			if (!decode(a, name, true, &pairs[n].name, e) ||
			    !decode(a, value, true, &pairs[n].value, e))
				return false;
			n++;
		}
		text = rest;
	}
	*q = (struct query){ pairs, n };
	return true;
}

const char *query_get(const struct query *q, const char *name)
{
	for (size_t i = 0; i < q->count; i++)
		if (strcmp(q->pairs[i].name, name) == 0)
			return q->pairs[i].value;
	return NULL;
}

bool query_flag(const struct query *q, const char *name, bool otherwise)
{
	static const char *const no[] = { "", "0", "no", "false", "none" };
	const char *value = query_get(q, name);
	struct str word;

	if (!value)
		return otherwise;
	word = str_trim(str_of(value));
	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		if (word.len == strlen(no[i]) && strncasecmp(word.ptr, no[i], word.len) == 0)
			return false;
	return true;
}

static void encode(struct buf *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    strchr("-._~", c))
			buf_append_char(out, (char)c);
		else
			buf_printf(out, "%%%02X", c);
	}
}

void query_write(struct buf *out, bool *first, const char *name, const char *value)
{
	buf_append_char(out, *first ? '?' : '&');
	*first = false;
	encode(out, name);
	buf_append_char(out, '=');
	encode(out, value);
}

void path_write_segment(struct buf *out, const char *segment)
{
	encode(out, segment);
}
