/* One message: is it sound, what does its term mean, and who handles it.
 *
 * A higher term makes a follower, with three exceptions that keep a healthy leader: a request
 * for a (pre-)vote while the leader's lease lasts is ignored; a pre-vote changes no term; nor
 * does a granted one, which only echoes the term asked for. A lower term is ignored, but a
 * sender who cannot learn better otherwise is told the present one. */
#include "raft/core/inside.h"

static bool is_append_like(enum raft_message_kind kind)
{
	return kind == RAFT_APPEND || kind == RAFT_HEARTBEAT || kind == RAFT_SNAPSHOT;
}

static bool is_reply(enum raft_message_kind kind)
{
	return kind == RAFT_APPEND_REPLY || kind == RAFT_VOTE_REPLY ||
	       kind == RAFT_PRE_VOTE_REPLY || kind == RAFT_HEARTBEAT_REPLY;
}

static bool is_known(enum raft_message_kind kind)
{
	return (kind >= RAFT_APPEND && kind <= RAFT_HEARTBEAT_REPLY) ||
	       (kind >= RAFT_TRANSFER && kind <= RAFT_PRE_VOTE_REPLY);
}

static bool entries_are_sound(const struct raft_message *m)
{
	uint64_t term = m->log_term;

	for (size_t i = 0; i < m->entry_count; i++) {
		const struct raft_entry *entry = m->entries[i];

		if (entry->index != m->index + 1 + i || entry->term < term || entry->term > m->term)
			return false;
		term = entry->term;
	}
	return true;
}

static bool snapshot_is_sound(const struct raft_snapshot *s)
{
	return s && s->index > 0 && s->term > 0 && s->conf.voter_count > 0 &&
	       s->conf.voter_count + s->conf.learner_count <= RAFT_MEMBERS_MAX;
}

static bool is_sound(const struct raft *r, const struct raft_message *m, struct err *e)
{
	if (!is_known(m->kind))
		return fail(e, ERR_INVALID, "raft message of unknown kind %d", (int)m->kind);
	if (m->to != r->config.id)
		return fail(e, ERR_INVALID, "raft message for %llx came to %llx",
			    (unsigned long long)m->to, (unsigned long long)r->config.id);
	if (m->from == 0 || (m->from == r->config.id && m->kind != RAFT_TRANSFER))
		return fail(e, ERR_INVALID, "raft message without a sender");
	if (m->term == 0 && m->kind != RAFT_READ)
		return fail(e, ERR_INVALID, "raft message without a term");
	if (m->kind == RAFT_APPEND ? !entries_are_sound(m) : m->entry_count != 0)
		return fail(e, ERR_INVALID,
			    "raft message with entries that do not follow each other");
	if (m->kind == RAFT_SNAPSHOT && !snapshot_is_sound(m->snapshot))
		return fail(e, ERR_INVALID, "raft message with an impossible snapshot");
	return true;
}

bool raft_step(struct raft *r, const struct raft_message *m, struct err *e)
{
	if (!is_sound(r, m, e))
		return false;
	if (is_reply(m->kind) && !peer_of(r, m->from))
		return true; /* a stranger, or somebody who was removed */
	return step_message(r, m, e);
}

/* These are promises about what the sender has on its disk. */
static bool is_promise(enum raft_message_kind kind)
{
	return kind == RAFT_APPEND_REPLY || kind == RAFT_VOTE_REPLY || kind == RAFT_PRE_VOTE_REPLY;
}

void send_message(struct raft *r, struct raft_message *m)
{
	if (m->from == 0)
		m->from = r->config.id;
	if (m->term == 0 && m->kind != RAFT_READ)
		m->term = r->term;
	message_list_push(is_promise(m->kind) ? &r->stored : &r->soon, m);
}

static bool has_lease(const struct raft *r)
{
	return r->config.check_quorum && r->lead != 0 &&
	       r->election_elapsed < r->config.election_ticks;
}

/* False: the message ends here. */
static bool take_higher_term(struct raft *r, const struct raft_message *m)
{
	if (m->kind == RAFT_VOTE || m->kind == RAFT_PRE_VOTE) {
		if (!m->forced && has_lease(r))
			return false;
	}
	if (m->kind == RAFT_PRE_VOTE || (m->kind == RAFT_PRE_VOTE_REPLY && !m->reject))
		return true;
	become_follower(r, m->term, is_append_like(m->kind) ? m->from : 0);
	return true;
}

static void answer_lower_term(struct raft *r, const struct raft_message *m)
{
	bool is_from_old_leader = m->kind == RAFT_APPEND || m->kind == RAFT_HEARTBEAT;

	if (is_from_old_leader && (r->config.check_quorum || r->config.pre_vote)) {
		/* With leases nobody would tell it of our term, and it would never step down. */
		send_message(r, raft_message_new(RAFT_APPEND_REPLY, m->from));
	} else if (m->kind == RAFT_PRE_VOTE || m->kind == RAFT_VOTE) {
		/* The candidate may be the only one who can win, and may hear of our term from
		 * nobody else: our configuration need not know it. */
		struct raft_message *reply = raft_message_new(
			m->kind == RAFT_VOTE ? RAFT_VOTE_REPLY : RAFT_PRE_VOTE_REPLY, m->from);

		reply->reject = true;
		send_message(r, reply);
	}
}

static bool step_leader(struct raft *r, const struct raft_message *m)
{
	struct progress *p = peer_of(r, m->from);

	if (m->kind == RAFT_READ) {
		handle_read(r, m);
		return true;
	}
	if (!p)
		return true;
	if (m->kind == RAFT_APPEND_REPLY)
		handle_append_reply(r, p, m);
	else if (m->kind == RAFT_HEARTBEAT_REPLY)
		handle_heartbeat_reply(r, p, m);
	else if (m->kind == RAFT_TRANSFER)
		transfer_begin(r, p);
	return true;
}

/* From the leader of this term: there is one, so this member follows it. */
static bool step_from_leader(struct raft *r, const struct raft_message *m, struct err *e)
{
	if (r->role != RAFT_FOLLOWER)
		become_follower(r, m->term, m->from);
	r->election_elapsed = 0;
	r->lead = m->from;

	if (m->kind == RAFT_HEARTBEAT)
		return handle_heartbeat(r, m, e);
	if (m->kind == RAFT_APPEND)
		handle_append(r, m);
	else
		handle_snapshot(r, m);
	return true;
}

static bool step_other(struct raft *r, const struct raft_message *m, struct err *e)
{
	if (is_append_like(m->kind))
		return step_from_leader(r, m, e);

	if (r->role != RAFT_FOLLOWER) {
		handle_vote_reply(r, m);
		return true;
	}
	if (m->kind == RAFT_TIMEOUT_NOW)
		/* The leader has chosen this member: asking whether it would win is a round lost.
		 */
		campaign_if_allowed(r, ELECTION_BY_TRANSFER);
	else if (m->kind == RAFT_READ_REPLY)
		handle_read_reply(r, m);
	return true;
}

bool step_message(struct raft *r, const struct raft_message *m, struct err *e)
{
	if (m->term != 0 && m->term < r->term) {
		answer_lower_term(r, m);
		return true;
	}
	if (m->term > r->term && !take_higher_term(r, m))
		return true;

	if (m->kind == RAFT_VOTE || m->kind == RAFT_PRE_VOTE) {
		handle_vote_request(r, m);
		return true;
	}
	if (r->role == RAFT_LEADER) {
		if (is_append_like(m->kind))
			return fail(e, ERR_INTERNAL, "%llx also leads in term %llu",
				    (unsigned long long)m->from, (unsigned long long)m->term);
		return step_leader(r, m);
	}
	return step_other(r, m, e);
}
