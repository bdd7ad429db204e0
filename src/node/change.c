/* Changes: the Control methods, as the leader carries them out in its transaction. */
#include <string.h>

#include "node/inside.h"

/* Random bytes are fetched before they are needed, so that a change never waits for them. */
void change_want_chance(struct node *n)
{
	struct tickets tickets = { .room = TICKET_CONTROL };

	n->has_chance = false;
	n->config.seams.keys->random(n->config.seams.keys->self, ticket_next(&tickets),
				     sizeof(n->chance));
}

void change_keys_event(struct node *n, const struct keys_event *ev)
{
	if (ev->kind != KEYS_DONE || ev->a.len != sizeof(n->chance))
		return;
	memcpy(&n->chance, ev->a.ptr, sizeof(n->chance));
	n->has_chance = true;
}

/* A follower speaks with the leader alone, and believes what that says of the others. */
static bool is_reachable(const struct node *n, const struct member *m, bool leads)
{
	if (strcmp(m->node_id, n->id) == 0)
		return true;
	for (size_t i = 0; !leads && group_leader(n->group) && i < n->seen_count; i++)
		if (n->seen[i].raft_id == m->raft_id)
			return n->seen[i].is_reachable;
	return m->is_active;
}

/* How far a member's copy of the log is, as the leader knows. */
static void tell_progress(const struct node *n, struct control_member *m, bool leads)
{
	struct raft_status status = group_status(n->group);

	if (leads) {
		m->last_index = status.last;
		m->match = group_match(n->group, m->raft_id);
		return;
	}
	for (size_t i = 0; group_leader(n->group) && i < n->seen_count; i++) {
		if (n->seen[i].raft_id != m->raft_id)
			continue;
		m->match = n->seen[i].match;
		m->last_index = n->seen[i].last_index;
	}
}

static size_t list_members(const struct node *n, struct arena *a, struct control_member **list)
{
	const struct members *members = group_members(n->group);
	const struct member *leader = group_leader(n->group), *it;
	bool leads = leader_is_leading(n->leader);
	size_t count = 0;

	*list = arena_alloc(a, (members->by_raft_id.count + 1) * sizeof(**list));
	members_each(members, it)
	{
		(*list)[count] = (struct control_member){
			.node_id = it->node_id,
			.raft_id = it->raft_id,
			.addr = it->addr,
			.is_leader = it == leader,
			.is_reachable = is_reachable(n, it, leads),
			.is_voter = it->is_voter,
		};
		tell_progress(n, &(*list)[count++], leads);
	}
	return count;
}

void change_count_managers(const struct node *n, size_t *reachable, size_t *all)
{
	AUTO_ARENA struct arena a = { 0 };
	struct control_member *list;

	*all = list_members(n, &a, &list);
	*reachable = 0;
	for (size_t i = 0; i < *all; i++)
		*reachable += list[i].is_reachable;
}

bool change_carry_out(void *self, struct txn *t, const char *method, const void *request,
		      struct arena *a, const void **response, struct err *e)
{
	struct node *n = self;
	const struct control_method *m = control_find(str_of(method));
	struct control_member *members;
	struct control c;

	if (!m || m->is_read)
		return fail(e, ERR_UNSUPPORTED, "%s changes nothing", method);
	if (m->needs_chance && !n->has_chance)
		return fail(e, ERR_UNAVAILABLE, "no random numbers yet; try again");
	c = (struct control){
		.txn = t,
		.view = txn_view(t),
		.arena = a,
		.prng = &n->prng,
		.chance = &n->chance,
		.root = new_root_made(n),
		.image_is_valid = n->config.image_is_valid,
	};
	c.member_count = list_members(n, a, &members);
	c.members = members;
	*response = m->handle(&c, request, e);
	if (m->needs_chance)
		change_want_chance(n);
	if (c.needs_root)
		new_root_make(n, view_cluster(store_view(n->store)),
			      ((const Pb__UpdateClusterRequest *)request)->spec->ca_config);
	else if (c.took_root)
		new_root_forget(n);
	if (*response)
		*response = pb_dup(a, *response); /* it may point into the transaction */
	return *response != NULL;
}

const void *node_ask(struct node *n, const char *method, const void *request, struct arena *a,
		     struct err *e)
{
	const struct control_method *m = control_find(str_of(method));
	struct control_member *members;
	struct control c;

	if (!n->store || !m || !m->is_read) {
		fail(e, n->store ? ERR_UNSUPPORTED : ERR_UNAVAILABLE,
		     n->store ? "%s is no question" : "This node is not a swarm manager.", method);
		return NULL;
	}
	c = (struct control){ .view = store_view(n->store), .arena = a, .prng = &n->prng };
	c.member_count = list_members(n, a, &members);
	c.members = members;
	return m->handle(&c, request, e);
}

struct store_hold *node_hold(struct node *n, enum object_kind kind, const void *const *objects,
			     size_t count)
{
	return n->store ? store_hold_take(n->store, kind, objects, count) : NULL;
}
