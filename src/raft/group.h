/* The group of managers, seen from one of them: log entries become store transactions.
 *
 * Around the consensus core (raft/core) the group keeps the log in the journal, carries messages
 * to the other managers, applies what was committed to the store, keeps the membership, and takes
 * snapshots. The order of things is the core's: a Ready's hard state and entries are durable
 * before its messages leave (a leader's appends may leave earlier) and before anything is applied.
 * One Ready is under way at a time; what arrives meanwhile joins the next, so appends commit in
 * groups while the disk is busy.
 *
 * On the wire: raftpb in SwarmKit's Raft service, a call for each message, on a connection that
 * nothing else uses. */
#ifndef SHOAL_RAFT_GROUP_H
#define SHOAL_RAFT_GROUP_H

#include "base/now.h"
#include "base/ticket.h"
#include "raft/core/raft.h"
#include "raft/members.h"
#include "seam/input.h"
#include "store/store.h"

/* A heartbeat is sent every tick. A silence of GROUP_ELECTION_TICKS to twice that many means that
 * the leader is gone; where the farthest member's answers take longer than a fifth of that, of four
 * times as long as they take, at most GROUP_ELECTION_TICKS_MAX. */
#define GROUP_TICK_MS            100
#define GROUP_ELECTION_TICKS     5
#define GROUP_ELECTION_TICKS_MAX 100

struct group;

struct group_config {
	const char *node_id;
	struct tickets *tickets; /* of TICKET_RAFT; they outlive the group, for outcomes may too */
	const struct journal *journal;
	const struct peer *peer;
	const struct log *log;
	struct store *store; /* written by the group alone */
	uint64_t seed;
	/* A snapshot is due after this many entries and this many bytes since the last. */
	uint64_t snapshot_entries, snapshot_bytes;
	/* Entries kept behind a snapshot for members that are a little late: so many, or those of the
	 * last so many bytes. */
	uint64_t keep_entries, keep_bytes;
	uint64_t old_snapshots; /* files of earlier ones that stay, for people */
	/* Where this node can be found, as far as is known from elsewhere; NULL: unknown. May be NULL. */
	const char *(*find_addr)(void *self, const char *node_id);
	void *find_addr_self;
};

struct group *group_new(const struct group_config *c);
void group_free(struct group *g);

/* Begin a new group of these members (one, at `swarm init`); all of them begin alike. The first
 * journal write is under way when this returns. */
void group_bootstrap(struct group *g, const struct member *members, size_t count, uint64_t me);
/* Go on from what the journal holds, as the member `me`; 0: the one that the log says this node is.
 * Fails when that contradicts itself. */
bool group_load(struct group *g, const struct journal_image *image, uint64_t me,
		struct err *e) MUST_CHECK;
/* The same, and be the only member from now on, at `addr`: for a group that lost its majority for
 * good. All that the journal holds counts as agreed on, for a majority that is gone may have
 * acknowledged it; the other members are removed for ever. The journal write is under way when this
 * returns. */
bool group_load_alone(struct group *g, const struct journal_image *image, uint64_t me,
		      const char *addr, struct err *e) MUST_CHECK;
/* Begin as the new member `me` of a group that others lead, with an empty log; `members` say where
 * they are. The first journal write is under way when this returns: from then on the journal
 * remembers that this member took part. */
void group_join(struct group *g, const Pb__RaftMember *const *members, size_t count, uint64_t me);
/* Where members of a group that was loaded are, as they were known before. */
void group_remind(struct group *g, const Pb__RaftMember *const *members, size_t count);

/* Take snapshots by other rules from now on. */
void group_snapshot_rules(struct group *g, uint64_t entries, uint64_t bytes, uint64_t keep_entries,
			  uint64_t old_snapshots);

/* No silence shorter than so many ticks is a leader's death; GROUP_ELECTION_TICKS at least. */
void group_be_patient(struct group *g, unsigned ticks);

/* Facts that are the group's: a journal outcome or a call whose ticket says TICKET_RAFT, and calls
 * of the Raft and RaftMembership services that others opened.
 *
 * A manager that asks to join is called back at the address it gives; then it becomes a learner,
 * and a voter when it has caught up. Its raft id is new. */
void group_journal_event(struct group *g, uint64_t ticket, const struct journal_event *ev);
/* False if the call is not of this room. */
bool group_peer_event(struct group *g, uint64_t ticket, const struct peer_event *ev);

/* What time it is for the events that follow. */
void group_clock(struct group *g, struct now now);
/* Let time pass and work happen. Returns when to call again at the latest: at the next tick, or
 * NEVER_MS while this member leads alone and nothing is under way. */
int64_t group_turn(struct group *g, struct now now);

/* ---- members: the leader's to change, one change at a time ---- */

/* Propose to remove a member. ERR_IN_USE: the rest would have no quorum, in the reference's words;
 * ERR_CONFLICT: another change is under way; ERR_UNAVAILABLE: this is not the leader. */
bool group_remove(struct group *g, uint64_t raft_id, struct err *e) MUST_CHECK;
/* Hand leadership to the voter that is furthest. ERR_UNAVAILABLE if there is none. */
bool group_hand_over(struct group *g, struct err *e) MUST_CHECK;
/* A manager was met at this address: it is called there from now on. What the log says of it stays
 * until it tells the leader itself. */
void group_met(struct group *g, const char *node_id, uint64_t raft_id, const char *addr);
/* This member can be found elsewhere from now on: the leader proposes that of itself. */
bool group_move(struct group *g, const char *addr, struct err *e) MUST_CHECK;
/* A change of members is proposed and not applied. */
bool group_is_changing(const struct group *g);
/* This node is a member no more. */
bool group_was_removed(const struct group *g);

/* Threads of the journal read what a snapshot holds: while this is true the group and its store must
 * not be freed. group_saved() takes the outcome of such a write: false while another is under way. */
bool group_is_saving(const struct group *g);
bool group_saved(struct group *g, uint64_t ticket);

/* Why it stopped for good (a failed journal, a log that contradicts the group's), or NULL. */
const char *group_failure(const struct group *g);
/* Why this member can do nothing for a caller that needs a leader; always false. */
bool group_no_leader(const struct group *g, struct err *e);

/* This node leads, and everything acknowledged before is applied. */
bool group_leads(const struct group *g);
/* Who leads, as far as this member knows; NULL for nobody. */
const struct member *group_leader(const struct group *g);
const struct members *group_members(const struct group *g);
struct raft_status group_status(const struct group *g);
/* On the leader: up to where this member's log is known to be like ours; 0: not known. */
uint64_t group_match(const struct group *g, uint64_t raft_id);
uint64_t group_term(const struct group *g);
/* The index of the last entry that is in the store. */
uint64_t group_applied(const struct group *g);

/* All of the state as it is now, encoded as a snapshot's content, and which entry it reaches to. */
bool group_backup(struct group *g, struct buf *content, uint64_t *index, uint64_t *term,
		  struct err *e) MUST_CHECK;
/* The manifest of such a content, for a journal that begins with it; group_load_alone() goes on from
 * there. ERR_INVALID if it cannot be one. */
bool group_restored(const Pb__Snapshot *content, uint64_t index, uint64_t term, struct arena *a,
		    struct journal_manifest *manifest, struct err *e) MUST_CHECK;

/* Propose an entry. *index and *term say where it will be if it survives. */
bool group_propose(struct group *g, struct str entry, uint64_t *index, uint64_t *term,
		   struct err *e) MUST_CHECK;

enum group_outcome {
	GROUP_WAITING,
	GROUP_APPLIED, /* it is in the store (or every replica skipped it alike: see group_refusal)
			*/
	GROUP_LOST,    /* another entry has its place: it was not applied and never will be */
	GROUP_UNKNOWN, /* this node leads no more; it may be applied or not */
};
enum group_outcome group_outcome(const struct group *g, uint64_t index, uint64_t term);

/* Ask when a read is not stale: group_read_ready() is true for this ticket once the store has
 * applied what it must have. Asked again by the group until a leader answers. */
void group_read(struct group *g, uint64_t ticket);
bool group_read_ready(struct group *g, uint64_t ticket);
void group_read_forget(struct group *g, uint64_t ticket);

/* The leader is surely gone (its connection ended and a new one was refused): the voters stand for
 * election at once, one after the other. */
void group_leader_is_gone(struct group *g, const char *addr);

#endif
