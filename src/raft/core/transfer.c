/* Handing over (dissertation 3.10): bring the successor up to date, then tell it to campaign at
 * once. Proposals are refused meanwhile, so that there is an end; after an election timeout
 * the leader takes them again. */
#include "raft/core/inside.h"

void transfer_continue(struct raft *r, struct progress *p)
{
	if (r->transferee != p->id || p->match != log_last(&r->log))
		return;
	send_message(r, raft_message_new(RAFT_TIMEOUT_NOW, p->id));
}

void transfer_begin(struct raft *r, struct progress *to)
{
	if (to->is_learner || r->transferee == to->id)
		return;
	r->transferee = 0;
	if (to->id == r->config.id)
		return;

	raft_log_info(r, "%llx hands over to %llx", (unsigned long long)r->config.id,
		      (unsigned long long)to->id);
	r->election_elapsed = 0;
	r->transferee = to->id;
	if (to->match == log_last(&r->log))
		transfer_continue(r, to);
	else
		send_append(r, to);
}

/* A leader that is no voter any more takes no proposals. It cannot just stop: the voters may
 * not know yet that it was removed, and may all have less of the log than it, so that they
 * could not win without its vote and would not get it. */
void transfer_because_removed(struct raft *r)
{
	struct progress *best = NULL;

	if (!r->config.hand_over_on_removal)
		return;
	for (unsigned i = 0; i < r->peer_count; i++) {
		struct progress *p = &r->peers[i];

		if (p->id != r->config.id && !p->is_learner && (!best || best->match < p->match))
			best = p;
	}
	if (best)
		transfer_begin(r, best);
}

bool raft_transfer(struct raft *r, uint64_t to, struct err *e)
{
	struct progress *p = peer_of(r, to);
	struct raft_message *m;

	if (r->lead == 0)
		return fail(e, ERR_UNAVAILABLE, "no leader is known");
	if (!p || p->is_learner)
		return fail(e, ERR_NOT_FOUND, "%llx is not a voter of the group",
			    (unsigned long long)to);
	if (r->role == RAFT_LEADER) {
		transfer_begin(r, p);
		return true;
	}
	m = raft_message_new(RAFT_TRANSFER, r->lead);
	m->from = to;
	send_message(r, m);
	return true;
}
