/* Elections: when to begin one, whom to vote for, and what follows from the count.
 *
 *     follower -> pre-candidate -> candidate -> leader
 *
 * and back to follower from each, at a higher term or on hearing of a leader. A vote for
 * oneself counts when it is on the disk: it comes back as a message at raft_advance(). */
#include <assert.h>

#include "raft/core/inside.h"

static void draw_election_timeout(struct raft *r)
{
	r->election_timeout =
		r->config.election_ticks + (int)prng_below(&r->prng, r->config.election_ticks);
}

void raft_set_election_ticks(struct raft *r, int ticks)
{
	assert(ticks > r->config.heartbeat_ticks);
	r->config.election_ticks = ticks;
	/* Who is patient from now on does not lose its patience by an earlier draw. */
	if (r->election_timeout < ticks || r->election_timeout >= 2 * ticks)
		draw_election_timeout(r);
}

static void reset(struct raft *r, uint64_t term)
{
	if (r->term != term) {
		assert(term > r->term);
		r->term = term;
		r->vote = 0;
	}
	r->lead = 0;
	r->election_elapsed = r->heartbeat_elapsed = 0;
	draw_election_timeout(r);
	r->transferee = 0;
	r->pending_change = 0;
	r->uncommitted_bytes = 0;
	reads_reset(r);
	reset_peers(r);
}

static void reset_ballots(struct raft *r)
{
	for (unsigned i = 0; i < r->peer_count; i++)
		r->peers[i].ballot = NO_ANSWER;
}

void become_follower(struct raft *r, uint64_t term, uint64_t lead)
{
	if (r->role == RAFT_LEADER)
		raft_log_info(r, "%llx leads no more in term %llu",
			      (unsigned long long)r->config.id, (unsigned long long)r->term);
	reset(r, term);
	r->lead = lead;
	r->role = RAFT_FOLLOWER;
}

static void become_candidate(struct raft *r)
{
	reset(r, r->term + 1);
	r->vote = r->config.id;
	r->role = RAFT_CANDIDATE;
}

/* Changes nothing that would have to be stored. */
static void become_pre_candidate(struct raft *r)
{
	reset_ballots(r);
	r->lead = 0;
	r->role = RAFT_PRE_CANDIDATE;
}

static void become_leader(struct raft *r)
{
	struct progress *self = peer_of(r, r->config.id);

	assert(r->role == RAFT_CANDIDATE);
	reset(r, r->term);
	r->lead = r->config.id;
	r->role = RAFT_LEADER;
	/* The whole log is on the disk: it was stored before the first request for a vote. */
	if (self) {
		progress_replicate(self);
		self->is_active = true;
	}

	/* There may be a change of members in the part that was not committed when this term
	 * began; none may follow it before it is applied. */
	r->pending_change = log_last(&r->log);
	raft_log_info(r, "%llx leads in term %llu", (unsigned long long)r->config.id,
		      (unsigned long long)r->term);

	/* Entries of older terms are committed with the first of this one (Raft 5.4.2), so
	 * there is one at once. */
	lead_append(r, raft_entry_new(log_last(&r->log) + 1, r->term, NULL, 0));
}

static void request_vote(struct raft *r, enum campaign kind, uint64_t to)
{
	struct entry_id last = log_last_id(&r->log);
	struct raft_message *m =
		raft_message_new(kind == PRE_ELECTION ? RAFT_PRE_VOTE : RAFT_VOTE, to);

	m->term = kind == PRE_ELECTION ? r->term + 1 : r->term;
	m->index = last.index;
	m->log_term = last.term;
	m->forced = kind == ELECTION_BY_TRANSFER;
	send_message(r, m);
}

static void campaign(struct raft *r, enum campaign kind)
{
	if (kind == PRE_ELECTION)
		become_pre_candidate(r);
	else
		become_candidate(r);

	for (unsigned i = 0; i < r->peer_count; i++) {
		struct progress *p = &r->peers[i];

		if (p->is_learner)
			continue;
		if (p->id == r->config.id) {
			struct raft_message *own = raft_message_new(
				kind == PRE_ELECTION ? RAFT_PRE_VOTE_REPLY : RAFT_VOTE_REPLY,
				p->id);

			own->term = kind == PRE_ELECTION ? r->term + 1 : r->term;
			send_message(r, own);
		} else {
			request_vote(r, kind, p->id);
		}
	}
}

/* A change of members that is agreed but not applied yet: this member does not know who votes. */
static bool has_unapplied_change(const struct raft *r)
{
	for (uint64_t i = r->log.applied + 1; i <= r->log.committed; i++)
		if (log_entry(&r->log, i)->kind == RAFT_CONF_CHANGE)
			return true;
	return false;
}

void campaign_if_allowed(struct raft *r, enum campaign kind)
{
	if (r->role == RAFT_LEADER || !may_lead(r) || has_unapplied_change(r))
		return;
	raft_log_debug(r, "%llx campaigns in term %llu", (unsigned long long)r->config.id,
		       (unsigned long long)r->term);
	campaign(r, kind);
}

/* A member that was removed may hold more of the log than the voters that are left, who may not
 * know of the removal and need its vote. It cannot grant it; instead it asks for theirs, leads
 * without a vote of its own, and hands over (dissertation 4.2.2). */
static void help_out(struct raft *r, uint64_t candidate)
{
	const struct progress *p = peer_of(r, candidate);

	if (!r->config.hand_over_on_removal || r->role == RAFT_LEADER || r->log.incoming)
		return;
	if (!p || p->is_learner || peer_of(r, r->config.id) || has_unapplied_change(r))
		return;
	raft_log_info(r, "%llx was removed, but is needed once more",
		      (unsigned long long)r->config.id);
	campaign(r, r->config.pre_vote ? PRE_ELECTION : ELECTION);
}

/* Raft 5.4.1: the later last term, and with the same one the longer log. */
static bool is_as_good(struct entry_id theirs, struct entry_id ours)
{
	return theirs.term > ours.term || (theirs.term == ours.term && theirs.index >= ours.index);
}

void handle_vote_request(struct raft *r, const struct raft_message *m)
{
	bool is_pre = m->kind == RAFT_PRE_VOTE;
	bool may_vote = r->vote == m->from || (r->vote == 0 && r->lead == 0) ||
			(is_pre && m->term > r->term);
	bool grants = may_vote &&
		      is_as_good((struct entry_id){ m->index, m->log_term }, log_last_id(&r->log));
	struct raft_message *reply =
		raft_message_new(is_pre ? RAFT_PRE_VOTE_REPLY : RAFT_VOTE_REPLY, m->from);

	/* Whether this member is a voter is for the candidate to know: it may have been made one
	 * by an entry that did not reach it yet, and without its vote nobody might win. */

	/* A grant echoes the term that was asked for, which for a pre-vote nobody is in yet. A
	 * refusal tells ours, so that a candidate who is behind learns of it. */
	reply->term = grants ? m->term : r->term;
	reply->reject = !grants;
	send_message(r, reply);
	if (grants && !is_pre) {
		r->election_elapsed = 0;
		r->vote = m->from;
	}
	if (may_vote && !grants)
		help_out(r, m->from);
}

void handle_vote_reply(struct raft *r, const struct raft_message *m)
{
	struct progress *p = peer_of(r, m->from);
	enum outcome outcome;

	if (m->kind != (r->role == RAFT_PRE_CANDIDATE ? RAFT_PRE_VOTE_REPLY : RAFT_VOTE_REPLY) ||
	    !p)
		return;
	if (p->ballot == NO_ANSWER)
		p->ballot = m->reject ? REFUSED : GRANTED;

	outcome = quorum_vote(r->peers, r->peer_count);
	if (outcome == LOST) {
		become_follower(r, r->term, 0);
	} else if (outcome == WON && r->role == RAFT_PRE_CANDIDATE) {
		campaign(r, ELECTION);
	} else if (outcome == WON) {
		become_leader(r);
		broadcast_append(r);
	}
}

static void tick_election(struct raft *r)
{
	r->election_elapsed++;
	if (r->election_elapsed < r->election_timeout)
		return;
	if (may_lead(r)) {
		r->election_elapsed = 0;
		raft_campaign(r);
	} else if (r->role != RAFT_FOLLOWER) {
		become_follower(r, r->term, 0);
	}
}

/* A leader without a majority that listens cannot commit, and somebody else may be leading. */
static void check_quorum(struct raft *r)
{
	bool is_active = quorum_is_active(r->peers, r->peer_count);

	for (unsigned i = 0; i < r->peer_count; i++)
		r->peers[i].is_active = r->peers[i].id == r->config.id;
	if (!is_active)
		become_follower(r, r->term, 0);
}

static void tick_leader(struct raft *r)
{
	r->heartbeat_elapsed++;
	r->election_elapsed++;

	if (r->election_elapsed >= r->config.election_ticks) {
		r->election_elapsed = 0;
		if (r->config.check_quorum)
			check_quorum(r);
		r->transferee = 0;
		if (r->role == RAFT_LEADER && !may_lead(r))
			transfer_because_removed(r);
	}
	if (r->role != RAFT_LEADER || r->heartbeat_elapsed < r->config.heartbeat_ticks)
		return;
	r->heartbeat_elapsed = 0;
	broadcast_heartbeat(r);
}

void raft_tick(struct raft *r)
{
	if (r->role == RAFT_LEADER)
		tick_leader(r);
	else
		tick_election(r);
}

void raft_campaign(struct raft *r)
{
	campaign_if_allowed(r, r->config.pre_vote ? PRE_ELECTION : ELECTION);
}

void raft_forget_leader(struct raft *r)
{
	if (r->role == RAFT_FOLLOWER)
		r->lead = 0;
}

void raft_election_now(struct raft *r)
{
	if (r->role == RAFT_LEADER)
		return;
	raft_forget_leader(r);
	r->election_elapsed = 0;
	raft_campaign(r);
}
