#include "store/txn.h"

#include <assert.h>

#include "base/mem.h"
#include "store/inside.h"

/* What a change put into the overlay, and what it put aside there. */
struct step {
	struct object *added;
	struct object *aside;
	size_t bytes; /* of the whole transaction, before */
};

struct txn {
	const struct store *store;
	struct tables over;
	struct view view;
	uint64_t version;
	struct now now;
	struct arena arena;

	struct step *steps;
	size_t step_count, step_capacity;
	uint64_t serial;
	size_t object_count; /* in the overlay */
	size_t bytes;        /* about what it encodes to */
};

struct txn *txn_open(const struct store *s, uint64_t version, struct now now)
{
	struct txn *t = NEW(struct txn);

	t->store = s;
	t->version = version;
	t->now = now;
	tables_init(&t->over);
	t->view = (struct view){ .base = &s->tables, .over = &t->over };
	return t;
}

void txn_close(struct txn *t)
{
	if (!t)
		return;
	txn_back_to(t, 0);
	arena_clear(&t->arena);
	free(t->steps);
	free(t);
}

const struct view *txn_view(const struct txn *t)
{
	return &t->view;
}

struct now txn_now(const struct txn *t)
{
	return t->now;
}

struct arena *txn_arena(struct txn *t)
{
	return &t->arena;
}

void *txn_edit(struct txn *t, enum object_kind kind, const char *id)
{
	const struct object *changed = tables_find(&t->over, kind, id);
	const struct object *committed;

	if (changed)
		return changed->is_gone ? NULL : pb_dup(&t->arena, changed->message);
	committed = tables_find(&t->store->tables, kind, id);
	if (!committed)
		return NULL;
	return kind == OBJECT_TASK ? pb_borrow(&t->arena, committed->message)
				   : pb_dup(&t->arena, committed->message);
}

static void step_push(struct txn *t, struct object *added, struct object *aside)
{
	if (t->step_count == t->step_capacity) {
		t->step_capacity = t->step_capacity ? t->step_capacity * 2 : 32;
		t->steps = xrealloc(t->steps, t->step_capacity * sizeof(*t->steps));
	}
	t->steps[t->step_count++] = (struct step){ added, aside, t->bytes };
	t->object_count += !aside;
}

/* Put `o` into the overlay, in the place of what the overlay has under its id. */
static void overlay_put(struct txn *t, struct object *o)
{
	struct object *aside = tables_find(&t->over, o->kind, object_id(o->message));
	bool added;

	if (aside)
		tables_remove(&t->over, aside);
	o->serial = ++t->serial;
	added = tables_add(&t->over, o);
	assert(added);
	step_push(t, o, aside);
	t->bytes += pb_encoded_size(o->message) + 16;
}

static bool name_is_free(const struct txn *t, enum object_kind kind, const void *message,
			 struct err *e)
{
	const char *name = object_name(message);
	const void *namesake = name ? view_by_name(&t->view, kind, name) : NULL;

	if (!namesake || strcmp(object_id(namesake), object_id(message)) == 0)
		return true;
	return fail(e, ERR_CONFLICT, "name conflicts with an existing object: %s %s already exists",
		    object_kind_name(kind), name);
}

static Pb__Timestamp *timestamp(struct txn *t)
{
	Pb__Timestamp *at = PB_NEW(&t->arena, timestamp);

	at->seconds = t->now.wall_ns / 1000000000;
	at->nanos = (int32_t)(t->now.wall_ns % 1000000000);
	return at;
}

static void stamp(struct txn *t, void *message, bool is_new)
{
	struct object_head *head = message;

	head->meta->version->index = t->version;
	head->meta->updated_at = timestamp(t);
	if (is_new)
		head->meta->created_at = timestamp(t);
}

bool txn_create(struct txn *t, void *message, struct err *e)
{
	enum object_kind kind = object_kind_of(message);

	assert(!view_get(&t->view, kind, object_id(message)));
	if (!name_is_free(t, kind, message, e))
		return false;
	stamp(t, message, true);
	overlay_put(t, object_new(kind, message));
	return true;
}

bool txn_update(struct txn *t, void *message, struct err *e)
{
	enum object_kind kind = object_kind_of(message);

	assert(view_get(&t->view, kind, object_id(message)));
	if (!name_is_free(t, kind, message, e))
		return false;
	stamp(t, message, false);
	overlay_put(t, object_new(kind, message));
	return true;
}

void txn_put(struct txn *t, void *message)
{
	enum object_kind kind = object_kind_of(message);
	bool is_new = !view_get(&t->view, kind, object_id(message));

	stamp(t, message, is_new);
	overlay_put(t, object_new(kind, message));
}

void txn_remove(struct txn *t, enum object_kind kind, const char *id)
{
	const void *message = view_get(&t->view, kind, id);
	struct object *gone;

	if (!message)
		return;
	gone = object_new(kind, message);
	gone->is_gone = true;
	overlay_put(t, gone);
}

bool txn_is_full(const struct txn *t)
{
	return t->object_count >= TXN_ACTIONS_MAX || t->bytes >= TXN_BYTES_MAX;
}

bool txn_has_room_for(const struct txn *t, enum object_kind kind, const char *id)
{
	return !txn_is_full(t) || (t->bytes < TXN_BYTES_MAX && tables_find(&t->over, kind, id));
}

bool txn_is_empty(const struct txn *t)
{
	return t->object_count == 0;
}

size_t txn_count(const struct txn *t)
{
	return t->object_count;
}

size_t txn_mark(const struct txn *t)
{
	return t->step_count;
}

void txn_back_to(struct txn *t, size_t mark)
{
	while (t->step_count > mark) {
		struct step step = t->steps[--t->step_count];

		tables_remove(&t->over, step.added);
		free(step.added);
		if (step.aside) {
			bool added = tables_add(&t->over, step.aside);

			assert(added);
		}
		t->object_count -= !step.aside;
		t->bytes = step.bytes;
	}
}

static int by_serial(const void *a, const void *b)
{
	const struct object *x = *(struct object *const *)a, *y = *(struct object *const *)b;

	return (x->serial > y->serial) - (x->serial < y->serial);
}

/* The objects of the overlay in the order of the changes: a name that is given up is free for what
 * comes after. */
static struct object **in_order(struct txn *t, size_t *count)
{
	struct object **changed = arena_alloc(&t->arena, (t->object_count + 1) * sizeof(*changed));

	*count = 0;
	for (int kind = 0; kind < OBJECT_KINDS; kind++) {
		const struct tree *by_id = &t->over.by[kind][INDEX_ID];

		for (struct tree_node *n = tree_first(by_id); n; n = tree_next(n))
			changed[(*count)++] = object_of(n, kind, INDEX_ID);
	}
	qsort(changed, *count, sizeof(*changed), by_serial);
	return changed;
}

const struct change *txn_changes(struct txn *t, size_t *count)
{
	size_t object_count;
	struct object **changed = in_order(t, &object_count);
	struct change *changes = arena_alloc(&t->arena, (object_count + 1) * sizeof(*changes));

	*count = 0;
	for (size_t i = 0; i < object_count; i++) {
		const struct object *o = changed[i];
		const struct object *old =
			tables_find(&t->store->tables, o->kind, object_id(o->message));

		if (o->is_gone && !old)
			continue;
		changes[(*count)++] = (struct change){
			.what = o->is_gone ? CHANGE_REMOVED
				: old      ? CHANGE_UPDATED
					   : CHANGE_CREATED,
			.kind = o->kind,
			.old = old ? old->message : NULL,
			.new = o->is_gone ? NULL : o->message,
		};
	}
	return changes;
}

bool txn_encode(struct txn *t, uint64_t request_id, struct buf *out, struct err *e)
{
	Pb__InternalRaftRequest *request = PB_NEW(&t->arena, internal_raft_request);
	size_t count;
	struct object **changed = in_order(t, &count);

	request->id = request_id;
	request->action = arena_alloc(&t->arena, (count + 1) * sizeof(*request->action));
	for (size_t i = 0; i < count; i++) {
		const struct object *o = changed[i];
		bool is_known = tables_find(&t->store->tables, o->kind, object_id(o->message));
		Pb__StoreActionKind what = o->is_gone ? PB__STORE_ACTION_KIND__STORE_ACTION_REMOVE
					   : is_known ? PB__STORE_ACTION_KIND__STORE_ACTION_UPDATE
						      : PB__STORE_ACTION_KIND__STORE_ACTION_CREATE;

		if (o->is_gone && !is_known)
			continue; /* created and removed in here */
		request->action[request->n_action++] = object_action(&t->arena, what, o->message);
	}
	if (!pb_encode(request, out))
		return fail(e, ERR_EXHAUSTED,
			    "the change is larger than a log entry may be (%zu bytes)", out->max);
	return true;
}
