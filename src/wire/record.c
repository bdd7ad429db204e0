#include "wire/record.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

static void put_u32(uint8_t *out, uint32_t value)
{
	out[0] = value >> 24;
	out[1] = value >> 16;
	out[2] = value >> 8;
	out[3] = value;
}

static uint32_t get_u32(const char *in)
{
	const uint8_t *b = (const uint8_t *)in;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static bool is_name(struct str s)
{
	if (s.len == 0 || s.len > RECORD_NAME_MAX)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
			return false;
	}
	return true;
}

void record_begin(struct record_writer *w)
{
	uint8_t head[4] = { 0 };

	buf_clear(&w->bytes);
	w->bytes = BUF_MAX(RECORD_MAX + sizeof(head));
	buf_append(&w->bytes, head, sizeof(head));
}

void record_add(struct record_writer *w, const char *name, struct str value)
{
	uint8_t name_len = strlen(name), value_len[4];

	assert(is_name(str_of(name)));
	if (value.len > RECORD_MAX) {
		w->bytes.overflow = true;
		return;
	}
	put_u32(value_len, value.len);
	buf_append(&w->bytes, &name_len, 1);
	buf_append_c(&w->bytes, name);
	buf_append(&w->bytes, value_len, sizeof(value_len));
	buf_append_str(&w->bytes, value);
}

void record_add_c(struct record_writer *w, const char *name, const char *text)
{
	if (text)
		record_add(w, name, str_of(text));
}

void record_add_i64(struct record_writer *w, const char *name, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, value);
	record_add_c(w, name, text);
}

bool record_end(struct record_writer *w, struct err *e)
{
	if (w->bytes.overflow)
		return fail(e, ERR_EXHAUSTED, "a record of more than %u bytes", RECORD_MAX);
	put_u32((uint8_t *)w->bytes.data, w->bytes.len - 4);
	return true;
}

void record_writer_clear(struct record_writer *w)
{
	buf_clear(&w->bytes);
}

/* One field off the head of `rest`. */
static bool take_field(struct str *rest, struct str *name, struct str *value)
{
	size_t name_len, value_len;

	if (rest->len < 1)
		return false;
	name_len = (uint8_t)rest->ptr[0];
	if (rest->len < 1 + name_len + 4)
		return false;
	value_len = get_u32(rest->ptr + 1 + name_len);
	if (rest->len - 1 - name_len - 4 < value_len)
		return false;
	*name = str_bytes(rest->ptr + 1, name_len);
	*value = str_bytes(rest->ptr + 1 + name_len + 4, value_len);
	*rest = str_bytes(value->ptr + value_len, rest->len - 1 - name_len - 4 - value_len);
	return is_name(*name);
}

bool record_parse(struct str bytes, struct record *r, size_t *used, struct err *e)
{
	struct str rest, name, value;
	uint32_t length;

	*used = 0;
	if (bytes.len < 4)
		return true;
	length = get_u32(bytes.ptr);
	if (length > RECORD_MAX)
		return fail(e, ERR_INVALID, "a record of %u bytes is more than %u", length,
			    RECORD_MAX);
	if (bytes.len - 4 < length)
		return true;

	rest = str_bytes(bytes.ptr + 4, length);
	for (size_t count = 0; rest.len > 0; count++) {
		if (count == RECORD_FIELDS_MAX)
			return fail(e, ERR_INVALID, "a record with more than %d fields",
				    RECORD_FIELDS_MAX);
		if (!take_field(&rest, &name, &value))
			return fail(e, ERR_INVALID, "a record with a broken field");
	}
	r->fields = str_bytes(bytes.ptr + 4, length);
	*used = 4 + (size_t)length;
	return true;
}

bool record_next(const struct record *r, size_t *at, struct str *name, struct str *value)
{
	struct str rest;

	if (*at >= r->fields.len)
		return false;
	rest = str_bytes(r->fields.ptr + *at, r->fields.len - *at);
	if (!take_field(&rest, name, value))
		return false;
	*at = rest.ptr - r->fields.ptr;
	return true;
}

bool record_each(const struct record *r, const char *wanted, size_t *at, struct str *value)
{
	struct str name;

	while (record_next(r, at, &name, value))
		if (str_equal_c(name, wanted))
			return true;
	return false;
}

struct str record_get(const struct record *r, const char *name)
{
	struct str value;
	size_t at = 0;

	return record_each(r, name, &at, &value) ? value : (struct str){ 0 };
}

bool record_has(const struct record *r, const char *name)
{
	return record_get(r, name).ptr != NULL;
}

size_t record_count(const struct record *r, const char *name)
{
	struct str value;
	size_t at = 0, count = 0;

	while (record_each(r, name, &at, &value))
		count++;
	return count;
}

int64_t record_get_i64(const struct record *r, const char *name, int64_t otherwise)
{
	struct str value = record_get(r, name);
	bool is_negative = value.len > 0 && value.ptr[0] == '-';
	uint64_t number;

	if (is_negative)
		value = str_bytes(value.ptr + 1, value.len - 1);
	if (!str_to_u64(value, &number) || number > INT64_MAX)
		return otherwise;
	return is_negative ? -(int64_t)number : (int64_t)number;
}

char *record_dup(const struct record *r, const char *name)
{
	struct str value = record_get(r, name);

	if (!value.ptr || (value.len > 0 && memchr(value.ptr, 0, value.len)))
		return NULL;
	return str_dup(value);
}
