/* Snapshots: taken when the log has grown enough, sent to members that are too far behind.
 *
 * To the core a snapshot is a manifest. Its content is the store's state, held by reference while
 * it is written to the disk or sent. A member that needs a snapshot gets one of the present
 * state rather than the one on disk: when the core asks to send one whose content is no longer
 * held, a new one is taken and the core is told that the old did not arrive. */
#include <inttypes.h>

#include "base/log.h"
#include "raft/inside.h"
#include "raft/wire.h"

#define CONTENT_MAX ((size_t)2 << 30)

void snapshots_metadata(const struct raft_snapshot *s, struct arena *a,
			struct journal_manifest *manifest)
{
	Pb__RaftSnapshotMetadata *about = PB_NEW(a, raft_snapshot_metadata);
	struct buf out = BUF_MAX(1 << 16);

	about->index = s->index;
	about->term = s->term;
	about->conf_state = raft_conf_to_pb(a, &s->conf);
	if (!pb_encode(about, &out))
		abort(); /* RAFT_MEMBERS_MAX ids fit */
	manifest->metadata = str_bytes(arena_copy(a, out.data, out.len), out.len);
	buf_clear(&out);
}

static struct raft_snapshot *manifest_of_now(const struct group *g)
{
	struct raft_conf conf;

	raft_conf(g->raft, &conf);
	return raft_snapshot_new(g->applied, g->applied_term, &conf, NULL, 0);
}

static void drop_sending(struct group *g)
{
	raft_snapshot_drop(g->sending);
	store_snapshot_release(g->snapshot_sending);
	g->sending = NULL;
	g->snapshot_sending = NULL;
}

void snapshots_clear(struct group *g)
{
	drop_sending(g);
	store_snapshot_release(g->snapshot_store);
	raft_snapshot_drop(g->snapshot_making);
	raft_snapshot_drop(g->snapshot);
	buf_clear(&g->snapshot_members);
	free((void *)g->received.content.ptr);
}

/* Read by the journal's thread: it touches only what the snapshot holds. */
static bool next_part(void *self, struct buf *chunk, bool *done, struct err *e)
{
	struct group *g = self;
	size_t before = chunk->len;
	bool ok;

	if (g->snapshot_members.len) {
		if (!buf_append_str(chunk, buf_str(&g->snapshot_members)))
			return fail(e, ERR_EXHAUSTED,
				    "the member list is larger than a snapshot part");
		buf_clear(&g->snapshot_members);
	}
	ok = store_snapshot_next(g->snapshot_store, NULL, chunk, done, e);
	g->snapshot_making_bytes += chunk->len - before;
	return ok;
}

static bool is_due(const struct group *g)
{
	/* No bytes: who set the rule counts entries. */
	uint64_t bytes = g->config.snapshot_bytes == 0 ? 0
			 : g->last_snapshot_bytes > g->config.snapshot_bytes
				 ? g->last_snapshot_bytes
				 : g->config.snapshot_bytes;

	return g->entries_since_snapshot >= g->config.snapshot_entries &&
	       g->bytes_since_snapshot >= bytes;
}

/* The members, encoded now: by the time the parts are written they may have changed. */
static void keep_members(struct group *g, struct buf *out)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__Snapshot *head = PB_NEW(&a, snapshot);

	head->membership = members_to_pb(&g->members, &a);
	if (!pb_encode(head, out))
		abort(); /* ids and addresses of at most RAFT_MEMBERS_MAX members */
}

/* How many entries up to this one stay, for members that are a little late. */
static uint64_t entries_kept(const struct group *g, uint64_t last)
{
	uint64_t count = 0, bytes = 0;

	while (count < g->config.keep_entries && bytes < g->config.keep_bytes) {
		const struct raft_entry *entry = raft_entry_at(g->raft, last - count);

		if (!entry)
			break;
		bytes += entry->size;
		count++;
	}
	return count;
}

void group_snapshot_rules(struct group *g, uint64_t entries, uint64_t bytes, uint64_t keep_entries,
			  uint64_t old_snapshots)
{
	g->config.snapshot_entries = entries;
	g->config.snapshot_bytes = bytes;
	g->config.keep_entries = keep_entries;
	g->config.old_snapshots = old_snapshots;
}

/* One snapshot at a time is on its way to the disk: named in the wrong order, an old one would stand
 * before a log that begins after the new one. */
static bool is_receiving(const struct group *g)
{
	return g->ready && g->ready->snapshot;
}

/* Not inlined: its locals would be cleared in every turn. */
static __attribute__((noinline)) void begin(struct group *g)
{
	AUTO_ARENA struct arena a = { 0 };
	struct journal_manifest manifest;

	g->snapshot_making = manifest_of_now(g);
	g->snapshot_store = store_snapshot_take(g->config.store);
	g->snapshot_members = BUF_MAX(1 << 20);
	keep_members(g, &g->snapshot_members);
	g->entries_since_snapshot = g->bytes_since_snapshot = 0;
	g->snapshot_making_bytes = 0;
	g->snapshot_keep = entries_kept(g, g->snapshot_making->index);
	manifest = (struct journal_manifest){
		.index = g->snapshot_making->index,
		.term = g->snapshot_making->term,
		.digest = store_digest(g->config.store).low,
	};
	snapshots_metadata(g->snapshot_making, &a, &manifest);
	log_debug(g->config.log, "raft", "snapshot at %" PRIu64, manifest.index);
	g->snapshot_step = SNAPSHOT_SAVING;
	g->snapshot_ticket = ticket_next(g->config.tickets);
	g->config.journal->save_snapshot(g->config.journal->self, g->snapshot_ticket, &manifest,
					 (struct journal_source){ g, next_part });
}

void snapshots_consider(struct group *g)
{
	if (!g->failure && g->snapshot_step == SNAPSHOT_NONE && !is_receiving(g) && is_due(g))
		begin(g);
}

void snapshots_journal_done(struct group *g)
{
	AUTO_ARENA struct arena a = { 0 };
	struct journal_manifest manifest = { .index = g->snapshot_making->index,
					     .term = g->snapshot_making->term };

	if (g->snapshot_step == SNAPSHOT_SAVING) {
		store_snapshot_release(g->snapshot_store);
		g->snapshot_store = NULL;
		/* The one that was received meanwhile reaches further. */
		if (is_receiving(g)) {
			raft_snapshot_drop(g->snapshot_making);
			g->snapshot_making = NULL;
			g->snapshot_step = SNAPSHOT_NONE;
			return;
		}
		snapshots_metadata(g->snapshot_making, &a, &manifest);
		g->snapshot_step = SNAPSHOT_NAMING;
		g->snapshot_ticket = ticket_next(g->config.tickets);
		g->config.journal->write_raft(
			g->config.journal->self, g->snapshot_ticket,
			&(struct journal_raft_write){ .snapshot = &manifest,
						      .keep = g->snapshot_keep,
						      .old_snapshots = g->config.old_snapshots });
		return;
	}
	g->snapshot_step = SNAPSHOT_NONE;
	g->last_snapshot_bytes = g->snapshot_making_bytes;
	raft_snapshot_drop(g->snapshot);
	g->snapshot = g->snapshot_making;
	g->snapshot_making = NULL;
	if (is_receiving(g)) /* the core has forgotten the log that this one ends in */
		return;
	raft_set_snapshot(g->raft, g->snapshot);
	if (g->snapshot->index > g->snapshot_keep)
		raft_compact(g->raft, g->snapshot->index - g->snapshot_keep);
}

bool snapshots_content(struct group *g, const struct raft_message *m, struct buf *content)
{
	bool done = false;
	struct err e;

	if (!g->sending || g->sending->index != m->snapshot->index) {
		drop_sending(g);
		g->sending = manifest_of_now(g);
		g->snapshot_sending = store_snapshot_take(g->config.store);
		raft_set_snapshot(g->raft, g->sending);
		if (g->sending->index != m->snapshot->index)
			return false;
	}
	*content = BUF_MAX(CONTENT_MAX);
	keep_members(g, content);
	while (!done) {
		if (!store_snapshot_next(g->snapshot_sending, NULL, content, &done, &e)) {
			log_error(g->config.log, "raft", "a snapshot cannot be sent: %s", e.text);
			buf_clear(content);
			drop_sending(g);
			return false;
		}
	}
	drop_sending(g);
	return true;
}

bool snapshots_restore(struct group *g, const struct raft_snapshot *manifest, struct err *e)
{
	AUTO_ARENA struct arena a = { 0 };
	const Pb__Snapshot *content;

	if (g->received.index != manifest->index)
		return fail(e, ERR_INTERNAL, "the content of snapshot %" PRIu64 " is not here",
			    manifest->index);
	content = pb_decode(&a, &pb__snapshot__descriptor, g->received.content, CONTENT_MAX, e);
	if (!content || !store_restore(g->config.store, g->received.content, e))
		return while_doing(e, "restoring snapshot %" PRIu64, manifest->index);
	members_from_pb(&g->members, content->membership);
	change_voters(g, &manifest->conf);
	g->last_snapshot_bytes = g->received.content.len;
	return true;
}

bool group_backup(struct group *g, struct buf *content, uint64_t *index, uint64_t *term,
		  struct err *e)
{
	struct store_snapshot *state = store_snapshot_take(g->config.store);
	bool done = false, ok = true;

	*index = g->applied;
	*term = g->applied_term;
	keep_members(g, content);
	while (ok && !done)
		ok = store_snapshot_next(state, NULL, content, &done, e);
	store_snapshot_release(state);
	return ok;
}

bool group_restored(const Pb__Snapshot *content, uint64_t index, uint64_t term, struct arena *a,
		    struct journal_manifest *manifest, struct err *e)
{
	struct raft_conf conf = { 0 };
	struct raft_snapshot *s;

	if (index == 0 || term == 0 || !content->membership ||
	    content->membership->n_members == 0 ||
	    content->membership->n_members > RAFT_MEMBERS_MAX)
		return fail(e, ERR_INVALID, "it is no state of a swarm");
	for (size_t i = 0; i < content->membership->n_members; i++)
		conf.voters[conf.voter_count++] = content->membership->members[i]->raft_id;
	*manifest = (struct journal_manifest){ .index = index, .term = term };
	s = raft_snapshot_new(index, term, &conf, NULL, 0);
	snapshots_metadata(s, a, manifest);
	raft_snapshot_drop(s);
	return true;
}
