/* Reading objects: the committed state, or the state as a transaction would leave it.
 *
 * Results are borrowed: those of the committed state live until the end of the turn, those of
 * a transaction as long as it does. Lists come in key order. */
#ifndef SHOAL_STORE_VIEW_H
#define SHOAL_STORE_VIEW_H

#include "base/arena.h"
#include "store/kind.h"

struct tables;

struct view {
	const struct tables *base;
	const struct tables *over; /* a transaction's changes, or NULL */
};

const void *view_get(const struct view *v, enum object_kind kind, const char *id);
const void *view_by_name(const struct view *v, enum object_kind kind, const char *name);

static inline const Pb__Node *view_node(const struct view *v, const char *id)
{
	return view_get(v, OBJECT_NODE, id);
}

static inline const Pb__Service *view_service(const struct view *v, const char *id)
{
	return view_get(v, OBJECT_SERVICE, id);
}

static inline const Pb__Task *view_task(const struct view *v, const char *id)
{
	return view_get(v, OBJECT_TASK, id);
}

static inline const Pb__Network *view_network(const struct view *v, const char *id)
{
	return view_get(v, OBJECT_NETWORK, id);
}

/* A list in an arena, so that objects may be changed while it is walked. */
struct objects {
	const void **items;
	size_t count;
};

struct objects view_all(const struct view *v, enum object_kind kind, struct arena *a);
/* Ids that begin with the prefix, at most `most` of them. */
struct objects view_by_id_prefix(const struct view *v, enum object_kind kind, const char *prefix,
				 size_t most, struct arena *a);
struct objects view_tasks_of_service(const struct view *v, const char *service_id, struct arena *a);
struct objects view_tasks_of_slot(const struct view *v, const char *service_id, uint64_t slot,
				  struct arena *a);
struct objects view_tasks_of_node(const struct view *v, const char *node_id, struct arena *a);
size_t view_count(const struct view *v, enum object_kind kind);

/* The one cluster, or NULL before there is one. */
const Pb__Cluster *view_cluster(const struct view *v);

#define objects_each(list, type, it)                                                               \
	for (size_t _i = 0; _i < (list).count && ((it) = (const type *)(list).items[_i], 1); _i++)

#endif
