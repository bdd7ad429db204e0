/* Decodes what others said with our messages and encodes it again: the same bytes, but for the
 * order of fields.
 *
 *     echo_session FILE...
 *
 * A line of a recorded session is "PATH request|response BYTES", BYTES in hex or - for
 * none; lines that begin with # say where it comes from. Each file is one test; a second one puts fields into every
 * message of it, however deep, that none of ours has, as a newer version would. They are sent on.
 *
 * The bytes are compared in a form of their own, made without the code under test: fields stand
 * in order of their numbers, those of one number in the order in which they came, and the entries
 * of a map, which both sides write in any order, in the order of their bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "pb/methods.h"
#include "pb/pb.h"

#define BYTES_MAX (4u << 20)

enum wire_type { VARINT = 0, FIXED64 = 1, LENGTH = 2, FIXED32 = 5 };

/* One field of one message as it is on the wire. */
struct item {
	uint64_t number;
	enum wire_type type;
	uint64_t value;   /* of VARINT */
	struct str bytes; /* of all others */
	bool is_map_entry;
	size_t place; /* where it came */
};

/* --- reading and writing the wire ------------------------------------------------------------- */

static bool take_varint(struct str *from, uint64_t *value)
{
	*value = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte;

		if (from->len == 0)
			return false;
		byte = (uint8_t)from->ptr[0];
		*from = str_bytes(from->ptr + 1, from->len - 1);
		*value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return true;
	}
	return false;
}

static void put_varint(struct buf *out, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		buf_append_char(out, (char)(value | 0x80));
	buf_append_char(out, (char)value);
}

static bool take_item(struct str *from, struct item *it)
{
	uint64_t tag, len;

	if (!take_varint(from, &tag))
		return false;
	it->number = tag >> 3;
	it->type = tag & 7;
	if (it->type == VARINT)
		return take_varint(from, &it->value);
	len = it->type == FIXED64 ? 8 : 4;
	if (it->type == LENGTH && !take_varint(from, &len))
		return false;
	if (len > from->len)
		return false;
	it->bytes = str_bytes(from->ptr, len);
	*from = str_bytes(from->ptr + len, from->len - len);
	return it->type == FIXED64 || it->type == FIXED32 || it->type == LENGTH;
}

static void put_item(struct buf *out, const struct item *it)
{
	put_varint(out, it->number << 3 | it->type);
	if (it->type == VARINT)
		put_varint(out, it->value);
	if (it->type == LENGTH)
		put_varint(out, it->bytes.len);
	if (it->type != VARINT)
		buf_append_str(out, it->bytes);
}

/* --- the form in which bytes are compared ----------------------------------------------------- */

static int compare_items(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int by_bytes = 0;

	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	if (x->is_map_entry && y->is_map_entry)
		by_bytes = str_compare(x->bytes, y->bytes);
	if (by_bytes != 0)
		return by_bytes;
	return x->place < y->place ? -1 : x->place > y->place;
}

/* What a newer version may add: a number, text, eight bytes, four bytes. */
static void put_news(struct buf *out)
{
	put_item(out, &(struct item){ .number = 2001, .type = VARINT, .value = 1u << 20 });
	put_item(out, &(struct item){ .number = 2002, .type = LENGTH, .bytes = STR("news") });
	put_item(out, &(struct item){ .number = 2003, .type = FIXED64, .bytes = STR("12345678") });
	put_item(out, &(struct item){ .number = 2004, .type = FIXED32, .bytes = STR("1234") });
}

/* Appends the ordered form of a message of that type; with_news puts unknown fields into it and
 * into every message in it. */
static bool put_ordered(struct arena *a, const ProtobufCMessageDescriptor *type, struct str bytes,
			bool with_news, struct buf *out)
{
	struct item *items = arena_alloc(a, (bytes.len + 1) * sizeof(items[0]));
	size_t count = 0;

	while (bytes.len > 0) {
		struct item *it = &items[count];
		const ProtobufCFieldDescriptor *f;
		AUTO_BUF struct buf inner = BUF_MAX(4 * BYTES_MAX);

		*it = (struct item){ .place = count };
		if (!take_item(&bytes, it))
			return false;
		count++;
		f = protobuf_c_message_descriptor_get_field(type, (unsigned)it->number);
		if (!f || f->type != PROTOBUF_C_TYPE_MESSAGE || it->type != LENGTH)
			continue;
		if (!put_ordered(a, f->descriptor, it->bytes, with_news, &inner))
			return false;
		it->bytes = str_bytes(arena_copy(a, inner.data, inner.len), inner.len);
		it->is_map_entry = f->label == PROTOBUF_C_LABEL_REPEATED &&
				   f->descriptor == &pb__map_entry__descriptor;
	}
	qsort(items, count, sizeof(items[0]), compare_items);
	for (size_t i = 0; i < count; i++)
		put_item(out, &items[i]);
	if (with_news)
		put_news(out);
	return true;
}

/* --- one line, one file ----------------------------------------------------------------------- */

static void print_hex(const char *what, struct str bytes)
{
	printf("  %s ", what);
	for (size_t i = 0; i < bytes.len; i++)
		printf("%02x", (uint8_t)bytes.ptr[i]);
	printf("\n");
}

static bool comes_back(const ProtobufCMessageDescriptor *type, struct str bytes, bool with_news)
{
	AUTO_ARENA struct arena a = { 0 };
	AUTO_BUF struct buf said = BUF_MAX(4 * BYTES_MAX);
	AUTO_BUF struct buf encoded = BUF_MAX(4 * BYTES_MAX);
	AUTO_BUF struct buf again = BUF_MAX(4 * BYTES_MAX);
	struct err e;
	void *message;

	if (!put_ordered(&a, type, bytes, with_news, &said)) {
		printf("  the bytes are no message\n");
		return false;
	}
	message = pb_decode(&a, type, with_news ? buf_str(&said) : bytes, 4 * BYTES_MAX, &e);
	if (!message) {
		printf("  %s\n", e.text);
		return false;
	}
	if (!pb_encode(message, &encoded) ||
	    !put_ordered(&a, type, buf_str(&encoded), false, &again))
		return false;
	if (str_equal(buf_str(&said), buf_str(&again)))
		return true;
	print_hex("said ", buf_str(&said));
	print_hex("again", buf_str(&again));
	return false;
}

static bool from_hex(struct str digits, struct buf *bytes)
{
	if (str_equal_c(digits, "-"))
		return true;
	for (size_t i = 0; i + 1 < digits.len; i += 2) {
		char pair[3] = { digits.ptr[i], digits.ptr[i + 1] }, *end;
		unsigned long byte = strtoul(pair, &end, 16);

		if (*end || !buf_append_char(bytes, (char)byte))
			return false;
	}
	return digits.len % 2 == 0;
}

static bool line_comes_back(struct str line, bool with_news)
{
	AUTO_BUF struct buf bytes = BUF_MAX(BYTES_MAX);
	struct str path, side, digits;
	const struct pb_method *method;

	if (!str_cut(line, ' ', &path, &line) || !str_cut(line, ' ', &side, &digits) ||
	    !from_hex(digits, &bytes)) {
		printf("  no line of a session\n");
		return false;
	}
	method = pb_method_find(path);
	if (!method) {
		printf("  no method of ours\n");
		return false;
	}
	return comes_back(str_equal(side, STR("request")) ? method->request : method->response,
			  buf_str(&bytes), with_news);
}

static bool file_comes_back(const char *name, bool with_news, size_t *messages)
{
	FILE *f = fopen(name, "r");
	char *line = NULL;
	size_t room = 0;
	bool is_same = true;

	*messages = 0;
	for (int number = 1; f && getline(&line, &room, f) > 0; number++) {
		if (line[0] == '#')
			continue;
		++*messages;
		if (line_comes_back(str_trim(str_of(line)), with_news))
			continue;
		printf("  %s:%d: %.*s\n", name, number, (int)strcspn(line, " "), line);
		is_same = false;
	}
	free(line);
	if (f)
		fclose(f);
	return is_same && *messages > 0;
}

int main(int argc, char **argv)
{
	int passed = 0, failed = 0;

	for (int i = 1; i < argc; i++)
		for (int with_news = 0; with_news < 2; with_news++) {
			size_t messages;
			bool is_same = file_comes_back(argv[i], with_news, &messages);

			is_same ? passed++ : failed++;
			printf("%s %s, %zu messages%s\n", is_same ? "ok" : "FAILED", argv[i],
			       messages, with_news ? " with fields of a newer version" : "");
		}
	printf("%d passed, %d failed\n", passed, failed);
	return failed || !passed;
}
