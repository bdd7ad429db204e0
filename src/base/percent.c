#include "base/percent.h"

#include <ctype.h>
#include <string.h>

static bool is_plain(unsigned char ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
	       (ch && strchr("-_.~", ch));
}

void percent_encode(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char ch = (unsigned char)text.ptr[i];

		if (is_plain(ch))
			buf_append_char(out, (char)ch);
		else if (ch == ' ')
			buf_append_char(out, '+');
		else
			buf_printf(out, "%%%02X", ch);
	}
}

static int digit(char ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	ch |= 'a' - 'A';
	return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

char *percent_decode(struct arena *a, struct str text)
{
	char *out = arena_alloc(a, text.len + 1);
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		bool is_escape = text.ptr[i] == '%' && i + 2 < text.len &&
				 digit(text.ptr[i + 1]) >= 0 && digit(text.ptr[i + 2]) >= 0;

		if (is_escape) {
			out[len++] = (char)(digit(text.ptr[i + 1]) << 4 | digit(text.ptr[i + 2]));
			i += 2;
		} else {
			out[len++] = text.ptr[i] == '+' ? ' ' : text.ptr[i];
		}
	}
	out[len] = '\0';
	return out;
}
