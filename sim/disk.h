/* A disk that keeps its promises and no more: the fake behind seam/journal.
 *
 * Writes finish in order, each after a while. A crash loses what was not reported done, except
 * for a prefix of it that chance picks: the contract allows both, so both happen. A full disk fails
 * every write from then on until the node is started again. */
#ifndef SHOAL_SIM_DISK_H
#define SHOAL_SIM_DISK_H

#include "base/list.h"
#include "seam/journal.h"

struct sim_node;
struct disk;

struct disk *disk_new(struct sim_node *owner);
void disk_free(struct disk *d);

/* The seam, for this life of the node. */
const struct journal *disk_journal(struct disk *d);

/* Power is lost: pending writes vanish, but for a prefix. */
void disk_crash(struct disk *d);
/* Everything is lost. */
void disk_wipe(struct disk *d);
/* The raft journal is lost, and what was on its way to it; this node's records are not. */
void disk_lose_raft(struct disk *d);
/* The raft journal cannot be read before its key is here. */
void disk_shut_raft(struct disk *d, bool is_shut);
/* It failed a write, and fails all until the node is started again. */
bool disk_has_failed(const struct disk *d);
void disk_set_full(struct disk *d, bool is_full);
/* Longest time that one write takes from now on. */
void disk_set_delay(struct disk *d, int64_t delay_ms_max);

#endif
