/* What is to be done now, and what follows when it is done. */
#include <assert.h>

#include "base/mem.h"
#include "raft/core/inside.h"

void message_list_push(struct message_list *l, struct raft_message *m)
{
	if (l->count == l->capacity) {
		l->capacity = l->capacity ? 2 * l->capacity : 16;
		l->at = xrealloc(l->at, l->capacity * sizeof(l->at[0]));
	}
	l->at[l->count++] = m;
}

void message_list_clear(struct message_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		raft_message_free(l->at[i]);
	l->count = 0;
}

static struct raft_hard_state hard_state(const struct raft *r)
{
	return (struct raft_hard_state){ r->term, r->vote, r->log.committed };
}

static bool ballot_differs(struct raft_hard_state a, struct raft_hard_state b)
{
	return a.term != b.term || a.vote != b.vote;
}

static bool hard_differs(struct raft_hard_state a, struct raft_hard_state b)
{
	return ballot_differs(a, b) || a.commit != b.commit;
}

bool raft_has_ready(const struct raft *r)
{
	const struct raft_log *l = &r->log;

	return !r->is_out &&
	       (r->lead != r->told_lead || r->role != r->told_role ||
		hard_differs(hard_state(r), r->told_hard) || (l->incoming && !l->incoming_taken) ||
		r->soon.count > 0 || r->stored.count > 0 || l->writing < log_last(l) ||
		l->applying < log_applicable(l) || r->answer_count > 0 || r->reads.wants_round);
}

static void tell_state(struct raft *r, struct raft_ready *rd)
{
	rd->lead = r->lead;
	rd->role = r->role;
	rd->lead_changed = r->lead != r->told_lead || r->role != r->told_role;
	r->told_lead = r->lead;
	r->told_role = r->role;

	rd->hard = hard_state(r);
	rd->hard_changed = hard_differs(rd->hard, r->told_hard);
	rd->ballot_changed = ballot_differs(rd->hard, r->told_hard);
	r->told_hard = rd->hard;
}

static void give_to_store(struct raft *r, struct raft_ready *rd)
{
	struct raft_log *l = &r->log;

	for (uint64_t i = l->writing + 1; i <= log_last(l); i++)
		entry_list_push(&r->ready_entries, log_entry(l, i));
	l->writing = log_last(l);
	rd->entries = r->ready_entries.at;
	rd->entry_count = r->ready_entries.count;

	if (l->incoming) {
		rd->snapshot = raft_snapshot_ref(l->incoming);
		r->storing_snapshot = l->incoming->index;
		l->incoming_taken = true;
	}
}

/* A change of members is applied when its commit is on the disk: a member that forgot it could
 * need the vote of somebody who was removed, and is gone for good. */
static bool applies_change(const struct raft_ready *rd)
{
	for (size_t i = 0; i < rd->committed_count; i++)
		if (rd->committed[i]->kind == RAFT_CONF_CHANGE)
			return true;
	return false;
}

static bool must_sync(const struct raft_ready *rd)
{
	return rd->entry_count > 0 || rd->ballot_changed || rd->snapshot || applies_change(rd);
}

static void give_to_apply(struct raft *r, struct raft_ready *rd)
{
	struct raft_log *l = &r->log;
	size_t count = log_fit(l, l->applying + 1, log_applicable(l), r->config.apply_bytes_max);

	for (size_t i = 0; i < count; i++)
		entry_list_push(&r->ready_committed, log_entry(l, l->applying + 1 + i));
	l->applying += count;
	rd->committed = r->ready_committed.at;
	rd->committed_count = count;
}

/* A leader's term and vote are on its disk since before it was elected, so what it sends as a
 * leader promises nothing that could be forgotten (dissertation 10.2.1). */
static void give_to_send(struct raft *r, struct raft_ready *rd)
{
	for (size_t i = 0; i < r->soon.count; i++)
		message_list_push(&r->ready_messages, r->soon.at[i]);
	rd->early_count = r->role == RAFT_LEADER && !rd->ballot_changed ? r->soon.count : 0;
	r->soon.count = 0;

	for (size_t i = 0; i < r->stored.count; i++) {
		struct raft_message *m = r->stored.at[i];

		message_list_push(m->to == r->config.id ? &r->to_self : &r->ready_messages, m);
	}
	r->stored.count = 0;
	rd->messages = r->ready_messages.at;
	rd->message_count = r->ready_messages.count;
}

static void give_answers(struct raft *r, struct raft_ready *rd)
{
	rd->read_count = r->answer_count;
	rd->reads = r->ready_reads =
		r->answer_count ? xmemdup(r->answers, r->answer_count * sizeof(r->answers[0]))
				: NULL;
	r->answer_count = 0;
}

const struct raft_ready *raft_ready(struct raft *r)
{
	struct raft_ready *rd = &r->ready;

	assert(!r->is_out);
	if (r->reads.wants_round)
		broadcast_heartbeat(r);
	*rd = (struct raft_ready){ 0 };
	tell_state(r, rd);
	give_to_apply(r, rd);
	give_to_store(r, rd);
	rd->must_sync = must_sync(rd);
	give_to_send(r, rd);
	give_answers(r, rd);
	r->is_out = true;
	return rd;
}

static uint64_t payload(const struct entry_list *l)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < l->count; i++)
		bytes += l->at[i]->size;
	return bytes;
}

/* Its own votes and copies count from now on. They may be out of date by now; then their term
 * is lower, and they are ignored like anybody's. */
static void take_own_messages(struct raft *r)
{
	for (size_t i = 0; i < r->to_self.count; i++) {
		struct err e;
		bool ok = step_message(r, r->to_self.at[i], &e);

		assert(ok);
	}
	message_list_clear(&r->to_self);
}

static void note_stored(struct raft *r)
{
	log_stored(&r->log);
	/* A newer one may have come meanwhile; that one is not stored yet. */
	if (r->storing_snapshot != 0 && r->log.incoming &&
	    r->log.incoming->index == r->storing_snapshot) {
		/* Not before: until now older changes of members may have been applied. */
		set_conf(r, &r->log.incoming->conf);
		log_incoming_stored(&r->log);
		note_applied(r, r->storing_snapshot, 0);
	}
	r->storing_snapshot = 0;
}

void raft_advance(struct raft *r)
{
	struct entry_list *applied = &r->ready_committed;

	assert(r->is_out);
	r->is_out = false;
	take_own_messages(r);
	note_stored(r);
	if (applied->count > 0)
		note_applied(r, applied->at[applied->count - 1]->index, payload(applied));

	entry_list_cut(&r->ready_entries, 0);
	entry_list_cut(applied, 0);
	message_list_clear(&r->ready_messages);
	raft_snapshot_drop(r->ready.snapshot);
	free(r->ready_reads);
	r->ready_reads = NULL;
	r->ready = (struct raft_ready){ 0 };
}

void raft_set_snapshot(struct raft *r, struct raft_snapshot *s)
{
	assert(s->index <= r->log.committed);
	if (r->log.snapshot && r->log.snapshot->index >= s->index)
		return;
	raft_snapshot_ref(s);
	raft_snapshot_drop(r->log.snapshot);
	r->log.snapshot = s;
}

void raft_compact(struct raft *r, uint64_t index)
{
	assert(index <= log_first(&r->log) - 1 ||
	       (r->log.snapshot && index <= r->log.snapshot->index));
	log_compact(&r->log, index);
}
