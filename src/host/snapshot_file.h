/* Snapshots: one file each, named after index and term, sealed in chunks.
 *
 * A file is written under a name that ends in ".new", synced, renamed, and its directory
 * synced: what has its final name is whole. Each chunk is sealed with its place in the
 * file, and the last one says that it is the last, so no part can be missing or moved. */
#ifndef SHOAL_HOST_SNAPSHOT_FILE_H
#define SHOAL_HOST_SNAPSHOT_FILE_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "seam/journal.h"

struct arena;
struct sealer;

/* The members and a part of the store (store/store.h): 1 MiB, or one object that is larger. */
#define SNAPSHOT_CHUNK_BYTES (8 << 20)

/* `gives_up` is asked before each chunk; the file is then dropped and the call fails. */
bool snapshot_file_save(const char *dir, struct sealer *sealer, uint64_t index, uint64_t term,
			struct journal_source source, bool (*gives_up)(void *self), void *self,
			struct err *e) MUST_CHECK;
bool snapshot_file_exists(const char *dir, uint64_t index, uint64_t term);
/* The whole content, in `a`. */
bool snapshot_file_read(const char *dir, struct sealer *sealer, uint64_t index, uint64_t term,
			struct arena *a, struct str *content, struct err *e) MUST_CHECK;

/* Seal anew what is not sealed under the sealer's first key. Snapshots may be saved meanwhile. */
bool snapshot_files_seal_anew(const char *dir, struct sealer *sealer, struct err *e) MUST_CHECK;

/* Remove the snapshots before `index` but for the youngest `old`, and of `index` those of another
 * term. */
void snapshot_files_drop_before(const char *dir, uint64_t index, uint64_t term, uint64_t old);
/* At start: remove what is not the named one or older, and what was half written. index 0: all. */
void snapshot_files_keep_only(const char *dir, uint64_t index, uint64_t term);

#endif
