#include "cli/values.h"

#include <string.h>

#include "template/field.h"
#include "cli/pairs.h"

static enum option_kind kind_of(const struct args *a, const char *name)
{
	for (size_t i = 0; i < a->value_count; i++)
		if (strcmp(a->values[i].option->name, name) == 0)
			return a->values[i].option->kind;
	return OPT_END;
}

json_t *value_json(const struct args *a, const char *name)
{
	const char *const *list;
	size_t count;

	switch (kind_of(a, name)) {
	case OPT_BOOL:
		return json_boolean(args_bool(a, name));
	case OPT_REAL:
		return json_real(args_real(a, name));
	case OPT_TEXT:
		return json_string(args_text(a, name));
	case OPT_LIST:
	case OPT_CSV:
		list = args_list(a, name, &count);
		return text_list(list, count);
	default:
		return json_integer(args_int(a, name));
	}
}

void values_put(const struct value_row *rows, size_t count, const struct args *a, json_t *body)
{
	for (size_t i = 0; i < count; i++)
		if (args_knows(a, rows[i].option) && args_has(a, rows[i].option))
			field_put(body, rows[i].path, value_json(a, rows[i].option));
}

void maps_put(const struct value_row *rows, size_t count, const struct args *a, json_t *body)
{
	for (size_t i = 0; i < count; i++) {
		size_t n;
		const char *const *list;

		if (!args_knows(a, rows[i].option) || !args_has(a, rows[i].option))
			continue;
		list = args_list(a, rows[i].option, &n);
		pairs_into_object(field_object(body, rows[i].path), list, n);
	}
}
