/* A leader's work: bring every member's log to its own, and commit what a majority has.
 *
 * Only an entry of the present term is committed by counting; all before it are committed
 * with it (Raft 5.4.2, figure 8). The leader counts its own copy when its disk has it. */
#include <assert.h>

#include "base/mem.h"
#include "raft/core/inside.h"

/* Takes the entry over. */
void lead_append(struct raft *r, struct raft_entry *entry)
{
	struct raft_message *own = raft_message_new(RAFT_APPEND_REPLY, r->config.id);

	r->uncommitted_bytes += entry->size;
	log_append(&r->log, &entry, 1);
	own->index = entry->index;
	raft_entry_drop(entry);
	send_message(r, own);
}

static bool send_snapshot(struct raft *r, struct progress *p)
{
	struct raft_snapshot *s = r->log.snapshot;
	struct raft_message *m;

	if (!p->is_active)
		return false; /* it may be gone for long: wait until it says something */
	assert(s && s->index >= r->log.base.index);

	progress_send_snapshot(p, s->index);
	m = raft_message_new(RAFT_SNAPSHOT, p->id);
	m->snapshot = raft_snapshot_ref(s);
	send_message(r, m);
	raft_log_debug(r, "%llx sends a snapshot of %llu to %llx", (unsigned long long)r->config.id,
		       (unsigned long long)s->index, (unsigned long long)p->id);
	return true;
}

static void attach_entries(struct raft *r, struct raft_message *m, uint64_t index, size_t count)
{
	m->entries = xcalloc(count, sizeof(m->entries[0]));
	m->entry_count = count;
	for (size_t i = 0; i < count; i++)
		m->entries[i] = raft_entry_ref(log_entry(&r->log, index + i));
}

static uint64_t payload(const struct raft_message *m)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < m->entry_count; i++)
		bytes += m->entries[i]->size;
	return bytes;
}

/* True if something was sent. An empty append tells the commit index, or probes. */
bool send_append_if(struct raft *r, struct progress *p, bool even_if_empty)
{
	struct raft_message *m;
	uint64_t before, before_term;
	size_t count = 0;

	if (progress_waits(p))
		return false;
	before = p->next - 1;
	if (!log_term(&r->log, before, &before_term))
		return send_snapshot(r, p);

	/* Into a full window goes an empty append only: if all in it was lost, the answer says so.
	 */
	if (p->state != RAFT_REPLICATE || !window_is_full(&p->window))
		count = log_fit(&r->log, p->next, log_last(&r->log), r->config.message_bytes_max);
	if (count == 0 && !even_if_empty)
		return false;

	m = raft_message_new(RAFT_APPEND, p->id);
	m->index = before;
	m->log_term = before_term;
	m->commit = r->log.committed;
	if (count > 0)
		attach_entries(r, m, p->next, count);
	progress_sent(p, count, payload(m));
	p->sent_commit = r->log.committed;
	send_message(r, m);
	return true;
}

void send_append(struct raft *r, struct progress *p)
{
	(void)send_append_if(r, p, true);
}

void broadcast_append(struct raft *r)
{
	for (unsigned i = 0; i < r->peer_count; i++)
		if (r->peers[i].id != r->config.id)
			send_append(r, &r->peers[i]);
}

void broadcast_heartbeat(struct raft *r)
{
	r->reads.wants_round = false;
	for (unsigned i = 0; i < r->peer_count; i++) {
		struct progress *p = &r->peers[i];
		struct raft_message *m;

		if (p->id == r->config.id)
			continue;
		m = raft_message_new(RAFT_HEARTBEAT, p->id);
		/* Not what is committed, but what of it this member is known to have. */
		m->commit = p->match < r->log.committed ? p->match : r->log.committed;
		m->round = reads_round(r);
		p->sent_commit = m->commit;
		send_message(r, m);
	}
}

/* True if the commit index moved. */
bool commit_by_majority(struct raft *r)
{
	uint64_t index = quorum_matched(r->peers, r->peer_count);

	if (index <= r->log.committed || !log_has(&r->log, (struct entry_id){ index, r->term }))
		return false;
	log_commit(&r->log, index);
	return true;
}

static void handle_rejection(struct raft *r, struct progress *p, const struct raft_message *m)
{
	uint64_t guess = m->hint;

	/* The follower has m->log_term there, and terms only grow: wherever this log has a higher
	 * one the two cannot agree. A whole term is skipped in one step. */
	if (m->log_term > 0)
		guess = log_guess_agreement(&r->log, m->hint, m->log_term).index;
	if (!progress_reject(p, m->index, guess))
		return;
	if (p->state == RAFT_REPLICATE)
		progress_probe(p);
	send_append(r, p);
}

static void advance_state(struct raft *r, struct progress *p, uint64_t index)
{
	if (p->state == RAFT_PROBE) {
		progress_replicate(p);
	} else if (p->state == RAFT_SENDING_SNAPSHOT && p->match + 1 >= log_first(&r->log)) {
		/* However it came by it, the log goes on from there. */
		progress_replicate(p);
	} else if (p->state == RAFT_REPLICATE) {
		window_free_up_to(&p->window, index);
	}
}

void handle_append_reply(struct raft *r, struct progress *p, const struct raft_message *m)
{
	bool is_self = p->id == r->config.id;

	p->is_active = true;
	if (m->reject) {
		handle_rejection(r, p, m);
		return;
	}
	if (m->index > log_last(&r->log))
		return; /* nobody can hold more of this log than its leader */
	if (!progress_accept(p, m->index) && !(p->match == m->index && p->state == RAFT_PROBE))
		return;
	advance_state(r, p, m->index);

	if (commit_by_majority(r)) {
		reads_accept_waiting(r);
		broadcast_append(r);
	} else if (!is_self && progress_wants_commit(p, r->log.committed)) {
		send_append(r, p);
	}
	if (is_self)
		return;
	/* The window may have room again for more than one message. */
	while (send_append_if(r, p, false))
		;
	transfer_continue(r, p);
}

void handle_heartbeat_reply(struct raft *r, struct progress *p, const struct raft_message *m)
{
	p->is_active = true;
	p->is_paused = false;
	/* A probe that is caught up is asked too, to become one that replicates again. */
	if (p->match < log_last(&r->log) || p->state == RAFT_PROBE)
		send_append(r, p);

	if (m->round > p->confirmed_round) {
		p->confirmed_round = m->round;
		reads_answer_confirmed(r);
	}
}

void raft_report_unreachable(struct raft *r, uint64_t id)
{
	struct progress *p = peer_of(r, id);

	/* What was sent ahead is probably lost. */
	if (r->role == RAFT_LEADER && p && p->state == RAFT_REPLICATE)
		progress_probe(p);
}

void raft_report_snapshot(struct raft *r, uint64_t id, bool delivered)
{
	struct progress *p = peer_of(r, id);

	if (r->role != RAFT_LEADER || !p || p->state != RAFT_SENDING_SNAPSHOT)
		return;
	if (!delivered)
		p->pending_snapshot = 0;
	progress_probe(p);
	/* Delivered: its acknowledgement is on the way. Not: a heartbeat's answer shows that it
	 * is worth another try. */
	p->is_paused = true;
}

void note_applied(struct raft *r, uint64_t index, uint64_t payload_bytes)
{
	struct raft_log *l = &r->log;

	if (index > l->applied)
		l->applied = index;
	if (l->applying < l->applied)
		l->applying = l->applied;
	r->uncommitted_bytes -=
		payload_bytes < r->uncommitted_bytes ? payload_bytes : r->uncommitted_bytes;
}
