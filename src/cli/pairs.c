#include "cli/pairs.h"

#include "base/mem.h"
#include "base/str.h"

void pairs_into_object(json_t *object, const char *const *pairs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct str name, value;
		AUTO_FREE char *key = NULL;

		str_cut(str_of(pairs[i]), '=', &name, &value);
		key = str_dup(name);
		json_object_set_new(object, key, json_stringn(value.ptr, value.len));
	}
}

json_t *pairs_object(const char *const *pairs, size_t count)
{
	json_t *object = json_object();

	pairs_into_object(object, pairs, count);
	return object;
}

json_t *text_list(const char *const *list, size_t count)
{
	json_t *out = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(out, json_string(list[i]));
	return out;
}
