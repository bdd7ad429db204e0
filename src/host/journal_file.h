/* One SQLite file of the journal: how it is opened, committed to and kept small.
 *
 * WAL with synchronous=FULL: a commit is on stable storage when it returns. The lock is held
 * as long as the file is open, so a second daemon on the same root is refused. Commits never
 * checkpoint; file_tidy() does, when told that nobody waits or when the log has grown. The
 * format number (user_version) of a newer shoald is refused, and so is another data key, unless
 * the right one may follow: then the file is shut until it does.
 *
 * After a failed transaction the file is `failed`, and refuses every later one: what was
 * decided after it counts on it. */
#ifndef SHOAL_HOST_JOURNAL_FILE_H
#define SHOAL_HOST_JOURNAL_FILE_H

#include <sqlite3.h>

#include "base/err.h"
#include "base/str.h"
#include "host/sealer.h"

#define JOURNAL_FORMAT 1

struct journal_file {
	sqlite3 *db;
	struct sealer *sealer;
	sqlite3_stmt *begin, *commit;
	const char *name; /* "raft.db", for messages */
	size_t checkpoint_bytes;
	size_t wal_bytes;
	bool is_shut; /* the key that it is sealed with is not here */
	bool has_failed;
	struct err why; /* has_failed */
};

struct journal_file_config {
	const char *dir, *name;
	const char *schema; /* CREATE TABLE ...; run once, in the first transaction */
	const char *vfs;    /* NULL: the system's */
	const uint8_t *key;
	bool key_may_follow;
	size_t checkpoint_bytes; /* of the log: moved when it has them, and cut to them */
};

/* The names in `config` outlive the file. On failure nothing is left open. */
bool file_open(struct journal_file *f, const struct journal_file_config *config,
	       struct err *e) MUST_CHECK;
void file_close(struct journal_file *f); /* all zeroes is fine */

bool file_prepare(struct journal_file *f, const char *sql, sqlite3_stmt **statement,
		  struct err *e) MUST_CHECK;
/* Run a statement that returns no row, and make it ready for the next use. */
bool file_run(struct journal_file *f, sqlite3_stmt *statement, struct err *e) MUST_CHECK;
/* *has_row is false at the end. */
bool file_step(struct journal_file *f, sqlite3_stmt *statement, bool *has_row,
	       struct err *e) MUST_CHECK;
struct str file_blob(sqlite3_stmt *statement, int column); /* borrowed until the next step */

bool file_begin(struct journal_file *f, struct err *e) MUST_CHECK;
/* Durable when true. */
bool file_commit(struct journal_file *f, struct err *e) MUST_CHECK;
/* Use this sealer, which it then owns, from now on. It must know the key that the file is sealed
 * with: else the file stays with the one it has, and *fits is false. */
bool file_take_sealer(struct journal_file *f, struct sealer *sealer, bool *fits,
		      struct err *e) MUST_CHECK;
/* Is the file sealed with another key than the sealer seals with? */
bool file_needs_sealing(struct journal_file *f, bool *needs, struct err *e) MUST_CHECK;
/* Within a transaction that has sealed all else anew: so is the file from now on. */
bool file_was_sealed(struct journal_file *f, struct err *e) MUST_CHECK;

/* Undo what was begun and mark the file as failed, for the reason *e. */
void file_give_up(struct journal_file *f, const struct err *e);

/* Move the log into the file if it has grown, or if nobody waits (is_idle). The log's own file stays
 * as it is, up to checkpoint_bytes, to be written again. True if there is something to move when
 * idle. What fails here is tried again; nothing is lost by it. */
bool file_tidy(struct journal_file *f, bool is_idle);
/* Move the log into the file now, and empty it. */
bool file_checkpoint(struct journal_file *f, struct err *e);

#endif
