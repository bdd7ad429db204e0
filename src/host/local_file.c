#include "host/local_file.h"

#include "base/arena.h"
#include "base/mem.h"

#define RECORD_MAX (64u << 20)

static const char schema[] = "CREATE TABLE record(name BLOB PRIMARY KEY, sealed BLOB NOT NULL)"
			     " WITHOUT ROWID;";

/* A record's full name is "table\0key\0"; it heads the sealed bytes too. */
static void write_name(struct buf *b, const struct journal_record *r)
{
	buf_reset(b);
	buf_append(b, r->table, strlen(r->table) + 1);
	buf_append(b, r->key, strlen(r->key) + 1);
}

static bool write_record(struct local_file *f, const struct journal_record *r, struct err *e)
{
	uint8_t name[SEALER_NAME_LEN];

	write_name(&f->plain, r);
	sealer_name(f->file.sealer, buf_str(&f->plain), name);
	if (!r->value.ptr) {
		sqlite3_bind_blob(f->drop, 1, name, sizeof(name), SQLITE_STATIC);
		return file_run(&f->file, f->drop, e);
	}
	buf_reset(&f->sealed);
	buf_append_str(&f->plain, r->value);
	sealer_close(f->file.sealer, str_bytes(name, sizeof(name)), buf_str(&f->plain), &f->sealed);
	if (f->plain.overflow || f->sealed.overflow)
		return fail(e, ERR_EXHAUSTED, "%s: %s %s: a record of %zu bytes is too large",
			    f->file.name, r->table, r->key, r->value.len);
	sqlite3_bind_blob(f->put, 1, name, sizeof(name), SQLITE_STATIC);
	sqlite3_bind_blob64(f->put, 2, f->sealed.data, f->sealed.len, SQLITE_STATIC);
	return file_run(&f->file, f->put, e);
}

bool local_file_write(struct local_file *f, const struct journal_record *records, size_t count,
		      struct err *e)
{
	for (size_t i = 0; i < count; i++)
		if (!write_record(f, &records[i], e))
			return false;
	return true;
}

static bool take_text(struct str *from, struct arena *a, const char **text)
{
	struct str head;

	if (!str_cut(*from, '\0', &head, from))
		return false;
	*text = arena_str(a, head);
	return true;
}

static bool open_record(struct local_file *f, struct arena *a, struct journal_record *r,
			struct err *e)
{
	struct str from;

	buf_reset(&f->plain);
	if (!sealer_open(f->file.sealer, file_blob(f->all, 0), file_blob(f->all, 1), &f->plain, e))
		return while_doing(e, "%s: a record", f->file.name);
	from = buf_str(&f->plain);
	if (!take_text(&from, a, &r->table) || !take_text(&from, a, &r->key))
		return fail(e, ERR_INVALID, "%s: a record without a name", f->file.name);
	r->value = str_bytes(arena_copy(a, from.ptr, from.len), from.len);
	return true;
}

static int by_table_and_key(const void *left, const void *right)
{
	const struct journal_record *a = left, *b = right;
	int order = strcmp(a->table, b->table);

	return order ? order : strcmp(a->key, b->key);
}

bool local_file_load(struct local_file *f, struct arena *a, struct journal_image *image,
		     struct err *e)
{
	struct journal_record *records = NULL;
	size_t count = 0, capacity = 0;
	bool has_row, ok;

	while ((ok = file_step(&f->file, f->all, &has_row, e)) && has_row) {
		if (count == capacity) {
			capacity = capacity ? capacity * 2 : 64;
			records = xrealloc(records, capacity * sizeof(*records));
		}
		if (!(ok = open_record(f, a, &records[count], e)))
			break;
		count++;
	}
	sqlite3_reset(f->all);
	if (count)
		qsort(records, count, sizeof(*records), by_table_and_key);
	image->records = arena_copy(a, records, count * sizeof(*records));
	image->record_count = count;
	free(records);
	return ok;
}

bool local_file_open(struct local_file *f, const struct journal_file_config *config, struct err *e)
{
	struct journal_file_config c = *config;

	*f = (struct local_file){ .plain = BUF_MAX(RECORD_MAX), .sealed = BUF_MAX(RECORD_MAX) };
	c.schema = schema;
	if (!file_open(&f->file, &c, e))
		return false;
	if (!file_prepare(&f->file, "REPLACE INTO record VALUES(?,?)", &f->put, e) ||
	    !file_prepare(&f->file, "DELETE FROM record WHERE name=?", &f->drop, e) ||
	    !file_prepare(&f->file, "SELECT name, sealed FROM record", &f->all, e)) {
		local_file_close(f);
		return false;
	}
	return true;
}

void local_file_close(struct local_file *f)
{
	sqlite3_finalize(f->put);
	sqlite3_finalize(f->drop);
	sqlite3_finalize(f->all);
	file_close(&f->file);
	buf_clear(&f->plain);
	buf_clear(&f->sealed);
	*f = (struct local_file){ 0 };
}
