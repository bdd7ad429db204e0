#include "docker/dialect.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "docker/inside.h"
#include "pb/path.h"

static bool applies(const struct dialect_field *f, int version)
{
	return !(f->flags & READ_ONLY) && (f->since == 0 || version >= f->since) &&
	       (f->until == 0 || version < f->until);
}

static bool is_list(enum dialect_kind kind)
{
	return kind == DIALECT_TEXTS || kind == DIALECT_INTS || kind == DIALECT_MAP ||
	       kind == DIALECT_SET || kind == DIALECT_OBJECTS || kind == DIALECT_KEYED;
}

static const ProtobufCMessage *message_in(const struct pb_slot *slot)
{
	return *(ProtobufCMessage **)pb_slot_value(slot);
}

static struct str bytes_in(const struct pb_slot *slot)
{
	const ProtobufCBinaryData *b = pb_slot_value(slot);

	return str_bytes(b->data, b->len);
}

/* The field is unset, or set to what a zero value would be. */
static bool is_empty(const struct dialect_field *f, const struct pb_slot *slot)
{
	switch (f->kind) {
	case DIALECT_TEXT:
		return (*(char **)pb_slot_value(slot))[0] == '\0';
	case DIALECT_FLOAT:
		return *(float *)pb_slot_value(slot) == 0;
	case DIALECT_BYTES:
	case DIALECT_PEM:
		return bytes_in(slot).len == 0;
	case DIALECT_SPAN: {
		const Pb__Duration *d = (const Pb__Duration *)message_in(slot);

		return d->seconds == 0 && d->nanos == 0;
	}
	case DIALECT_TIME:
	case DIALECT_OBJECT:
	case DIALECT_GROUP:
		return false;
	case DIALECT_INT:
	case DIALECT_BOOL:
	case DIALECT_WORD:
	case DIALECT_TIME_NS:
	case DIALECT_TIME_S:
		return pb_slot_int(slot) == 0;
	default:
		return pb_slot_count(slot) == 0;
	}
}

static void write_zero(struct json *j, const struct dialect_field *f)
{
	char zero_time[RFC3339_MAX];

	switch (f->kind) {
	case DIALECT_INT:
	case DIALECT_SPAN:
	case DIALECT_FLOAT:
	case DIALECT_TIME_S:
		json_int(j, f->key, 0);
		return;
	case DIALECT_BOOL:
		json_bool(j, f->key, false);
		return;
	case DIALECT_TIME:
	case DIALECT_TIME_NS:
		rfc3339_write(0, 0, zero_time);
		json_text(j, f->key, zero_time);
		return;
	case DIALECT_TEXTS:
	case DIALECT_INTS:
	case DIALECT_OBJECTS:
		json_open_list(j, f->key);
		json_close(j);
		return;
	case DIALECT_MAP:
	case DIALECT_SET:
	case DIALECT_KEYED:
	case DIALECT_OBJECT:
	case DIALECT_GROUP:
		json_open_object(j, f->key);
		json_close(j);
		return;
	default:
		json_text(j, f->key, "");
	}
}

static void write_word(struct json *j, const struct dialect_field *f, const struct pb_slot *slot)
{
	int value = (int)pb_slot_int(slot);
	const char *name;
	char lower[64];
	size_t i;

	for (const struct dialect_word *w = f->words; w && w->word; w++)
		if (w->value == value) {
			json_text(j, f->key, w->word);
			return;
		}
	name = pb_enum_name(slot->field->descriptor, value);
	for (i = 0; name && name[i] && i + 1 < sizeof(lower); i++)
		lower[i] = (char)tolower((unsigned char)name[i]);
	lower[i] = '\0';
	json_text(j, f->key, lower);
}

static void write_time_ns(struct json *j, const char *key, int64_t ns)
{
	char text[RFC3339_MAX];
	int64_t seconds = ns / 1000000000;
	int64_t nanos = ns % 1000000000;

	if (nanos < 0) {
		nanos += 1000000000;
		seconds--;
	}
	rfc3339_write(seconds, (int32_t)nanos, text);
	json_text(j, key, text);
}

static void write_base64(struct json *j, const char *key, struct str bytes)
{
	AUTO_BUF struct buf text = BUF_MAX(bytes.len * 2 + 8);

	if (base64_write(bytes, &text))
		json_str(j, key, buf_str(&text));
}

static void write_map(struct json *j, const struct dialect_field *f, const struct pb_slot *slot)
{
	json_open_object(j, f->key);
	for (size_t i = 0; i < pb_slot_count(slot); i++) {
		const Pb__MapEntry *entry = *(Pb__MapEntry **)pb_slot_item(slot, i);

		json_text(j, entry->key, entry->value);
	}
	json_close(j);
}

static void write_texts(struct json *j, const struct dialect_field *f, const struct pb_slot *slot)
{
	bool is_set = f->kind == DIALECT_SET;

	if (is_set)
		json_open_object(j, f->key);
	else
		json_open_list(j, f->key);
	for (size_t i = 0; i < pb_slot_count(slot); i++) {
		const char *text = *(char **)pb_slot_item(slot, i);

		if (is_set) {
			json_open_object(j, text);
			json_close(j);
		} else {
			json_text(j, NULL, text);
		}
	}
	json_close(j);
}

static void write_ints(struct json *j, const struct dialect_field *f, const struct pb_slot *slot)
{
	json_open_list(j, f->key);
	for (size_t i = 0; i < pb_slot_count(slot); i++)
		json_int(j, NULL, *(int64_t *)pb_slot_item(slot, i));
	json_close(j);
}

static void write_objects(struct json *j, const struct dialect_field *f, const struct pb_slot *slot,
			  int version)
{
	bool is_keyed = f->kind == DIALECT_KEYED;

	if (is_keyed)
		json_open_object(j, f->key);
	else
		json_open_list(j, f->key);
	for (size_t i = 0; i < pb_slot_count(slot); i++) {
		const void *item = *(void **)pb_slot_item(slot, i);

		dialect_write(j, is_keyed ? pb_get_text(item, f->key_field) : NULL, f->sub, item,
			      version);
	}
	json_close(j);
}

static void write_value(struct json *j, const struct dialect_field *f, const struct pb_slot *slot,
			const void *message, int version)
{
	switch (f->kind) {
	case DIALECT_TEXT:
		json_text(j, f->key, *(char **)pb_slot_value(slot));
		return;
	case DIALECT_INT:
		if (slot->field->type == PROTOBUF_C_TYPE_UINT64)
			json_uint(j, f->key, (uint64_t)pb_slot_int(slot));
		else
			json_int(j, f->key, pb_slot_int(slot));
		return;
	case DIALECT_BOOL:
		json_bool(j, f->key, pb_slot_int(slot) != 0);
		return;
	case DIALECT_FLOAT:
		json_float(j, f->key, *(float *)pb_slot_value(slot));
		return;
	case DIALECT_WORD:
		write_word(j, f, slot);
		return;
	case DIALECT_SPAN: {
		const Pb__Duration *d = (const Pb__Duration *)message_in(slot);
		int64_t ns;

		/* Beyond 292 years there is no number of nanoseconds: as Go does, the nearest. */
		if (__builtin_mul_overflow(d->seconds, INT64_C(1000000000), &ns) ||
		    __builtin_add_overflow(ns, d->nanos, &ns))
			ns = d->seconds < 0 ? INT64_MIN : INT64_MAX;
		json_int(j, f->key, ns);
		return;
	}
	case DIALECT_TIME: {
		const Pb__Timestamp *t = (const Pb__Timestamp *)message_in(slot);
		char text[RFC3339_MAX];

		rfc3339_write(t->seconds, t->nanos, text);
		json_text(j, f->key, text);
		return;
	}
	case DIALECT_TIME_NS:
		write_time_ns(j, f->key, pb_slot_int(slot));
		return;
	case DIALECT_TIME_S:
		json_int(j, f->key, pb_slot_int(slot) / 1000000000);
		return;
	case DIALECT_BYTES:
		write_base64(j, f->key, bytes_in(slot));
		return;
	case DIALECT_PEM:
		json_str(j, f->key, bytes_in(slot));
		return;
	case DIALECT_MAP:
		write_map(j, f, slot);
		return;
	case DIALECT_TEXTS:
	case DIALECT_SET:
		write_texts(j, f, slot);
		return;
	case DIALECT_INTS:
		write_ints(j, f, slot);
		return;
	case DIALECT_OBJECTS:
	case DIALECT_KEYED:
		write_objects(j, f, slot, version);
		return;
	case DIALECT_OBJECT:
		dialect_write(j, f->key, f->sub, message_in(slot), version);
		return;
	case DIALECT_GROUP:
		dialect_write(j, f->key, f->sub, message, version);
		return;
	case DIALECT_MEMBERS:
	case DIALECT_OWN:
		assert(!"written by write_field");
	}
}

static void write_field(struct json *j, const struct dialect *d, const struct dialect_field *f,
			const void *message, int version)
{
	struct pb_path path;
	struct pb_slot slot = { 0 };
	struct err e;
	bool is_set;

	if (f->kind == DIALECT_OWN) {
		f->own->write(j, f->key, message, version);
		return;
	}
	if (!pb_path_resolve(&path, d->type, f->path, &e))
		assert(!"a path of the table is a field of its message");
	is_set = pb_path_find(&path, message, &slot);
	if (f->kind == DIALECT_MEMBERS) {
		if (is_set)
			dialect_write_members(j, f->sub, message_in(&slot), version);
		return;
	}
	if (!is_set && (f->flags & (OMIT_EMPTY | OMIT_UNSET)))
		return;
	if (is_set && (f->flags & OMIT_EMPTY) && is_empty(f, &slot))
		return;
	if ((f->flags & NULL_UNSET) &&
	    (!is_set || (is_list(f->kind) && pb_slot_count(&slot) == 0 && path.count == 1))) {
		json_none(j, f->key);
		return;
	}
	if (!is_set)
		write_zero(j, f);
	else
		write_value(j, f, &slot, message, version);
}

void dialect_write_members(struct json *j, const struct dialect *d, const void *message,
			   int version)
{
	for (const struct dialect_field *f = d->fields; f->key || f->path; f++)
		if (applies(f, version))
			write_field(j, d, f, message, version);
}

void dialect_write(struct json *j, const char *key, const struct dialect *d, const void *message,
		   int version)
{
	if (!message) {
		json_none(j, key);
		return;
	}
	json_open_object(j, key);
	dialect_write_members(j, d, message, version);
	json_close(j);
}
