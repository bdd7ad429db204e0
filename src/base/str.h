/* Text and bytes: a view that owns nothing, and a buffer that grows to a stated maximum.
 *
 * A `struct str` is passed by value; it is not NUL-terminated and may hold any bytes.
 * A `struct buf` owns its bytes, keeps a NUL after them (so buf.data is a C string when
 * it holds text), and never grows past buf.max: an append that would do so leaves the
 * bytes alone and sets `overflow`, which the writer checks once at the end. */
#ifndef SHOAL_BASE_STR_H
#define SHOAL_BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

struct str {
	const char *ptr;
	size_t len;
};

/* printf("%.*s", STR_FMT(s)) */
#define STR_FMT(s)   (int)(s).len, (s).ptr
#define STR(literal) ((struct str){ "" literal, sizeof(literal) - 1 })

static inline struct str str_of(const char *text)
{
	return (struct str){ text, text ? strlen(text) : 0 };
}

static inline struct str str_bytes(const void *data, size_t len)
{
	return (struct str){ data, len };
}

bool str_equal(struct str a, struct str b);
bool str_equal_c(struct str a, const char *b);
/* Bytewise order, shorter first on a tie: <0, 0, >0. */
int str_compare(struct str a, struct str b);
bool str_starts_with(struct str s, const char *prefix);
bool str_ends_with(struct str s, const char *suffix);
/* Without white space (space, tab, CR, LF) at both ends. */
struct str str_trim(struct str s);
/* Cut at the first `at`: *head is what precedes it, *tail what follows. False (and head = s) if there is none. */
bool str_cut(struct str s, char at, struct str *head, struct str *tail);
/* Index of the first c, or -1. */
ptrdiff_t str_find(struct str s, char c);
/* Whole text is a decimal number without sign that fits: true and *value. */
bool str_to_u64(struct str s, uint64_t *value);
/* Characters (code points) of UTF-8 text. */
size_t str_width(struct str s);
char *str_dup(struct str s);

struct buf {
	char *data; /* NULL while empty */
	size_t len;
	size_t capacity;
	size_t max;
	bool overflow;
};

/* A buffer without a maximum is not possible: state what the bytes are bounded by. */
#define BUF_MAX(max_bytes) ((struct buf){ .max = (max_bytes) })

void buf_clear(struct buf *b); /* free the bytes, keep the maximum */
void buf_reset(struct buf *b); /* len = 0, memory kept */
bool buf_append(struct buf *b, const void *data, size_t len);
bool buf_append_str(struct buf *b, struct str s);
bool buf_append_c(struct buf *b, const char *text);
bool buf_append_char(struct buf *b, char c);
bool buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool buf_vprintf(struct buf *b, const char *format, va_list args);
/* Room for len more bytes at the end, to be written by the caller; NULL past the maximum. */
void *buf_extend(struct buf *b, size_t len);
/* Drop the first n bytes. */
void buf_consume(struct buf *b, size_t n);
struct str buf_str(const struct buf *b);
/* The bytes as a C string that the caller frees; the buffer is empty afterwards. */
char *buf_steal(struct buf *b);

static inline void buf_clear_scope(struct buf *b)
{
	buf_clear(b);
}
#define AUTO_BUF __attribute__((cleanup(buf_clear_scope)))

#endif
