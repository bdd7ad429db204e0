#include "store/view.h"

#include <string.h>

#include "store/tables.h"

const void *view_get(const struct view *v, enum object_kind kind, const char *id)
{
	const struct object *o = v->over ? tables_find(v->over, kind, id) : NULL;

	if (!o)
		o = tables_find(v->base, kind, id);
	return o && !o->is_gone ? o->message : NULL;
}

static bool is_covered(const struct view *v, const struct object *o)
{
	return v->over && tables_find(v->over, o->kind, object_id(o->message));
}

const void *view_by_name(const struct view *v, enum object_kind kind, const char *name)
{
	const struct object *o = v->over ? tables_find_name(v->over, kind, name) : NULL;

	if (o)
		return o->message;
	o = tables_find_name(v->base, kind, name);
	return o && !is_covered(v, o) ? o->message : NULL;
}

/* Two ordered trees read as one: where both have an object, the transaction's counts. */
struct merge {
	const struct view *view;
	enum object_kind kind;
	enum object_index index;
	struct tree_node *base, *over;
};

static struct merge merge_from(const struct view *v, enum object_kind kind, enum object_index index,
			       const struct index_key *from)
{
	return (struct merge){
		.view = v,
		.kind = kind,
		.index = index,
		.base = tree_at_or_after(&v->base->by[kind][index], from),
		.over = v->over ? tree_at_or_after(&v->over->by[kind][index], from) : NULL,
	};
}

static const struct object *merge_next(struct merge *m)
{
	for (;;) {
		struct object *base = m->base ? object_of(m->base, m->kind, m->index) : NULL;
		struct object *over = m->over ? object_of(m->over, m->kind, m->index) : NULL;
		struct object *next;

		if (!base && !over)
			return NULL;
		if (base && over) {
			struct index_key a = object_key(base, m->index),
					 b = object_key(over, m->index);

			next = index_key_compare(m->index, &a, &b) < 0 ? base : over;
		} else {
			next = base ? base : over;
		}
		if (next == base) {
			m->base = tree_next(m->base);
			if (is_covered(m->view, base))
				continue;
		} else {
			m->over = tree_next(m->over);
			if (over->is_gone)
				continue;
		}
		return next;
	}
}

static void add(struct objects *list, size_t *capacity, const void *message, struct arena *a)
{
	if (list->count == *capacity) {
		const void **grown;

		*capacity = *capacity ? *capacity * 2 : 16;
		grown = arena_alloc(a, *capacity * sizeof(*grown));
		if (list->count)
			memcpy(grown, list->items, list->count * sizeof(*grown));
		list->items = grown;
	}
	list->items[list->count++] = message;
}

enum { WITH_FIRST = 1, WITH_SLOT = 2, WITH_PREFIX = 4 };

/* Objects from `from` on, as long as what `match` says is alike. */
static struct objects collect(const struct view *v, enum object_kind kind, enum object_index index,
			      struct index_key from, int match, size_t most, struct arena *a)
{
	struct merge m = merge_from(v, kind, index, &from);
	struct objects list = { 0 };
	size_t capacity = 0, prefix = strlen(from.first);
	const struct object *o;

	while (list.count < most && (o = merge_next(&m))) {
		struct index_key at = object_key(o, index);

		if ((match & WITH_FIRST) && strcmp(at.first, from.first) != 0)
			break;
		if ((match & WITH_SLOT) && at.slot != from.slot)
			break;
		if ((match & WITH_PREFIX) && strncmp(at.first, from.first, prefix) != 0)
			break;
		add(&list, &capacity, o->message, a);
	}
	return list;
}

struct objects view_all(const struct view *v, enum object_kind kind, struct arena *a)
{
	return collect(v, kind, INDEX_ID, (struct index_key){ "", 0, "" }, 0, SIZE_MAX, a);
}

struct objects view_by_id_prefix(const struct view *v, enum object_kind kind, const char *prefix,
				 size_t most, struct arena *a)
{
	return collect(v, kind, INDEX_ID, (struct index_key){ prefix, 0, "" }, WITH_PREFIX, most,
		       a);
}

struct objects view_tasks_of_service(const struct view *v, const char *service_id, struct arena *a)
{
	return collect(v, OBJECT_TASK, INDEX_SERVICE, (struct index_key){ service_id, 0, "" },
		       WITH_FIRST, SIZE_MAX, a);
}

struct objects view_tasks_of_slot(const struct view *v, const char *service_id, uint64_t slot,
				  struct arena *a)
{
	return collect(v, OBJECT_TASK, INDEX_SERVICE, (struct index_key){ service_id, slot, "" },
		       WITH_FIRST | WITH_SLOT, SIZE_MAX, a);
}

struct objects view_tasks_of_node(const struct view *v, const char *node_id, struct arena *a)
{
	return collect(v, OBJECT_TASK, INDEX_NODE, (struct index_key){ node_id, 0, "" }, WITH_FIRST,
		       SIZE_MAX, a);
}

size_t view_count(const struct view *v, enum object_kind kind)
{
	struct merge m = merge_from(v, kind, INDEX_ID, &(struct index_key){ "", 0, "" });
	size_t count = 0;

	if (!v->over)
		return v->base->by[kind][INDEX_ID].count;
	while (merge_next(&m))
		count++;
	return count;
}

const Pb__Cluster *view_cluster(const struct view *v)
{
	struct merge m = merge_from(v, OBJECT_CLUSTER, INDEX_ID, &(struct index_key){ "", 0, "" });
	const struct object *o = merge_next(&m);

	return o ? o->message : NULL;
}
