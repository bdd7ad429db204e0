#include "console/order.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "template/field.h"

int natural_compare(const char *a, const char *b)
{
	while (*a && *b) {
		if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
			size_t n, m;
			int order;

			a += strspn(a, "0");
			b += strspn(b, "0");
			n = strspn(a, "0123456789");
			m = strspn(b, "0123456789");
			if (n != m)
				return n < m ? -1 : 1;
			order = memcmp(a, b, n);
			if (order)
				return order;
			a += n;
			b += n;
			continue;
		}
		if (*a != *b)
			return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
		a++;
		b++;
	}
	return !!*a - !!*b;
}

static int compare_at(const json_t *a, const json_t *b, const char *path)
{
	const json_t *x = field_at(a, path), *y = field_at(b, path);

	if (json_is_integer(x) && json_is_integer(y))
		return (json_integer_value(x) > json_integer_value(y)) -
		       (json_integer_value(x) < json_integer_value(y));
	return natural_compare(field_text(a, path), field_text(b, path));
}

/* Merge sort: stable, and the lists are short. */
static void merge_sort(json_t **items, json_t **spare, size_t count, const char *path)
{
	size_t half = count / 2, i = 0, j = half, n = 0;

	if (count < 2)
		return;
	merge_sort(items, spare, half, path);
	merge_sort(items + half, spare, count - half, path);
	while (i < half && j < count)
		spare[n++] = compare_at(items[i], items[j], path) <= 0 ? items[i++] : items[j++];
	while (i < half)
		spare[n++] = items[i++];
	memcpy(items, spare, n * sizeof(*items));
}

void sort_by(json_t *list, const char *path)
{
	size_t count = json_array_size(list);
	AUTO_FREE json_t **items = xcalloc(count, sizeof(json_t *));
	AUTO_FREE json_t **spare = xcalloc(count, sizeof(json_t *));

	for (size_t i = 0; i < count; i++)
		items[i] = json_incref(json_array_get(list, i));
	merge_sort(items, spare, count, path);
	for (size_t i = 0; i < count; i++)
		json_array_set_new(list, i, items[i]);
}
