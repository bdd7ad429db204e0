#include "api/list.h"

#include "api/call.h"
#include "pb/map.h"

void filter_labels(struct call *c, const struct list_filters *f, const char *name,
		   Pb__MapEntry ***labels, size_t *count)
{
	char **values;
	size_t n = list_filters_values(f, name, &c->arena, &values);

	for (size_t i = 0; i < n; i++) {
		struct str key, value = STR("");

		str_cut(str_of(values[i]), '=', &key, &value);
		pb_map_set(&c->arena, labels, count, arena_str(&c->arena, key),
			   arena_str(&c->arena, value));
	}
}
