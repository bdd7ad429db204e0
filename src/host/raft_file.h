/* raft.db: the log's entries, its hard state, and which snapshot it begins from.
 *
 * Entry and snapshot content is sealed; indexes lie in the clear. Of a manager it is sealed with a
 * key of its own, which comes after the file was opened, perhaps much later (autolock): until then
 * the file is shut, and neither read nor written. Used by one thread. */
#ifndef SHOAL_HOST_RAFT_FILE_H
#define SHOAL_HOST_RAFT_FILE_H

#include "host/journal_file.h"
#include "seam/journal.h"

struct arena;

struct raft_file {
	struct journal_file file;
	uint8_t data_key[SEAL_KEY_LEN]; /* while there is nothing in it */
	const char *snapshot_dir;
	sqlite3_stmt *put_entry, *get_entry, *cut_after, *cut_before, *all_entries, *range;
	sqlite3_stmt *put_state, *get_state;
	uint64_t first, last; /* of the entries; last < first: none */
	bool has_snapshot;
	uint64_t snapshot_index, snapshot_term;
	struct buf plain, sealed; /* scratch */
};

bool raft_file_open(struct raft_file *f, const struct journal_file_config *c,
		    const char *snapshot_dir, struct err *e) MUST_CHECK;
void raft_file_close(struct raft_file *f); /* all zeroes is fine, and left behind */

/* Within a transaction. ERR_INVALID when entries would leave a gap, ERR_NOT_FOUND when the
 * snapshot it names was not saved. */
bool raft_file_write(struct raft_file *f, const struct journal_raft_write *w,
		     struct err *e) MUST_CHECK;
/* Also when it is shut. It is open again, and sealed with the data key. */
bool raft_file_wipe(struct raft_file *f, struct err *e) MUST_CHECK;

/* Seal with this key from now on. What is sealed with the older one (NULL: there is none) or with the
 * data key is sealed anew, and so are the snapshots; *was_sealed tells. With none of the three:
 * *fits is false, and all stays as it was. Within a transaction. */
bool raft_file_take_key(struct raft_file *f, const uint8_t key[SEAL_KEY_LEN], const uint8_t *older,
			bool *fits, bool *was_sealed, struct err *e) MUST_CHECK;

/* What is there, into *image; the entries and the snapshot's content live in `a`. */
bool raft_file_load(struct raft_file *f, struct arena *a, struct journal_image *image,
		    struct err *e) MUST_CHECK;

#endif
