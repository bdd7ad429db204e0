#include "raft/core/describe.h"

#include "base/mem.h"
#include "base/str.h"

#define U(x) ((unsigned long long)(x))

static const struct {
	enum raft_message_kind kind;
	const char *name;
} message_names[] = {
	{ RAFT_APPEND, "MsgApp" },
	{ RAFT_APPEND_REPLY, "MsgAppResp" },
	{ RAFT_VOTE, "MsgVote" },
	{ RAFT_VOTE_REPLY, "MsgVoteResp" },
	{ RAFT_SNAPSHOT, "MsgSnap" },
	{ RAFT_HEARTBEAT, "MsgHeartbeat" },
	{ RAFT_HEARTBEAT_REPLY, "MsgHeartbeatResp" },
	{ RAFT_TRANSFER, "MsgTransferLeader" },
	{ RAFT_TIMEOUT_NOW, "MsgTimeoutNow" },
	{ RAFT_READ, "MsgReadIndex" },
	{ RAFT_READ_REPLY, "MsgReadIndexResp" },
	{ RAFT_PRE_VOTE, "MsgPreVote" },
	{ RAFT_PRE_VOTE_REPLY, "MsgPreVoteResp" },
};

const char *raft_message_name(enum raft_message_kind kind)
{
	for (size_t i = 0; i < ARRAY_LEN(message_names); i++)
		if (message_names[i].kind == kind)
			return message_names[i].name;
	return "unknown";
}

bool raft_message_kind_parse(const char *name, enum raft_message_kind *kind)
{
	for (size_t i = 0; i < ARRAY_LEN(message_names); i++) {
		if (strcmp(message_names[i].name, name) == 0) {
			*kind = message_names[i].kind;
			return true;
		}
	}
	return false;
}

const char *raft_role_name(enum raft_role role)
{
	static const char *const names[] = {
		[RAFT_FOLLOWER] = "StateFollower",
		[RAFT_CANDIDATE] = "StateCandidate",
		[RAFT_LEADER] = "StateLeader",
		[RAFT_PRE_CANDIDATE] = "StatePreCandidate",
	};

	return names[role];
}

static void describe_data(struct buf *out, const struct raft_entry *e)
{
	buf_append_char(out, '"');
	for (size_t i = 0; i < e->size; i++) {
		unsigned char c = e->data[i];

		if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (c < ' ' || c > '~')
			buf_printf(out, "\\x%02x", c);
		else
			buf_append_char(out, c);
	}
	buf_append_char(out, '"');
}

void raft_describe_entry(struct buf *out, const struct raft_entry *e)
{
	static const char letters[] = "vrul";

	buf_printf(out, "%llu/%llu ", U(e->term), U(e->index));
	if (e->kind == RAFT_CONF_CHANGE) {
		buf_printf(out, "EntryConfChange %c%llu", letters[e->change.kind],
			   U(e->change.node));
		return;
	}
	buf_append_c(out, "EntryNormal ");
	describe_data(out, e);
}

static void describe_ids(struct buf *out, const char *name, const uint64_t *ids, unsigned count)
{
	buf_printf(out, "%s:[", name);
	for (unsigned i = 0; i < count; i++)
		buf_printf(out, "%s%llu", i ? " " : "", U(ids[i]));
	buf_append_c(out, "] ");
}

static void describe_snapshot(struct buf *out, const struct raft_snapshot *s)
{
	const struct raft_conf *c = &s->conf;

	buf_printf(out, "Index:%llu Term:%llu ConfState:", U(s->index), U(s->term));
	describe_ids(out, "Voters", c->voters, c->voter_count);
	describe_ids(out, "VotersOutgoing", NULL, 0);
	describe_ids(out, "Learners", c->learners, c->learner_count);
	describe_ids(out, "LearnersNext", NULL, 0);
	buf_append_c(out, "AutoLeave:false");
}

static void describe_message_entries(struct buf *out, const struct raft_message *m)
{
	if (m->entry_count == 0)
		return;
	buf_append_c(out, " Entries:[");
	for (size_t i = 0; i < m->entry_count; i++) {
		if (m->entry_count > 1)
			buf_append_c(out, "\n  ");
		raft_describe_entry(out, m->entries[i]);
	}
	buf_append_c(out, m->entry_count > 1 ? "\n]" : "]");
}

void raft_describe_message(struct buf *out, const struct raft_message *m)
{
	buf_printf(out, "%llx->%llx %s Term:%llu Log:%llu/%llu", U(m->from), U(m->to),
		   raft_message_name(m->kind), U(m->term), U(m->log_term), U(m->index));
	if (m->reject)
		buf_printf(out, " Rejected (Hint: %llu)", U(m->hint));
	if (m->commit)
		buf_printf(out, " Commit:%llu", U(m->commit));
	describe_message_entries(out, m);
	if (m->snapshot) {
		buf_append_c(out, "\n  Snapshot: ");
		describe_snapshot(out, m->snapshot);
	}
}

static void describe_entries(struct buf *out, const char *title, struct raft_entry *const *entries,
			     size_t count)
{
	if (count == 0)
		return;
	buf_printf(out, "%s:\n", title);
	for (size_t i = 0; i < count; i++) {
		raft_describe_entry(out, entries[i]);
		buf_append_char(out, '\n');
	}
}

static void describe_hard_state(struct buf *out, const struct raft_hard_state *h)
{
	buf_printf(out, "HardState Term:%llu", U(h->term));
	if (h->vote)
		buf_printf(out, " Vote:%llu", U(h->vote));
	buf_printf(out, " Commit:%llu\n", U(h->commit));
}

void raft_describe_ready(struct buf *out, const struct raft_ready *rd)
{
	size_t start;

	/* The reference asks for less: not for a snapshot, nor for a change of members. */
	buf_printf(out, "Ready MustSync=%s:\n",
		   rd->entry_count > 0 || rd->ballot_changed ? "true" : "false");
	start = out->len;
	if (rd->lead_changed)
		buf_printf(out, "Lead:%llu State:%s\n", U(rd->lead), raft_role_name(rd->role));
	if (rd->hard_changed)
		describe_hard_state(out, &rd->hard);
	if (rd->read_count) {
		buf_append_c(out, "ReadStates:");
		for (size_t i = 0; i < rd->read_count; i++)
			buf_printf(out, " %llu@%llu", U(rd->reads[i].ticket),
				   U(rd->reads[i].index));
		buf_append_char(out, '\n');
	}
	describe_entries(out, "Entries", rd->entries, rd->entry_count);
	if (rd->snapshot) {
		buf_append_c(out, "Snapshot ");
		describe_snapshot(out, rd->snapshot);
		buf_append_char(out, '\n');
	}
	describe_entries(out, "CommittedEntries", rd->committed, rd->committed_count);
	if (rd->message_count)
		buf_append_c(out, "Messages:\n");
	for (size_t i = 0; i < rd->message_count; i++) {
		raft_describe_message(out, rd->messages[i]);
		buf_append_char(out, '\n');
	}
	if (out->len == start)
		buf_append_c(out, "<empty Ready>\n");
}

void raft_describe_peer(struct buf *out, const struct raft_peer_status *p)
{
	static const char *const states[] = {
		[RAFT_PROBE] = "StateProbe",
		[RAFT_REPLICATE] = "StateReplicate",
		[RAFT_SENDING_SNAPSHOT] = "StateSnapshot",
	};

	buf_printf(out, "%llx: %s match=%llu next=%llu", U(p->id), states[p->state], U(p->match),
		   U(p->next));
	if (p->is_learner)
		buf_append_c(out, " learner");
	if (p->is_paused)
		buf_append_c(out, " paused");
	if (p->pending_snapshot)
		buf_printf(out, " pendingSnap=%llu", U(p->pending_snapshot));
	if (!p->is_active)
		buf_append_c(out, " inactive");
	if (p->inflight)
		buf_printf(out, " inflight=%llu%s", U(p->inflight), p->is_full ? "[full]" : "");
}
