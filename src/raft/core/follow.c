/* What a follower does with its leader's messages. Every acknowledgement names an index up to
 * which this log is known to equal the leader's - never simply the end of the log, which may
 * hold what an older leader left. */
#include "raft/core/inside.h"

static void acknowledge(struct raft *r, uint64_t to, uint64_t index)
{
	struct raft_message *m = raft_message_new(RAFT_APPEND_REPLY, to);

	m->index = index;
	send_message(r, m);
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Say no, with a guess: the last place where this log cannot have a higher term than the
 * leader has there. A long tail of another term is then skipped in one step. */
static void reject(struct raft *r, const struct raft_message *m)
{
	struct raft_message *reply = raft_message_new(RAFT_APPEND_REPLY, m->from);
	struct entry_id guess =
		log_guess_agreement(&r->log, min_u64(m->index, log_last(&r->log)), m->log_term);

	reply->index = m->index;
	reply->reject = true;
	reply->hint = guess.index;
	reply->log_term = guess.term;
	send_message(r, reply);
}

void handle_append(struct raft *r, const struct raft_message *m)
{
	uint64_t verified = m->index + m->entry_count;
	size_t known;

	if (m->index < r->log.committed) {
		acknowledge(r, m->from, r->log.committed);
		return;
	}
	if (!log_has(&r->log, (struct entry_id){ m->index, m->log_term })) {
		reject(r, m);
		return;
	}
	known = log_first_new(&r->log, m->entries, m->entry_count);
	log_append(&r->log, m->entries + known, m->entry_count - known);
	log_commit(&r->log, min_u64(m->commit, verified));
	acknowledge(r, m->from, verified);
}

bool handle_heartbeat(struct raft *r, const struct raft_message *m, struct err *e)
{
	struct raft_message *reply;

	/* The leader never names more than this member has acknowledged. */
	if (m->commit > log_last(&r->log))
		return fail(e, ERR_INTERNAL,
			    "this member acknowledged entry %llu, but its log ends at %llu: its "
			    "disk was "
			    "lost or replaced",
			    (unsigned long long)m->commit, (unsigned long long)log_last(&r->log));
	log_commit(&r->log, m->commit);

	reply = raft_message_new(RAFT_HEARTBEAT_REPLY, m->from);
	reply->round = m->round;
	send_message(r, reply);
	return true;
}

/* False if there is nothing to restore. The snapshot may be older than this member's entry into
 * the group, and not name it: the entry that adds it follows in the log. */
static bool restore(struct raft *r, struct raft_snapshot *s)
{
	if (s->index <= r->log.committed)
		return false;
	if (log_has(&r->log, (struct entry_id){ s->index, s->term })) {
		/* The log has it all already; only the news of the commit was missing. */
		log_commit(&r->log, s->index);
		return false;
	}
	log_restore(&r->log, s);
	raft_log_info(r, "%llx restores a snapshot of %llu", (unsigned long long)r->config.id,
		      (unsigned long long)s->index);
	return true;
}

void handle_snapshot(struct raft *r, const struct raft_message *m)
{
	bool restored = restore(r, m->snapshot);

	acknowledge(r, m->from, restored ? log_last(&r->log) : r->log.committed);
}
