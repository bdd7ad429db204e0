/* Are two messages equal, and a digest that is the same when they are.
 *
 * Both see the same things, so whatever one ignores the other must: an always-there sub-message
 * that is missing is as an empty one, an unset string is "", the order of a map is nothing. A
 * digest is two lanes of multiply-and-fold (128-bit product, halves xored), an idea of Wang Yi's
 * wyhash; the constants are odd and have as many ones as zeroes. */

#include "pb/field.h"

#include <endian.h>

#include "base/mem.h"

/* ---- equal ---- */

static bool same_message(const ProtobufCMessageDescriptor *type, const void *a, const void *b);

static bool same_value(const ProtobufCFieldDescriptor *f, const void *a, const void *b)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
		return str_equal(field_text(a), field_text(b));
	case PROTOBUF_C_TYPE_BYTES:
		return str_equal(field_bytes(a), field_bytes(b));
	case PROTOBUF_C_TYPE_MESSAGE:
		return same_message(f->descriptor, *(void *const *)a, *(void *const *)b);
	default:
		return field_number(f, a) == field_number(f, b);
	}
}

static bool same_list(const ProtobufCFieldDescriptor *f, const char *a, const char *b, size_t count)
{
	size_t size = field_value_size(f);

	for (size_t i = 0; i < count; i++)
		if (!same_value(f, a + i * size, b + i * size))
			return false;
	return true;
}

static bool same_map(const ProtobufCFieldDescriptor *f, const void *a, const void *b, size_t count)
{
	AUTO_FREE ProtobufCMessage **sorted_a = xmemdup(a, count * sizeof(*sorted_a));
	AUTO_FREE ProtobufCMessage **sorted_b = xmemdup(b, count * sizeof(*sorted_b));

	map_sort(sorted_a, count);
	map_sort(sorted_b, count);
	return same_list(f, (const char *)sorted_a, (const char *)sorted_b, count);
}

static bool same_repeated(const ProtobufCFieldDescriptor *f, const void *a, const void *b)
{
	size_t count = *field_count(a, f);
	const void *items_a = *(void *const *)field_at(a, f);
	const void *items_b = *(void *const *)field_at(b, f);

	if (count != *field_count(b, f))
		return false;
	if (count == 0 || same_list(f, items_a, items_b, count))
		return true;
	return field_is_map(f) && same_map(f, items_a, items_b, count);
}

static bool same_field(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *f,
		       const void *a, const void *b)
{
	const void *at_a, *at_b;

	if (field_is_repeated(f))
		return same_repeated(f, a, b);
	if (field_in_oneof(f)) {
		if (field_holds(a, f) != field_holds(b, f))
			return false;
		if (!field_holds(a, f))
			return true;
	}
	at_a = field_at(a, f);
	at_b = field_at(b, f);
	if (f->type == PROTOBUF_C_TYPE_MESSAGE &&
	    (*(void *const *)at_a == NULL) != (*(void *const *)at_b == NULL) &&
	    !fields_have(always_fields(type), f))
		return false;
	return same_value(f, at_a, at_b);
}

static bool same_unknown(const ProtobufCMessage *a, const ProtobufCMessage *b)
{
	if (a->n_unknown_fields != b->n_unknown_fields)
		return false;
	for (unsigned i = 0; i < a->n_unknown_fields; i++) {
		const ProtobufCMessageUnknownField *x = &a->unknown_fields[i];
		const ProtobufCMessageUnknownField *y = &b->unknown_fields[i];

		if (x->tag != y->tag || x->wire_type != y->wire_type ||
		    !str_equal(str_bytes(x->data, x->len), str_bytes(y->data, y->len)))
			return false;
	}
	return true;
}

/* NULL stands for an empty message. */
static bool same_message(const ProtobufCMessageDescriptor *type, const void *a, const void *b)
{
	AUTO_ARENA struct arena scratch = { 0 };

	if (a == b)
		return true;
	if (!a)
		a = pb_new(&scratch, type);
	if (!b)
		b = pb_new(&scratch, type);
	for (unsigned i = 0; i < type->n_fields; i++)
		if (!same_field(type, &type->fields[i], a, b))
			return false;
	return same_unknown(a, b);
}

bool pb_equal(const void *a, const void *b)
{
	const ProtobufCMessage *x = a, *y = b;

	if (!x || !y)
		return x == y;
	return x->descriptor == y->descriptor && same_message(x->descriptor, x, y);
}

/* ---- digest ---- */

static void mix_message(struct pb_digest *d, const ProtobufCMessageDescriptor *type,
			const ProtobufCMessage *message);

static uint64_t fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static void mix(struct pb_digest *d, uint64_t word)
{
	d->high = fold(d->high ^ word, UINT64_C(0xb4d2e1936a5cc387)) + word;
	d->low = fold(d->low + word, UINT64_C(0x9c5a36e1d278b54d)) ^ d->high;
}

static void mix_bytes(struct pb_digest *d, struct str s)
{
	mix(d, s.len);
	while (s.len > 0) {
		uint64_t word = 0;
		size_t part = s.len < sizeof(word) ? s.len : sizeof(word);

		memcpy(&word, s.ptr, part);
		mix(d, le64toh(word));
		s = str_bytes(s.ptr + part, s.len - part);
	}
}

static void mix_value(struct pb_digest *d, const ProtobufCFieldDescriptor *f, const void *at)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
		mix_bytes(d, field_text(at));
		return;
	case PROTOBUF_C_TYPE_BYTES:
		mix_bytes(d, field_bytes(at));
		return;
	case PROTOBUF_C_TYPE_MESSAGE:
		mix_message(d, f->descriptor, *(ProtobufCMessage *const *)at);
		return;
	default:
		mix(d, field_number(f, at));
		return;
	}
}

/* A sum does not know the order of its terms. */
static void mix_map(struct pb_digest *d, const ProtobufCFieldDescriptor *f,
		    ProtobufCMessage *const *items, size_t count)
{
	struct pb_digest sum = { 0 };

	for (size_t i = 0; i < count; i++) {
		struct pb_digest one = { 1, 1 };

		mix_message(&one, f->descriptor, items[i]);
		sum.high += one.high;
		sum.low += one.low;
	}
	mix(d, sum.high);
	mix(d, sum.low);
}

static void mix_repeated(struct pb_digest *d, const ProtobufCFieldDescriptor *f,
			 const void *message)
{
	size_t count = *field_count(message, f);
	const char *items = *(char *const *)field_at(message, f);

	if (count == 0)
		return;
	mix(d, f->id);
	mix(d, count);
	if (field_is_map(f)) {
		mix_map(d, f, (ProtobufCMessage *const *)items, count);
		return;
	}
	for (size_t i = 0; i < count; i++)
		mix_value(d, f, items + i * field_value_size(f));
}

/* Unset fields leave no trace, so a field added to proto/ changes no digest until it is used. */
static bool is_unset(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *f,
		     const void *message)
{
	const void *at = field_at(message, f);

	if (field_in_oneof(f))
		return !field_holds(message, f);
	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
		return field_text(at).len == 0;
	case PROTOBUF_C_TYPE_BYTES:
		return field_bytes(at).len == 0;
	case PROTOBUF_C_TYPE_MESSAGE:
		return !field_message(message, f) && !fields_have(always_fields(type), f);
	default:
		return field_number(f, at) == 0;
	}
}

/* NULL stands for an empty message. */
static void mix_message(struct pb_digest *d, const ProtobufCMessageDescriptor *type,
			const ProtobufCMessage *message)
{
	AUTO_ARENA struct arena scratch = { 0 };

	if (!message)
		message = pb_new(&scratch, type);
	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &type->fields[i];

		if (field_is_repeated(f)) {
			mix_repeated(d, f, message);
		} else if (!is_unset(type, f, message)) {
			mix(d, f->id);
			mix_value(d, f, field_at(message, f));
		}
	}
	for (unsigned i = 0; i < message->n_unknown_fields; i++) {
		const ProtobufCMessageUnknownField *u = &message->unknown_fields[i];

		mix(d, (uint64_t)u->tag << 32 | u->wire_type);
		mix_bytes(d, str_bytes(u->data, u->len));
	}
	mix(d, 0); /* the end: no field has number 0 */
}

struct pb_digest digest_text(struct str text)
{
	struct pb_digest d = { UINT64_C(0xd1b54a32d192ed03), UINT64_C(0x8cb92ba72f3d8dd7) };

	mix_bytes(&d, text);
	mix(&d, d.high);
	return d;
}

struct pb_digest pb_digest(const void *message)
{
	const ProtobufCMessage *m = message;
	struct pb_digest d = digest_text(str_of(m->descriptor->name));

	mix_message(&d, m->descriptor, m);
	mix(&d, d.high);
	return d;
}

int pb_digest_compare(struct pb_digest a, struct pb_digest b)
{
	if (a.high != b.high)
		return a.high < b.high ? -1 : 1;
	if (a.low != b.low)
		return a.low < b.low ? -1 : 1;
	return 0;
}
