/* Changes of the group: who is a member, and who votes.
 *
 * A new member is a learner until its log has caught up; whoever leads then makes it a voter, so
 * a promotion that a leader's death interrupts is finished by the next. A change names the member
 * in full, because managers must reach each other by what the log says. */
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "raft/inside.h"

#define CONTEXT_MAX (1 << 16)
/* A learner that lacks no more than this would not hold back a commit for long. */
#define CAUGHT_UP_ENTRIES 64

struct str change_context(struct arena *a, uint64_t raft_id, const char *node_id, const char *addr)
{
	AUTO_BUF struct buf bytes = BUF_MAX(CONTEXT_MAX);
	Pb__RaftMember *p = PB_NEW(a, raft_member);

	p->raft_id = raft_id;
	p->node_id = arena_strdup(a, node_id);
	p->addr = arena_strdup(a, addr);
	if (!pb_encode(p, &bytes))
		abort(); /* an id and an address are short */
	return str_bytes(arena_copy(a, bytes.data, bytes.len), bytes.len);
}

static const Pb__RaftMember *named(const struct raft_entry *entry, struct arena *a)
{
	struct err e;

	return pb_decode(a, &pb__raft_member__descriptor, str_bytes(entry->data, entry->size),
			 CONTEXT_MAX, &e);
}

void change_hint(struct group *g, const struct raft_entry *entry)
{
	AUTO_ARENA struct arena a = { 0 };
	const Pb__RaftMember *p;

	if (entry->kind != RAFT_CONF_CHANGE || entry->change.kind == RAFT_REMOVE)
		return;
	p = named(entry, &a);
	if (p)
		members_set(&g->hints, entry->change.node, p->node_id, p->addr);
}

void change_applied(struct group *g, const struct raft_entry *entry)
{
	AUTO_ARENA struct arena a = { 0 };
	const struct raft_change *change = &entry->change;
	const Pb__RaftMember *p;
	struct member *m;

	if (change->kind == RAFT_REMOVE) {
		members_remove(&g->members, change->node);
		if (change->node == g->me)
			g->was_removed = true;
	} else if ((p = named(entry, &a)) && !members_was_removed(&g->members, change->node)) {
		members_set(&g->members, change->node, p->node_id, p->addr);
		m = members_find(&g->members, change->node);
		if (change->kind != RAFT_UPDATE)
			m->is_voter = change->kind == RAFT_ADD_VOTER;
		log_info(g->config.log, "raft", "%s at %s is a %s", m->node_id, m->addr,
			 m->is_voter ? "voter" : "learner");
	} else {
		log_warn(g->config.log, "raft", "entry %" PRIu64 ": unreadable member",
			 entry->index);
	}
	raft_apply_conf_change(g->raft, change);
}

/* The members there are after all that is stored. */
static unsigned fold_members(const struct raft_stored *stored, uint64_t ids[RAFT_MEMBERS_MAX])
{
	unsigned count = 0;

	for (unsigned i = 0; stored->snapshot && i < stored->snapshot->conf.voter_count; i++)
		ids[count++] = stored->snapshot->conf.voters[i];
	for (unsigned i = 0; stored->snapshot && i < stored->snapshot->conf.learner_count; i++)
		ids[count++] = stored->snapshot->conf.learners[i];
	for (size_t i = 0; i < stored->entry_count; i++) {
		const struct raft_entry *entry = stored->entries[i];
		unsigned at = 0;

		if (entry->kind != RAFT_CONF_CHANGE)
			continue;
		while (at < count && ids[at] != entry->change.node)
			at++;
		if (entry->change.kind == RAFT_REMOVE && at < count)
			ids[at] = ids[--count];
		else if (entry->change.kind != RAFT_REMOVE && at == count &&
			 count < RAFT_MEMBERS_MAX)
			ids[count++] = entry->change.node;
	}
	return count;
}

static void add_change(struct raft_stored *stored, const struct raft_change *change,
		       struct str context)
{
	uint64_t index = ++stored->hard.commit;

	stored->entries[stored->entry_count++] =
		raft_entry_new_change(index, stored->hard.term, change, context.ptr, context.len);
}

void change_be_alone(struct group *g, struct raft_stored *stored, const char *addr)
{
	AUTO_ARENA struct arena a = { 0 };
	uint64_t ids[RAFT_MEMBERS_MAX];
	unsigned count = fold_members(stored, ids);

	stored->hard.term++;
	stored->hard.vote = 0;
	stored->hard.commit = stored->entry_count ? stored->entries[stored->entry_count - 1]->index
			      : stored->snapshot  ? stored->snapshot->index
						  : 0;
	/* First this one votes: a group is never without a voter. */
	add_change(stored, &(struct raft_change){ .kind = RAFT_ADD_VOTER, .node = g->me },
		   change_context(&a, g->me, g->config.node_id, addr));
	for (unsigned i = 0; i < count; i++)
		if (ids[i] != g->me)
			add_change(stored,
				   &(struct raft_change){ .kind = RAFT_REMOVE, .node = ids[i] },
				   STR(""));
}

void change_voters(struct group *g, const struct raft_conf *conf)
{
	struct member *m;

	for (unsigned i = 0; i < conf->voter_count; i++)
		if ((m = members_find(&g->members, conf->voters[i])))
			m->is_voter = true;
}

static void promote(struct group *g, const struct member *m)
{
	AUTO_ARENA struct arena a = { 0 };
	struct raft_change change = { .kind = RAFT_ADD_VOTER, .node = m->raft_id };
	struct str context = change_context(&a, m->raft_id, m->node_id, m->addr);
	uint64_t index;
	struct err e;

	if (!raft_propose_conf_change(g->raft, &change, context.ptr, context.len, &index, &e))
		log_debug(g->config.log, "raft", "%s is no voter yet: %s", m->node_id, e.text);
}

void change_promote(struct group *g)
{
	struct raft_status status;
	struct raft_peer_status peer;

	/* Asked in every turn, and there is mostly none. */
	if (!raft_has_learner(g->raft))
		return;
	status = raft_status(g->raft);
	if (!status.leads_fully || status.is_changing || status.transferee)
		return;
	for (unsigned i = 0; raft_peer(g->raft, i, &peer); i++) {
		const struct member *m = members_find(&g->members, peer.id);

		if (!peer.is_learner || !m || peer.match == 0 ||
		    peer.match + CAUGHT_UP_ENTRIES < status.committed)
			continue;
		promote(g, m);
		return;
	}
}

bool change_may_remove(const struct group *g, uint64_t raft_id, struct err *e)
{
	size_t voters = members_voters(&g->members), reachable = 0;
	const struct member *gone = members_find(&g->members, raft_id);
	struct member *m;

	if (!gone)
		return fail(e, ERR_NOT_FOUND, "can't find manager in raft memberlist");
	if (!gone->is_voter)
		return true;
	members_each(&g->members, m) reachable +=
		m->is_voter && m != gone && (m->is_active || m->raft_id == g->me);
	if (reachable >= (voters - 1) / 2 + 1)
		return true;
	return fail(e, ERR_IN_USE,
		    "raft: member cannot be removed, because removing it may result in loss of "
		    "quorum");
}

bool group_remove(struct group *g, uint64_t raft_id, struct err *e)
{
	struct raft_change change = { .kind = RAFT_REMOVE, .node = raft_id };
	uint64_t index;

	if (!group_leads(g))
		return fail(e, ERR_UNAVAILABLE, "this manager is not the leader");
	return change_may_remove(g, raft_id, e) &&
	       raft_propose_conf_change(g->raft, &change, NULL, 0, &index, e);
}

bool group_hand_over(struct group *g, struct err *e)
{
	struct raft_peer_status peer;
	uint64_t best = 0, match = 0;

	if (!group_leads(g))
		return fail(e, ERR_UNAVAILABLE, "this manager is not the leader");
	for (unsigned i = 0; raft_peer(g->raft, i, &peer); i++) {
		if (peer.id == g->me || peer.is_learner || !peer.is_active || peer.match < match)
			continue;
		best = peer.id;
		match = peer.match;
	}
	if (!best)
		return fail(e, ERR_UNAVAILABLE, "no other manager can lead");
	return raft_transfer(g->raft, best, e);
}

void group_met(struct group *g, const char *node_id, uint64_t raft_id, const char *addr)
{
	struct members *const known[] = { &g->members, &g->hints };

	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		struct member *m = members_find(known[i], raft_id);

		if (raft_id != g->me && m && strcmp(m->node_id, node_id) == 0 &&
		    members_met(known[i], m, addr))
			log_info(g->config.log, "raft", "%s is at %s now", node_id, addr);
	}
}

bool group_move(struct group *g, const char *addr, struct err *e)
{
	AUTO_ARENA struct arena a = { 0 };
	struct raft_change change = { .kind = RAFT_UPDATE, .node = g->me };
	struct str context = change_context(&a, g->me, g->config.node_id, addr);
	uint64_t index;

	if (!group_leads(g))
		return fail(e, ERR_UNAVAILABLE, "this manager is not the leader");
	return raft_propose_conf_change(g->raft, &change, context.ptr, context.len, &index, e);
}

bool group_is_changing(const struct group *g)
{
	return g->raft && raft_is_changing(g->raft);
}

bool group_was_removed(const struct group *g)
{
	return g->was_removed;
}
