/* Snapshots: objects held by reference, encoded part by part.
 *
 * protobuf joins messages that are written one after the other: a sub-message that comes twice is
 * merged, its lists are joined. So each part is a Snapshot of its own with some of the objects. */
#include "base/mem.h"
#include "store/inside.h"

/* What stands before each object, and before all: a tag and a length. */
#define FRAME_BYTES 8

struct store_snapshot {
	struct list link;
	struct store *store;
	struct object **objects; /* ordered by kind, then id */
	size_t count;
	size_t next;
};

struct store_snapshot *store_snapshot_take(struct store *s)
{
	struct store_snapshot *snapshot = NEW(struct store_snapshot);
	size_t total = 0;

	for (int kind = 0; kind < OBJECT_KINDS; kind++)
		total += s->tables.by[kind][INDEX_ID].count;
	snapshot->store = s;
	snapshot->objects = xcalloc(total, sizeof(*snapshot->objects));
	for (int kind = 0; kind < OBJECT_KINDS; kind++) {
		struct tree_node *n = tree_first(&s->tables.by[kind][INDEX_ID]);

		for (; n; n = tree_next(n)) {
			struct object *o = object_of(n, kind, INDEX_ID);

			o->refs++;
			snapshot->objects[snapshot->count++] = o;
		}
	}
	list_push_back(&s->snapshots, &snapshot->link);
	return snapshot;
}

void store_snapshot_release(struct store_snapshot *snapshot)
{
	if (!snapshot)
		return;
	for (size_t i = 0; i < snapshot->count; i++)
		object_drop(snapshot->store, snapshot->objects[i]);
	list_remove(&snapshot->link);
	free(snapshot->objects);
	free(snapshot);
}

/* `count` objects of one kind as a list of the message. */
static void set_list(Pb__StoreSnapshot *into, enum object_kind kind, void **messages, size_t count)
{
#define SET(list) (into->n_##list = count, into->list = (void *)messages)
	switch (kind) {
	case OBJECT_NODE:
		SET(nodes);
		break;
	case OBJECT_SERVICE:
		SET(services);
		break;
	case OBJECT_TASK:
		SET(tasks);
		break;
	case OBJECT_NETWORK:
		SET(networks);
		break;
	case OBJECT_CLUSTER:
		SET(clusters);
		break;
	case OBJECT_SECRET:
		SET(secrets);
		break;
	case OBJECT_RESOURCE:
		SET(resources);
		break;
	case OBJECT_EXTENSION:
		SET(extensions);
		break;
	case OBJECT_CONFIG:
		SET(configs);
		break;
	default:
		SET(volumes);
		break;
	}
#undef SET
}

/* The next objects, as many as fit; one that is larger by itself comes alone. */
static Pb__StoreSnapshot *take_part(struct store_snapshot *snapshot, struct arena *a)
{
	Pb__StoreSnapshot *part = PB_NEW(a, store_snapshot);
	size_t first = snapshot->next, bytes = 2 * FRAME_BYTES;
	void **messages;

	for (; snapshot->next < snapshot->count; snapshot->next++) {
		bytes += pb_encoded_size(snapshot->objects[snapshot->next]->message) + FRAME_BYTES;
		if (bytes > STORE_PART_BYTES && snapshot->next > first)
			break;
	}
	messages = arena_alloc(a, (snapshot->next - first + 1) * sizeof(*messages));
	for (size_t i = first; i < snapshot->next;) {
		enum object_kind kind = snapshot->objects[i]->kind;
		size_t begin = i;

		for (; i < snapshot->next && snapshot->objects[i]->kind == kind; i++)
			messages[i - first] = (void *)snapshot->objects[i]->message;
		set_list(part, kind, messages + (begin - first), i - begin);
	}
	return part;
}

bool store_snapshot_next(struct store_snapshot *snapshot, const Pb__ClusterSnapshot *membership,
			 struct buf *part, bool *done, struct err *e)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__Snapshot *piece = PB_NEW(&a, snapshot);

	piece->membership = snapshot->next == 0 ? (Pb__ClusterSnapshot *)membership : NULL;
	piece->store = take_part(snapshot, &a);
	if (!pb_encode(piece, part))
		return fail(e, ERR_EXHAUSTED, "snapshot part over its limit of %zu bytes",
			    part->max);
	*done = snapshot->next == snapshot->count;
	return true;
}
