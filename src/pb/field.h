/* Inside pb/ only: how a field lies in its message's struct, read from its descriptor. */
#ifndef SHOAL_PB_FIELD_H
#define SHOAL_PB_FIELD_H

#include "pb/pb.h"

static inline void *field_at(const void *message, const ProtobufCFieldDescriptor *f)
{
	return (char *)message + f->offset;
}

static inline bool field_is_repeated(const ProtobufCFieldDescriptor *f)
{
	return f->label == PROTOBUF_C_LABEL_REPEATED;
}

/* How many items a repeated field has. */
static inline size_t *field_count(const void *message, const ProtobufCFieldDescriptor *f)
{
	return (size_t *)((char *)message + f->quantifier_offset);
}

static inline bool field_in_oneof(const ProtobufCFieldDescriptor *f)
{
	return (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
}

/* Which member of the field's oneof holds: a field number, 0 for none. */
static inline uint32_t *field_case(const void *message, const ProtobufCFieldDescriptor *f)
{
	return (uint32_t *)((char *)message + f->quantifier_offset);
}

/* False for the members of a oneof that do not hold: their bytes mean nothing. */
static inline bool field_holds(const void *message, const ProtobufCFieldDescriptor *f)
{
	return !field_in_oneof(f) || *field_case(message, f) == f->id;
}

static inline ProtobufCMessage *field_message(const void *message,
					      const ProtobufCFieldDescriptor *f)
{
	return *(ProtobufCMessage **)field_at(message, f);
}

/* Strings, bytes and messages point at memory of their own; numbers do not. */
static inline bool field_has_memory(const ProtobufCFieldDescriptor *f)
{
	return f->type == PROTOBUF_C_TYPE_STRING || f->type == PROTOBUF_C_TYPE_BYTES ||
	       f->type == PROTOBUF_C_TYPE_MESSAGE;
}

/* Bytes of one value in memory. */
static inline size_t field_value_size(const ProtobufCFieldDescriptor *f)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return 8;
	default:
		return 4;
	}
}

/* A number as 64 bits that are equal exactly for equal values (-0.0 is 0.0). */
static inline uint64_t field_number(const ProtobufCFieldDescriptor *f, const void *at)
{
	uint64_t wide;
	uint32_t narrow;

	if (f->type == PROTOBUF_C_TYPE_BOOL)
		return *(const protobuf_c_boolean *)at != 0;
	if (f->type == PROTOBUF_C_TYPE_FLOAT) {
		memcpy(&narrow, at, sizeof(narrow));
		return narrow == UINT32_C(1) << 31 ? 0 : narrow;
	}
	if (field_value_size(f) == 8) {
		memcpy(&wide, at, sizeof(wide));
		if (f->type == PROTOBUF_C_TYPE_DOUBLE && wide == UINT64_C(1) << 63)
			return 0;
		return wide;
	}
	memcpy(&narrow, at, sizeof(narrow));
	return narrow;
}

static inline struct str field_text(const void *at)
{
	const char *text = *(const char *const *)at;

	return text ? str_of(text) : STR("");
}

static inline struct str field_bytes(const void *at)
{
	const ProtobufCBinaryData *b = at;

	return str_bytes(b->data, b->len);
}

/* Is the list a map? Then its order means nothing and field 1 of its items is the key. */
static inline bool field_is_map(const ProtobufCFieldDescriptor *f)
{
	return field_is_repeated(f) && (f->descriptor == &pb__map_entry__descriptor ||
					f->descriptor == &pb__blacklist_entry__descriptor);
}

static inline const char *map_key(const void *entry)
{
	const char *key = ((const Pb__MapEntry *)entry)->key;

	return key ? key : "";
}

/* As pb_digest(), of text. */
struct pb_digest digest_text(struct str text);

/* The items of a map, sorted by key; of items with one key, those set earlier come first. */
void map_sort(ProtobufCMessage **items, size_t count);

/* Sets of a type's fields, by number. */
#define FIELD(number) (UINT64_C(1) << (number))
static inline bool fields_have(uint64_t fields, const ProtobufCFieldDescriptor *f)
{
	return f->id < 64 && (fields >> f->id & 1);
}

/* Which sub-messages of `type` are always there. */
uint64_t always_fields(const ProtobufCMessageDescriptor *type);
/* Make those that are missing. */
void always_make(struct arena *a, ProtobufCMessage *message);

#endif
