/* Reads that are never stale, without an entry in the log (dissertation 6.4).
 *
 * A leader that has committed in its term notes its commit index for a read, and answers with
 * it when a majority has confirmed, after that, that it still leads. Before the term's first
 * commit it may not know of entries that others have been told are committed, so reads wait -
 * in a group of one as well: its disk may know of fewer commits than its clients. */
#include "base/mem.h"
#include "raft/core/inside.h"

bool has_committed_in_term(const struct raft *r)
{
	uint64_t term;

	return log_term(&r->log, r->log.committed, &term) && term == r->term;
}

void reads_reset(struct raft *r)
{
	struct reads *q = &r->reads;

	q->count = q->accepted = 0;
	q->confirmed = 0;
	q->wants_round = false;
}

void reads_clear(struct raft *r)
{
	free(r->reads.at);
	r->reads = (struct reads){ 0 };
}

uint64_t reads_round(const struct raft *r)
{
	return r->reads.accepted ? r->reads.confirmed + r->reads.accepted : 0;
}

static void keep_answer(struct raft *r, uint64_t ticket, uint64_t index)
{
	if (r->answer_count == r->answer_capacity) {
		r->answer_capacity = r->answer_capacity ? 2 * r->answer_capacity : 16;
		r->answers = xrealloc(r->answers, r->answer_capacity * sizeof(r->answers[0]));
	}
	r->answers[r->answer_count++] = (struct raft_read){ ticket, index };
}

static void answer(struct raft *r, const struct read_request *q)
{
	struct raft_message *m;

	if (q->from == r->config.id) {
		keep_answer(r, q->ticket, q->index);
		return;
	}
	m = raft_message_new(RAFT_READ_REPLY, q->from);
	m->ticket = q->ticket;
	m->index = q->index;
	send_message(r, m);
}

void reads_answer_confirmed(struct raft *r)
{
	struct reads *q = &r->reads;
	struct progress *self = peer_of(r, r->config.id);
	uint64_t round;
	size_t done;

	if (q->accepted == 0)
		return;
	if (self)
		self->confirmed_round = reads_round(r);
	round = quorum_confirmed(r->peers, r->peer_count);
	if (round <= q->confirmed)
		return;

	done = round - q->confirmed;
	if (done > q->accepted)
		done = q->accepted; /* a peer confirmed what was never asked */
	for (size_t i = 0; i < done; i++)
		answer(r, &q->at[i]);
	q->confirmed += done;
	q->accepted -= done;
	q->count -= done;
	for (size_t i = 0; i < q->count; i++)
		q->at[i] = q->at[i + done];
	if (q->accepted == 0)
		q->wants_round = false;
}

void reads_accept_waiting(struct raft *r)
{
	struct reads *q = &r->reads;

	if (q->accepted == q->count || !has_committed_in_term(r))
		return;
	while (q->accepted < q->count)
		q->at[q->accepted++].index = r->log.committed;
	q->wants_round = true;
	reads_answer_confirmed(r); /* a sole voter needs nobody else */
}

static bool add(struct raft *r, uint64_t from, uint64_t ticket)
{
	struct reads *q = &r->reads;

	if (q->count == RAFT_READS_MAX)
		return false;
	if (q->count == q->capacity) {
		q->capacity = q->capacity ? 2 * q->capacity : 16;
		q->at = xrealloc(q->at, q->capacity * sizeof(q->at[0]));
	}
	q->at[q->count++] = (struct read_request){ from, ticket, 0 };
	reads_accept_waiting(r);
	return true;
}

void handle_read(struct raft *r, const struct raft_message *m)
{
	(void)add(r, m->from, m->ticket); /* too many: it will ask again */
}

void handle_read_reply(struct raft *r, const struct raft_message *m)
{
	keep_answer(r, m->ticket, m->index);
}

bool raft_read_index(struct raft *r, uint64_t ticket, struct err *e)
{
	struct raft_message *m;

	if (r->lead == 0)
		return fail(e, ERR_UNAVAILABLE, "no leader is known");
	if (r->role == RAFT_LEADER) {
		if (!add(r, r->config.id, ticket))
			return fail(e, ERR_EXHAUSTED, "%d reads wait", RAFT_READS_MAX);
		return true;
	}
	m = raft_message_new(RAFT_READ, r->lead);
	m->ticket = ticket;
	send_message(r, m);
	return true;
}
