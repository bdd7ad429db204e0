#include "raft/wire.h"

#include <string.h>

#include "base/mem.h"

#define ENTRY_BYTES_MAX (8 << 20)
#define FORCED          "CampaignTransfer"

static void context_set(struct arena *a, Pb__RaftMessage *p, const void *data, size_t size)
{
	p->context.data = arena_copy(a, data, size);
	p->context.len = size;
}

static void context_set_number(struct arena *a, Pb__RaftMessage *p, uint64_t number)
{
	uint8_t bytes[8];

	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(number >> (56 - 8 * i));
	context_set(a, p, bytes, sizeof(bytes));
}

static uint64_t context_number(const Pb__RaftMessage *p)
{
	uint64_t number = 0;

	if (p->context.len != 8)
		return 0;
	for (int i = 0; i < 8; i++)
		number = number << 8 | p->context.data[i];
	return number;
}

Pb__RaftConfState *raft_conf_to_pb(struct arena *a, const struct raft_conf *conf)
{
	Pb__RaftConfState *p = PB_NEW(a, raft_conf_state);

	p->n_voters = conf->voter_count;
	p->voters = arena_copy(a, conf->voters, conf->voter_count * sizeof(conf->voters[0]));
	p->n_learners = conf->learner_count;
	p->learners =
		arena_copy(a, conf->learners, conf->learner_count * sizeof(conf->learners[0]));
	return p;
}

static bool ids_from_pb(const uint64_t *from, size_t count, uint64_t *to, unsigned *to_count,
			struct err *e)
{
	if (count > RAFT_MEMBERS_MAX)
		return fail(e, ERR_INVALID,
			    "a raft group of %zu members is larger than the %d allowed", count,
			    RAFT_MEMBERS_MAX);
	*to_count = (unsigned)count;
	for (size_t i = 0; i < count; i++) {
		size_t at = i;

		if (from[i] == 0)
			return fail(e, ERR_INVALID, "raft id 0 in a configuration");
		/* The reference does not promise an order; the core's lists ascend. */
		for (; at > 0 && to[at - 1] > from[i]; at--)
			to[at] = to[at - 1];
		to[at] = from[i];
	}
	return true;
}

bool raft_conf_from_pb(const Pb__RaftConfState *p, struct raft_conf *conf, struct err *e)
{
	if (p->n_voters_outgoing || p->n_learners_next || p->auto_leave)
		return fail(e, ERR_UNSUPPORTED,
			    "joint raft configurations are not used in a swarm");
	*conf = (struct raft_conf){ 0 };
	return ids_from_pb(p->voters, p->n_voters, conf->voters, &conf->voter_count, e) &&
	       ids_from_pb(p->learners, p->n_learners, conf->learners, &conf->learner_count, e);
}

struct str raft_entry_data(struct arena *a, const struct raft_entry *entry)
{
	struct buf out = BUF_MAX(ENTRY_BYTES_MAX);
	Pb__RaftConfChange *change;
	struct str data;

	if (entry->kind == RAFT_NORMAL)
		return str_bytes(entry->data, entry->size);
	change = PB_NEW(a, raft_conf_change);
	change->id = entry->change.id;
	change->type = (Pb__RaftConfChange__Type)entry->change.kind;
	change->node_id = entry->change.node;
	change->context.data = (uint8_t *)entry->data;
	change->context.len = entry->size;
	if (!pb_encode(change, &out))
		abort(); /* it was decoded from less, or proposed within the limit */
	data = str_bytes(arena_copy(a, out.data, out.len), out.len);
	buf_clear(&out);
	return data;
}

struct raft_entry *raft_entry_from(uint64_t index, uint64_t term, int type, struct str data,
				   struct err *e)
{
	AUTO_ARENA struct arena a = { 0 };
	const Pb__RaftConfChange *p;
	struct raft_change change;

	if (type == RAFT_NORMAL)
		return raft_entry_new(index, term, data.ptr, data.len);
	if (type != RAFT_CONF_CHANGE) {
		fail(e, ERR_UNSUPPORTED, "raft entry %llu has type %d", (unsigned long long)index,
		     type);
		return NULL;
	}
	p = pb_decode(&a, &pb__raft_conf_change__descriptor, data, ENTRY_BYTES_MAX, e);
	if (!p)
		return NULL;
	if ((int)p->type < RAFT_ADD_VOTER || (int)p->type > RAFT_ADD_LEARNER) {
		fail(e, ERR_UNSUPPORTED, "raft membership change of type %d", (int)p->type);
		return NULL;
	}
	change = (struct raft_change){ .kind = (enum raft_change_kind)p->type,
				       .node = p->node_id,
				       .id = p->id };
	return raft_entry_new_change(index, term, &change, p->context.data, p->context.len);
}

Pb__RaftMessage *raft_to_pb(struct arena *a, const struct raft_message *m)
{
	Pb__RaftMessage *p = PB_NEW(a, raft_message);

	p->type = (Pb__RaftMessage__Type)m->kind;
	p->to = m->to;
	p->from = m->from;
	p->term = m->term;
	p->log_term = m->log_term;
	p->index = m->index;
	p->commit = m->commit;
	p->reject = m->reject;
	p->reject_hint = m->hint;
	if (m->forced)
		context_set(a, p, FORCED, strlen(FORCED));
	else if (m->round)
		context_set_number(a, p, m->round);
	else if (m->ticket)
		context_set_number(a, p, m->ticket);
	p->entries = arena_alloc(a, (m->entry_count + 1) * sizeof(*p->entries));
	for (size_t i = 0; i < m->entry_count; i++) {
		const struct raft_entry *entry = m->entries[i];
		struct str data = raft_entry_data(a, entry);
		Pb__RaftEntry *q = PB_NEW(a, raft_entry);

		q->type = (Pb__RaftEntry__Type)entry->kind;
		q->term = entry->term;
		q->index = entry->index;
		q->data.data = (uint8_t *)data.ptr;
		q->data.len = data.len;
		p->entries[p->n_entries++] = q;
	}
	if (m->snapshot) {
		p->snapshot = PB_NEW(a, raft_snapshot);
		p->snapshot->metadata->index = m->snapshot->index;
		p->snapshot->metadata->term = m->snapshot->term;
		p->snapshot->metadata->conf_state = raft_conf_to_pb(a, &m->snapshot->conf);
	}
	return p;
}

static bool kind_is_known(int kind)
{
	switch (kind) {
	case RAFT_APPEND:
	case RAFT_APPEND_REPLY:
	case RAFT_VOTE:
	case RAFT_VOTE_REPLY:
	case RAFT_SNAPSHOT:
	case RAFT_HEARTBEAT:
	case RAFT_HEARTBEAT_REPLY:
	case RAFT_TRANSFER:
	case RAFT_TIMEOUT_NOW:
	case RAFT_READ:
	case RAFT_READ_REPLY:
	case RAFT_PRE_VOTE:
	case RAFT_PRE_VOTE_REPLY:
		return true;
	default:
		return false;
	}
}

static bool entries_from_pb(const Pb__RaftMessage *p, struct raft_message *m, struct err *e)
{
	m->entries = xcalloc(p->n_entries, sizeof(*m->entries));
	for (size_t i = 0; i < p->n_entries; i++) {
		const Pb__RaftEntry *q = p->entries[i];
		struct raft_entry *entry;

		if (q->index != p->index + 1 + i)
			return fail(e, ERR_INVALID, "raft entry %llu where %llu was due",
				    (unsigned long long)q->index,
				    (unsigned long long)(p->index + 1 + i));
		entry = raft_entry_from(q->index, q->term, (int)q->type,
					str_bytes(q->data.data, q->data.len), e);
		if (!entry)
			return false;
		m->entries[m->entry_count++] = entry;
	}
	return true;
}

struct raft_message *raft_from_pb(const Pb__RaftMessage *p, struct err *e)
{
	struct raft_message *m;

	if (!kind_is_known((int)p->type)) {
		fail(e, ERR_INVALID, "raft message of type %d", (int)p->type);
		return NULL;
	}
	m = raft_message_new((enum raft_message_kind)p->type, p->to);
	m->from = p->from;
	m->term = p->term;
	m->log_term = p->log_term;
	m->index = p->index;
	m->commit = p->commit;
	m->reject = p->reject;
	m->hint = p->reject_hint;
	m->forced = str_equal(str_bytes(p->context.data, p->context.len), STR(FORCED));
	if (m->kind == RAFT_HEARTBEAT || m->kind == RAFT_HEARTBEAT_REPLY)
		m->round = context_number(p);
	if (m->kind == RAFT_READ || m->kind == RAFT_READ_REPLY)
		m->ticket = context_number(p);
	if (!entries_from_pb(p, m, e))
		goto bad;
	if (m->kind == RAFT_SNAPSHOT) {
		const Pb__RaftSnapshotMetadata *about = p->snapshot ? p->snapshot->metadata : NULL;
		struct raft_conf conf;

		if (!about || about->index == 0) {
			fail(e, ERR_INVALID, "raft snapshot message without a snapshot");
			goto bad;
		}
		if (!raft_conf_from_pb(about->conf_state, &conf, e))
			goto bad;
		m->snapshot = raft_snapshot_new(about->index, about->term, &conf, NULL, 0);
	}
	return m;
bad:
	raft_message_free(m);
	return NULL;
}
