#include "host/raft_file.h"

#include <assert.h>
#include <endian.h>
#include <openssl/crypto.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/mem.h"
#include "host/snapshot_file.h"

/* One entry with its envelope; the core proposes at most 1.5 MiB, a stock manager 4 MiB. */
#define ENTRY_MAX (64u << 20)

static const char schema[] = "CREATE TABLE entry(idx INTEGER PRIMARY KEY, sealed BLOB NOT NULL);"
			     "CREATE TABLE state(name TEXT PRIMARY KEY, sealed BLOB NOT NULL)"
			     " WITHOUT ROWID;";

/* Numbers are little-endian on disk. */
static void put_u64(struct buf *b, uint64_t n)
{
	uint64_t little = htole64(n);

	buf_append(b, &little, sizeof(little));
}

static bool take_u64(struct str *from, uint64_t *n)
{
	if (from->len < sizeof(*n))
		return false;
	memcpy(n, from->ptr, sizeof(*n));
	*n = le64toh(*n);
	*from = str_bytes(from->ptr + sizeof(*n), from->len - sizeof(*n));
	return true;
}

static void entry_context(uint64_t index, char context[32])
{
	(void)snprintf(context, 32, "entry %llu", (unsigned long long)index);
}

static bool put_state(struct raft_file *f, const char *name, struct str value, struct err *e)
{
	buf_reset(&f->sealed);
	sealer_close(f->file.sealer, str_of(name), value, &f->sealed);
	sqlite3_bind_text(f->put_state, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_blob64(f->put_state, 2, f->sealed.data, f->sealed.len, SQLITE_STATIC);
	return file_run(&f->file, f->put_state, e);
}

/* The value is in f->plain. */
static bool get_state(struct raft_file *f, const char *name, bool *found, struct err *e)
{
	bool ok, ended;

	sqlite3_bind_text(f->get_state, 1, name, -1, SQLITE_STATIC);
	if (!file_step(&f->file, f->get_state, found, e))
		return false;
	if (!*found)
		return true;
	buf_reset(&f->plain);
	ok = sealer_open(f->file.sealer, str_of(name), file_blob(f->get_state, 0), &f->plain, e);
	if (!ok)
		while_doing(e, "%s: %s", f->file.name, name);
	ended = sqlite3_reset(f->get_state) == SQLITE_OK;
	return ok && ended;
}

static bool put_hard_state(struct raft_file *f, const struct journal_hard_state *h, struct err *e)
{
	buf_reset(&f->plain);
	put_u64(&f->plain, h->term);
	put_u64(&f->plain, h->vote);
	put_u64(&f->plain, h->commit);
	return put_state(f, "hard state", buf_str(&f->plain), e);
}

static bool get_hard_state(struct raft_file *f, bool *found, struct journal_hard_state *h,
			   struct err *e)
{
	struct str from;

	if (!get_state(f, "hard state", found, e) || !*found)
		return !*found;
	from = buf_str(&f->plain);
	if (!take_u64(&from, &h->term) || !take_u64(&from, &h->vote) ||
	    !take_u64(&from, &h->commit))
		return fail(e, ERR_INVALID, "%s: hard state: too short", f->file.name);
	return true;
}

static bool put_manifest(struct raft_file *f, const struct journal_manifest *m, struct err *e)
{
	buf_reset(&f->plain);
	put_u64(&f->plain, m->index);
	put_u64(&f->plain, m->term);
	put_u64(&f->plain, m->size_bytes);
	put_u64(&f->plain, m->digest);
	buf_append_str(&f->plain, m->metadata);
	return put_state(f, "snapshot", buf_str(&f->plain), e);
}

static bool get_manifest(struct raft_file *f, bool *found, struct journal_manifest *m,
			 struct err *e)
{
	struct str from;

	if (!get_state(f, "snapshot", found, e) || !*found)
		return !*found;
	from = buf_str(&f->plain);
	if (!take_u64(&from, &m->index) || !take_u64(&from, &m->term) ||
	    !take_u64(&from, &m->size_bytes) || !take_u64(&from, &m->digest))
		return fail(e, ERR_INVALID, "%s: snapshot: too short", f->file.name);
	m->metadata = from;
	return true;
}

/* Leaves the whole entry in f->plain: term, type, data. */
static bool open_entry(struct raft_file *f, struct str sealed, struct journal_entry *entry,
		       struct err *e)
{
	char context[32];
	struct str from;
	uint64_t type;

	entry_context(entry->index, context);
	buf_reset(&f->plain);
	if (!sealer_open(f->file.sealer, str_of(context), sealed, &f->plain, e))
		return while_doing(e, "%s: %s", f->file.name, context);
	from = buf_str(&f->plain);
	if (!take_u64(&from, &entry->term) || !take_u64(&from, &type))
		return fail(e, ERR_INVALID, "%s: %s: too short", f->file.name, context);
	entry->type = (int)type;
	entry->data = from;
	return true;
}

static bool put_entry(struct raft_file *f, const struct journal_entry *entry, struct err *e)
{
	char context[32];

	entry_context(entry->index, context);
	buf_reset(&f->plain);
	put_u64(&f->plain, entry->term);
	put_u64(&f->plain, (uint64_t)entry->type);
	buf_reset(&f->sealed);
	buf_append_str(&f->plain, entry->data);
	sealer_close(f->file.sealer, str_of(context), buf_str(&f->plain), &f->sealed);
	if (f->plain.overflow || f->sealed.overflow)
		return fail(e, ERR_EXHAUSTED, "%s: %s of %zu bytes is too large", f->file.name,
			    context, entry->data.len);
	sqlite3_bind_int64(f->put_entry, 1, (sqlite3_int64)entry->index);
	sqlite3_bind_blob64(f->put_entry, 2, f->sealed.data, f->sealed.len, SQLITE_STATIC);
	return file_run(&f->file, f->put_entry, e);
}

static bool has_entries(const struct raft_file *f)
{
	return f->first <= f->last;
}

static bool term_at(struct raft_file *f, uint64_t index, bool *found, uint64_t *term, struct err *e)
{
	struct journal_entry entry = { .index = index };
	bool ok;

	sqlite3_bind_int64(f->get_entry, 1, (sqlite3_int64)index);
	if (!file_step(&f->file, f->get_entry, found, e))
		return false;
	if (!*found)
		return true;
	ok = open_entry(f, file_blob(f->get_entry, 0), &entry, e);
	*term = entry.term;
	return sqlite3_reset(f->get_entry) == SQLITE_OK && ok;
}

static bool cut_after(struct raft_file *f, uint64_t index, struct err *e)
{
	if (!has_entries(f) || f->last <= index)
		return true;
	sqlite3_bind_int64(f->cut_after, 1, (sqlite3_int64)index);
	if (!file_run(&f->file, f->cut_after, e))
		return false;
	f->last = index;
	return true;
}

static bool cut_up_to(struct raft_file *f, uint64_t index, struct err *e)
{
	if (!has_entries(f) || f->first > index)
		return true;
	sqlite3_bind_int64(f->cut_before, 1, (sqlite3_int64)index);
	if (!file_run(&f->file, f->cut_before, e))
		return false;
	f->first = index + 1;
	return true;
}

/* A snapshot that was taken here lies on our own log: what follows it stays. One that was
 * received replaces a log that disagrees with it, or does not reach it. */
static bool snapshot_is_on_log(struct raft_file *f, const struct journal_manifest *m, bool *is,
			       struct err *e)
{
	bool found;
	uint64_t term = 0;

	if (f->has_snapshot && f->snapshot_index == m->index) {
		*is = f->snapshot_term == m->term;
		return true;
	}
	if (!term_at(f, m->index, &found, &term, e))
		return false;
	*is = found && term == m->term;
	return true;
}

static bool begin_from(struct raft_file *f, const struct journal_manifest *m, uint64_t keep,
		       struct err *e)
{
	bool is_on_log;

	if (!snapshot_file_exists(f->snapshot_dir, m->index, m->term))
		return fail(e, ERR_NOT_FOUND, "%s: the snapshot at %llu was not saved",
			    f->file.name, (unsigned long long)m->index);
	if (!snapshot_is_on_log(f, m, &is_on_log, e))
		return false;
	if (is_on_log) {
		if (!cut_up_to(f, m->index > keep ? m->index - keep : 0, e))
			return false;
	} else if (!cut_up_to(f, UINT64_MAX >> 1, e)) {
		return false;
	}
	f->has_snapshot = true;
	f->snapshot_index = m->index;
	f->snapshot_term = m->term;
	if (!has_entries(f)) {
		f->first = m->index + 1;
		f->last = m->index;
	}
	return put_manifest(f, m, e);
}

static bool append(struct raft_file *f, const struct journal_entry *entries, size_t count,
		   struct err *e)
{
	uint64_t first = entries[0].index;

	if (first > f->last + 1 || first == 0)
		return fail(e, ERR_INVALID, "%s: an entry at %llu would leave a gap after %llu",
			    f->file.name, (unsigned long long)first, (unsigned long long)f->last);
	if (!cut_after(f, first - 1, e))
		return false;
	if (f->first > first)
		f->first = first;
	for (size_t i = 0; i < count; i++) {
		assert(entries[i].index == first + i);
		if (!put_entry(f, &entries[i], e))
			return false;
	}
	f->last = first + count - 1;
	return true;
}

bool raft_file_write(struct raft_file *f, const struct journal_raft_write *w, struct err *e)
{
	if (f->file.is_shut)
		return fail(e, ERR_DENIED, "%s: the key that it is sealed with is not here",
			    f->file.name);
	if (w->snapshot && !begin_from(f, w->snapshot, w->keep, e))
		return false;
	if (w->entry_count && !append(f, w->entries, w->entry_count, e))
		return false;
	return !w->has_hard_state || put_hard_state(f, &w->hard_state, e);
}

bool raft_file_wipe(struct raft_file *f, struct err *e)
{
	if (sqlite3_exec(f->file.db, "DELETE FROM entry; DELETE FROM state", NULL, NULL, NULL) !=
	    SQLITE_OK)
		return fail(e, ERR_INTERNAL, "%s: wipe: %s", f->file.name,
			    sqlite3_errmsg(f->file.db));
	f->first = 1;
	f->last = 0;
	f->has_snapshot = false;
	f->file.is_shut = false;
	sealer_free(f->file.sealer);
	f->file.sealer = sealer_new(f->data_key);
	return file_was_sealed(&f->file, e);
}

static bool load_entries(struct raft_file *f, struct arena *a, struct journal_image *image,
			 struct err *e)
{
	uint64_t next = f->has_snapshot ? f->snapshot_index + 1 : f->first;
	struct journal_entry *entries;
	size_t count = 0, capacity;
	bool has_row, ok = true;

	if (!has_entries(f) || f->last < next)
		return true;
	capacity = f->last - next + 1;
	entries = arena_alloc(a, capacity * sizeof(*entries));
	sqlite3_bind_int64(f->all_entries, 1, (sqlite3_int64)next);
	while ((ok = file_step(&f->file, f->all_entries, &has_row, e)) && has_row) {
		struct journal_entry *entry = &entries[count];

		entry->index = (uint64_t)sqlite3_column_int64(f->all_entries, 0);
		if (count == capacity || entry->index != next + count) {
			ok = fail(e, ERR_INVALID, "%s: entry %llu is missing", f->file.name,
				  (unsigned long long)(next + count));
			break;
		}
		if (!(ok = open_entry(f, file_blob(f->all_entries, 1), entry, e)))
			break;
		entry->data.ptr = arena_copy(a, entry->data.ptr, entry->data.len);
		count++;
	}
	sqlite3_reset(f->all_entries);
	image->entries = entries;
	image->entry_count = count;
	return ok;
}

static bool load_snapshot(struct raft_file *f, struct arena *a, struct journal_image *image,
			  struct err *e)
{
	struct journal_manifest *m = &image->snapshot;

	if (!get_manifest(f, &image->has_snapshot, m, e))
		return false;
	if (!image->has_snapshot)
		return true;
	m->metadata.ptr = arena_copy(a, m->metadata.ptr, m->metadata.len);
	return snapshot_file_read(f->snapshot_dir, f->file.sealer, m->index, m->term, a,
				  &image->snapshot_content, e);
}

bool raft_file_load(struct raft_file *f, struct arena *a, struct journal_image *image,
		    struct err *e)
{
	bool has_hard_state;

	if (f->file.is_shut) {
		image->is_raft_shut = true;
		return true;
	}
	if (!get_hard_state(f, &has_hard_state, &image->hard_state, e) ||
	    !load_snapshot(f, a, image, e) || !load_entries(f, a, image, e))
		return false;
	image->has_raft = has_hard_state || image->has_snapshot || image->entry_count > 0;
	return true;
}

static bool read_bounds(struct raft_file *f, struct err *e)
{
	struct journal_manifest m;
	bool has_row;

	if (!get_manifest(f, &f->has_snapshot, &m, e))
		return false;
	if (f->has_snapshot) {
		f->snapshot_index = m.index;
		f->snapshot_term = m.term;
	}
	f->first = f->has_snapshot ? m.index + 1 : 1;
	f->last = f->first - 1;
	if (!file_step(&f->file, f->range, &has_row, e))
		return false;
	if (has_row && sqlite3_column_type(f->range, 0) != SQLITE_NULL) {
		f->first = (uint64_t)sqlite3_column_int64(f->range, 0);
		f->last = (uint64_t)sqlite3_column_int64(f->range, 1);
	}
	sqlite3_reset(f->range);
	return true;
}

static bool seal_entry_anew(struct raft_file *f, uint64_t index, struct err *e)
{
	AUTO_ARENA struct arena a = { 0 };
	struct journal_entry entry = { .index = index };
	bool has_row;

	sqlite3_bind_int64(f->get_entry, 1, (sqlite3_int64)index);
	if (!file_step(&f->file, f->get_entry, &has_row, e))
		return false;
	if (!has_row)
		return fail(e, ERR_INVALID, "%s: entry %llu is missing", f->file.name,
			    (unsigned long long)index);
	if (!open_entry(f, file_blob(f->get_entry, 0), &entry, e))
		return false;
	sqlite3_reset(f->get_entry);
	entry.data.ptr = arena_copy(&a, entry.data.ptr, entry.data.len);
	return put_entry(f, &entry, e);
}

static bool seal_state_anew(struct raft_file *f, const char *name, struct err *e)
{
	bool found;

	if (!get_state(f, name, &found, e))
		return false;
	return !found || put_state(f, name, buf_str(&f->plain), e);
}

static bool seal_anew(struct raft_file *f, struct err *e)
{
	if (!snapshot_files_seal_anew(f->snapshot_dir, f->file.sealer, e))
		return false;
	for (uint64_t i = f->first; has_entries(f) && i <= f->last; i++)
		if (!seal_entry_anew(f, i, e))
			return false;
	return seal_state_anew(f, "hard state", e) && seal_state_anew(f, "snapshot", e) &&
	       file_was_sealed(&f->file, e);
}

bool raft_file_take_key(struct raft_file *f, const uint8_t key[SEAL_KEY_LEN], const uint8_t *older,
			bool *fits, bool *was_sealed, struct err *e)
{
	struct sealer *sealer = sealer_new(key);
	bool was_shut = f->file.is_shut, needs;

	if (older)
		sealer_add_older(sealer, older);
	sealer_add_older(sealer, f->data_key);
	*was_sealed = false;
	if (!file_take_sealer(&f->file, sealer, fits, e))
		return false;
	if (!*fits)
		return true;
	if (!read_bounds(f, e) || !file_needs_sealing(&f->file, &needs, e))
		return false;
	if (was_shut)
		snapshot_files_keep_only(f->snapshot_dir, f->snapshot_index, f->snapshot_term);
	if (needs && !seal_anew(f, e))
		return false;
	*was_sealed = needs;
	sealer_forget_older(f->file.sealer);
	return true;
}

bool raft_file_open(struct raft_file *f, const struct journal_file_config *config,
		    const char *snapshot_dir, struct err *e)
{
	struct journal_file_config c = *config;

	*f = (struct raft_file){ .plain = BUF_MAX(ENTRY_MAX), .sealed = BUF_MAX(ENTRY_MAX) };
	f->snapshot_dir = snapshot_dir;
	memcpy(f->data_key, config->key, SEAL_KEY_LEN);
	c.schema = schema;
	c.key_may_follow = true;
	if (!file_open(&f->file, &c, e))
		return false;
	if (!file_prepare(&f->file, "REPLACE INTO entry VALUES(?,?)", &f->put_entry, e) ||
	    !file_prepare(&f->file, "SELECT sealed FROM entry WHERE idx=?", &f->get_entry, e) ||
	    !file_prepare(&f->file, "DELETE FROM entry WHERE idx>?", &f->cut_after, e) ||
	    !file_prepare(&f->file, "DELETE FROM entry WHERE idx<=?", &f->cut_before, e) ||
	    !file_prepare(&f->file, "SELECT idx, sealed FROM entry WHERE idx>=? ORDER BY idx",
			  &f->all_entries, e) ||
	    !file_prepare(&f->file, "SELECT min(idx), max(idx) FROM entry", &f->range, e) ||
	    !file_prepare(&f->file, "REPLACE INTO state VALUES(?,?)", &f->put_state, e) ||
	    !file_prepare(&f->file, "SELECT sealed FROM state WHERE name=?", &f->get_state, e) ||
	    (!f->file.is_shut && !read_bounds(f, e))) {
		raft_file_close(f);
		return false;
	}
	return true;
}

void raft_file_close(struct raft_file *f)
{
	sqlite3_stmt *const statements[] = { f->put_entry,  f->get_entry,   f->cut_after,
					     f->cut_before, f->all_entries, f->range,
					     f->put_state,  f->get_state };

	for (size_t i = 0; i < ARRAY_LEN(statements); i++)
		sqlite3_finalize(statements[i]);
	file_close(&f->file);
	buf_clear(&f->plain);
	buf_clear(&f->sealed);
	OPENSSL_cleanse(f->data_key, sizeof(f->data_key));
	*f = (struct raft_file){ 0 };
}
