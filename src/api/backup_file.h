/* The file that `swarm backup` writes:
 *
 *     shoal-backup 1 {"ClusterID":...,"NodeID":...,"Index":...,"Term":...,"Created":...}\n
 *     the state: an encoded pb.Snapshot
 *     sha256:<64 hex digits>\n          of all before
 *
 * The first line is for people too. A file is taken whole or refused: cut, changed in a bit, longer
 * than it was, or of another format. */
#ifndef SHOAL_API_BACKUP_FILE_H
#define SHOAL_API_BACKUP_FILE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#define BACKUP_FILE_MAX ((size_t)512 << 20)

struct backup_file {
	const char *cluster_id;
	const char *node_id;  /* of the manager that wrote it */
	uint64_t index, term; /* the entry that the state reaches to */
	const char *created;  /* RFC 3339 */
	struct str content;
};

/* False when that is more than `out` may hold. */
bool backup_file_write(const struct backup_file *b, struct buf *out) MUST_CHECK;
/* Texts go to the arena, the content stays where it is. ERR_INVALID: damaged, or no backup;
 * ERR_UNSUPPORTED: of another format. */
bool backup_file_read(struct str file, struct arena *a, struct backup_file *out,
		      struct err *e) MUST_CHECK;

#endif
