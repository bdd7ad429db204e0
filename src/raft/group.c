#include "raft/group.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "raft/inside.h"
#include "raft/wire.h"

/* After a long pause (a stopped process, a slow disk) a member must not think that many elections
 * are due: it is told of this many ticks at the most. */
#define TICKS_AT_ONCE 20
#define READ_RETRY_MS 1000
/* Readys handled in one turn when none of them needs the disk. */
#define READYS_A_TURN 64
/* Between two candidates after a leader's death: longer than an election takes on a LAN. */
#define CAMPAIGN_STEP_MS 20
#define CAMPAIGNS_MAX    5

struct group *group_new(const struct group_config *c)
{
	struct group *g = NEW(struct group);

	g->config = *c;
	members_init(&g->members);
	members_init(&g->hints);
	prng_seed(&g->prng, c->seed + 1);
	g->campaign_at_ms = NEVER_MS;
	list_init(&g->reads);
	enrol_init(g);
	transport_init(g);
	return g;
}

void group_free(struct group *g)
{
	struct waiting_read *read;

	if (!g)
		return;
	enrol_clear(g);
	transport_clear(g);
	snapshots_clear(g);
	raft_free(g->raft);
	members_clear(&g->members);
	members_clear(&g->hints);
	list_each (&g->reads, struct waiting_read, link, read)
		free(read);
	free(g->failure);
	free(g);
}

void group_stop(struct group *g, const char *format, ...)
{
	char text[ERR_TEXT_MAX];
	va_list args;

	if (g->failure)
		return;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	g->failure = xstrdup(text);
	log_error(g->config.log, "raft", "stopped: %s", text);
}

const char *group_failure(const struct group *g)
{
	return g->failure;
}

bool group_no_leader(const struct group *g, struct err *e)
{
	if (g->failure)
		return fail(
			e, ERR_UNAVAILABLE,
			"this manager has stopped (%s): nothing is lost; when the cause is gone, "
			"start its daemon again",
			g->failure);
	return fail(
		e, ERR_UNAVAILABLE,
		"The swarm does not have a leader. It's possible that too few managers are online. "
		"Make sure more than half of the managers are online.");
}

static bool start(struct group *g, const struct raft_stored *stored, struct err *e)
{
	struct raft_config c = raft_config_default(g->me, g->config.seed);

	c.log = g->config.log;
	g->raft = raft_new(&c, stored, e);
	return g->raft != NULL;
}

/* The one local fact that a member needs besides its log: which raft id is its own. It is kept as
 * the first entries' context names it: our node id. */
static bool find_me(struct group *g, struct err *e)
{
	const struct member *m = members_find_node(&g->members, g->config.node_id);

	if (!m)
		m = members_find_node(&g->hints, g->config.node_id);
	if (!m)
		return fail(e, ERR_INVALID, "the raft log does not name this node (%s) as a member",
			    g->config.node_id);
	g->me = m->raft_id;
	return true;
}

static struct raft_entry *member_entry(uint64_t index, const struct member *m)
{
	AUTO_ARENA struct arena a = { 0 };
	struct str context = change_context(&a, m->raft_id, m->node_id, m->addr);
	struct raft_change change = { .kind = RAFT_ADD_VOTER, .node = m->raft_id, .id = index };

	return raft_entry_new_change(index, 1, &change, context.ptr, context.len);
}

void group_bootstrap(struct group *g, const struct member *members, size_t count, uint64_t me)
{
	struct raft_entry *entries[RAFT_MEMBERS_MAX];
	struct journal_entry records[RAFT_MEMBERS_MAX];
	struct raft_stored stored = { .hard = { .term = 1, .commit = count },
				      .entries = entries,
				      .entry_count = count };
	AUTO_ARENA struct arena a = { 0 };
	struct err e;

	g->me = me;
	for (size_t i = 0; i < count; i++) {
		members_set(&g->members, members[i].raft_id, members[i].node_id, members[i].addr);
		members_find(&g->members, members[i].raft_id)->is_voter = true;
		entries[i] = member_entry(i + 1, &members[i]);
		records[i] = (struct journal_entry){ i + 1, 1, RAFT_CONF_CHANGE,
						     raft_entry_data(&a, entries[i]) };
	}
	if (!start(g, &stored, &e))
		group_stop(g, "%s", e.text);
	for (size_t i = 0; i < count; i++)
		raft_entry_drop(entries[i]);
	g->step = GROUP_STORING;
	g->step_ticket = ticket_next(g->config.tickets);
	g->config.journal->write_raft(
		g->config.journal->self, g->step_ticket,
		&(struct journal_raft_write){
			.has_hard_state = true,
			.hard_state = { stored.hard.term, 0, stored.hard.commit },
			.entries = records,
			.entry_count = count });
}

static bool load_snapshot(struct group *g, const struct journal_image *image,
			  struct raft_snapshot **snapshot, struct err *e)
{
	AUTO_ARENA struct arena a = { 0 };
	const Pb__RaftSnapshotMetadata *about;
	struct raft_conf conf;

	about = pb_decode(&a, &pb__raft_snapshot_metadata__descriptor, image->snapshot.metadata,
			  1 << 20, e);
	if (!about || !raft_conf_from_pb(about->conf_state, &conf, e))
		return while_doing(e, "reading the snapshot's manifest");
	*snapshot = raft_snapshot_new(image->snapshot.index, image->snapshot.term, &conf, NULL, 0);
	g->received = (struct received){ image->snapshot.index, image->snapshot.term,
					 image->snapshot_content };
	if (!snapshots_restore(g, *snapshot, e)) {
		g->received = (struct received){ 0 };
		return false;
	}
	g->received = (struct received){ 0 };
	g->applied = image->snapshot.index;
	g->applied_term = image->snapshot.term;
	g->snapshot = raft_snapshot_ref(*snapshot);
	return true;
}

void group_remind(struct group *g, const Pb__RaftMember *const *members, size_t count)
{
	for (size_t i = 0; i < count; i++)
		members_set(&g->hints, members[i]->raft_id, members[i]->node_id, members[i]->addr);
}

void group_join(struct group *g, const Pb__RaftMember *const *members, size_t count, uint64_t me)
{
	struct raft_stored stored = { 0 };
	struct err e;

	g->me = me;
	group_remind(g, members, count);
	if (!start(g, &stored, &e))
		group_stop(g, "%s", e.text);
	g->step = GROUP_STORING;
	g->step_ticket = ticket_next(g->config.tickets);
	g->config.journal->write_raft(g->config.journal->self, g->step_ticket,
				      &(struct journal_raft_write){ .has_hard_state = true });
}

/* What the journal holds, as the core takes it; entries have one holder more. */
static bool read_image(struct group *g, const struct journal_image *image,
		       struct raft_stored *stored, struct err *e)
{
	*stored = (struct raft_stored){ .hard = { image->hard_state.term, image->hard_state.vote,
						  image->hard_state.commit } };
	stored->entries =
		xcalloc(image->entry_count + RAFT_MEMBERS_MAX + 1, sizeof(*stored->entries));
	if (image->has_snapshot && !load_snapshot(g, image, &stored->snapshot, e))
		return false;
	for (size_t i = 0; i < image->entry_count; i++) {
		const struct journal_entry *from = &image->entries[i];
		struct raft_entry *entry =
			raft_entry_from(from->index, from->term, from->type, from->data, e);

		if (!entry)
			return false;
		stored->entries[stored->entry_count++] = entry;
		change_hint(g, entry);
	}
	return true;
}

static void stored_clear(struct raft_stored *stored)
{
	for (size_t i = 0; i < stored->entry_count; i++)
		raft_entry_drop(stored->entries[i]);
	raft_snapshot_drop(stored->snapshot);
	free(stored->entries);
}

bool group_load(struct group *g, const struct journal_image *image, uint64_t me, struct err *e)
{
	struct raft_stored stored;
	bool ok = read_image(g, image, &stored, e);

	g->me = me;
	ok = ok && (me || find_me(g, e)) && start(g, &stored, e);
	stored_clear(&stored);
	return ok;
}

bool group_load_alone(struct group *g, const struct journal_image *image, uint64_t me,
		      const char *addr, struct err *e)
{
	struct journal_entry records[RAFT_MEMBERS_MAX + 1];
	AUTO_ARENA struct arena a = { 0 };
	struct raft_stored stored;
	size_t before, count;
	bool ok = read_image(g, image, &stored, e);

	g->me = me;
	ok = ok && (me || find_me(g, e));
	if (ok) {
		before = stored.entry_count;
		change_be_alone(g, &stored, addr);
		count = stored.entry_count - before;
		for (size_t i = 0; i < count; i++) {
			const struct raft_entry *entry = stored.entries[before + i];

			records[i] =
				(struct journal_entry){ entry->index, entry->term, (int)entry->kind,
							raft_entry_data(&a, entry) };
		}
		ok = start(g, &stored, e);
	}
	if (ok) {
		g->step = GROUP_STORING;
		g->step_ticket = ticket_next(g->config.tickets);
		g->config.journal->write_raft(
			g->config.journal->self, g->step_ticket,
			&(struct journal_raft_write){
				.has_hard_state = true,
				.hard_state = { stored.hard.term, 0, stored.hard.commit },
				.entries = records,
				.entry_count = count });
	}
	stored_clear(&stored);
	return ok;
}

static void apply(struct group *g, const struct raft_entry *entry)
{
	struct err e;

	if (entry->kind == RAFT_CONF_CHANGE)
		change_applied(g, entry);
	else if (!store_apply(g->config.store, str_bytes(entry->data, entry->size), &e))
		log_error(g->config.log, "raft", "entry %llu is skipped: %s",
			  (unsigned long long)entry->index, e.text);
	g->applied = entry->index;
	g->applied_term = entry->term;
	g->entries_since_snapshot++;
	g->bytes_since_snapshot += entry->size;
}

static void answer_reads(struct group *g, const struct raft_ready *rd)
{
	struct waiting_read *it;

	for (size_t i = 0; i < rd->read_count; i++)
		list_each (&g->reads, struct waiting_read, link, it)
			if (it->ticket == rd->reads[i].ticket && it->index == 0)
				it->index = rd->reads[i].index ? rd->reads[i].index : 1;
}

/* What a Ready asks for once its part is durable. */
static void finish_ready(struct group *g, const struct raft_ready *rd)
{
	struct err e;

	transport_send(g, rd->messages + rd->early_count, rd->message_count - rd->early_count);
	if (rd->snapshot) {
		if (!snapshots_restore(g, rd->snapshot, &e)) {
			group_stop(g, "%s", e.text);
			return;
		}
		g->applied = rd->snapshot->index;
		g->applied_term = rd->snapshot->term;
		raft_snapshot_drop(g->snapshot);
		g->snapshot = raft_snapshot_ref(rd->snapshot);
		g->entries_since_snapshot = g->bytes_since_snapshot = 0;
	}
	for (size_t i = 0; i < rd->committed_count; i++)
		apply(g, rd->committed[i]);
	answer_reads(g, rd);
	g->lead = rd->lead;
	g->step = GROUP_IDLE;
	g->ready = NULL;
	raft_advance(g->raft);
}

static void write_ready(struct group *g, const struct raft_ready *rd)
{
	AUTO_ARENA struct arena a = { 0 };
	struct journal_raft_write write = { 0 };
	struct journal_entry *records = arena_alloc(&a, (rd->entry_count + 1) * sizeof(*records));
	struct journal_manifest manifest;

	for (size_t i = 0; i < rd->entry_count; i++) {
		const struct raft_entry *entry = rd->entries[i];

		change_hint(g, entry);
		records[i] = (struct journal_entry){ entry->index, entry->term, (int)entry->kind,
						     raft_entry_data(&a, entry) };
	}
	write.has_hard_state = true;
	write.hard_state =
		(struct journal_hard_state){ rd->hard.term, rd->hard.vote, rd->hard.commit };
	write.entries = records;
	write.entry_count = rd->entry_count;
	if (rd->snapshot) {
		manifest = (struct journal_manifest){ .index = rd->snapshot->index,
						      .term = rd->snapshot->term };
		snapshots_metadata(rd->snapshot, &a, &manifest);
		write.snapshot = &manifest;
	}
	g->step = GROUP_STORING;
	g->step_ticket = ticket_next(g->config.tickets);
	g->config.journal->write_raft(g->config.journal->self, g->step_ticket, &write);
}

static bool next_part_of_received(void *self, struct buf *chunk, bool *done, struct err *e)
{
	const struct group *g = self;

	*done = true;
	if (buf_append_str(chunk, g->received.content))
		return true;
	return fail(e, ERR_EXHAUSTED, "a received snapshot is larger than its limit");
}

static void save_received(struct group *g)
{
	const struct raft_snapshot *s = g->ready->snapshot;
	struct journal_manifest manifest = { .index = s->index,
					     .term = s->term,
					     .size_bytes = g->received.content.len };

	g->step = GROUP_SAVING_RECEIVED;
	g->step_ticket = ticket_next(g->config.tickets);
	g->config.journal->save_snapshot(g->config.journal->self, g->step_ticket, &manifest,
					 (struct journal_source){ g, next_part_of_received });
}

/* One step of handling Readys. False when there is nothing to do, or the disk is being waited for.
 */
static bool begin_ready(struct group *g)
{
	const struct raft_ready *rd;

	if (g->step != GROUP_IDLE || !raft_has_ready(g->raft))
		return false;
	rd = g->ready = raft_ready(g->raft);
	transport_send(g, rd->messages, rd->early_count);
	if (rd->snapshot) {
		if (g->received.index != rd->snapshot->index ||
		    g->received.term != rd->snapshot->term) {
			group_stop(g, "the content of snapshot %llu is not here",
				   (unsigned long long)rd->snapshot->index);
			return false;
		}
		g->step = GROUP_AWAITING_OWN;
		if (g->snapshot_step == SNAPSHOT_NONE)
			save_received(g);
		return false;
	}
	/* A commit index alone is no reason to wait: a restart learns it again from the others. */
	if (rd->must_sync || rd->entry_count || rd->ballot_changed) {
		write_ready(g, rd);
		return false;
	}
	finish_ready(g, rd);
	return true;
}

void group_journal_event(struct group *g, uint64_t ticket, const struct journal_event *ev)
{
	if (g->failure)
		return;
	if (ev->kind == JOURNAL_FAILED) {
		group_stop(g, "the raft journal failed: %s", ev->text);
		return;
	}
	if (ticket == g->snapshot_ticket && g->snapshot_step != SNAPSHOT_NONE) {
		snapshots_journal_done(g);
		if (g->step == GROUP_AWAITING_OWN && g->snapshot_step == SNAPSHOT_NONE)
			save_received(g);
		return;
	}
	if (ticket != g->step_ticket)
		return;
	if (g->step == GROUP_SAVING_RECEIVED)
		write_ready(g, g->ready);
	else if (g->step == GROUP_STORING && g->ready)
		finish_ready(g, g->ready);
	else
		g->step = GROUP_IDLE; /* the write of group_bootstrap(), behind which is no Ready */
}

static void ask_reads(struct group *g)
{
	struct waiting_read *it;

	list_each (&g->reads, struct waiting_read, link, it) {
		struct err e;

		/* Another leader knows nothing of what this one was asked. */
		if (it->index || (it->ask_again_ms > g->now.mono_ms && it->asked_of == g->lead))
			continue;
		it->asked_of = g->lead;
		/* Refused only for want of a leader or of room: it is asked again either way. */
		if (!raft_read_index(g->raft, it->ticket, &e))
			log_debug(g->config.log, "raft", "read waits: %s", e.text);
		it->ask_again_ms = g->now.mono_ms + READ_RETRY_MS;
	}
}

/* Who leads alone, with nothing under way, hears nothing, tells nobody and waits for nothing: time
 * may pass without it. */
static bool rests(const struct group *g)
{
	struct raft_status status = raft_status(g->raft);
	struct raft_peer_status other;

	return status.role == RAFT_LEADER && !status.transferee && !raft_peer(g->raft, 1, &other) &&
	       status.committed == g->applied && g->step == GROUP_IDLE &&
	       g->snapshot_step == SNAPSHOT_NONE && !raft_has_ready(g->raft) &&
	       list_is_empty(&g->reads) && g->enrolments.count == 0;
}

static void tick(struct group *g)
{
	int ticks = 0;

	if (g->next_tick_ms == 0 || (g->next_tick_ms == NEVER_MS && !rests(g)))
		g->next_tick_ms = g->now.mono_ms + GROUP_TICK_MS;
	for (; g->next_tick_ms <= g->now.mono_ms; g->next_tick_ms += GROUP_TICK_MS)
		if (ticks++ < TICKS_AT_ONCE)
			raft_tick(g->raft);
	if (ticks > 0 && rests(g))
		g->next_tick_ms = NEVER_MS;
}

/* Who is the only voter has nobody to hear of first, neither at the beginning nor after a restart:
 * waiting for an election would only keep people waiting. */
static bool lead_alone(struct group *g)
{
	if (g->step != GROUP_IDLE || raft_role(g->raft) != RAFT_FOLLOWER || !raft_is_alone(g->raft))
		return false;
	raft_campaign(g->raft);
	return raft_has_ready(g->raft);
}

/* The leader is gone for sure. Voters stand one after the other, in the order of their ids; who is
 * refused because the others did not notice yet stands again a little later. */
static void stand(struct group *g)
{
	if (g->leader_is_gone) {
		uint64_t leader = raft_lead(g->raft);
		struct member *it;
		size_t rank = 0;

		g->leader_is_gone = false;
		g->campaigns = 0;
		members_each(&g->members, it) rank +=
			it->is_voter && it->raft_id < g->me && it->raft_id != leader;
		raft_forget_leader(g->raft);
		g->campaign_at_ms = g->now.mono_ms + (int64_t)rank * CAMPAIGN_STEP_MS;
	}
	if (g->campaign_at_ms > g->now.mono_ms)
		return;
	g->campaign_at_ms = NEVER_MS;
	if (raft_lead(g->raft) || g->campaigns++ >= CAMPAIGNS_MAX)
		return;
	raft_election_now(g->raft);
	g->campaign_at_ms =
		g->now.mono_ms + (int64_t)members_voters(&g->members) * CAMPAIGN_STEP_MS;
}

void group_clock(struct group *g, struct now now)
{
	g->now = now;
}

void group_be_patient(struct group *g, unsigned ticks)
{
	g->patience = ticks;
}

/* Members that are far from each other are more patient with each other. */
static void pace(struct group *g)
{
	int64_t far_8 = 0, ticks;
	struct member *m;

	members_each(&g->members, m) far_8 = m->trip_8 > far_8 ? m->trip_8 : far_8;
	ticks = (4 * far_8 / 8 + GROUP_TICK_MS - 1) / GROUP_TICK_MS;
	if (ticks < (int64_t)g->patience)
		ticks = g->patience;
	if (ticks < GROUP_ELECTION_TICKS)
		ticks = GROUP_ELECTION_TICKS;
	if (ticks > GROUP_ELECTION_TICKS_MAX)
		ticks = GROUP_ELECTION_TICKS_MAX;
	if (ticks == g->election_ticks)
		return;
	g->election_ticks = (int)ticks;
	raft_set_election_ticks(g->raft, (int)ticks);
}

int64_t group_turn(struct group *g, struct now now)
{
	g->now = now;
	if (g->failure || !g->raft)
		return NEVER_MS;
	pace(g);
	tick(g);
	stand(g);
	ask_reads(g);
	change_promote(g);
	enrol_turn(g);
	for (int i = 0; i < READYS_A_TURN && !g->failure; i++)
		if (!begin_ready(g) && !lead_alone(g))
			break;
	snapshots_consider(g);
	enrol_turn(g);
	if (g->was_removed && raft_role(g->raft) != RAFT_LEADER)
		group_stop(g, "this manager was removed from the swarm");
	if (g->failure)
		return NEVER_MS;
	if (g->step == GROUP_IDLE && raft_has_ready(g->raft))
		return now.mono_ms;
	return g->campaign_at_ms < g->next_tick_ms ? g->campaign_at_ms : g->next_tick_ms;
}

bool group_is_saving(const struct group *g)
{
	return g->snapshot_step == SNAPSHOT_SAVING || g->step == GROUP_SAVING_RECEIVED;
}

bool group_saved(struct group *g, uint64_t ticket)
{
	if (g->snapshot_step == SNAPSHOT_SAVING && ticket == g->snapshot_ticket)
		g->snapshot_step = SNAPSHOT_NONE;
	if (g->step == GROUP_SAVING_RECEIVED && ticket == g->step_ticket)
		g->step = GROUP_IDLE;
	return !group_is_saving(g);
}

struct raft_status group_status(const struct group *g)
{
	return g->raft ? raft_status(g->raft) : (struct raft_status){ 0 };
}

uint64_t group_match(const struct group *g, uint64_t raft_id)
{
	struct raft_peer_status peer;

	if (g->raft && raft_id == g->me)
		return raft_status(g->raft).last;
	for (unsigned i = 0; g->raft && raft_peer(g->raft, i, &peer); i++)
		if (peer.id == raft_id)
			return peer.match;
	return 0;
}

uint64_t group_term(const struct group *g)
{
	return g->raft ? raft_term(g->raft) : 0;
}

uint64_t group_applied(const struct group *g)
{
	return g->applied;
}

bool group_leads(const struct group *g)
{
	return g->raft && !g->failure && raft_leads_fully(g->raft);
}

const struct member *group_leader(const struct group *g)
{
	return g->lead ? members_find(&g->members, g->lead) : NULL;
}

const struct members *group_members(const struct group *g)
{
	return &g->members;
}

bool group_propose(struct group *g, struct str entry, uint64_t *index, uint64_t *term,
		   struct err *e)
{
	if (g->failure)
		return fail(e, ERR_UNAVAILABLE, "raft has stopped on this manager: %s", g->failure);
	if (!group_leads(g))
		return fail(e, ERR_UNAVAILABLE, "this manager is not the leader");
	if (!raft_propose(g->raft, entry.ptr, entry.len, index, e))
		return false;
	*term = raft_term(g->raft);
	return true;
}

enum group_outcome group_outcome(const struct group *g, uint64_t index, uint64_t term)
{
	const struct raft_entry *entry;

	if (!g->raft || g->failure)
		return GROUP_UNKNOWN;
	if (g->applied >= index) {
		entry = raft_entry_at(g->raft, index);
		if (!entry)
			return raft_term(g->raft) == term ? GROUP_APPLIED : GROUP_UNKNOWN;
		return entry->term == term ? GROUP_APPLIED : GROUP_LOST;
	}
	return raft_role(g->raft) == RAFT_LEADER && raft_term(g->raft) == term ? GROUP_WAITING
									       : GROUP_UNKNOWN;
}

void group_read(struct group *g, uint64_t ticket)
{
	struct waiting_read *read = NEW(struct waiting_read);

	read->ticket = ticket;
	list_push_back(&g->reads, &read->link);
}

void group_read_forget(struct group *g, uint64_t ticket)
{
	struct waiting_read *it;

	list_each (&g->reads, struct waiting_read, link, it) {
		if (it->ticket != ticket)
			continue;
		list_remove(&it->link);
		free(it);
	}
}

bool group_read_ready(struct group *g, uint64_t ticket)
{
	struct waiting_read *it;

	list_each (&g->reads, struct waiting_read, link, it) {
		if (it->ticket != ticket)
			continue;
		if (it->index == 0 || it->index > g->applied)
			return false;
		list_remove(&it->link);
		free(it);
		return true;
	}
	return false;
}

void group_leader_is_gone(struct group *g, const char *addr)
{
	const struct member *leader = group_leader(g);

	if (g->raft && leader && leader->raft_id != g->me && strcmp(member_at(leader), addr) == 0)
		g->leader_is_gone = true;
}
