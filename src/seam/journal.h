/* The hands that remember: one journal for the raft log, one for this node's own records.
 *
 * A write is done when it is on stable storage; its `done` event says so, and nothing may
 * be acknowledged or sent that depends on it before. Per journal, writes are done strictly
 * in the order given (FIFO): the consensus core keeps several appends in flight and counts
 * on it. After a crash every write that was reported done is there; of those not reported,
 * a prefix is (whole writes, in order, perhaps none): a write is never there in part. A
 * write that fails (disk full, I/O error) is reported as failed, and so is every later one
 * until the node is started again.
 *
 * Everything at rest is sealed by the hands: this node's own records with its data key, a manager's
 * raft journal with a key that lies beside its certificate and may itself be locked away (keys.h).
 * Until the hands have that key the raft journal is shut: loaded, it says no more than that. */
#ifndef SHOAL_SEAM_JOURNAL_H
#define SHOAL_SEAM_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct err;

struct journal_entry {
	uint64_t index;
	uint64_t term;
	int type; /* raftpb.EntryType */
	struct str data;
};

struct journal_hard_state {
	uint64_t term;
	uint64_t vote;
	uint64_t commit;
};

/* A snapshot as the log knows it: `state` is the encoded raftpb.SnapshotMetadata. The content is in a
 * file of its own, written before the log names it. */
struct journal_manifest {
	uint64_t index;
	uint64_t term;
	struct str metadata;
	uint64_t size_bytes;
	uint64_t digest;
};

/* One atomic change of the raft journal; parts that are absent stay as they were. */
struct journal_raft_write {
	bool has_hard_state;
	struct journal_hard_state hard_state;
	/* Entries with consecutive indexes; what the log holds at or after the first is dropped. */
	const struct journal_entry *entries;
	size_t entry_count;
	/* Begin again from this snapshot (it was received, or taken and saved before): entries
	 * up to its index go, except the last `keep` of them. NULL: none. */
	const struct journal_manifest *snapshot;
	uint64_t keep;
	uint64_t old_snapshots; /* so many before it stay, for people */
};

/* Content of a snapshot to be saved, read chunk by chunk in another thread: it reads only what is
 * immutable and held. false with *done set at the end; false with *e filled on failure. */
struct journal_source {
	void *self;
	bool (*next)(void *self, struct buf *chunk, bool *done, struct err *e);
};

struct journal_record {
	const char *table;
	const char *key;
	struct str value; /* ptr NULL: delete */
};

struct journal {
	void *self;
	/* Read all back; `loaded` follows. */
	void (*load)(void *self, uint64_t ticket);

	void (*write_raft)(void *self, uint64_t ticket, const struct journal_raft_write *write);
	/* Save a snapshot's content under its manifest's index and term; `done` when it is durable. */
	void (*save_snapshot)(void *self, uint64_t ticket, const struct journal_manifest *manifest,
			      struct journal_source source);
	/* Forget the whole raft journal (the node left, or was demoted), securely. */
	void (*wipe_raft)(void *self, uint64_t ticket);

	/* Put or delete this node's own records, all or none. */
	void (*write_local)(void *self, uint64_t ticket, const struct journal_record *records,
			    size_t count);
};

/* What load() found. Entries follow the snapshot without a gap. */
struct journal_image {
	bool is_raft_shut; /* there is one, perhaps, and its key is not here */
	bool has_raft;
	struct journal_hard_state hard_state;
	const struct journal_entry *entries;
	size_t entry_count;
	bool has_snapshot;
	struct journal_manifest snapshot;
	struct str snapshot_content;
	const struct journal_record *records; /* ordered by table, then key */
	size_t record_count;
};

enum journal_event_kind { JOURNAL_DONE, JOURNAL_FAILED, JOURNAL_LOADED };

struct journal_event {
	enum journal_event_kind kind;
	const char *text;                  /* FAILED */
	const struct journal_image *image; /* LOADED */
};

#endif
