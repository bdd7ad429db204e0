#include "base/str.h"

#include <assert.h>
#include <stdio.h>

#include "base/mem.h"

bool str_equal(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool str_equal_c(struct str a, const char *b)
{
	return str_equal(a, str_of(b));
}

int str_compare(struct str a, struct str b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int order = n ? memcmp(a.ptr, b.ptr, n) : 0;

	if (order)
		return order;
	return (a.len > b.len) - (a.len < b.len);
}

bool str_starts_with(struct str s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.len >= n && memcmp(s.ptr, prefix, n) == 0;
}

bool str_ends_with(struct str s, const char *suffix)
{
	size_t n = strlen(suffix);

	return s.len >= n && memcmp(s.ptr + s.len - n, suffix, n) == 0;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
	while (s.len && is_space(s.ptr[0]))
		s.ptr++, s.len--;
	while (s.len && is_space(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

ptrdiff_t str_find(struct str s, char c)
{
	const char *at = s.len ? memchr(s.ptr, c, s.len) : NULL;

	return at ? at - s.ptr : -1;
}

bool str_cut(struct str s, char at, struct str *head, struct str *tail)
{
	ptrdiff_t i = str_find(s, at);

	if (i < 0) {
		*head = s;
		*tail = str_bytes(s.ptr + s.len, 0);
		return false;
	}
	*head = str_bytes(s.ptr, (size_t)i);
	*tail = str_bytes(s.ptr + i + 1, s.len - (size_t)i - 1);
	return true;
}

bool str_to_u64(struct str s, uint64_t *value)
{
	uint64_t n = 0;

	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		unsigned digit = (unsigned)(s.ptr[i] - '0');

		if (digit > 9 || __builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, digit, &n))
			return false;
	}
	*value = n;
	return true;
}

char *str_dup(struct str s)
{
	char *copy = xmalloc(s.len + 1);

	if (s.len)
		memcpy(copy, s.ptr, s.len);
	copy[s.len] = '\0';
	return copy;
}

void buf_clear(struct buf *b)
{
	free(b->data);
	*b = BUF_MAX(b->max);
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->overflow = false;
	if (b->data)
		b->data[0] = '\0';
}

/* Make room for `more` bytes and a NUL. */
static bool reserve(struct buf *b, size_t more)
{
	size_t want;

	assert(b->max > 0);
	if (more > b->max || b->len > b->max - more) {
		b->overflow = true;
		return false;
	}
	want = b->len + more + 1;
	if (want <= b->capacity)
		return true;
	if (want < b->capacity * 2)
		want = b->capacity * 2;
	if (want < 64)
		want = 64;
	if (want > b->max + 1)
		want = b->max + 1;
	b->data = xrealloc(b->data, want);
	b->capacity = want;
	return true;
}

void *buf_extend(struct buf *b, size_t len)
{
	char *at;

	if (!reserve(b, len))
		return NULL;
	at = b->data + b->len;
	b->len += len;
	b->data[b->len] = '\0';
	return at;
}

bool buf_append(struct buf *b, const void *data, size_t len)
{
	void *at = buf_extend(b, len);

	if (!at)
		return false;
	if (len)
		memcpy(at, data, len);
	return true;
}

bool buf_append_str(struct buf *b, struct str s)
{
	return buf_append(b, s.ptr, s.len);
}

bool buf_append_c(struct buf *b, const char *text)
{
	return buf_append(b, text, strlen(text));
}

bool buf_append_char(struct buf *b, char c)
{
	return buf_append(b, &c, 1);
}

bool buf_vprintf(struct buf *b, const char *format, va_list args)
{
	va_list again;
	int n;

	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (n < 0 || !reserve(b, (size_t)n))
		return false;
	(void)vsnprintf(b->data + b->len, (size_t)n + 1, format, args);
	b->len += (size_t)n;
	return true;
}

bool buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;
	bool ok;

	va_start(args, format);
	ok = buf_vprintf(b, format, args);
	va_end(args);
	return ok;
}

void buf_consume(struct buf *b, size_t n)
{
	assert(n <= b->len);
	if (n == 0)
		return;
	memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
	b->data[b->len] = '\0';
}

struct str buf_str(const struct buf *b)
{
	return str_bytes(b->data ? b->data : "", b->len);
}

char *buf_steal(struct buf *b)
{
	char *data = b->data ? b->data : xstrdup("");

	*b = BUF_MAX(b->max);
	return data;
}

size_t str_width(struct str s)
{
	size_t width = 0;

	for (size_t i = 0; i < s.len; i++)
		width += ((unsigned char)s.ptr[i] & 0xc0) != 0x80;
	return width;
}
