#include "pb/path.h"

#include <assert.h>

#include "pb/field.h"

/* ---- resolve ---- */

#define STEP_NAME_MAX 64

static const ProtobufCFieldDescriptor *field_by_name(const ProtobufCMessageDescriptor *type,
						     struct str name)
{
	char text[STEP_NAME_MAX];

	if (name.len >= sizeof(text))
		return NULL;
	memcpy(text, name.ptr, name.len);
	text[name.len] = '\0';
	return protobuf_c_message_descriptor_get_field_by_name(type, text);
}

bool pb_path_resolve(struct pb_path *p, const ProtobufCMessageDescriptor *type, const char *path,
		     struct err *e)
{
	struct str rest = str_of(path), step;
	bool has_more = true;

	p->count = 0;
	while (has_more) {
		const ProtobufCFieldDescriptor *f;

		has_more = str_cut(rest, '.', &step, &rest);
		f = type && p->count < PB_PATH_STEPS_MAX ? field_by_name(type, step) : NULL;
		if (!f)
			return fail(e, ERR_INVALID, "no field \"%s\" at \"%.*s\"", path,
				    STR_FMT(step));
		p->steps[p->count++] = f;
		type = f->type == PROTOBUF_C_TYPE_MESSAGE && !field_is_repeated(f) ? f->descriptor
										   : NULL;
	}
	return true;
}

/* ---- find, make, clear ---- */

static bool is_there(const ProtobufCFieldDescriptor *f, const void *message)
{
	if (field_is_repeated(f))
		return true;
	if (!field_holds(message, f))
		return false;
	return f->type != PROTOBUF_C_TYPE_MESSAGE || field_message(message, f);
}

bool pb_path_find(const struct pb_path *p, const void *message, struct pb_slot *slot)
{
	for (unsigned i = 0; i < p->count; i++) {
		if (!is_there(p->steps[i], message))
			return false;
		*slot = (struct pb_slot){ p->steps[i], (void *)message };
		if (i + 1 < p->count)
			message = field_message(message, p->steps[i]);
	}
	return true;
}

/* Members of a oneof share their bytes, which may be another member's. */
static void choose(const ProtobufCFieldDescriptor *f, struct arena *a, void *message)
{
	if (!field_in_oneof(f) || field_holds(message, f))
		return;
	memset(field_at(message, f), 0, field_value_size(f));
	*field_case(message, f) = f->id;
	if (f->type == PROTOBUF_C_TYPE_STRING)
		*(char **)field_at(message, f) = arena_strdup(a, "");
}

struct pb_slot pb_path_make(const struct pb_path *p, struct arena *a, void *message)
{
	struct pb_slot slot = { 0 };

	for (unsigned i = 0; i < p->count; i++) {
		const ProtobufCFieldDescriptor *f = p->steps[i];

		choose(f, a, message);
		slot = (struct pb_slot){ f, message };
		if (f->type != PROTOBUF_C_TYPE_MESSAGE || field_is_repeated(f))
			break;
		if (!field_message(message, f))
			*(void **)field_at(message, f) = pb_new(a, f->descriptor);
		message = field_message(message, f);
	}
	return slot;
}

void pb_path_clear(const struct pb_path *p, void *message)
{
	struct pb_slot slot;
	const ProtobufCFieldDescriptor *f;

	if (!pb_path_find(p, message, &slot))
		return;
	f = slot.field;
	if (field_is_repeated(f)) {
		*field_count(slot.message, f) = 0;
		*(void **)field_at(slot.message, f) = NULL;
		return;
	}
	memset(field_at(slot.message, f), 0, field_value_size(f));
	if (field_in_oneof(f))
		*field_case(slot.message, f) = 0;
	else if (f->type == PROTOBUF_C_TYPE_STRING)
		*(const char **)field_at(slot.message, f) = protobuf_c_empty_string;
}

/* ---- values ---- */

void *pb_slot_value(const struct pb_slot *slot)
{
	return field_at(slot->message, slot->field);
}

int64_t pb_slot_int(const struct pb_slot *slot)
{
	const void *at = pb_slot_value(slot);

	switch (slot->field->type) {
	case PROTOBUF_C_TYPE_BOOL:
		return *(const protobuf_c_boolean *)at != 0;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		return *(const uint32_t *)at;
	default:
		return field_value_size(slot->field) == 8 ? *(const int64_t *)at
							  : *(const int32_t *)at;
	}
}

static void int_range(const ProtobufCFieldDescriptor *f, int64_t *low, int64_t *high)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_BOOL:
		*low = 0, *high = 1;
		return;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		*low = 0, *high = UINT32_MAX;
		return;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		*low = INT64_MIN, *high = INT64_MAX;
		return;
	default:
		*low = INT32_MIN, *high = INT32_MAX;
		return;
	}
}

bool pb_slot_set_int(const struct pb_slot *slot, int64_t value, struct err *e)
{
	void *at = pb_slot_value(slot);
	int64_t low, high;

	int_range(slot->field, &low, &high);
	if (value < low || value > high)
		return fail(e, ERR_INVALID, "%s cannot be %lld", slot->field->name,
			    (long long)value);
	if (field_value_size(slot->field) == 8)
		*(int64_t *)at = value;
	else
		*(uint32_t *)at = (uint32_t)value;
	return true;
}

void pb_slot_set_text(const struct pb_slot *slot, struct arena *a, struct str text)
{
	assert(slot->field->type == PROTOBUF_C_TYPE_STRING && !field_is_repeated(slot->field));
	*(char **)pb_slot_value(slot) = arena_str(a, text);
}

void pb_slot_set_bytes(const struct pb_slot *slot, struct arena *a, struct str bytes)
{
	assert(slot->field->type == PROTOBUF_C_TYPE_BYTES && !field_is_repeated(slot->field));
	*(ProtobufCBinaryData *)pb_slot_value(slot) =
		(ProtobufCBinaryData){ bytes.len,
				       bytes.len > 0 ? arena_copy(a, bytes.ptr, bytes.len) : NULL };
}

/* ---- lists ---- */

size_t pb_slot_count(const struct pb_slot *slot)
{
	return *field_count(slot->message, slot->field);
}

void *pb_slot_item(const struct pb_slot *slot, size_t i)
{
	assert(i < pb_slot_count(slot));
	return *(char **)pb_slot_value(slot) + i * field_value_size(slot->field);
}

void pb_slot_set_count(const struct pb_slot *slot, struct arena *a, size_t count)
{
	const ProtobufCFieldDescriptor *f = slot->field;

	assert(field_is_repeated(f));
	*field_count(slot->message, f) = count;
	*(void **)pb_slot_value(slot) =
		count > 0 ? arena_alloc(a, count * field_value_size(f)) : NULL;
	for (size_t i = 0; i < count; i++) {
		if (f->type == PROTOBUF_C_TYPE_MESSAGE)
			*(void **)pb_slot_item(slot, i) = pb_new(a, f->descriptor);
		else if (f->type == PROTOBUF_C_TYPE_STRING)
			*(const char **)pb_slot_item(slot, i) = protobuf_c_empty_string;
	}
}

/* ---- in one step ---- */

static struct pb_path must_resolve(const void *message, const char *path)
{
	struct pb_path p;
	struct err e;
	bool ok = pb_path_resolve(&p, ((const ProtobufCMessage *)message)->descriptor, path, &e);

	assert(ok);
	(void)ok;
	return p;
}

const char *pb_get_text(const void *message, const char *path)
{
	struct pb_path p = must_resolve(message, path);
	struct pb_slot slot;

	assert(pb_path_field(&p)->type == PROTOBUF_C_TYPE_STRING);
	return pb_path_find(&p, message, &slot) ? *(char **)pb_slot_value(&slot) : NULL;
}

int64_t pb_get_int(const void *message, const char *path)
{
	struct pb_path p = must_resolve(message, path);
	struct pb_slot slot;

	return pb_path_find(&p, message, &slot) ? pb_slot_int(&slot) : 0;
}

void pb_set_text(struct arena *a, void *message, const char *path, const char *text)
{
	struct pb_path p = must_resolve(message, path);
	struct pb_slot slot = pb_path_make(&p, a, message);

	pb_slot_set_text(&slot, a, str_of(text));
}

void pb_set_int(struct arena *a, void *message, const char *path, int64_t value)
{
	struct pb_path p = must_resolve(message, path);
	struct pb_slot slot = pb_path_make(&p, a, message);
	struct err e;
	bool fits = pb_slot_set_int(&slot, value, &e);

	assert(fits);
	(void)fits;
}
