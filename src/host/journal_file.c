#include "host/journal_file.h"

#include <assert.h>

#include "base/mem.h"

#define APPLICATION_ID 0x53484f4c      /* "SHOL" */
#define PROOF          "shoal journal" /* sealed in every file: does this data key open it? */

static const char pragmas[] = "PRAGMA locking_mode=EXCLUSIVE;"
			      "PRAGMA journal_mode=WAL;"
			      "PRAGMA synchronous=FULL;"
			      "PRAGMA secure_delete=ON;"
			      "PRAGMA wal_autocheckpoint=0;"
			      "PRAGMA cell_size_check=ON;"
			      "PRAGMA temp_store=MEMORY;"
			      "PRAGMA cache_size=-1024;";

static bool fail_sqlite(struct journal_file *f, struct err *e, const char *doing)
{
	int code = f->db ? sqlite3_errcode(f->db) : SQLITE_NOMEM;
	int errnum = f->db ? sqlite3_system_errno(f->db) : 0;

	switch (code) {
	case SQLITE_FULL:
		return fail(e, ERR_EXHAUSTED, "%s: %s: no space left on the disk", f->name, doing);
	case SQLITE_BUSY:
		return fail(e, ERR_IN_USE, "%s: another shoald uses it", f->name);
	case SQLITE_NOTADB:
		return fail(e, ERR_INVALID, "%s: not a journal", f->name);
	default:
		if (errnum)
			return fail_sys(e, errnum, "%s: %s: %s", f->name, doing,
					sqlite3_errmsg(f->db));
		return fail(e, ERR_INTERNAL, "%s: %s: %s", f->name, doing,
			    f->db ? sqlite3_errmsg(f->db) : "out of memory");
	}
}

static bool execute(struct journal_file *f, const char *sql, const char *doing, struct err *e)
{
	if (sqlite3_exec(f->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return fail_sqlite(f, e, doing);
	return true;
}

bool file_prepare(struct journal_file *f, const char *sql, sqlite3_stmt **statement, struct err *e)
{
	if (sqlite3_prepare_v3(f->db, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL) !=
	    SQLITE_OK)
		return fail_sqlite(f, e, "prepare");
	return true;
}

bool file_step(struct journal_file *f, sqlite3_stmt *statement, bool *has_row, struct err *e)
{
	int code = sqlite3_step(statement);

	*has_row = code == SQLITE_ROW;
	if (code == SQLITE_ROW)
		return true;
	if (code != SQLITE_DONE)
		fail_sqlite(f, e, "read or write");
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return code == SQLITE_DONE;
}

bool file_run(struct journal_file *f, sqlite3_stmt *statement, struct err *e)
{
	bool has_row;

	if (!file_step(f, statement, &has_row, e))
		return false;
	assert(!has_row);
	return true;
}

struct str file_blob(sqlite3_stmt *statement, int column)
{
	const void *bytes = sqlite3_column_blob(statement, column);

	return str_bytes(bytes, (size_t)sqlite3_column_bytes(statement, column));
}

bool file_begin(struct journal_file *f, struct err *e)
{
	if (f->has_failed) {
		*e = f->why;
		return false;
	}
	return file_run(f, f->begin, e);
}

bool file_commit(struct journal_file *f, struct err *e)
{
	return file_run(f, f->commit, e);
}

void file_give_up(struct journal_file *f, const struct err *e)
{
	if (f->has_failed)
		return;
	f->has_failed = true;
	f->why = *e;
	if (!sqlite3_get_autocommit(f->db))
		(void)sqlite3_exec(f->db, "ROLLBACK", NULL, NULL, NULL);
}

static int on_wal_grown(void *self, sqlite3 *db, const char *schema, int pages)
{
	struct journal_file *f = self;

	(void)db;
	(void)schema;
	f->wal_bytes = (size_t)pages * 4096;
	return SQLITE_OK;
}

static bool move_log(struct journal_file *f, int how, struct err *e)
{
	if (sqlite3_wal_checkpoint_v2(f->db, NULL, how, NULL, NULL) != SQLITE_OK)
		return fail_sqlite(f, e, "checkpoint");
	f->wal_bytes = 0;
	return true;
}

bool file_checkpoint(struct journal_file *f, struct err *e)
{
	return move_log(f, SQLITE_CHECKPOINT_TRUNCATE, e);
}

/* The log keeps its length and is written again from its beginning: a write into what a file has
 * already is one to the disk, a write that makes it longer is two, one of them to the file
 * system's own log. */
bool file_tidy(struct journal_file *f, bool is_idle)
{
	struct err e;

	if (!f->has_failed && f->wal_bytes && (is_idle || f->wal_bytes >= f->checkpoint_bytes))
		(void)move_log(f, SQLITE_CHECKPOINT_RESTART, &e);
	return !f->has_failed && f->wal_bytes;
}

static bool read_format(struct journal_file *f, int *format, struct err *e)
{
	sqlite3_stmt *ask;
	bool has_row;
	bool ok;

	if (!file_prepare(f, "PRAGMA user_version", &ask, e))
		return false;
	ok = file_step(f, ask, &has_row, e) && has_row;
	if (ok)
		*format = sqlite3_column_int(ask, 0);
	sqlite3_finalize(ask);
	return ok;
}

static bool create(struct journal_file *f, const char *schema, struct err *e)
{
	AUTO_FREE char *numbers = xasprintf("PRAGMA application_id=%d; PRAGMA user_version=%d;"
					    "CREATE TABLE proof(sealed BLOB NOT NULL);",
					    APPLICATION_ID, JOURNAL_FORMAT);

	return execute(f, numbers, "create", e) && execute(f, schema, "create", e) &&
	       file_was_sealed(f, e);
}

bool file_was_sealed(struct journal_file *f, struct err *e)
{
	AUTO_BUF struct buf proof = BUF_MAX(256);
	sqlite3_stmt *insert;
	bool ok;

	if (!execute(f, "DELETE FROM proof", "seal", e) ||
	    !file_prepare(f, "INSERT INTO proof VALUES(?)", &insert, e))
		return false;
	sealer_close(f->sealer, str_of(f->name), STR(PROOF), &proof);
	sqlite3_bind_blob64(insert, 1, proof.data, proof.len, SQLITE_STATIC);
	ok = file_run(f, insert, e);
	sqlite3_finalize(insert);
	return ok;
}

static bool read_proof(struct journal_file *f, struct buf *proof, struct err *e)
{
	sqlite3_stmt *ask;
	bool has_row = false;
	bool ok;

	if (!file_prepare(f, "SELECT sealed FROM proof", &ask, e))
		return false;
	ok = file_step(f, ask, &has_row, e);
	if (ok && !has_row)
		ok = fail(e, ERR_INVALID, "%s: not a journal", f->name);
	if (ok)
		buf_append_str(proof, file_blob(ask, 0));
	sqlite3_finalize(ask);
	return ok;
}

static bool opens(struct journal_file *f, struct sealer *sealer, bool *does, struct err *e)
{
	AUTO_BUF struct buf proof = BUF_MAX(256), plain = BUF_MAX(256);
	struct err why;

	if (!read_proof(f, &proof, e))
		return false;
	*does = sealer_open(sealer, str_of(f->name), buf_str(&proof), &plain, &why);
	return true;
}

bool file_needs_sealing(struct journal_file *f, bool *needs, struct err *e)
{
	AUTO_BUF struct buf proof = BUF_MAX(256);

	if (!read_proof(f, &proof, e))
		return false;
	*needs = !sealer_is_own(f->sealer, str_of(f->name), buf_str(&proof));
	return true;
}

bool file_take_sealer(struct journal_file *f, struct sealer *sealer, bool *fits, struct err *e)
{
	if (!opens(f, sealer, fits, e)) {
		sealer_free(sealer);
		return false;
	}
	if (!*fits) {
		sealer_free(sealer);
		return true;
	}
	sealer_free(f->sealer);
	f->sealer = sealer;
	f->is_shut = false;
	return true;
}

static bool check_key(struct journal_file *f, bool may_follow, struct err *e)
{
	bool does;

	if (!opens(f, f->sealer, &does, e))
		return false;
	f->is_shut = !does;
	if (f->is_shut && !may_follow)
		return fail(e, ERR_DENIED, "%s: the data key does not open it", f->name);
	return true;
}

/* In one transaction, so that a file is either new or whole; it also takes the lock. */
static bool create_or_check(struct journal_file *f, const struct journal_file_config *c,
			    struct err *e)
{
	int format;

	if (!file_run(f, f->begin, e) || !read_format(f, &format, e))
		return false;
	if (format > JOURNAL_FORMAT)
		return fail(e, ERR_UNSUPPORTED,
			    "%s has format %d, of a newer shoald; this one reads up to %d", f->name,
			    format, JOURNAL_FORMAT);
	if (!(format == 0 ? create(f, c->schema, e) : check_key(f, c->key_may_follow, e)))
		return false;
	return file_commit(f, e);
}

bool file_open(struct journal_file *f, const struct journal_file_config *c, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/%s", c->dir, c->name);
	AUTO_FREE char *limit = xasprintf("PRAGMA journal_size_limit=%zu", c->checkpoint_bytes);
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;

	*f = (struct journal_file){ .name = c->name, .checkpoint_bytes = c->checkpoint_bytes };
	f->sealer = sealer_new(c->key);
	if (sqlite3_open_v2(path, &f->db, flags, c->vfs) != SQLITE_OK) {
		fail_sqlite(f, e, "open");
		file_close(f);
		return false;
	}
	/* Closing must not cost a checkpoint: the daemon ends within a second. */
	sqlite3_db_config(f->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_db_config(f->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	if (!execute(f, pragmas, "open", e) || !execute(f, limit, "open", e) ||
	    !file_prepare(f, "BEGIN IMMEDIATE", &f->begin, e) ||
	    !file_prepare(f, "COMMIT", &f->commit, e) || !create_or_check(f, c, e)) {
		file_close(f);
		return false;
	}
	sqlite3_wal_hook(f->db, on_wal_grown, f);
	f->wal_bytes = 1; /* there may be a log from an earlier life: look when idle */
	return true;
}

void file_close(struct journal_file *f)
{
	sqlite3_finalize(f->begin);
	sqlite3_finalize(f->commit);
	if (f->db && sqlite3_close(f->db) != SQLITE_OK)
		abort();
	sealer_free(f->sealer);
	*f = (struct journal_file){ 0 };
}
