#include "pb/copy.h"

#include <assert.h>

#include "pb/field.h"
#include "pb/pool.h"

/* While measuring `structs` and `text` only count: nothing is written. */
struct copier {
	enum copy_how how;
	struct pb_pool *pool;
	char *block; /* NULL while measuring */
	struct copy_room used;
	size_t text_at; /* where text begins in the block */
};

static void *copy_message(struct copier *c, const ProtobufCMessage *from);

static size_t round_up(size_t size)
{
	return (size + 7) & ~(size_t)7;
}

/* Room for a struct or a list, with `from` copied into it; NULL while measuring. */
static void *take_struct(struct copier *c, const void *from, size_t size)
{
	char *at = c->block ? c->block + c->used.structs : NULL;

	c->used.structs += round_up(size);
	return at ? memcpy(at, from, size) : NULL;
}

static void *take_text(struct copier *c, const void *from, size_t size)
{
	char *at = c->block ? c->block + c->text_at + c->used.text : NULL;

	c->used.text += size;
	return at ? memcpy(at, from, size) : NULL;
}

/* In a oneof even "" needs memory: protobuf-c takes its own empty string for "unset" there. */
static const char *copy_string(struct copier *c, const ProtobufCFieldDescriptor *f,
			       const char *from)
{
	if (!from || (!*from && !field_in_oneof(f)))
		return protobuf_c_empty_string;
	return take_text(c, from, strlen(from) + 1);
}

/* Copy the memory that the value at `from` points to, and let the value at `to` point there.
 * `to` is NULL while measuring. */
static void copy_value(struct copier *c, const ProtobufCFieldDescriptor *f, const void *from,
		       void *to)
{
	const void *copy;

	if (f->type == PROTOBUF_C_TYPE_BYTES) {
		const ProtobufCBinaryData *bytes = from;

		copy = bytes->len > 0 ? take_text(c, bytes->data, bytes->len) : NULL;
		if (to)
			*(ProtobufCBinaryData *)to =
				(ProtobufCBinaryData){ bytes->len, (uint8_t *)copy };
		return;
	}
	if (f->type == PROTOBUF_C_TYPE_STRING)
		copy = copy_string(c, f, *(char *const *)from);
	else
		copy = copy_message(c, *(ProtobufCMessage *const *)from);
	if (to)
		*(const void **)to = copy;
}

static void copy_list(struct copier *c, const ProtobufCFieldDescriptor *f,
		      const ProtobufCMessage *from, void *to)
{
	size_t count = *field_count(from, f), size = field_value_size(f);
	const char *items = *(char *const *)field_at(from, f);
	char *copies = NULL;

	if (count > 0)
		copies = take_struct(c, items, count * size);
	if (to)
		*(void **)field_at(to, f) = copies;
	for (size_t i = 0; field_has_memory(f) && i < count; i++)
		copy_value(c, f, items + i * size, copies ? copies + i * size : NULL);
}

static void copy_shared(struct copier *c, const ProtobufCFieldDescriptor *f, const void *from,
			void *to)
{
	const void **at;

	if (!to || c->how != COPY_KEEP)
		return;
	at = field_at(to, f);
	if (f->type == PROTOBUF_C_TYPE_STRING)
		*at = pool_take_text(c->pool, field_text(field_at(from, f)));
	else
		*at = pool_take(c->pool, field_message(from, f));
}

static void copy_field(struct copier *c, const ProtobufCFieldDescriptor *f, bool is_shared,
		       const ProtobufCMessage *from, void *to)
{
	if (field_is_repeated(f)) {
		copy_list(c, f, from, to);
		return;
	}
	if (!field_has_memory(f) || !field_holds(from, f))
		return;
	if (f->type == PROTOBUF_C_TYPE_MESSAGE && !field_message(from, f))
		return;
	if (is_shared) {
		copy_shared(c, f, from, to);
		return;
	}
	copy_value(c, f, field_at(from, f), to ? field_at(to, f) : NULL);
}

static void copy_unknown(struct copier *c, const ProtobufCMessage *from, ProtobufCMessage *to)
{
	ProtobufCMessageUnknownField *copies = NULL;

	if (from->n_unknown_fields > 0)
		copies = take_struct(c, from->unknown_fields,
				     from->n_unknown_fields * sizeof(*copies));
	if (to)
		to->unknown_fields = copies;
	for (unsigned i = 0; i < from->n_unknown_fields; i++) {
		uint8_t *data =
			take_text(c, from->unknown_fields[i].data, from->unknown_fields[i].len);

		if (copies)
			copies[i].data = data;
	}
}

static void *copy_message(struct copier *c, const ProtobufCMessage *from)
{
	ProtobufCMessage *to = take_struct(c, from, from->descriptor->sizeof_message);
	uint64_t shared = c->how == COPY_DEEP ? 0 : pool_fields(from->descriptor);

	for (unsigned i = 0; i < from->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &from->descriptor->fields[i];

		copy_field(c, f, fields_have(shared, f), from, to);
	}
	copy_unknown(c, from, to);
	return to;
}

struct copy_room copy_measure(const ProtobufCMessage *message, enum copy_how how)
{
	struct copier c = { .how = how };

	copy_message(&c, message);
	return c.used;
}

void copy_into(void *block, struct copy_room room, const ProtobufCMessage *message,
	       enum copy_how how, struct pb_pool *pool)
{
	struct copier c = { .how = how, .pool = pool, .block = block, .text_at = room.structs };

	copy_message(&c, message);
	assert(c.used.structs == room.structs && c.used.text == room.text);
}

void *pb_dup(struct arena *a, const void *message)
{
	struct copy_room room;
	void *copy;

	if (!message)
		return NULL;
	room = copy_measure(message, COPY_DEEP);
	copy = arena_alloc(a, copy_bytes(room));
	copy_into(copy, room, message, COPY_DEEP, NULL);
	return copy;
}
