#include "template/field.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define PATH_STEP_MAX 128

/* Copy the path's first step and return what follows it, or NULL at the end. */
static const char *take_step(const char *path, char step[PATH_STEP_MAX])
{
	size_t length = strcspn(path, ".");

	if (length >= PATH_STEP_MAX)
		abort();
	memcpy(step, path, length);
	step[length] = '\0';
	return path[length] ? path + length + 1 : NULL;
}

json_t *field_at(const json_t *root, const char *path)
{
	char step[PATH_STEP_MAX];

	while (path && *path && root) {
		path = take_step(path, step);
		root = json_object_get(root, step);
	}
	return json_is_null(root) ? NULL : (json_t *)root;
}

const char *field_text(const json_t *root, const char *path)
{
	const char *text = json_string_value(field_at(root, path));

	return text ? text : "";
}

int64_t field_int(const json_t *root, const char *path)
{
	const json_t *value = field_at(root, path);

	return json_is_real(value) ? (int64_t)json_real_value(value) : json_integer_value(value);
}

double field_real(const json_t *root, const char *path)
{
	return json_number_value(field_at(root, path));
}

bool field_bool(const json_t *root, const char *path)
{
	return json_is_true(field_at(root, path));
}

size_t field_count(const json_t *root, const char *path)
{
	const json_t *value = field_at(root, path);

	return json_is_array(value) ? json_array_size(value) : json_object_size(value);
}

/* The object that holds the path's last step, which is left in `step`. */
static json_t *parent_of(json_t *root, const char *path, char step[PATH_STEP_MAX], bool make)
{
	for (path = take_step(path, step); path; path = take_step(path, step)) {
		json_t *next = json_object_get(root, step);

		if (!json_is_object(next)) {
			if (!make)
				return NULL;
			next = json_object();
			json_object_set_new(root, step, next);
		}
		root = next;
	}
	return root;
}

void field_put(json_t *root, const char *path, json_t *value)
{
	char step[PATH_STEP_MAX];

	json_object_set_new(parent_of(root, path, step, true), step, value);
}

void field_put_text(json_t *root, const char *path, const char *text)
{
	json_t *value = json_string(text);

	/* jansson refuses what is not UTF-8; such bytes cannot be sent as JSON anyway. */
	field_put(root, path, value ? value : json_string("?"));
}

json_t *field_object(json_t *root, const char *path)
{
	if (!json_is_object(field_at(root, path)))
		field_put(root, path, json_object());
	return field_at(root, path);
}

json_t *field_array(json_t *root, const char *path)
{
	if (!json_is_array(field_at(root, path)))
		field_put(root, path, json_array());
	return field_at(root, path);
}

void field_drop(json_t *root, const char *path)
{
	char step[PATH_STEP_MAX];
	json_t *parent = parent_of(root, path, step, false);

	if (parent)
		json_object_del(parent, step);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char **field_keys(const json_t *object, size_t *count)
{
	const char **keys = xcalloc(json_object_size(object), sizeof(*keys));
	const char *key;
	json_t *value;

	*count = 0;
	json_object_foreach((json_t *)object, key, value) keys[(*count)++] = key;
	qsort(keys, *count, sizeof(*keys), by_text);
	return keys;
}

void field_join_labels(const json_t *labels, const char *between, struct buf *out)
{
	size_t count;
	AUTO_FREE const char **keys = field_keys(labels, &count);

	for (size_t i = 0; i < count; i++) {
		const char *value = json_string_value(json_object_get(labels, keys[i]));

		buf_printf(out, "%s%s=%s", i ? between : "", keys[i], value ? value : "");
	}
}
