/* What a leader knows of one member, and how it feeds it.
 *
 *     PROBE      where the logs agree is a guess: one append at a time, until one is accepted
 *     REPLICATE  appends are sent ahead of their answers, within a window
 *     SNAPSHOT   the entries it needs are compacted; a snapshot is on its way, appends wait
 *
 *     PROBE -> REPLICATE      it accepted an append
 *     REPLICATE -> PROBE      it rejected one, or is unreachable
 *     any -> SNAPSHOT         what it needs was compacted
 *     SNAPSHOT -> REPLICATE   it acknowledges an index from which the log goes on, whatever
 *                             snapshot it came from
 *     SNAPSHOT -> PROBE       the transport reports on the snapshot
 *
 * Always: match < next. Entries between them are on their way. */
#ifndef SHOAL_RAFT_CORE_PROGRESS_H
#define SHOAL_RAFT_CORE_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "raft/core/raft.h"

/* Appends that were not answered: a ring of (last index, bytes), oldest first. */
struct window {
	struct in_flight {
		uint64_t index, bytes;
	} * ring;
	size_t start, count, capacity;
	uint64_t bytes;
	uint64_t count_max, bytes_max;
};

enum ballot { NO_ANSWER, GRANTED, REFUSED };

struct progress {
	uint64_t id;
	bool is_learner;
	enum raft_peer_state state;
	uint64_t match, next;
	uint64_t sent_commit; /* the highest it may have been told */
	uint64_t pending_snapshot;
	bool is_active; /* heard of since the last check of the quorum */
	bool is_paused; /* an append is out as a probe, or the window is full */
	struct window window;
	uint64_t confirmed_round; /* the last read round it answered */
	enum ballot ballot;       /* in the running election */
};

/* Forget everything but who it is. */
void progress_reset(struct progress *p, uint64_t next);
void progress_clear(struct progress *p); /* frees what it owns */

void progress_probe(struct progress *p);
void progress_replicate(struct progress *p);
void progress_send_snapshot(struct progress *p, uint64_t index);

bool progress_waits(const struct progress *p);
void progress_sent(struct progress *p, size_t entries, uint64_t bytes);
bool progress_wants_commit(const struct progress *p, uint64_t commit);
/* An acknowledgement; false if it is no news. */
bool progress_accept(struct progress *p, uint64_t index);
/* A rejection of an append after `index`, with the peer's guess; false if it is old. */
bool progress_reject(struct progress *p, uint64_t index, uint64_t guess);

bool window_is_full(const struct window *w);
void window_add(struct window *w, uint64_t index, uint64_t bytes);
void window_free_up_to(struct window *w, uint64_t index);

#endif
