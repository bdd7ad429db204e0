/* The hands behind seam/journal: two SQLite files and a directory of snapshots.
 *
 *     DIR/raft.db     entries, hard state, the snapshot's manifest   a thread
 *     DIR/local.db    this node's own records                        a thread
 *     DIR/snapshots/  one file a snapshot                            a thread
 *
 * Each thread carries out what it was given in order; all writes that wait share one commit
 * (and one fsync). The first failure of a file is final: that write and all later ones
 * on that file are reported as failed, until the journal is opened again. A snapshot that
 * cannot be saved fails alone. load() gives the entries after the snapshot.
 *
 * Everything is sealed under the data key (host/sealer.h), until journal_disk_take_key() gives the raft
 * log and the snapshots one of their own. A raft log that the data key does not open is shut: its
 * load says so, its writes fail, and it can be wiped. */
#ifndef SHOAL_HOST_JOURNAL_H
#define SHOAL_HOST_JOURNAL_H

#include <stdint.h>

#include "base/err.h"
#include "host/sealer.h"
#include "seam/journal.h"

struct loop;
struct journal_disk;

/* What may wait for one file; more is a disk that does not keep up, and fails it. */
#define JOURNAL_WAITING_MAX (256u << 20)

struct journal_disk_config {
	struct loop *loop;
	const char *dir; /* made if absent, 0700 */
	uint8_t key[SEAL_KEY_LEN];
	const char *vfs;         /* of SQLite; NULL: the system's */
	size_t checkpoint_bytes; /* 0: 4 MiB */
	int idle_ms;             /* without writes, until the log is moved into the file; 0: 1 s */
};

/* Fails when another process has it open (ERR_IN_USE), when a newer shoald wrote it
 * (ERR_UNSUPPORTED), and when the key is not the one it was made with (ERR_DENIED). */
bool journal_disk_open(const struct journal_disk_config *config, struct journal_disk **disk,
		       struct err *e) MUST_CHECK;
/* Seal the raft log and the snapshots with this key. What is sealed with the older one (NULL: there
 * is none) or with the data key is sealed anew, and what was written before this call too. done() is
 * told on the loop, once all is durable; with a failure when none of the keys fits, or the disk
 * failed. Wiping the raft log goes back to the data key. */
void journal_disk_take_key(struct journal_disk *disk, const uint8_t key[SEAL_KEY_LEN],
			   const uint8_t *older, void *self,
			   void (*done)(void *self, bool is_good, const struct err *why));
void journal_disk_seam(struct journal_disk *disk, struct journal *seam);
/* Waits for all writes that were given; their events are lost. NULL is fine. The loop must
 * run once more (loop_free() does) to free what is left. */
void journal_disk_close(struct journal_disk *disk);

#endif
