#include "swarm/roles.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "swarm/marks.h"

#define RETRY_MS 100

struct roles {
	struct group *group;
	const char *node_id; /* this node's */
	const struct log *log;
	struct marks nodes; /* whose role may not be what it is to be */
	int64_t next_ms;
};

struct roles *roles_new(struct group *g, const char *node_id, const struct log *log)
{
	struct roles *r = NEW(struct roles);

	r->group = g;
	r->node_id = node_id;
	r->log = log;
	r->next_ms = NEVER_MS;
	marks_init(&r->nodes);
	return r;
}

void roles_free(struct roles *r)
{
	if (!r)
		return;
	marks_clear(&r->nodes);
	free(r);
}

static bool is_as_desired(const struct roles *r, const Pb__Node *node)
{
	return node->role == node->spec->desired_role &&
	       (node->role == PB__NODE_ROLE__MANAGER ||
		!members_find_node(group_members(r->group), node->id));
}

static void mark(struct roles *r, const Pb__Node *node)
{
	if (is_as_desired(r, node))
		return;
	marks_add(&r->nodes, node->id);
	r->next_ms = INT64_MIN;
}

static void lead(void *self, const struct view *v, struct now now)
{
	AUTO_ARENA struct arena a = { 0 };
	struct objects nodes = view_all(v, OBJECT_NODE, &a);
	const Pb__Node *node;

	objects_each (nodes, Pb__Node, node)
		mark(self, node);
}

static void notice(void *self, const struct change *c, struct now now)
{
	if (c->kind == OBJECT_NODE && c->new)
		mark(self, c->new);
}

static void put_role(struct txn *t, const char *id, Pb__NodeRole role)
{
	Pb__Node *edit = txn_edit_node(t, id);

	edit->role = role;
	txn_put(t, edit);
}

/* The member goes before the role does. */
static void remove_member(struct roles *r, const struct member *m)
{
	struct err e;
	bool is_asked = strcmp(m->node_id, r->node_id) == 0
				? group_hand_over(r->group, &e)
				: group_remove(r->group, m->raft_id, &e);

	if (!is_asked)
		log_debug(r->log, "roles", "%s is still a manager: %s", m->node_id, e.text);
}

/* True if there is nothing more to be done. */
static bool reconcile(struct roles *r, struct txn *t, const char *id)
{
	const Pb__Node *node = view_node(txn_view(t), id);
	const struct member *m = members_find_node(group_members(r->group), id);

	if (!node)
		return true;
	if (node->spec->desired_role == PB__NODE_ROLE__MANAGER) {
		if (node->role != PB__NODE_ROLE__MANAGER)
			put_role(t, id, PB__NODE_ROLE__MANAGER);
		return true;
	}
	if (m) {
		remove_member(r, m);
		return false;
	}
	/* A change under way may be this node's joining. */
	if (group_is_changing(r->group))
		return false;
	if (node->role != PB__NODE_ROLE__WORKER)
		put_role(t, id, PB__NODE_ROLE__WORKER);
	return true;
}

static void decide(void *self, struct txn *t)
{
	struct roles *r = self;
	struct now now = txn_now(t);
	const char **ids;
	size_t count;

	if (r->next_ms > now.mono_ms)
		return;
	ids = marks_all(&r->nodes, txn_arena(t), &count);
	for (size_t i = 0; i < count && !txn_is_full(t); i++)
		if (reconcile(r, t, ids[i]))
			marks_remove(&r->nodes, ids[i]);
	r->next_ms = marks_are_empty(&r->nodes) ? NEVER_MS : now.mono_ms + RETRY_MS;
}

static int64_t deadline(const void *self)
{
	return ((const struct roles *)self)->next_ms;
}

static void resign(void *self)
{
	struct roles *r = self;

	marks_clear(&r->nodes);
	r->next_ms = NEVER_MS;
}

struct controller roles_controller(struct roles *r)
{
	return (struct controller){ "roles", r, lead, notice, decide, deadline, resign };
}
