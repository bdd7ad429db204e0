#include "docker/dialect.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>

#include "docker/inside.h"
#include "pb/map.h"
#include "pb/path.h"

struct reader {
	struct arena *arena;
	int version;
	struct err *err;
};

static bool read_object(struct reader *r, const struct dialect *d, void *message,
			const json_t *object);

bool wrong_type(struct err *e, const char *wanted)
{
	return fail(e, ERR_INVALID, "must be %s", wanted);
}

static struct str text_of(const json_t *value)
{
	return str_bytes(json_string_value(value), json_string_length(value));
}

static bool read_int(struct reader *r, struct pb_slot *slot, const json_t *value)
{
	if (json_is_integer(value))
		return pb_slot_set_int(slot, json_integer_value(value), r->err);
	/* 5e9 and 1.0 are integers to people who write JSON by hand, but not to Go. */
	return wrong_type(r->err, "an integer");
}

static bool read_word(struct reader *r, const struct dialect_field *f, struct pb_slot *slot,
		      const json_t *value)
{
	int number;

	if (!json_is_string(value))
		return wrong_type(r->err, "a string");
	for (const struct dialect_word *w = f->words; w && w->word; w++)
		if (str_equal_c(text_of(value), w->word))
			return pb_slot_set_int(slot, w->value, r->err);
	if (!f->words && pb_enum_parse(slot->field->descriptor, text_of(value), &number))
		return pb_slot_set_int(slot, number, r->err);
	/* The sentence that the reference has for it, the key in it. */
	return fail(r->err, ERR_INVALID, "invalid %s: \"%.*s\"", f->key, STR_FMT(text_of(value)));
}

static bool read_span(struct reader *r, struct pb_slot *slot, const json_t *value)
{
	Pb__Duration *d = *(Pb__Duration **)pb_slot_value(slot);

	if (!json_is_integer(value))
		return wrong_type(r->err, "an integer");
	d->seconds = json_integer_value(value) / 1000000000;
	d->nanos = (int32_t)(json_integer_value(value) % 1000000000);
	return true;
}

static bool read_time(struct reader *r, const struct dialect_field *f, struct pb_slot *slot,
		      const json_t *value)
{
	int64_t seconds;
	int32_t nanos;

	if (!json_is_string(value) || !rfc3339_read(text_of(value), &seconds, &nanos))
		return wrong_type(r->err, "a time as in RFC 3339");
	if (f->kind == DIALECT_TIME) {
		Pb__Timestamp *t = *(Pb__Timestamp **)pb_slot_value(slot);

		t->seconds = seconds;
		t->nanos = nanos;
		return true;
	}
	if (seconds > INT64_MAX / 1000000000 - 1 || seconds < INT64_MIN / 1000000000 + 1)
		return wrong_type(r->err, "a time between 1678 and 2262");
	return pb_slot_set_int(slot, seconds * 1000000000 + nanos, r->err);
}

static bool read_bytes(struct reader *r, const struct dialect_field *f, struct pb_slot *slot,
		       const json_t *value)
{
	struct str bytes;

	if (!json_is_string(value))
		return wrong_type(r->err, "a string");
	if (f->kind == DIALECT_PEM)
		bytes = text_of(value);
	else if (!base64_read(r->arena, text_of(value), &bytes))
		return wrong_type(r->err, "base64");
	pb_slot_set_bytes(slot, r->arena, bytes);
	return true;
}

static bool read_texts(struct reader *r, const struct dialect_field *f, struct pb_slot *slot,
		       const json_t *value)
{
	size_t i;
	json_t *item;

	if ((f->flags & OR_TEXT) && json_is_string(value)) {
		pb_slot_set_count(slot, r->arena, 1);
		*(char **)pb_slot_item(slot, 0) = arena_str(r->arena, text_of(value));
		return true;
	}
	if (!json_is_array(value))
		return wrong_type(r->err, "a list of strings");
	pb_slot_set_count(slot, r->arena, json_array_size(value));
	json_array_foreach((json_t *)value, i, item)
	{
		if (!json_is_string(item) && !json_is_null(item))
			return wrong_type(r->err, "a list of strings");
		if (json_is_string(item))
			*(char **)pb_slot_item(slot, i) = arena_str(r->arena, text_of(item));
	}
	return true;
}

static bool read_ints(struct reader *r, struct pb_slot *slot, const json_t *value)
{
	size_t i;
	json_t *item;

	if (!json_is_array(value))
		return wrong_type(r->err, "a list of integers");
	pb_slot_set_count(slot, r->arena, json_array_size(value));
	json_array_foreach((json_t *)value, i, item)
	{
		if (!json_is_integer(item))
			return wrong_type(r->err, "a list of integers");
		*(int64_t *)pb_slot_item(slot, i) = json_integer_value(item);
	}
	return true;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

const char **sorted_keys(struct arena *a, const json_t *object, size_t *count)
{
	const char **keys = arena_alloc(a, (json_object_size(object) + 1) * sizeof(*keys));
	const char *key;
	json_t *value;

	*count = 0;
	json_object_foreach((json_t *)object, key, value) keys[(*count)++] = key;
	qsort(keys, *count, sizeof(*keys), compare_texts);
	return keys;
}

static bool read_map(struct reader *r, struct pb_slot *slot, const json_t *value)
{
	const char **keys;
	size_t count;

	if (!json_is_object(value))
		return wrong_type(r->err, "an object of strings");
	keys = sorted_keys(r->arena, value, &count);
	pb_slot_set_count(slot, r->arena, count);
	for (size_t i = 0; i < count; i++) {
		const json_t *item = json_object_get(value, keys[i]);
		Pb__MapEntry *entry = *(Pb__MapEntry **)pb_slot_item(slot, i);

		if (!json_is_string(item) && !json_is_null(item))
			return wrong_type(r->err, "an object of strings");
		entry->key = arena_strdup(r->arena, keys[i]);
		if (json_is_string(item))
			entry->value = arena_str(r->arena, text_of(item));
	}
	return true;
}

static bool read_set(struct reader *r, struct pb_slot *slot, const json_t *value)
{
	const char **keys;
	size_t count;

	if (!json_is_object(value))
		return wrong_type(r->err, "an object");
	keys = sorted_keys(r->arena, value, &count);
	pb_slot_set_count(slot, r->arena, count);
	for (size_t i = 0; i < count; i++)
		*(char **)pb_slot_item(slot, i) = arena_strdup(r->arena, keys[i]);
	return true;
}

static bool read_objects(struct reader *r, const struct dialect_field *f, struct pb_slot *slot,
			 const json_t *value)
{
	size_t i;
	json_t *item;

	if (!json_is_array(value))
		return wrong_type(r->err, "a list");
	pb_slot_set_count(slot, r->arena, json_array_size(value));
	json_array_foreach((json_t *)value, i, item)
	{
		if (json_is_null(item))
			continue;
		if (!read_object(r, f->sub, *(void **)pb_slot_item(slot, i), item))
			return false;
	}
	return true;
}

static bool read_keyed(struct reader *r, const struct dialect_field *f, struct pb_slot *slot,
		       const json_t *value)
{
	const char **keys;
	size_t count;

	if (!json_is_object(value))
		return wrong_type(r->err, "an object");
	keys = sorted_keys(r->arena, value, &count);
	pb_slot_set_count(slot, r->arena, count);
	for (size_t i = 0; i < count; i++) {
		void *item = *(void **)pb_slot_item(slot, i);
		const json_t *about = json_object_get(value, keys[i]);

		pb_set_text(r->arena, item, f->key_field, keys[i]);
		if (!json_is_null(about) && !read_object(r, f->sub, item, about))
			return while_doing(r->err, "%s", keys[i]);
	}
	return true;
}

/* Another member of the same oneof holds already. */
static bool is_taken(const struct pb_path *path, const void *message)
{
	for (unsigned i = 0; i < path->count && message; i++) {
		const ProtobufCFieldDescriptor *step = path->steps[i];

		if (step->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
			uint32_t holds = *(const uint32_t *)((const char *)message +
							     step->quantifier_offset);

			if (holds != step->id)
				return holds != 0;
		}
		if (step->type != PROTOBUF_C_TYPE_MESSAGE ||
		    step->label == PROTOBUF_C_LABEL_REPEATED)
			return false;
		message = *(void *const *)((const char *)message + step->offset);
	}
	return false;
}

static bool read_value(struct reader *r, const struct dialect_field *f, struct pb_slot *slot,
		       void *message, const json_t *value)
{
	switch (f->kind) {
	case DIALECT_TEXT:
		if (!json_is_string(value))
			return wrong_type(r->err, "a string");
		pb_slot_set_text(slot, r->arena, text_of(value));
		return true;
	case DIALECT_INT:
		return read_int(r, slot, value);
	case DIALECT_BOOL:
		if (!json_is_boolean(value))
			return wrong_type(r->err, "true or false");
		return pb_slot_set_int(slot, json_is_true(value), r->err);
	case DIALECT_FLOAT:
		if (!json_is_number(value))
			return wrong_type(r->err, "a number");
		*(float *)pb_slot_value(slot) = (float)json_number_value(value);
		return true;
	case DIALECT_WORD:
		return read_word(r, f, slot, value);
	case DIALECT_SPAN:
		return read_span(r, slot, value);
	case DIALECT_TIME:
	case DIALECT_TIME_NS:
		return read_time(r, f, slot, value);
	case DIALECT_TIME_S:
		if (!json_is_integer(value) ||
		    llabs(json_integer_value(value)) > INT64_MAX / 1000000000)
			return wrong_type(r->err, "seconds since 1970");
		return pb_slot_set_int(slot, json_integer_value(value) * 1000000000, r->err);
	case DIALECT_BYTES:
	case DIALECT_PEM:
		return read_bytes(r, f, slot, value);
	case DIALECT_TEXTS:
		return read_texts(r, f, slot, value);
	case DIALECT_INTS:
		return read_ints(r, slot, value);
	case DIALECT_MAP:
		return read_map(r, slot, value);
	case DIALECT_SET:
		return read_set(r, slot, value);
	case DIALECT_OBJECT:
		return read_object(r, f->sub, *(void **)pb_slot_value(slot), value);
	case DIALECT_OBJECTS:
		return read_objects(r, f, slot, value);
	case DIALECT_KEYED:
		return read_keyed(r, f, slot, value);
	case DIALECT_GROUP:
		return read_object(r, f->sub, message, value);
	case DIALECT_MEMBERS:
	case DIALECT_OWN:
		break;
	}
	assert(!"read elsewhere");
	return false;
}

static bool read_field(struct reader *r, const struct dialect *d, const struct dialect_field *f,
		       void *message, const json_t *value)
{
	struct pb_path path;
	struct pb_slot slot;

	if (f->kind == DIALECT_OWN)
		return !f->own->read || f->own->read(r->arena, message, value, r->err) ||
		       while_doing(r->err, "%s", f->key);
	if (!pb_path_resolve(&path, d->type, f->path, r->err))
		assert(!"a path of the table is a field of its message");
	if (is_taken(&path, message))
		return fail(r->err, ERR_INVALID, "%s",
			    d->one_only ? d->one_only : "only one kind of value may be given");
	slot = pb_path_make(&path, r->arena, message);
	if (read_value(r, f, &slot, message, value))
		return true;
	/* The reference's own sentences stand alone. */
	if (str_starts_with(str_of(r->err->text), "invalid ") ||
	    (f->sub && f->sub->one_only && strcmp(f->sub->one_only, r->err->text) == 0))
		return false;
	return while_doing(r->err, "%s", f->key);
}

static bool applies(const struct dialect_field *f, int version)
{
	return !(f->flags & WRITE_ONLY) && (f->since == 0 || version >= f->since) &&
	       (f->until == 0 || version < f->until);
}

static const struct dialect_field *field_of_key(const struct reader *r, const struct dialect *d,
						const char *key)
{
	for (const struct dialect_field *f = d->fields; f->key || f->path; f++)
		if (f->key && applies(f, r->version) && strcasecmp(f->key, key) == 0)
			return f;
	return NULL;
}

static bool read_key(struct reader *r, const struct dialect *d, void *message, const char *key,
		     const json_t *value)
{
	const struct dialect_field *found = field_of_key(r, d, key);

	if (found)
		return read_field(r, d, found, message, value);
	for (const struct dialect_field *f = d->fields; f->key || f->path; f++) {
		struct pb_path path;
		struct pb_slot slot;

		if (f->kind != DIALECT_MEMBERS || !applies(f, r->version) ||
		    !field_of_key(r, f->sub, key))
			continue;
		if (!pb_path_resolve(&path, d->type, f->path, r->err))
			assert(!"a path of the table is a field of its message");
		slot = pb_path_make(&path, r->arena, message);
		return read_key(r, f->sub, *(void **)pb_slot_value(&slot), key, value);
	}
	return true;
}

static bool read_object(struct reader *r, const struct dialect *d, void *message,
			const json_t *object)
{
	const char *key;
	json_t *value;

	if (!json_is_object(object))
		return wrong_type(r->err, "an object");
	if (d->begin)
		d->begin(r->arena, message);
	json_object_foreach((json_t *)object, key,
			    value) if (!json_is_null(value) &&
				       !read_key(r, d, message, key, value)) return false;
	if (d->finish)
		d->finish(r->arena, message);
	return true;
}

/* What jansson would build must stay in proportion to the text: its own limits are far away. */
static bool is_modest(struct str text, struct err *e)
{
	size_t values = 0, depth = 0;
	bool in_string = false;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (in_string) {
			if (c == '\\')
				i++;
			in_string = c != '"';
			continue;
		}
		in_string = c == '"';
		values += c == ',' || c == '[' || c == '{';
		if (c == '[' || c == '{')
			depth++;
		if ((c == ']' || c == '}') && depth > 0)
			depth--;
		if (depth > DIALECT_NESTING_MAX)
			return fail(e, ERR_INVALID, "invalid JSON: nested deeper than %d",
				    DIALECT_NESTING_MAX);
		if (values > DIALECT_VALUES_MAX)
			return fail(e, ERR_INVALID, "invalid JSON: more than %d values",
				    DIALECT_VALUES_MAX);
	}
	return true;
}

bool dialect_read(struct arena *a, const struct dialect *d, struct str text, int version,
		  void *message, struct err *e)
{
	struct reader r = { a, version, e };
	json_error_t why;
	json_t *root;
	bool is_good;

	if (text.len > DIALECT_TEXT_MAX)
		return fail(e, ERR_INVALID, "invalid JSON: more than %d bytes", DIALECT_TEXT_MAX);
	if (str_trim(text).len == 0)
		return fail(e, ERR_INVALID, "invalid JSON: got EOF while reading request body");
	if (!is_modest(text, e))
		return false;
	root = json_loadb(text.ptr, text.len, JSON_DECODE_ANY, &why);
	if (!root)
		return fail(e, ERR_INVALID, "invalid JSON: %s (line %d, column %d)", why.text,
			    why.line, why.column);
	is_good = json_is_null(root) || read_object(&r, d, message, root);
	json_decref(root);
	return is_good;
}
