#include "store/store.h"

#include <assert.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "pb/pool.h"
#include "store/inside.h"
#include "store/tables.h"

#define SNAPSHOT_MAX ((size_t)4 << 30)

struct store *store_new(const struct log *log)
{
	struct store *s = NEW(struct store);

	s->log = log;
	tables_init(&s->tables);
	pb_pool_init(&s->pool);
	s->view = (struct view){ .base = &s->tables };
	list_init(&s->snapshots);
	list_init(&s->holds);
	return s;
}

void object_drop(struct store *s, struct object *o)
{
	assert(o->refs > 0);
	if (--o->refs > 0)
		return;
	pb_drop(&s->pool, o->message);
	free(o);
}

static void drop_all(struct store *s)
{
	for (int kind = 0; kind < OBJECT_KINDS; kind++) {
		struct tree_node *node;

		while ((node = tree_first(&s->tables.by[kind][INDEX_ID]))) {
			struct object *o = object_of(node, kind, INDEX_ID);

			tables_remove(&s->tables, o);
			object_drop(s, o);
		}
	}
	s->digest = (struct pb_digest){ 0 };
}

void store_free(struct store *s)
{
	if (!s)
		return;
	assert(list_is_empty(&s->snapshots));
	store_forget(s);
	drop_all(s);
	s->is_over = true;
	store_end(s);
}

void store_end(struct store *s)
{
	if (!s->is_over || !list_is_empty(&s->holds))
		return;
	pb_pool_clear(&s->pool);
	arena_clear(&s->scratch);
	free(s->changes);
	free(s->replaced);
	free(s);
}

const struct view *store_view(const struct store *s)
{
	return &s->view;
}

struct pb_digest store_digest(const struct store *s)
{
	return s->digest;
}

/* Digests are summed, so the order in which objects came does not matter and a change costs two
 * additions. */
static void digest_add(struct store *s, const struct object *o, int sign)
{
	s->digest.high += (uint64_t)sign * o->digest.high;
	s->digest.low += (uint64_t)sign * o->digest.low;
}

static struct object *object_keep(struct store *s, enum object_kind kind, const void *message)
{
	struct object *o = object_new(kind, pb_keep(&s->pool, message));

	o->digest = pb_digest(o->message);
	return o;
}

static void table_add(struct store *s, struct object *o)
{
	bool added = tables_add(&s->tables, o);

	assert(added);
	digest_add(s, o, 1);
}

static void table_remove(struct store *s, struct object *o)
{
	tables_remove(&s->tables, o);
	digest_add(s, o, -1);
}

static void remember(struct store *s, enum change_kind what, struct object *old, struct object *new)
{
	if (s->change_count == s->change_capacity) {
		s->change_capacity = s->change_capacity ? s->change_capacity * 2 : 64;
		s->changes = xrealloc(s->changes, s->change_capacity * sizeof(*s->changes));
		s->replaced = xrealloc(s->replaced, s->change_capacity * sizeof(*s->replaced));
	}
	s->changes[s->change_count] = (struct change){
		.what = what,
		.kind = old ? old->kind : new->kind,
		.old = old ? old->message : NULL,
		.new = new ? new->message : NULL,
	};
	s->replaced[s->change_count++] = (struct replaced){ old, new };
	if (new)
		new->refs++; /* it may be replaced again before the changes are forgotten */
}

static bool apply_action(struct store *s, const Pb__StoreAction *action, struct err *e)
{
	enum object_kind kind;
	const void *message = object_in_action(action, &kind);
	struct object *old, *new, *namesake;

	if (!message)
		return fail(e, ERR_INVALID, "unrecognized action type");
	old = tables_find(&s->tables, kind, object_id(message));
	switch (action->action) {
	case PB__STORE_ACTION_KIND__STORE_ACTION_CREATE:
		if (old)
			return fail(e, ERR_CONFLICT, "%s %s exists", object_kind_name(kind),
				    object_id(message));
		break;
	case PB__STORE_ACTION_KIND__STORE_ACTION_UPDATE:
	case PB__STORE_ACTION_KIND__STORE_ACTION_REMOVE:
		if (!old)
			return fail(e, ERR_NOT_FOUND, "%s %s does not exist",
				    object_kind_name(kind), object_id(message));
		break;
	default:
		return fail(e, ERR_INVALID, "unrecognized action type");
	}
	if (action->action != PB__STORE_ACTION_KIND__STORE_ACTION_REMOVE && object_name(message)) {
		namesake = tables_find_name(&s->tables, kind, object_name(message));
		if (namesake && namesake != old)
			return fail(e, ERR_CONFLICT,
				    "name conflicts with an existing object: %s %s already exists",
				    object_kind_name(kind), object_name(message));
	}

	if (old)
		table_remove(s, old);
	new = NULL;
	if (action->action != PB__STORE_ACTION_KIND__STORE_ACTION_REMOVE) {
		new = object_keep(s, kind, message);
		table_add(s, new);
	}
	remember(s, !old ? CHANGE_CREATED : !new ? CHANGE_REMOVED : CHANGE_UPDATED, old, new);
	return true;
}

/* Take back the changes after the first `keep`. */
static void undo(struct store *s, size_t keep)
{
	while (s->change_count > keep) {
		struct replaced r = s->replaced[--s->change_count];

		if (r.new) {
			table_remove(s, r.new);
			r.new->refs--; /* the table's */
			object_drop(s, r.new);
		}
		if (r.old)
			table_add(s, r.old);
	}
}

bool store_apply(struct store *s, struct str entry, struct err *e)
{
	size_t before = s->change_count;
	const Pb__InternalRaftRequest *request;
	bool ok = true;

	if (entry.len == 0)
		return true;
	arena_reset(&s->scratch);
	request = pb_decode(&s->scratch, &pb__internal_raft_request__descriptor, entry,
			    STORE_ENTRY_MAX, e);
	if (!request)
		return false;
	for (size_t i = 0; i < request->n_action && ok; i++)
		ok = apply_action(s, request->action[i], e);
	if (!ok)
		undo(s, before);
	return ok;
}

const struct change *store_changes(const struct store *s, size_t *count, bool *is_restored)
{
	*count = s->change_count;
	*is_restored = s->is_restored;
	return s->changes;
}

void store_forget(struct store *s)
{
	for (size_t i = 0; i < s->change_count; i++) {
		if (s->replaced[i].old)
			object_drop(s, s->replaced[i].old);
		if (s->replaced[i].new)
			object_drop(s, s->replaced[i].new);
	}
	s->change_count = 0;
	s->is_restored = false;
}

static bool restore_kind(struct store *s, struct tables *into, enum object_kind kind,
			 void *const *items, size_t count, struct err *e)
{
	for (size_t i = 0; i < count; i++) {
		struct object *o;

		if (tables_find(into, kind, object_id(items[i])))
			return fail(e, ERR_INVALID, "snapshot holds %s %s twice",
				    object_kind_name(kind), object_id(items[i]));
		o = object_keep(s, kind, items[i]);
		if (!tables_add(into, o)) {
			fail(e, ERR_INVALID, "snapshot holds two of the name of %s %s",
			     object_kind_name(kind), object_id(items[i]));
			object_drop(s, o);
			return false;
		}
	}
	return true;
}

static bool restore_all(struct store *s, struct tables *into, const Pb__StoreSnapshot *from,
			struct err *e)
{
#define RESTORE(kind, list)                                                                        \
	restore_kind(s, into, kind, (void *const *)from->list, from->n_##list, e)
	return RESTORE(OBJECT_NODE, nodes) && RESTORE(OBJECT_SERVICE, services) &&
	       RESTORE(OBJECT_TASK, tasks) && RESTORE(OBJECT_NETWORK, networks) &&
	       RESTORE(OBJECT_CLUSTER, clusters) && RESTORE(OBJECT_SECRET, secrets) &&
	       RESTORE(OBJECT_RESOURCE, resources) && RESTORE(OBJECT_EXTENSION, extensions) &&
	       RESTORE(OBJECT_CONFIG, configs) && RESTORE(OBJECT_VOLUME, volumes);
#undef RESTORE
}

bool store_restore(struct store *s, struct str content, struct err *e)
{
	AUTO_ARENA struct arena memory = { 0 };
	const Pb__Snapshot *snapshot;
	struct tables before = s->tables;
	struct pb_digest before_digest = s->digest;
	bool ok = true;

	snapshot = pb_decode(&memory, &pb__snapshot__descriptor, content, SNAPSHOT_MAX, e);
	if (!snapshot)
		return while_doing(e, "reading a snapshot");
	store_forget(s);
	tables_init(&s->tables);
	if (snapshot->store)
		ok = restore_all(s, &s->tables, snapshot->store, e);
	if (!ok) {
		drop_all(s);
		s->tables = before;
		s->digest = before_digest;
		return false;
	}

	/* The new state stands; let the old one go. */
	{
		struct tables after = s->tables;

		s->tables = before;
		drop_all(s);
		s->tables = after;
	}
	for (int kind = 0; kind < OBJECT_KINDS; kind++) {
		const struct tree *t = &s->tables.by[kind][INDEX_ID];

		for (struct tree_node *n = tree_first(t); n; n = tree_next(n))
			digest_add(s, object_of(n, kind, INDEX_ID), 1);
	}
	s->is_restored = true;
	return true;
}
