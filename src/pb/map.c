#include "pb/map.h"

#include "base/mem.h"
#include "pb/field.h"

static void merge(ProtobufCMessage **from, size_t left, size_t middle, size_t right,
		  ProtobufCMessage **to)
{
	size_t a = left, b = middle;

	for (size_t i = left; i < right; i++) {
		bool take_a = a < middle &&
			      (b >= right || strcmp(map_key(from[a]), map_key(from[b])) <= 0);

		to[i] = take_a ? from[a++] : from[b++];
	}
}

static bool is_sorted(ProtobufCMessage **items, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (strcmp(map_key(items[i - 1]), map_key(items[i])) > 0)
			return false;
	return true;
}

/* A merge sort, because it must be stable: the last of equal keys wins. */
void map_sort(ProtobufCMessage **items, size_t count)
{
	AUTO_FREE ProtobufCMessage **merged = NULL;

	if (is_sorted(items, count))
		return;
	merged = xcalloc(count, sizeof(*merged));
	for (size_t width = 1; width < count; width *= 2) {
		for (size_t left = 0; left < count; left += 2 * width) {
			size_t middle = left + width < count ? left + width : count;
			size_t right = left + 2 * width < count ? left + 2 * width : count;

			merge(items, left, middle, right, merged);
		}
		memcpy(items, merged, count * sizeof(*items));
	}
}

/* Index of the first entry that is not before `key`. */
static size_t place_of(Pb__MapEntry *const *entries, size_t count, const char *key, bool *is_there)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(map_key(entries[middle]), key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*is_there = low < count && strcmp(map_key(entries[low]), key) == 0;
	return low;
}

const char *pb_map_get(Pb__MapEntry *const *entries, size_t count, const char *key)
{
	bool is_there;
	size_t at = place_of(entries, count, key, &is_there);

	return is_there ? entries[at]->value : NULL;
}

void pb_map_set(struct arena *a, Pb__MapEntry ***entries, size_t *count, const char *key,
		const char *value)
{
	bool is_there;
	size_t at = place_of(*entries, *count, key, &is_there);
	Pb__MapEntry **grown = pb_grow(a, *entries, *count, sizeof(*grown));
	Pb__MapEntry *entry = PB_NEW(a, map_entry);

	entry->key = arena_strdup(a, key);
	entry->value = arena_strdup(a, value);
	if (!is_there) {
		memmove(grown + at + 1, grown + at, (*count - at) * sizeof(*grown));
		(*count)++;
	}
	grown[at] = entry;
	*entries = grown;
}

bool pb_map_remove(struct arena *a, Pb__MapEntry ***entries, size_t *count, const char *key)
{
	bool is_there;
	size_t at = place_of(*entries, *count, key, &is_there);
	Pb__MapEntry **shrunk;

	if (!is_there)
		return false;
	shrunk = arena_copy(a, *entries, *count * sizeof(*shrunk));
	memmove(shrunk + at, shrunk + at + 1, (*count - at - 1) * sizeof(*shrunk));
	(*count)--;
	*entries = shrunk;
	return true;
}
