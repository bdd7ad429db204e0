/* The names that containers of a network know each other by. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "host/net/names.h"

static int compare_network(const void *key, const struct tree_node *member)
{
	return strcmp(key, container_of(member, struct network_names, by_id)->id);
}

void names_init(struct names *names)
{
	names->networks = TREE(compare_network);
}

static struct network_names *find(const struct names *names, const char *network)
{
	return tree_entry(tree_find(&names->networks, network), struct network_names, by_id);
}

static void free_network(struct network_names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free((char *)n->entries[i].name);
	free(n->entries);
	free(n->id);
	free(n);
}

void names_clear(struct names *names)
{
	struct network_names *n;

	tree_each (&names->networks, struct network_names, by_id, n) {
		tree_remove(&names->networks, &n->by_id);
		free_network(n);
	}
}

void names_drop(struct names *names, const char *network)
{
	struct network_names *n = find(names, network);

	if (!n)
		return;
	tree_remove(&names->networks, &n->by_id);
	free_network(n);
}

static int compare_entries(const void *a, const void *b)
{
	const struct names_entry *x = a, *y = b;
	int order = strcasecmp(x->name, y->name);

	return order ? order : x->address < y->address ? -1 : x->address > y->address;
}

void names_set(struct names *names, const char *network, const struct names_entry *entries,
	       size_t count)
{
	struct network_names *n = NEW(struct network_names);

	names_drop(names, network);
	n->id = xstrdup(network);
	n->entries = xcalloc(count + 1, sizeof(*n->entries));
	n->count = count;
	for (size_t i = 0; i < count; i++)
		n->entries[i] =
			(struct names_entry){ xstrdup(entries[i].name), entries[i].address };
	qsort(n->entries, count, sizeof(*n->entries), compare_entries);
	tree_insert(&names->networks, n->id, &n->by_id);
}

size_t names_find(const struct names *names, const char *network, const char *name,
		  uint32_t *addresses, size_t max)
{
	const struct network_names *n = find(names, network);
	size_t low = 0, high = n ? n->count : 0, count = 0;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (strcasecmp(n->entries[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; n && low < n->count && strcasecmp(n->entries[low].name, name) == 0; low++)
		if (count < max)
			addresses[count++] = n->entries[low].address;
	return count;
}

const char *names_of_address(const struct names *names, const char *network, uint32_t address)
{
	const struct network_names *n = find(names, network);

	for (size_t i = 0; n && i < n->count; i++)
		if (n->entries[i].address == address)
			return n->entries[i].name;
	return NULL;
}
