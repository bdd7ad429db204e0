/* New entries, and what may not become one. */
#include "raft/core/inside.h"

static bool may_propose(struct raft *r, size_t size, struct err *e)
{
	if (r->role != RAFT_LEADER)
		return fail(e, ERR_UNAVAILABLE, "this manager is not the leader");
	if (!peer_of(r, r->config.id))
		return fail(e, ERR_UNAVAILABLE, "this manager was removed from the group");
	if (r->transferee != 0)
		return fail(e, ERR_UNAVAILABLE, "leadership is being handed over");
	if (size > r->config.proposal_bytes_max)
		return fail(e, ERR_INVALID, "a proposal of %zu bytes is larger than %llu", size,
			    (unsigned long long)r->config.proposal_bytes_max);
	if (r->uncommitted_bytes > 0 && size > 0 &&
	    (size > r->config.uncommitted_bytes_max ||
	     r->uncommitted_bytes > r->config.uncommitted_bytes_max - size))
		return fail(e, ERR_EXHAUSTED, "%llu bytes wait to be committed",
			    (unsigned long long)r->uncommitted_bytes);
	return true;
}

static void append(struct raft *r, struct raft_entry *entry, uint64_t *index)
{
	*index = entry->index;
	lead_append(r, entry);
	broadcast_append(r);
}

bool raft_propose(struct raft *r, const void *data, size_t size, uint64_t *index, struct err *e)
{
	if (!may_propose(r, size, e))
		return false;
	append(r, raft_entry_new(log_last(&r->log) + 1, r->term, data, size), index);
	return true;
}

static unsigned voters_after(struct raft *r, const struct raft_change *change)
{
	unsigned voters = 0;

	for (unsigned i = 0; i < r->peer_count; i++)
		voters += !r->peers[i].is_learner && r->peers[i].id != change->node;
	return voters + (change->kind == RAFT_ADD_VOTER);
}

static bool may_change(struct raft *r, const struct raft_change *change, struct err *e)
{
	bool adds = change->kind == RAFT_ADD_VOTER || change->kind == RAFT_ADD_LEARNER;

	if (r->pending_change > r->log.applied)
		return fail(e, ERR_CONFLICT,
			    "another change of the group may be under way (entry %llu)",
			    (unsigned long long)r->pending_change);
	if (change->kind != RAFT_UPDATE && voters_after(r, change) == 0)
		return fail(e, ERR_CONFLICT, "the group would have no voter left");
	if (adds && !peer_of(r, change->node) && r->peer_count == RAFT_MEMBERS_MAX)
		return fail(e, ERR_EXHAUSTED, "a group has at most %d members", RAFT_MEMBERS_MAX);
	return true;
}

bool raft_propose_conf_change(struct raft *r, const struct raft_change *change, const void *data,
			      size_t size, uint64_t *index, struct err *e)
{
	if (!may_propose(r, size, e) || !may_change(r, change, e))
		return false;
	r->pending_change = log_last(&r->log) + 1;
	append(r, raft_entry_new_change(r->pending_change, r->term, change, data, size), index);
	return true;
}
