#include "raft/core/inside.h"

struct raft_status raft_status(const struct raft *r)
{
	const struct raft_log *l = &r->log;
	struct raft_status s = {
		.id = r->config.id,
		.term = r->term,
		.vote = r->vote,
		.lead = r->lead,
		.transferee = r->transferee,
		.role = r->role,
		.first = log_first(l),
		.last = log_last(l),
		.stable = l->stable,
		.committed = l->committed,
		.applied = l->applied,
	};
	uint64_t term;

	for (unsigned i = 0; i < r->peer_count; i++)
		if (r->peers[i].id == r->config.id)
			s.is_voter = !r->peers[i].is_learner;
	s.leads_fully = r->role == RAFT_LEADER && log_term(l, l->applied, &term) && term == r->term;
	s.is_changing = r->role == RAFT_LEADER && r->pending_change > l->applied;
	return s;
}

bool raft_peer(const struct raft *r, unsigned i, struct raft_peer_status *s)
{
	const struct progress *p = &r->peers[i];

	if (i >= r->peer_count)
		return false;
	*s = (struct raft_peer_status){
		.id = p->id,
		.match = p->match,
		.next = p->next,
		.pending_snapshot = p->pending_snapshot,
		.state = p->state,
		.is_learner = p->is_learner,
		.is_paused = progress_waits(p),
		.is_active = p->is_active,
		.is_full = window_is_full(&p->window),
		.inflight = p->window.count,
	};
	return true;
}

const struct raft_entry *raft_entry_at(const struct raft *r, uint64_t index)
{
	if (index < log_first(&r->log) || index > log_last(&r->log))
		return NULL;
	return log_entry(&r->log, index);
}
