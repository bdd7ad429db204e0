#include "docker/filters.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/arena.h"

static bool add(struct arena *a, struct list_filter *pairs, size_t *count, const char *name,
		const char *value)
{
	if (*count == FILTERS_MAX)
		return false;
	pairs[*count].name = arena_strdup(a, name);
	pairs[(*count)++].value = arena_strdup(a, value);
	return true;
}

static bool read_pairs(struct arena *a, const json_t *root, struct list_filter *pairs,
		       size_t *count)
{
	const char *name, *value;
	json_t *values, *item;
	size_t i;

	json_object_foreach((json_t *)root, name, values)
	{
		if (json_is_array(values)) {
			json_array_foreach(values, i,
					   item) if (!json_is_string(item) ||
						     !add(a, pairs, count, name,
							  json_string_value(item))) return false;
		} else if (json_is_object(values)) {
			json_object_foreach(values, value, item) if (!json_is_boolean(item) ||
								     (json_is_true(item) &&
								      !add(a, pairs, count, name,
									   value))) return false;
		} else {
			return false;
		}
	}
	return true;
}

static int compare_pairs(const void *a, const void *b)
{
	const struct list_filter *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : strcmp(x->value, y->value);
}

bool list_filters_read(struct arena *a, struct str text, struct list_filters *f, struct err *e)
{
	struct list_filter *pairs;
	json_t *root;
	bool is_good;

	*f = (struct list_filters){ 0 };
	if (text.len == 0)
		return true;
	root = json_loadb(text.ptr, text.len, 0, NULL);
	pairs = arena_alloc(a, FILTERS_MAX * sizeof(*pairs));
	is_good = json_is_object(root) && read_pairs(a, root, pairs, &f->count);
	json_decref(root);
	if (!is_good)
		return fail(e, ERR_INVALID, "invalid filter");
	qsort(pairs, f->count, sizeof(*pairs), compare_pairs);
	f->pairs = pairs;
	return true;
}

void list_filters_add(struct arena *a, struct list_filters *f, const char *name, const char *value)
{
	struct list_filter *pairs = arena_alloc(a, (f->count + 1) * sizeof(*pairs));

	for (size_t i = 0; i < f->count; i++)
		pairs[i] = f->pairs[i];
	pairs[f->count++] = (struct list_filter){ name, value };
	qsort(pairs, f->count, sizeof(*pairs), compare_pairs);
	f->pairs = pairs;
}

bool list_filters_check(const struct list_filters *f, const char *const *allowed, struct err *e)
{
	for (size_t i = 0; i < f->count; i++) {
		const char *const *at = allowed;

		while (*at && strcmp(*at, f->pairs[i].name) != 0)
			at++;
		if (!*at)
			return fail(e, ERR_INVALID, "Invalid filter '%s'", f->pairs[i].name);
	}
	return true;
}

size_t list_filters_values(const struct list_filters *f, const char *name, struct arena *a,
			   char ***values)
{
	size_t count = 0;

	*values = arena_alloc(a, (f->count + 1) * sizeof(**values));
	for (size_t i = 0; i < f->count; i++)
		if (strcmp(f->pairs[i].name, name) == 0)
			(*values)[count++] = (char *)f->pairs[i].value;
	return count;
}

bool list_filters_has(const struct list_filters *f, const char *name)
{
	for (size_t i = 0; i < f->count; i++)
		if (strcmp(f->pairs[i].name, name) == 0)
			return true;
	return false;
}

bool list_filters_allow(const struct list_filters *f, const char *name, const char *text)
{
	for (size_t i = 0; i < f->count; i++)
		if (strcmp(f->pairs[i].name, name) == 0 && strcmp(f->pairs[i].value, text) == 0)
			return true;
	return !list_filters_has(f, name);
}
