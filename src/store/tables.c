#include "store/tables.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

static const char *const no_text = "";

/* Which tree node of an object belongs to an index: ids first, then what the kind has. */
static int node_slot(enum object_kind kind, enum object_index index)
{
	switch (index) {
	case INDEX_ID:
		return 0;
	case INDEX_NAME:
		return kind != OBJECT_TASK && kind != OBJECT_NODE ? 1 : -1;
	case INDEX_SERVICE:
		return kind == OBJECT_TASK ? 1 : -1;
	case INDEX_NODE:
		return kind == OBJECT_TASK ? 2 : -1;
	default:
		return -1;
	}
}

static size_t node_slots(enum object_kind kind)
{
	return kind == OBJECT_TASK ? 3 : kind == OBJECT_NODE ? 1 : 2;
}

bool kind_has_index(enum object_kind kind, enum object_index index)
{
	return node_slot(kind, index) >= 0;
}

struct object *object_of(const struct tree_node *node, enum object_kind kind,
			 enum object_index index)
{
	const struct tree_node *first = node - node_slot(kind, index);

	return container_of(first, struct object, node);
}

struct index_key object_key(const struct object *o, enum object_index index)
{
	const Pb__Task *task = o->message;

	switch (index) {
	case INDEX_NAME:
		return (struct index_key){ object_name(o->message), 0, no_text };
	case INDEX_SERVICE:
		return (struct index_key){ task->service_id, task->slot, task->id };
	case INDEX_NODE:
		return (struct index_key){ task->node_id, 0, task->id };
	default:
		return (struct index_key){ object_id(o->message), 0, no_text };
	}
}

int index_key_compare(enum object_index index, const struct index_key *a, const struct index_key *b)
{
	int order =
		index == INDEX_NAME ? strcasecmp(a->first, b->first) : strcmp(a->first, b->first);

	if (order)
		return order;
	if (a->slot != b->slot)
		return a->slot < b->slot ? -1 : 1;
	return strcmp(a->id, b->id);
}

/* A tree's comparison does not learn which kind it is for, but only tasks and named kinds have more
 * than ids, so the place of the node in its object is known from the index alone. */
static int compare_in(enum object_index index, enum object_kind kind, const void *key,
		      const struct tree_node *member)
{
	struct index_key at = object_key(object_of(member, kind, index), index);

	return index_key_compare(index, key, &at);
}

/* Asked most, so without the detour: ids differ from one another. */
static int compare_id(const void *key, const struct tree_node *member)
{
	const struct object *o = object_of(member, OBJECT_NODE, INDEX_ID);

	return strcmp(((const struct index_key *)key)->first, object_id(o->message));
}

static int compare_name(const void *key, const struct tree_node *member)
{
	return compare_in(INDEX_NAME, OBJECT_SERVICE, key, member);
}

static int compare_service(const void *key, const struct tree_node *member)
{
	return compare_in(INDEX_SERVICE, OBJECT_TASK, key, member);
}

static int compare_node(const void *key, const struct tree_node *member)
{
	return compare_in(INDEX_NODE, OBJECT_TASK, key, member);
}

void tables_init(struct tables *t)
{
	static tree_compare_key *const compare[OBJECT_INDEXES] = { compare_id, compare_name,
								   compare_service, compare_node };

	for (int kind = 0; kind < OBJECT_KINDS; kind++)
		for (int index = 0; index < OBJECT_INDEXES; index++)
			t->by[kind][index] =
				TREE(kind_has_index(kind, index) ? compare[index] : NULL);
}

struct object *object_new(enum object_kind kind, const void *message)
{
	struct object *o = xcalloc(1, sizeof(*o) + node_slots(kind) * sizeof(o->node[0]));

	o->kind = kind;
	o->message = message;
	o->refs = 1;
	return o;
}

struct object *tables_find(const struct tables *t, enum object_kind kind, const char *id)
{
	struct index_key key = { id, 0, no_text };
	struct tree_node *node = tree_find(&t->by[kind][INDEX_ID], &key);

	return node ? object_of(node, kind, INDEX_ID) : NULL;
}

struct object *tables_find_name(const struct tables *t, enum object_kind kind, const char *name)
{
	struct index_key key = { name, 0, no_text };
	struct tree_node *node;

	if (!kind_has_index(kind, INDEX_NAME))
		return NULL;
	node = tree_find(&t->by[kind][INDEX_NAME], &key);
	return node ? object_of(node, kind, INDEX_NAME) : NULL;
}

bool tables_add(struct tables *t, struct object *o)
{
	if (!o->is_gone && kind_has_index(o->kind, INDEX_NAME) &&
	    tables_find_name(t, o->kind, object_name(o->message)))
		return false;
	for (int index = 0; index < OBJECT_INDEXES; index++) {
		struct index_key key;
		struct tree_node *taken;

		if (!kind_has_index(o->kind, index) || (o->is_gone && index != INDEX_ID))
			continue;
		key = object_key(o, index);
		taken = tree_insert(&t->by[o->kind][index], &key,
				    &o->node[node_slot(o->kind, index)]);
		assert(!taken);
	}
	return true;
}

void tables_remove(struct tables *t, struct object *o)
{
	for (int index = 0; index < OBJECT_INDEXES; index++)
		if (kind_has_index(o->kind, index) && !(o->is_gone && index != INDEX_ID))
			tree_remove(&t->by[o->kind][index], &o->node[node_slot(o->kind, index)]);
}
