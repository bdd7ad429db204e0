/* What a journal should hold: a made-up history of writes, and how to check an image of it.
 *
 * Write number k is drawn from (seed, k) and what came before it, so a parent and a killed
 * child, or two lives, agree about every write without talking. Each raft write stores k as
 * its commit index, each local write as the record ("meta", "count"): an image tells how many
 * writes it is made of, and must then equal the history of exactly so many. */
#ifndef SHOAL_TESTS_HOST_LEDGER_H
#define SHOAL_TESTS_HOST_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "seam/journal.h"

#define LEDGER_ENTRIES 4096 /* a history is shorter than that */
#define LEDGER_KEYS    48

struct raft_ledger {
	uint64_t seed, count;
	uint64_t term, last;
	uint64_t terms[LEDGER_ENTRIES]; /* by index */
	uint64_t snapshot_index;
};

/* The next raft write, in `a`; *content is that of the snapshot it names, to be saved first. */
void raft_ledger_next(struct raft_ledger *l, struct arena *a, struct journal_raft_write *w,
		      struct str *content);
/* Replay the history to the image's count and compare. NULL: equal; *count is set. */
const char *raft_ledger_compare(uint64_t seed, const struct journal_image *image, uint64_t *count);

struct local_ledger {
	uint64_t seed, count;
	uint64_t written_by[LEDGER_KEYS]; /* 0: absent */
};

void local_ledger_next(struct local_ledger *l, struct arena *a, struct journal_record **records,
		       size_t *count);
const char *local_ledger_compare(uint64_t seed, const struct journal_image *image, uint64_t *count);

#endif
