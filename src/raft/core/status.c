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

	for (unsigned i = 0; i < r->peer_count; i++)
		if (r->peers[i].id == r->config.id)
			s.is_voter = !r->peers[i].is_learner;
	s.leads_fully = raft_leads_fully(r);
	s.is_changing = raft_is_changing(r);
	return s;
}

uint64_t raft_term(const struct raft *r)
{
	return r->term;
}

uint64_t raft_lead(const struct raft *r)
{
	return r->lead;
}

enum raft_role raft_role(const struct raft *r)
{
	return r->role;
}

bool raft_leads_fully(const struct raft *r)
{
	uint64_t term;

	return r->role == RAFT_LEADER && log_term(&r->log, r->log.applied, &term) &&
	       term == r->term;
}

bool raft_is_changing(const struct raft *r)
{
	return r->role == RAFT_LEADER && r->pending_change > r->log.applied;
}

bool raft_has_learner(const struct raft *r)
{
	for (unsigned i = 0; i < r->peer_count; i++)
		if (r->peers[i].is_learner)
			return true;
	return false;
}

bool raft_is_alone(const struct raft *r)
{
	bool is_voter = false;

	for (unsigned i = 0; i < r->peer_count; i++) {
		if (r->peers[i].is_learner)
			continue;
		if (r->peers[i].id != r->config.id)
			return false;
		is_voter = true;
	}
	return is_voter;
}

bool raft_peer(const struct raft *r, unsigned i, struct raft_peer_status *s)
{
	const struct progress *p;

	if (i >= r->peer_count)
		return false;
	p = &r->peers[i];
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
