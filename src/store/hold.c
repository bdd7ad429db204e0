#include "base/mem.h"
#include "store/inside.h"

struct store_hold {
	struct list link; /* store->holds */
	struct store *store;
	size_t count;
	struct object *objects[];
};

/* Lists come in the order of ids mostly: then each is the one after the last. */
static struct object *find(const struct store *s, enum object_kind kind, const char *id,
			   const struct object *last)
{
	struct tree_node *next = last ? tree_next(&last->node[0]) : NULL;
	struct object *o = next ? object_of(next, kind, INDEX_ID) : NULL;

	if (o && strcmp(object_id(o->message), id) == 0)
		return o;
	return tables_find(&s->tables, kind, id);
}

struct store_hold *store_hold_take(struct store *s, enum object_kind kind,
				   const void *const *messages, size_t count)
{
	struct store_hold *hold = xcalloc(1, sizeof(*hold) + count * sizeof(hold->objects[0]));
	struct object *last = NULL;

	hold->store = s;
	for (size_t i = 0; i < count; i++) {
		struct object *o = find(s, kind, object_id(messages[i]), last);

		if (!o)
			continue;
		o->refs++;
		hold->objects[hold->count++] = last = o;
	}
	list_push_back(&s->holds, &hold->link);
	return hold;
}

void store_hold_release(struct store_hold *hold)
{
	if (!hold)
		return;
	for (size_t i = 0; i < hold->count; i++)
		object_drop(hold->store, hold->objects[i]);
	list_remove(&hold->link);
	store_end(hold->store);
	free(hold);
}
