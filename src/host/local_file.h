/* local.db: this node's own records (containers, images, tasks, ...), by table and key.
 *
 * Names of tables and keys are sealed with the values: a row is found by a keyed digest of
 * its name, so the file tells nobody what the node holds. Used by one thread. */
#ifndef SHOAL_HOST_LOCAL_FILE_H
#define SHOAL_HOST_LOCAL_FILE_H

#include "host/journal_file.h"
#include "seam/journal.h"

struct arena;

struct local_file {
	struct journal_file file;
	sqlite3_stmt *put, *drop, *all;
	struct buf plain, sealed; /* scratch */
};

bool local_file_open(struct local_file *f, const struct journal_file_config *c,
		     struct err *e) MUST_CHECK;
void local_file_close(struct local_file *f); /* all zeroes is fine, and left behind */

/* Within a transaction. */
bool local_file_write(struct local_file *f, const struct journal_record *records, size_t count,
		      struct err *e) MUST_CHECK;
/* All records, ordered by table, then key; they live in `a`. */
bool local_file_load(struct local_file *f, struct arena *a, struct journal_image *image,
		     struct err *e) MUST_CHECK;

#endif
