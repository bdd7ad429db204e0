/* Agreement: a Raft group seen from one of its members, as a pure state machine.
 *
 * It is fed with messages, ticks, proposals and questions, and never acts: raft_ready() says
 * what is to be done, the caller does it and says so with raft_advance(). The semantics are
 * those of etcd's raft 3.5 (the Raft dissertation with pre-vote, check-quorum, leader
 * transfer, read index, learners and one membership change at a time, which holds from the
 * moment it is applied); a group may mix both.
 *
 * A caller's turn:
 *
 *     while (raft_has_ready(r)) {
 *             const struct raft_ready *rd = raft_ready(r);
 *             send the first rd->early_count messages (a leader's appends: they may leave
 *                     while its own disk is still writing)
 *             store rd->hard, rd->snapshot and rd->entries in one atomic step; wait for the
 *                     disk if rd->must_sync
 *             send the other messages
 *             apply rd->snapshot, then rd->committed in order; for a RAFT_CONF_CHANGE call
 *                     raft_apply_conf_change() and, on the same turn, tell the transport
 *             answer rd->reads once what they name is applied
 *             raft_advance(r);
 *     }
 *
 * The members that a snapshot names hold from raft_advance() on.
 *
 * While the disk is busy messages, ticks and proposals may go on being fed; there is one
 * Ready at a time. "Stored" has a precise meaning: an entry of rd->entries replaces whatever
 * the journal holds at its index and after; a snapshot replaces the whole log. After a crash
 * the journal holds every synced Ready, and of the others a prefix, each whole or not at all.
 *
 * The log keeps all entries since its last compaction in memory (the caller bounds it by
 * taking snapshots); the journal is read at the start only. A Ready and all it points at is
 * borrowed until raft_advance(): keep an entry with raft_entry_ref(), a message with
 * raft_message_dup().
 *
 * Time is ticks. Chance (the spread of election timeouts) comes from the seed. */
#ifndef SHOAL_RAFT_CORE_RAFT_H
#define SHOAL_RAFT_CORE_RAFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "raft/core/message.h"

struct log;
struct raft;

/* Reads that wait for a leader's confirmation, those of all members together. */
#define RAFT_READS_MAX 4096

struct raft_config {
	uint64_t id; /* this member; not 0 */
	uint64_t seed;
	int heartbeat_ticks, election_ticks; /* an election comes after 1 to 2 times the latter */
	bool pre_vote, check_quorum;
	/* Removed, a leader brings a voter up to date and hands over; else it leads on, for
	 * nothing. */
	bool hand_over_on_removal;
	uint64_t message_bytes_max; /* entries of one message; one entry is always sent */
	uint64_t inflight_max;      /* appends to one peer that it did not answer yet */
	uint64_t inflight_bytes_max;
	uint64_t proposal_bytes_max;
	uint64_t uncommitted_bytes_max; /* of a leader's log; one proposal always fits */
	uint64_t apply_bytes_max;       /* committed entries of one Ready; one is always given */
	const struct log *log;          /* outlives the raft; may be NULL */
};

/* 100 ms ticks: heartbeat 1, election 5 to 9; pre-vote, check-quorum, hand-over; 1 MiB a
 * message, 256 messages and 16 MiB in flight, 1.5 MiB a proposal, 16 MiB uncommitted. */
struct raft_config raft_config_default(uint64_t id, uint64_t seed);

/* What the journal holds at the start. All zeroes is a new member, which waits for a leader.
 * The first member of a group has one committed entry that adds itself as a voter, and the
 * hard state { term 1, vote 0, commit 1 }. */
struct raft_stored {
	struct raft_hard_state hard;
	struct raft_snapshot *snapshot; /* the state machine starts from it; NULL for none */
	struct raft_entry **entries;    /* all after the snapshot */
	size_t entry_count;
};

/* NULL if what was stored cannot be: a hole in the log, a commit past its end. Takes holds of
 * its own; the caller keeps its. Entries after the snapshot that are known to be committed
 * come back in the first Readys, to be applied. */
struct raft *raft_new(const struct raft_config *c, const struct raft_stored *stored, struct err *e);
void raft_free(struct raft *r);

enum raft_role { RAFT_FOLLOWER, RAFT_CANDIDATE, RAFT_LEADER, RAFT_PRE_CANDIDATE };

struct raft_read {
	uint64_t ticket, index;
};

struct raft_ready {
	bool lead_changed; /* lead or role differ from the last Ready */
	uint64_t lead;     /* 0: nobody known */
	enum raft_role role;

	bool hard_changed, ballot_changed; /* anything of hard; its term or vote */
	struct raft_hard_state hard;
	bool must_sync; /* wait for the disk before going on */
	struct raft_snapshot *snapshot;
	struct raft_entry **entries;
	size_t entry_count;

	struct raft_message **messages;
	size_t message_count, early_count;

	struct raft_entry **committed;
	size_t committed_count;
	struct raft_read *reads;
	size_t read_count;
};

bool raft_has_ready(const struct raft *r);
const struct raft_ready *raft_ready(struct raft *r);
void raft_advance(struct raft *r);

/* A message of another member; borrowed. False with ERR_INVALID if it makes no sense: drop
 * it. False with ERR_INTERNAL if this member's log contradicts what the group has agreed
 * on, or lacks what it once acknowledged (a disk was wiped or restored from a copy): nothing
 * was changed, and the member must stop; it may join again under a new id. */
bool raft_step(struct raft *r, const struct raft_message *m, struct err *e) MUST_CHECK;
void raft_tick(struct raft *r);

/* Append to the log. Only a leader can: ERR_UNAVAILABLE elsewhere, while leadership is being
 * transferred, and after its own removal. ERR_INVALID: too large; ERR_EXHAUSTED: the
 * uncommitted tail is full. *index is where the entry will be if it survives; it has
 * when that index is applied with the term of the proposal. */
bool raft_propose(struct raft *r, const void *data, size_t size, uint64_t *index,
		  struct err *e) MUST_CHECK;
/* The same for a change of members; data is its context. ERR_CONFLICT while another may be
 * unapplied, or if it would leave no voter; ERR_EXHAUSTED when the group is full. */
bool raft_propose_conf_change(struct raft *r, const struct raft_change *change, const void *data,
			      size_t size, uint64_t *index, struct err *e) MUST_CHECK;
/* The caller applies a RAFT_CONF_CHANGE entry (not called if it refuses the change). A change
 * that cannot be - no voter left, group full - does nothing, on every member alike. */
void raft_apply_conf_change(struct raft *r, const struct raft_change *change);

/* Ask from which index on a read is not stale; the ticket comes back in a Ready with it. All
 * reads that wait share one round of heartbeats. ERR_UNAVAILABLE: no leader is known;
 * ERR_EXHAUSTED: too many wait. When the leader changes or a message is lost there is no
 * answer: ask again after an election timeout. */
bool raft_read_index(struct raft *r, uint64_t ticket, struct err *e) MUST_CHECK;

/* Hand leadership to a voter; called on a follower it asks the leader. Gives up after an
 * election timeout. Proposals are refused meanwhile. ERR_UNAVAILABLE: no leader is known;
 * ERR_NOT_FOUND: no such voter. */
bool raft_transfer(struct raft *r, uint64_t to, struct err *e) MUST_CHECK;

/* Start an election (with pre-vote if configured), unless it leads or may not. */
void raft_campaign(struct raft *r);
/* A follower stops believing in its leader: it may then vote at once for another. */
void raft_forget_leader(struct raft *r);
/* The election deadline is now: forget the leader and campaign. For a host that knows the
 * leader is gone (its connection ended and a new one was refused); every follower that knows
 * calls raft_forget_leader() at once and this one after its place in the queue. */
void raft_election_now(struct raft *r);

/* The transport could not deliver to this peer. */
void raft_report_unreachable(struct raft *r, uint64_t id);
/* A snapshot was delivered, or not. Due for every RAFT_SNAPSHOT message, else that peer waits
 * until it acknowledges by itself. */
void raft_report_snapshot(struct raft *r, uint64_t id, bool delivered);

/* The caller has a newer snapshot (of an index it applied): peers that are too far behind
 * get this one. */
void raft_set_snapshot(struct raft *r, struct raft_snapshot *s);
/* Forget the entries up to and including index, which the snapshot covers. */
void raft_compact(struct raft *r, uint64_t index);

struct raft_status {
	uint64_t id, term, vote, lead, transferee;
	enum raft_role role;
	uint64_t first, last, stable, committed, applied;
	bool is_voter;
	bool leads_fully; /* leads, and has applied an entry of its own term */
	bool is_changing; /* leads, and a change of members may be unapplied */
};

enum raft_peer_state { RAFT_PROBE, RAFT_REPLICATE, RAFT_SENDING_SNAPSHOT };

struct raft_peer_status {
	uint64_t id, match, next, pending_snapshot;
	enum raft_peer_state state;
	bool is_learner, is_paused, is_active, is_full;
	uint64_t inflight;
};

/* How long a silence is, from now on: for members that are far from each other. */
void raft_set_election_ticks(struct raft *r, int ticks);

struct raft_status raft_status(const struct raft *r);
/* One fact of it each, for those who ask in every turn. */
uint64_t raft_term(const struct raft *r);
uint64_t raft_lead(const struct raft *r);
enum raft_role raft_role(const struct raft *r);
bool raft_leads_fully(const struct raft *r);
bool raft_is_changing(const struct raft *r);
bool raft_has_learner(const struct raft *r);
bool raft_is_alone(const struct raft *r); /* the only voter */
void raft_conf(const struct raft *r, struct raft_conf *conf);
/* The i-th member by id, this one included; false past the last. Meaningful on a leader. */
bool raft_peer(const struct raft *r, unsigned i, struct raft_peer_status *p);
/* An entry of the log that was not compacted, or NULL. */
const struct raft_entry *raft_entry_at(const struct raft *r, uint64_t index);

#endif
