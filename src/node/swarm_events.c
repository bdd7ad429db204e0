/* What happens to the swarm's objects, as events of each manager's engine (scope "swarm").
 *
 * They follow the store's changes, so each manager tells them when it has applied them. What a
 * manager catches up with (its own log after a restart, a snapshot) has happened before. */
#include <ctype.h>
#include <inttypes.h>

#include "node/inside.h"

#define PAIRS_MAX 16

struct telling {
	struct arena *arena;
	const char *pairs[2 * PAIRS_MAX];
	size_t count;
};

static void add(struct telling *t, const char *key, const char *value)
{
	if (t->count == PAIRS_MAX)
		return;
	t->pairs[2 * t->count] = key;
	t->pairs[2 * t->count++ + 1] = value;
}

/* "replicas.old", "replicas.new", if they differ; no old one if there was none. */
static void add_change(struct telling *t, const char *what, const char *old, const char *new)
{
	if (old && strcmp(old, new) == 0)
		return;
	if (old)
		add(t, arena_printf(t->arena, "%s.old", what), old);
	add(t, arena_printf(t->arena, "%s.new", what), new);
}

static const char *word(struct telling *t, const ProtobufCEnumDescriptor *type, int value)
{
	const char *name = pb_enum_name(type, value);
	char *out = arena_strdup(t->arena, name ? name : "unknown");

	for (char *c = out; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return out;
}

static void tell_service_change(struct telling *t, const Pb__Service *old, const Pb__Service *new)
{
	const Pb__ServiceSpec *a = old->spec, *b = new->spec;

	if (a->task->runtime_case == PB__TASK_SPEC__RUNTIME_CONTAINER &&
	    b->task->runtime_case == PB__TASK_SPEC__RUNTIME_CONTAINER)
		add_change(t, "image", a->task->container->image, b->task->container->image);
	if (a->mode_case == PB__SERVICE_SPEC__MODE_REPLICATED &&
	    b->mode_case == PB__SERVICE_SPEC__MODE_REPLICATED)
		add_change(t, "replicas",
			   arena_printf(t->arena, "%" PRIu64, a->replicated->replicas),
			   arena_printf(t->arena, "%" PRIu64, b->replicated->replicas));
	if (new->update_status)
		add_change(t, "updatestate",
			   old->update_status
				   ? word(t, &pb__update_status__update_state__descriptor,
					  old->update_status->state)
				   : NULL,
			   word(t, &pb__update_status__update_state__descriptor,
				new->update_status->state));
}

static void tell_node_change(struct telling *t, const Pb__Node *old, const Pb__Node *new)
{
	add_change(t, "availability",
		   word(t, &pb__node_spec__availability__descriptor, old->spec->availability),
		   word(t, &pb__node_spec__availability__descriptor, new->spec->availability));
	add_change(t, "role", word(t, &pb__node_role__descriptor, old->role),
		   word(t, &pb__node_role__descriptor, new->role));
	add_change(t, "state", word(t, &pb__node_status__state__descriptor, old->status->state),
		   word(t, &pb__node_status__state__descriptor, new->status->state));
}

static const char *name_of(const Pb__Node *n)
{
	const char *name = n->spec->annotations->name;

	return name[0] || !n->description ? name : n->description->hostname;
}

/* The type's word, or NULL for objects of which nothing is told. */
static const char *describe(struct telling *t, const struct change *c)
{
	const void *now = c->new ? c->new : c->old;
	bool is_update = c->old && c->new;

	switch (c->kind) {
	case OBJECT_SERVICE:
		add(t, "name", ((const Pb__Service *)now)->spec->annotations->name);
		if (is_update)
			tell_service_change(t, c->old, c->new);
		return "service";
	case OBJECT_NODE:
		add(t, "name", name_of(now));
		if (is_update)
			tell_node_change(t, c->old, c->new);
		return "node";
	case OBJECT_SECRET:
		add(t, "name", ((const Pb__Secret *)now)->spec->annotations->name);
		return "secret";
	case OBJECT_CONFIG:
		add(t, "name", ((const Pb__Config *)now)->spec->annotations->name);
		return "config";
	case OBJECT_NETWORK:
		add(t, "name", ((const Pb__Network *)now)->spec->annotations->name);
		return "network";
	default:
		return NULL;
	}
}

static void tell(struct node *n, const struct change *c)
{
	AUTO_ARENA struct arena a = { 0 };
	struct telling t = { .arena = &a };
	const char *type = describe(&t, c);

	if (type)
		engine_tell_of_swarm(n->engine, type,
				     !c->old   ? "create"
				     : !c->new ? "remove"
					       : "update",
				     object_id(c->new ? c->new : c->old), t.pairs, t.count, n->now);
}

void swarm_events_turn(struct node *n)
{
	size_t count;
	bool is_restored;
	const struct change *changes = store_changes(n->store, &count, &is_restored);
	struct raft_status status;

	for (size_t i = 0; n->engine && n->has_caught_up && i < count; i++)
		tell(n, &changes[i]);
	if (n->has_caught_up || !group_leader(n->group))
		return;
	status = group_status(n->group);
	n->has_caught_up = status.applied == status.committed;
}
