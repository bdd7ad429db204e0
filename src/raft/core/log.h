/* The log: every entry since the last compaction, in memory, and how far each of them is.
 *
 *     base < ... applied <= applying <= committed <= last
 *     base <= stable <= last        on this member's disk
 *     stable <= writing <= last     handed out in a Ready, perhaps not on the disk yet
 *
 * `base` is the entry before the first, of which only index and term are known: it was
 * compacted, or a snapshot ends there. Terms never decrease along a log. Entries up to
 * `committed` never change. Each entry is held once by the log. */
#ifndef SHOAL_RAFT_CORE_LOG_H
#define SHOAL_RAFT_CORE_LOG_H

#include "raft/core/message.h"

/* A list of held entries. */
struct entry_list {
	struct raft_entry **at;
	size_t count, capacity;
};

void entry_list_push(struct entry_list *l, struct raft_entry *e); /* takes a hold */
void entry_list_cut(struct entry_list *l, size_t count); /* drop all after the first `count` */
void entry_list_clear(struct entry_list *l);             /* and free its memory */

struct entry_id {
	uint64_t index, term;
};

struct raft_log {
	struct entry_id base;
	struct entry_list entries; /* entries.at[i] has index base.index + 1 + i */
	uint64_t stable, writing;
	uint64_t committed, applying, applied;
	struct raft_snapshot *incoming; /* received, not yet stored and applied here */
	bool incoming_taken;            /* a Ready has it */
	struct raft_snapshot *snapshot; /* the latest of our own, for those far behind */
};

void log_clear(struct raft_log *l);

uint64_t log_first(const struct raft_log *l);
uint64_t log_last(const struct raft_log *l);
struct entry_id log_last_id(const struct raft_log *l);
/* False when the term is not known: compacted, or not there yet. */
bool log_term(const struct raft_log *l, uint64_t index, uint64_t *term);
bool log_has(const struct raft_log *l, struct entry_id id);
struct raft_entry *log_entry(const struct raft_log *l, uint64_t index);
/* How many entries from index on, up to `last`, weigh at most bytes_max; at least one if there is
 * one. */
size_t log_fit(const struct raft_log *l, uint64_t index, uint64_t last, uint64_t bytes_max);

/* The largest index up to the given one whose term is at most `term`, or is not known: the
 * best guess where this log agrees with another that has (index, term). */
struct entry_id log_guess_agreement(const struct raft_log *l, uint64_t index, uint64_t term);

/* The first of the given successive entries that this log lacks or has with another term;
 * count if it has them all. */
size_t log_first_new(const struct raft_log *l, struct raft_entry *const *entries, size_t count);
/* Replace what is at the first entry's index and after. */
void log_append(struct raft_log *l, struct raft_entry *const *entries, size_t count);

void log_commit(struct raft_log *l, uint64_t index); /* never goes back */
/* The disk has all that was handed out. */
void log_stored(struct raft_log *l);
/* Start over from a snapshot. */
void log_restore(struct raft_log *l, struct raft_snapshot *s);
void log_incoming_stored(struct raft_log *l);
void log_compact(struct raft_log *l, uint64_t index);

/* The last index that may be handed out to be applied now. */
uint64_t log_applicable(const struct raft_log *l);

#endif
