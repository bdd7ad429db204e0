/* Messages to bytes and back: protobuf-c does the work, this file states the limits.
 *
 * Decoding costs memory out of proportion to the bytes when a sender wants it to: two bytes can
 * stand for a sub-message of 200. So memory has a limit too, given in terms of the bytes. Real
 * messages take three to six times their size. */

#include "pb/field.h"

#define MEMORY_PER_BYTE 16
#define MEMORY_FREE     (1 << 20)

struct budget {
	struct arena *arena;
	size_t used_max; /* of arena->used_bytes */
	bool is_spent;
};

size_t pb_encoded_size(const void *message)
{
	return protobuf_c_message_get_packed_size(message);
}

bool pb_encode(const void *message, struct buf *out)
{
	uint8_t *room = buf_extend(out, pb_encoded_size(message));

	if (!room)
		return false;
	protobuf_c_message_pack(message, room);
	return true;
}

static void *budget_alloc(void *self, size_t size)
{
	struct budget *b = self;

	if (size > b->used_max - b->arena->used_bytes) {
		b->is_spent = true;
		return NULL;
	}
	return arena_alloc(b->arena, size);
}

static void budget_free(void *self, void *memory)
{
}

/* Sort, and of items with one key keep the last, as the reference's decoder does. */
static void tidy_map(ProtobufCMessage **items, size_t *count)
{
	size_t kept = 0;

	map_sort(items, *count);
	for (size_t i = 0; i < *count; i++) {
		const char *key = map_key(items[i]);

		if (i + 1 == *count || strcmp(key, map_key(items[i + 1])) != 0)
			items[kept++] = items[i];
	}
	*count = kept;
}

/* There is no field 0. protobuf-c refuses it only where it is written in one byte, and what it
 * then keeps as unknown it could not read again. */
static bool has_field_zero(const ProtobufCMessage *message)
{
	for (unsigned i = 0; i < message->n_unknown_fields; i++)
		if (message->unknown_fields[i].tag == 0)
			return true;
	return false;
}

static bool tidy(struct budget *b, ProtobufCMessage *message);

static bool tidy_list(struct budget *b, const ProtobufCFieldDescriptor *f,
		      ProtobufCMessage *message)
{
	ProtobufCMessage **items = *(ProtobufCMessage ***)field_at(message, f);
	size_t *count = field_count(message, f);

	for (size_t i = 0; i < *count; i++)
		if (!tidy(b, items[i]))
			return false;
	if (field_is_map(f))
		tidy_map(items, count);
	return true;
}

/* What decoded messages promise beyond what protobuf-c gives (pb.h). */
static bool tidy(struct budget *b, ProtobufCMessage *message)
{
	if (has_field_zero(message))
		return false;
	always_make(b->arena, message);
	if (b->arena->used_bytes > b->used_max) {
		b->is_spent = true;
		return false;
	}

	for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &message->descriptor->fields[i];

		if (f->type != PROTOBUF_C_TYPE_MESSAGE)
			continue;
		if (field_is_repeated(f) ? !tidy_list(b, f, message)
					 : field_holds(message, f) && field_message(message, f) &&
						   !tidy(b, field_message(message, f)))
			return false;
	}
	return true;
}

void *pb_decode(struct arena *a, const ProtobufCMessageDescriptor *type, struct str bytes,
		size_t size_max, struct err *e)
{
	struct budget budget = {
		.arena = a,
		.used_max = a->used_bytes + bytes.len * MEMORY_PER_BYTE + MEMORY_FREE,
	};
	ProtobufCAllocator allocator = { budget_alloc, budget_free, &budget };
	ProtobufCMessage *message;

	if (bytes.len > size_max) {
		fail(e, ERR_EXHAUSTED, "%s of %zu bytes is larger than the %zu allowed",
		     type->short_name, bytes.len, size_max);
		return NULL;
	}
	message =
		protobuf_c_message_unpack(type, &allocator, bytes.len, (const uint8_t *)bytes.ptr);
	if (message && tidy(&budget, message))
		return message;
	if (budget.is_spent)
		fail(e, ERR_EXHAUSTED, "%s of %zu bytes needs too much memory", type->short_name,
		     bytes.len);
	else
		fail(e, ERR_INVALID, "the %zu bytes are not a %s", bytes.len, type->short_name);
	return NULL;
}
