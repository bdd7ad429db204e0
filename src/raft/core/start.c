/* Where a member begins: its settings, and what its journal remembers. */
#include <assert.h>

#include "base/mem.h"
#include "raft/core/inside.h"

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)

struct raft_config raft_config_default(uint64_t id, uint64_t seed)
{
	return (struct raft_config){
		.id = id,
		.seed = seed,
		.heartbeat_ticks = 1,
		.election_ticks = 5,
		.pre_vote = true,
		.check_quorum = true,
		.hand_over_on_removal = true,
		.message_bytes_max = MIB,
		.inflight_max = 256,
		.inflight_bytes_max = 16 * MIB,
		.proposal_bytes_max = 3 * MIB / 2,
		.uncommitted_bytes_max = 16 * MIB,
		.apply_bytes_max = MIB,
	};
}

static bool stored_is_sound(const struct raft_stored *s, struct err *e)
{
	uint64_t base = s->snapshot ? s->snapshot->index : 0;
	uint64_t term = s->snapshot ? s->snapshot->term : 0;

	for (size_t i = 0; i < s->entry_count; i++) {
		const struct raft_entry *entry = s->entries[i];

		if (entry->index != base + 1 + i)
			return fail(e, ERR_INTERNAL,
				    "the stored log has entry %llu where %llu belongs",
				    (unsigned long long)entry->index,
				    (unsigned long long)(base + 1 + i));
		if (entry->term < term)
			return fail(e, ERR_INTERNAL,
				    "the terms of the stored log decrease at entry %llu",
				    (unsigned long long)entry->index);
		term = entry->term;
	}
	if (s->hard.commit > base + s->entry_count)
		return fail(e, ERR_INTERNAL,
			    "entry %llu was committed, but the stored log ends at %llu",
			    (unsigned long long)s->hard.commit,
			    (unsigned long long)(base + s->entry_count));
	return true;
}

static void load_log(struct raft_log *l, const struct raft_stored *s)
{
	if (s->snapshot) {
		l->base = (struct entry_id){ s->snapshot->index, s->snapshot->term };
		l->snapshot = raft_snapshot_ref(s->snapshot);
	}
	for (size_t i = 0; i < s->entry_count; i++)
		entry_list_push(&l->entries, s->entries[i]);
	l->stable = l->writing = log_last(l);
	l->committed = l->applying = l->applied = l->base.index;
	log_commit(l, s->hard.commit);
}

/* 0 is "no limit" for each of them. */
static void open_limits(struct raft_config *c)
{
	uint64_t *limits[] = { &c->message_bytes_max,     &c->inflight_max,
			       &c->inflight_bytes_max,    &c->proposal_bytes_max,
			       &c->uncommitted_bytes_max, &c->apply_bytes_max };

	for (size_t i = 0; i < ARRAY_LEN(limits); i++)
		if (*limits[i] == 0)
			*limits[i] = UINT64_MAX;
}

struct raft *raft_new(const struct raft_config *c, const struct raft_stored *stored, struct err *e)
{
	struct raft *r;

	assert(c->id != 0);
	assert(c->heartbeat_ticks > 0 && c->election_ticks > c->heartbeat_ticks);
	if (!stored_is_sound(stored, e))
		return NULL;

	r = NEW(struct raft);
	r->config = *c;
	open_limits(&r->config);
	prng_seed(&r->prng, c->seed);
	load_log(&r->log, stored);
	r->term = stored->hard.term;
	r->vote = stored->hard.vote;
	if (stored->snapshot)
		set_conf(r, &stored->snapshot->conf);
	become_follower(r, r->term, 0);

	r->told_role = r->role;
	r->told_lead = r->lead;
	r->told_hard = (struct raft_hard_state){ r->term, r->vote, r->log.committed };
	return r;
}

void raft_free(struct raft *r)
{
	if (!r)
		return;
	for (unsigned i = 0; i < r->peer_count; i++)
		progress_clear(&r->peers[i]);
	log_clear(&r->log);
	reads_clear(r);

	struct message_list *lists[] = { &r->soon, &r->stored, &r->ready_messages, &r->to_self };
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		message_list_clear(lists[i]);
		free(lists[i]->at);
	}
	entry_list_clear(&r->ready_entries);
	entry_list_clear(&r->ready_committed);
	raft_snapshot_drop(r->ready.snapshot);
	free(r->answers);
	free(r->ready_reads);
	free(r);
}
