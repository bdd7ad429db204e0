#include "host/journal.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <string.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/mem.h"
#include "file/folder.h"
#include "host/dir.h"
#include "host/local_file.h"
#include "host/loop.h"
#include "host/raft_file.h"
#include "host/scribe.h"
#include "host/snapshot_file.h"
#include "seam/input.h"

#define CHECKPOINT_BYTES (4u << 20)
#define IDLE_MS          1000

enum order_kind {
	LOAD_RAFT,
	LOAD_LOCAL,
	WRITE_RAFT,
	WIPE_RAFT,
	WRITE_LOCAL,
	SAVE_SNAPSHOT,
	TAKE_KEY, /* first the thread of snapshots, then that of the log */
};

struct new_key {
	uint8_t key[SEAL_KEY_LEN], older[SEAL_KEY_LEN];
	bool has_older;
	void *self;
	void (*done)(void *self, bool is_good, const struct err *why);
	unsigned wipes; /* of the log, when it was given */
	bool has_passed_snapshots, fits, was_sealed;
};

/* A seam call under way. It owns copies of all it was given, but for a snapshot's source. */
struct order {
	struct list link;
	enum order_kind kind;
	uint64_t ticket;
	struct arena memory;
	size_t bytes;
	union {
		struct journal_raft_write raft;
		struct {
			struct journal_record *records;
			size_t count;
		} local;
		struct {
			struct journal_manifest manifest;
			struct journal_source source;
		} snapshot;
		struct new_key key;
	};
	bool is_refused; /* too much waited */
	bool is_done;
	struct err why; /* not done */
};

/* load() asks both files; the second answer completes the image, which lives until the turn
 * that is told of it has ended. */
struct loading {
	uint64_t ticket;
	int answers_missing;
	bool has_failed;
	struct err why;
	struct journal_image image;
	struct arena raft_memory, local_memory;
};

struct journal_disk {
	struct loop *loop;
	char *snapshot_dir;
	struct raft_file raft;          /* of the raft thread */
	struct local_file local;        /* of the local thread */
	struct sealer *snapshot_sealer; /* of the snapshot thread */
	struct scribe raft_scribe, local_scribe, snapshot_scribe;
	size_t raft_waiting_bytes, local_waiting_bytes;
	bool has_logged_failure;
	unsigned wipes; /* of the raft log: no key outlives one */
	bool is_closing;
	int open_scribes;
	struct loading *loading; /* NULL: none under way */
};

/* The threads' side: orders are carried out. */

static void refuse_all(struct list *orders, const struct err *why)
{
	struct order *o;

	list_each (orders, struct order, link, o) {
		o->is_done = false;
		o->why = *why;
	}
}

static bool carry_out_raft_order(struct journal_disk *d, struct order *o, struct err *e)
{
	if (o->is_refused)
		return fail(e, ERR_EXHAUSTED, "raft.db: the disk does not keep up");
	switch (o->kind) {
	case LOAD_RAFT:
		return raft_file_load(&d->raft, &d->loading->raft_memory, &d->loading->image, e);
	case WRITE_RAFT:
		return raft_file_write(&d->raft, &o->raft, e);
	case WIPE_RAFT:
		return raft_file_wipe(&d->raft, e);
	case TAKE_KEY:
		return raft_file_take_key(&d->raft, o->key.key,
					  o->key.has_older ? o->key.older : NULL, &o->key.fits,
					  &o->key.was_sealed, e);
	default:
		abort();
	}
}

static bool carry_out_local_order(struct journal_disk *d, struct order *o, struct err *e)
{
	if (o->is_refused)
		return fail(e, ERR_EXHAUSTED, "local.db: the disk does not keep up");
	if (o->kind == LOAD_LOCAL)
		return local_file_load(&d->local, &d->loading->local_memory, &d->loading->image, e);
	return local_file_write(&d->local, o->local.records, o->local.count, e);
}

/* One transaction for all: when it fails, none of them is there and none is acknowledged. */
static void commit_together(struct journal_disk *d, struct journal_file *file, struct list *orders,
			    bool (*carry_out)(struct journal_disk *d, struct order *o,
					      struct err *e))
{
	struct err e = { 0 };
	bool ok = file_begin(file, &e);
	struct order *o;

	list_each (orders, struct order, link, o)
		ok = ok && carry_out(d, o, &e);
	if (!ok || !file_commit(file, &e)) {
		file_give_up(file, &e);
		refuse_all(orders, &e);
		return;
	}
	list_each (orders, struct order, link, o)
		o->is_done = true;
}

/* What a committed order made needless. */
static bool clean_up_after(struct journal_disk *d, struct order *o, struct err *e)
{
	if (!o->is_done)
		return true;
	if (o->kind == WRITE_RAFT && o->raft.snapshot)
		snapshot_files_drop_before(d->snapshot_dir, o->raft.snapshot->index,
					   o->raft.snapshot->term, o->raft.old_snapshots);
	if (o->kind == WIPE_RAFT) {
		snapshot_files_keep_only(d->snapshot_dir, 0, 0);
		return file_checkpoint(&d->raft.file, e);
	}
	/* What the older key opens is to be found nowhere. */
	if (o->kind == TAKE_KEY && o->key.was_sealed)
		return file_checkpoint(&d->raft.file, e);
	return true;
}

static void carry_out_raft(void *self, struct list *orders)
{
	struct journal_disk *d = self;
	struct order *o;

	commit_together(d, &d->raft.file, orders, carry_out_raft_order);
	list_each (orders, struct order, link, o)
		if (!clean_up_after(d, o, &o->why))
			o->is_done = false;
}

static void carry_out_local(void *self, struct list *orders)
{
	struct journal_disk *d = self;

	commit_together(d, &d->local.file, orders, carry_out_local_order);
}

static bool gives_up(void *self)
{
	struct journal_disk *d = self;

	return scribe_is_hurried(&d->snapshot_scribe);
}

static void carry_out_snapshots(void *self, struct list *orders)
{
	struct journal_disk *d = self;
	struct order *o;

	list_each (orders, struct order, link, o) {
		const struct journal_manifest *m = &o->snapshot.manifest;

		if (o->kind == TAKE_KEY) {
			sealer_free(d->snapshot_sealer);
			d->snapshot_sealer = sealer_new(o->key.key);
			o->is_done = true;
			continue;
		}
		o->is_done = snapshot_file_save(d->snapshot_dir, d->snapshot_sealer, m->index,
						m->term, o->snapshot.source, gives_up, d, &o->why);
	}
}

static bool tidy_raft(void *self, bool is_idle)
{
	struct journal_disk *d = self;

	return file_tidy(&d->raft.file, is_idle);
}

static bool tidy_local(void *self, bool is_idle)
{
	struct journal_disk *d = self;

	return file_tidy(&d->local.file, is_idle);
}

/* The loop's side: orders are given, and their outcomes become facts. */

static void order_free(struct order *o)
{
	if (o->kind == TAKE_KEY)
		OPENSSL_cleanse(&o->key, sizeof(o->key));
	arena_clear(&o->memory);
	free(o);
}

static void report_failure(struct journal_disk *d, uint64_t ticket, const char *text)
{
	struct inbox *box = loop_inbox(d->loop);
	struct input *in = inbox_add(box, INPUT_JOURNAL, ticket);

	in->journal = (struct journal_event){
		.kind = JOURNAL_FAILED,
		.text = arena_strdup(&box->memory, text),
	};
	if (!d->has_logged_failure)
		log_error(loop_log(d->loop), "journal", "%s", text);
	d->has_logged_failure = true;
}

static void loading_free(void *self)
{
	struct loading *l = self;

	if (!l)
		return;
	arena_clear(&l->raft_memory);
	arena_clear(&l->local_memory);
	free(l);
}

static void on_load_answer(struct journal_disk *d, const struct order *o)
{
	struct loading *l = d->loading;

	if (!o->is_done) {
		l->has_failed = true;
		l->why = o->why;
	}
	if (--l->answers_missing > 0)
		return;
	d->loading = NULL;
	if (l->has_failed) {
		report_failure(d, l->ticket, l->why.text);
		loading_free(l);
		return;
	}
	inbox_add(loop_inbox(d->loop), INPUT_JOURNAL, l->ticket)->journal = (struct journal_event){
		.kind = JOURNAL_LOADED,
		.image = &l->image,
	};
	loop_after_turn(d->loop, l, loading_free);
}

static size_t *waiting_bytes(struct journal_disk *d, enum order_kind kind)
{
	return kind == WRITE_LOCAL || kind == LOAD_LOCAL ? &d->local_waiting_bytes
							 : &d->raft_waiting_bytes;
}

/* From one thread to the other: what was saved before is sealed anew by the second. */
static void on_key_taken(struct journal_disk *d, struct order *o)
{
	struct new_key *k = &o->key;

	if (o->is_done && !k->has_passed_snapshots && !d->is_closing && k->wipes == d->wipes) {
		k->has_passed_snapshots = true;
		scribe_order(&d->raft_scribe, &o->link);
		return;
	}
	if (o->is_done && !k->has_passed_snapshots)
		o->is_done = fail(&o->why, ERR_UNAVAILABLE,
				  d->is_closing ? "the node is ending" : "the log was wiped");
	else if (o->is_done && !k->fits)
		o->is_done = fail(&o->why, ERR_DENIED, "raft.db: this node's key does not open it");
	k->done(k->self, o->is_done, &o->why);
	order_free(o);
}

static void on_finished(void *self, struct list *orders)
{
	struct journal_disk *d = self;
	struct order *o;

	list_each (orders, struct order, link, o) {
		list_remove(&o->link);
		*waiting_bytes(d, o->kind) -= o->bytes;
		if (o->kind == TAKE_KEY) {
			on_key_taken(d, o);
			continue;
		}
		if (d->is_closing)
			;
		else if (o->kind == LOAD_RAFT || o->kind == LOAD_LOCAL)
			on_load_answer(d, o);
		else if (o->is_done)
			inbox_add(loop_inbox(d->loop), INPUT_JOURNAL, o->ticket)->journal.kind =
				JOURNAL_DONE;
		else
			report_failure(d, o->ticket, o->why.text);
		order_free(o);
	}
}

static struct order *order_new(enum order_kind kind, uint64_t ticket)
{
	struct order *o = NEW(struct order);

	list_init(&o->link);
	o->kind = kind;
	o->ticket = ticket;
	return o;
}

static void give(struct journal_disk *d, struct scribe *to, struct order *o)
{
	size_t *waiting = waiting_bytes(d, o->kind);

	o->bytes = o->memory.used_bytes;
	o->is_refused = *waiting + o->bytes > JOURNAL_WAITING_MAX;
	if (o->is_refused) {
		arena_clear(&o->memory);
		o->bytes = 0;
	}
	*waiting += o->bytes;
	scribe_order(to, &o->link);
}

static void load(void *self, uint64_t ticket)
{
	struct journal_disk *d = self;

	assert(!d->loading);
	d->loading = NEW(struct loading);
	d->loading->ticket = ticket;
	d->loading->answers_missing = 2;
	give(d, &d->raft_scribe, order_new(LOAD_RAFT, ticket));
	give(d, &d->local_scribe, order_new(LOAD_LOCAL, ticket));
}

static struct str copy_str(struct arena *a, struct str s)
{
	return str_bytes(arena_copy(a, s.ptr, s.len), s.len);
}

static void write_raft(void *self, uint64_t ticket, const struct journal_raft_write *write)
{
	struct journal_disk *d = self;
	struct order *o = order_new(WRITE_RAFT, ticket);
	struct journal_entry *entries;

	o->raft = *write;
	entries = arena_copy(&o->memory, write->entries, write->entry_count * sizeof(*entries));
	for (size_t i = 0; i < write->entry_count; i++)
		entries[i].data = copy_str(&o->memory, entries[i].data);
	o->raft.entries = entries;
	if (write->snapshot) {
		struct journal_manifest *m = arena_copy(&o->memory, write->snapshot, sizeof(*m));

		m->metadata = copy_str(&o->memory, m->metadata);
		o->raft.snapshot = m;
	}
	give(d, &d->raft_scribe, o);
}

static void save_snapshot(void *self, uint64_t ticket, const struct journal_manifest *manifest,
			  struct journal_source source)
{
	struct journal_disk *d = self;
	struct order *o = order_new(SAVE_SNAPSHOT, ticket);

	o->snapshot.manifest = *manifest;
	o->snapshot.source = source;
	scribe_order(&d->snapshot_scribe, &o->link);
}

void journal_disk_take_key(struct journal_disk *d, const uint8_t key[SEAL_KEY_LEN],
			   const uint8_t *older, void *self,
			   void (*done)(void *self, bool is_good, const struct err *why))
{
	struct order *o = order_new(TAKE_KEY, 0);

	o->key = (struct new_key){
		.has_older = older != NULL, .self = self, .done = done, .wipes = d->wipes
	};
	memcpy(o->key.key, key, SEAL_KEY_LEN);
	if (older)
		memcpy(o->key.older, older, SEAL_KEY_LEN);
	scribe_order(&d->snapshot_scribe, &o->link);
}

static void wipe_raft(void *self, uint64_t ticket)
{
	struct journal_disk *d = self;

	d->wipes++;
	give(d, &d->raft_scribe, order_new(WIPE_RAFT, ticket));
}

static void write_local(void *self, uint64_t ticket, const struct journal_record *records,
			size_t count)
{
	struct journal_disk *d = self;
	struct order *o = order_new(WRITE_LOCAL, ticket);

	o->local.records = arena_alloc(&o->memory, count * sizeof(*records));
	o->local.count = count;
	for (size_t i = 0; i < count; i++) {
		struct journal_record *r = &o->local.records[i];

		r->table = arena_strdup(&o->memory, records[i].table);
		r->key = arena_strdup(&o->memory, records[i].key);
		if (records[i].value.ptr)
			r->value = copy_str(&o->memory, records[i].value);
	}
	give(d, &d->local_scribe, o);
}

void journal_disk_seam(struct journal_disk *d, struct journal *seam)
{
	*seam = (struct journal){
		.self = d,
		.load = load,
		.write_raft = write_raft,
		.save_snapshot = save_snapshot,
		.wipe_raft = wipe_raft,
		.write_local = write_local,
	};
}

/* Opening and closing. */

static bool open_files(struct journal_disk *d, const struct journal_disk_config *c, struct err *e)
{
	struct journal_file_config file = {
		.dir = c->dir,
		.vfs = c->vfs,
		.key = c->key,
		.checkpoint_bytes = c->checkpoint_bytes ? c->checkpoint_bytes : CHECKPOINT_BYTES,
	};

	if (!folder_make_as(c->dir, 0700, e) || !folder_make_as(d->snapshot_dir, 0700, e))
		return false;
	file.name = "raft.db";
	if (!raft_file_open(&d->raft, &file, d->snapshot_dir, e))
		return false;
	file.name = "local.db";
	if (!local_file_open(&d->local, &file, e))
		return false;
	d->snapshot_sealer = sealer_new(c->key);
	/* The files must be found again after a crash: their names are in the directory. */
	if (!dir_sync(c->dir, e))
		return false;
	if (!d->raft.file.is_shut)
		snapshot_files_keep_only(d->snapshot_dir, d->raft.snapshot_index,
					 d->raft.snapshot_term);
	return true;
}

static void disk_free(struct journal_disk *d)
{
	raft_file_close(&d->raft);
	local_file_close(&d->local);
	sealer_free(d->snapshot_sealer);
	loading_free(d->loading);
	free(d->snapshot_dir);
	free(d);
}

static bool start(struct scribe *s, struct journal_disk *d, int idle_ms,
		  void (*carry_out)(void *self, struct list *orders),
		  bool (*tidy)(void *self, bool is_idle), struct err *e)
{
	struct scribe_work work = {
		.self = d,
		.carry_out = carry_out,
		.tidy = tidy,
		.idle_ms = idle_ms ? idle_ms : IDLE_MS,
		.finished = on_finished,
	};

	if (!scribe_start(s, d->loop, &work, e))
		return false;
	d->open_scribes++;
	return true;
}

static void on_scribe_closed(struct journal_disk *d)
{
	if (--d->open_scribes == 0)
		disk_free(d);
}

static void on_raft_scribe_closed(struct scribe *s)
{
	on_scribe_closed(container_of(s, struct journal_disk, raft_scribe));
}

static void on_local_scribe_closed(struct scribe *s)
{
	on_scribe_closed(container_of(s, struct journal_disk, local_scribe));
}

static void on_snapshot_scribe_closed(struct scribe *s)
{
	on_scribe_closed(container_of(s, struct journal_disk, snapshot_scribe));
}

bool journal_disk_open(const struct journal_disk_config *c, struct journal_disk **out,
		       struct err *e)
{
	struct journal_disk *d = NEW(struct journal_disk);

	d->loop = c->loop;
	d->snapshot_dir = xasprintf("%s/snapshots", c->dir);
	if (!open_files(d, c, e)) {
		disk_free(d);
		return while_doing(e, "journal %s", c->dir);
	}
	if (!start(&d->raft_scribe, d, c->idle_ms, carry_out_raft, tidy_raft, e) ||
	    !start(&d->local_scribe, d, c->idle_ms, carry_out_local, tidy_local, e) ||
	    !start(&d->snapshot_scribe, d, c->idle_ms, carry_out_snapshots, NULL, e)) {
		journal_disk_close(d);
		return while_doing(e, "journal %s", c->dir);
	}
	*out = d;
	return true;
}

void journal_disk_close(struct journal_disk *d)
{
	int started;

	if (!d)
		return;
	d->is_closing = true;
	started = d->open_scribes;
	if (started > 0)
		scribe_close(&d->raft_scribe, on_raft_scribe_closed);
	if (started > 1)
		scribe_close(&d->local_scribe, on_local_scribe_closed);
	if (started > 2)
		scribe_close(&d->snapshot_scribe, on_snapshot_scribe_closed);
	if (started == 0)
		disk_free(d);
}
