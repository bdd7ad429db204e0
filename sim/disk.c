#include "sim/disk.h"

#include <assert.h>

#include "base/mem.h"
#include "node/node.h"
#include "seam/input.h"
#include "sim/world.h"

#define CONTENT_MAX (64 << 20)

struct record {
	char *table, *key;
	struct buf value;
};

struct stored_entry {
	uint64_t index, term;
	int type;
	char *data;
	size_t size;
};

struct stored_snapshot {
	uint64_t index, term, digest;
	char *metadata, *content;
	size_t metadata_size, content_size;
};

enum write_kind { WRITE_RAFT, WRITE_SNAPSHOT, WRITE_LOCAL, WRITE_WIPE, WRITE_LOAD };

/* A write under way, with copies of all it was given. */
struct write {
	struct list link;
	struct disk *disk;
	enum write_kind kind;
	uint64_t ticket;
	uint64_t life;
	struct arena memory;
	struct journal_raft_write raft;
	struct stored_snapshot snapshot;
	struct journal_record *records;
	size_t record_count;
};

struct disk {
	struct sim_node *owner;
	struct journal seam;
	int64_t delay_ms_max;
	int64_t last_done_ms;
	bool is_full, has_failed, is_shut;

	bool has_raft;
	struct journal_hard_state hard;
	struct stored_entry *entries;
	size_t entry_count;
	struct stored_snapshot named; /* the snapshot that the log begins with; index 0: none */
	struct stored_snapshot saved; /* content saved and not named yet */
	struct record *records;
	size_t record_count;

	struct list pending; /* struct write, oldest first */
};

static void snapshot_clear(struct stored_snapshot *s)
{
	free(s->metadata);
	free(s->content);
	*s = (struct stored_snapshot){ 0 };
}

static void drop_entries(struct disk *d, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		free(d->entries[i].data);
}

/* The log from this index on goes. */
static void truncate_from(struct disk *d, uint64_t index)
{
	size_t keep = 0;

	while (keep < d->entry_count && d->entries[keep].index < index)
		keep++;
	drop_entries(d, keep, d->entry_count);
	d->entry_count = keep;
}

/* The log up to this index goes. */
static void compact_to(struct disk *d, uint64_t index)
{
	size_t gone = 0;

	while (gone < d->entry_count && d->entries[gone].index <= index)
		gone++;
	drop_entries(d, 0, gone);
	memmove(d->entries, d->entries + gone, (d->entry_count - gone) * sizeof(*d->entries));
	d->entry_count -= gone;
}

static void carry_out_raft(struct disk *d, const struct write *w)
{
	assert(!d->is_shut);
	d->has_raft = true;
	if (w->raft.has_hard_state)
		d->hard = w->raft.hard_state;
	if (w->raft.snapshot) {
		const struct journal_manifest *m = w->raft.snapshot;

		assert(d->saved.index == m->index && d->saved.term == m->term);
		/* A received snapshot replaces a log that does not hold its last entry. */
		if (d->entry_count == 0 || d->entries[d->entry_count - 1].index < m->index)
			truncate_from(d, 0);
		else if (w->raft.keep < m->index)
			compact_to(d, m->index - w->raft.keep);
		snapshot_clear(&d->named);
		d->named = d->saved;
		d->saved = (struct stored_snapshot){ 0 };
		free(d->named.metadata);
		d->named.metadata = xmemdup(m->metadata.ptr, m->metadata.len);
		d->named.metadata_size = m->metadata.len;
	}
	if (w->raft.entry_count) {
		truncate_from(d, w->raft.entries[0].index);
		d->entries = xrealloc(d->entries,
				      (d->entry_count + w->raft.entry_count) * sizeof(*d->entries));
		for (size_t i = 0; i < w->raft.entry_count; i++) {
			const struct journal_entry *from = &w->raft.entries[i];

			assert(d->entry_count == 0 ||
			       d->entries[d->entry_count - 1].index + 1 == from->index);
			d->entries[d->entry_count++] =
				(struct stored_entry){ from->index, from->term, from->type,
						       xmemdup(from->data.ptr, from->data.len),
						       from->data.len };
		}
	}
}

static struct record *find_record(struct disk *d, const char *table, const char *key, size_t *at)
{
	for (*at = 0; *at < d->record_count; (*at)++) {
		int order = strcmp(d->records[*at].table, table);

		if (order == 0)
			order = strcmp(d->records[*at].key, key);
		if (order == 0)
			return &d->records[*at];
		if (order > 0)
			return NULL;
	}
	return NULL;
}

static void record_clear(struct record *r)
{
	free(r->table);
	free(r->key);
	buf_clear(&r->value);
}

static void carry_out_record(struct disk *d, const struct journal_record *from)
{
	size_t at;
	struct record *r = find_record(d, from->table, from->key, &at);

	if (!from->value.ptr) {
		if (!r)
			return;
		record_clear(r);
		memmove(r, r + 1, (d->record_count - at - 1) * sizeof(*r));
		d->record_count--;
		return;
	}
	if (!r) {
		d->records = xrealloc(d->records, (d->record_count + 1) * sizeof(*d->records));
		r = &d->records[at];
		memmove(r + 1, r, (d->record_count - at) * sizeof(*r));
		d->record_count++;
		*r = (struct record){ xstrdup(from->table), xstrdup(from->key),
				      BUF_MAX(CONTENT_MAX) };
	}
	buf_reset(&r->value);
	buf_append_str(&r->value, from->value);
}

static void wipe_raft_now(struct disk *d)
{
	drop_entries(d, 0, d->entry_count);
	d->entry_count = 0;
	snapshot_clear(&d->named);
	snapshot_clear(&d->saved);
	d->hard = (struct journal_hard_state){ 0 };
	d->has_raft = false;
	d->is_shut = false;
}

static void carry_out(struct disk *d, struct write *w)
{
	switch (w->kind) {
	case WRITE_RAFT:
		carry_out_raft(d, w);
		break;
	case WRITE_SNAPSHOT:
		snapshot_clear(&d->saved);
		d->saved = w->snapshot;
		w->snapshot = (struct stored_snapshot){ 0 };
		break;
	case WRITE_LOCAL:
		for (size_t i = 0; i < w->record_count; i++)
			carry_out_record(d, &w->records[i]);
		break;
	case WRITE_WIPE:
		wipe_raft_now(d);
		break;
	case WRITE_LOAD:
		break;
	}
}

static void write_free(struct write *w)
{
	list_remove(&w->link);
	snapshot_clear(&w->snapshot);
	arena_clear(&w->memory);
	free(w);
}

static struct journal_image *image_of(struct disk *d, struct arena *a)
{
	struct journal_image *image = ARENA_NEW(a, struct journal_image);
	struct journal_entry *entries = arena_alloc(a, (d->entry_count + 1) * sizeof(*entries));
	struct journal_record *records = arena_alloc(a, (d->record_count + 1) * sizeof(*records));

	image->is_raft_shut = d->is_shut;
	image->has_raft = d->has_raft && !d->is_shut;
	image->hard_state = d->hard;
	for (size_t i = 0; image->has_raft && i < d->entry_count; i++) {
		const struct stored_entry *e = &d->entries[i];

		/* Entries behind the snapshot are kept for late members; a load begins after it. */
		if (e->index <= d->named.index)
			continue;
		entries[image->entry_count++] =
			(struct journal_entry){ e->index, e->term, e->type,
						str_bytes(arena_copy(a, e->data, e->size),
							  e->size) };
	}
	image->entries = entries;
	if (image->has_raft && d->named.index) {
		image->has_snapshot = true;
		image->snapshot = (struct journal_manifest){
			.index = d->named.index,
			.term = d->named.term,
			.metadata =
				str_bytes(arena_copy(a, d->named.metadata, d->named.metadata_size),
					  d->named.metadata_size),
			.size_bytes = d->named.content_size,
			.digest = d->named.digest,
		};
		image->snapshot_content =
			str_bytes(arena_copy(a, d->named.content, d->named.content_size),
				  d->named.content_size);
	}
	for (size_t i = 0; i < d->record_count; i++) {
		const struct record *r = &d->records[i];

		records[image->record_count++] =
			(struct journal_record){ arena_strdup(a, r->table), arena_strdup(a, r->key),
						 str_bytes(arena_str(a, buf_str(&r->value)),
							   r->value.len) };
	}
	image->records = records;
	return image;
}

static void report(struct disk *d, const struct write *w)
{
	struct inbox *box;
	struct input *in;

	if (!d->owner->node || w->life != d->owner->lives)
		return;
	box = node_inbox(d->owner->node);
	in = inbox_add(box, INPUT_JOURNAL, w->ticket);
	if (d->has_failed && w->kind != WRITE_LOAD) {
		in->journal.kind = JOURNAL_FAILED;
		in->journal.text = "No space left on device";
	} else if (w->kind == WRITE_LOAD) {
		in->journal.kind = JOURNAL_LOADED;
		in->journal.image = image_of(d, &box->memory);
	}
	world_wake(d->owner);
}

static void finish(struct world *w, void *arg)
{
	struct disk *d = arg;
	struct write *first;

	if (list_is_empty(&d->pending))
		return; /* a crash took it */
	first = list_first(&d->pending, struct write, link);
	world_trace(w, "disk", (uint64_t)first->kind, first->ticket);
	if (d->is_full && first->kind != WRITE_LOAD)
		d->has_failed = true;
	if (!d->has_failed)
		carry_out(d, first);
	report(d, first);
	write_free(first);
}

static struct write *begin(struct disk *d, enum write_kind kind, uint64_t ticket)
{
	struct world *world = d->owner->world;
	struct write *w = NEW(struct write);
	int64_t at = world->now_ms + prng_between(&world->prng, 0, d->delay_ms_max);

	/* FIFO on purpose: the consensus core keeps several appends in flight and counts on their
	 * order. */
	if (at < d->last_done_ms)
		at = d->last_done_ms;
	d->last_done_ms = at;
	w->disk = d;
	w->kind = kind;
	w->ticket = ticket;
	w->life = d->owner->lives;
	list_push_back(&d->pending, &w->link);
	world_plan(world, at - world->now_ms, finish, d);
	return w;
}

static void seam_load(void *self, uint64_t ticket)
{
	begin(self, WRITE_LOAD, ticket);
}

static struct journal_manifest *copy_manifest(struct arena *a, const struct journal_manifest *from)
{
	struct journal_manifest *m = arena_copy(a, from, sizeof(*from));

	m->metadata = str_bytes(arena_str(a, from->metadata), from->metadata.len);
	return m;
}

static void seam_write_raft(void *self, uint64_t ticket, const struct journal_raft_write *write)
{
	struct write *w = begin(self, WRITE_RAFT, ticket);
	struct journal_entry *entries =
		arena_copy(&w->memory, write->entries, write->entry_count * sizeof(*entries));

	for (size_t i = 0; i < write->entry_count; i++)
		entries[i].data.ptr = arena_str(&w->memory, entries[i].data);
	w->raft = *write;
	w->raft.entries = entries;
	if (write->snapshot)
		w->raft.snapshot = copy_manifest(&w->memory, write->snapshot);
}

static void seam_save_snapshot(void *self, uint64_t ticket, const struct journal_manifest *manifest,
			       struct journal_source source)
{
	struct write *w = begin(self, WRITE_SNAPSHOT, ticket);
	struct buf content = BUF_MAX(CONTENT_MAX);
	bool done = false;
	struct err e;

	while (!done && source.next(source.self, &content, &done, &e))
		;
	assert(done);
	w->snapshot = (struct stored_snapshot){
		.index = manifest->index,
		.term = manifest->term,
		.digest = manifest->digest,
		.metadata = xmemdup(manifest->metadata.ptr, manifest->metadata.len),
		.metadata_size = manifest->metadata.len,
		.content_size = content.len,
	};
	w->snapshot.content = buf_steal(&content);
}

static void seam_wipe_raft(void *self, uint64_t ticket)
{
	begin(self, WRITE_WIPE, ticket);
}

static void seam_write_local(void *self, uint64_t ticket, const struct journal_record *records,
			     size_t count)
{
	struct write *w = begin(self, WRITE_LOCAL, ticket);

	w->records = arena_copy(&w->memory, records, count * sizeof(*records));
	w->record_count = count;
	for (size_t i = 0; i < count; i++) {
		struct journal_record *r = &w->records[i];

		r->table = arena_strdup(&w->memory, r->table);
		r->key = arena_strdup(&w->memory, r->key);
		if (r->value.ptr)
			r->value.ptr = arena_str(&w->memory, r->value);
	}
}

struct disk *disk_new(struct sim_node *owner)
{
	struct disk *d = NEW(struct disk);

	d->owner = owner;
	d->delay_ms_max = 2;
	list_init(&d->pending);
	d->seam = (struct journal){
		.self = d,
		.load = seam_load,
		.write_raft = seam_write_raft,
		.save_snapshot = seam_save_snapshot,
		.wipe_raft = seam_wipe_raft,
		.write_local = seam_write_local,
	};
	return d;
}

const struct journal *disk_journal(struct disk *d)
{
	return &d->seam;
}

void disk_crash(struct disk *d)
{
	struct write *w;
	struct prng *p = &d->owner->world->prng;
	bool survives = !d->is_full && !d->has_failed;

	list_each (&d->pending, struct write, link, w) {
		survives = survives && prng_chance(p, 1, 2);
		if (survives)
			carry_out(d, w);
		write_free(w);
	}
	d->has_failed = false;
	d->last_done_ms = 0;
}

void disk_wipe(struct disk *d)
{
	wipe_raft_now(d);
	for (size_t i = 0; i < d->record_count; i++)
		record_clear(&d->records[i]);
	d->record_count = 0;
}

void disk_free(struct disk *d)
{
	struct write *w;

	if (!d)
		return;
	list_each (&d->pending, struct write, link, w)
		write_free(w);
	disk_wipe(d);
	free(d->entries);
	free(d->records);
	free(d);
}

void disk_lose_raft(struct disk *d)
{
	wipe_raft_now(d);
}

void disk_shut_raft(struct disk *d, bool is_shut)
{
	d->is_shut = is_shut;
}

bool disk_has_failed(const struct disk *d)
{
	return d->has_failed;
}

void disk_set_full(struct disk *d, bool is_full)
{
	d->is_full = is_full;
}

void disk_set_delay(struct disk *d, int64_t delay_ms_max)
{
	d->delay_ms_max = delay_ms_max;
}
