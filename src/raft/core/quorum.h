/* Majorities of the voters. */
#ifndef SHOAL_RAFT_CORE_QUORUM_H
#define SHOAL_RAFT_CORE_QUORUM_H

#include <stdbool.h>
#include <stdint.h>

#include "raft/core/progress.h"

enum outcome { UNDECIDED, WON, LOST };

/* The highest index that a majority of the voters has acknowledged; 0 without voters. */
uint64_t quorum_matched(const struct progress *peers, unsigned count);
/* The last read round that a majority of the voters has confirmed. */
uint64_t quorum_confirmed(const struct progress *peers, unsigned count);
bool quorum_is_active(const struct progress *peers, unsigned count);
enum outcome quorum_vote(const struct progress *peers, unsigned count);

#endif
