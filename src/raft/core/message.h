/* What managers agree on and what they say to each other: entries, snapshots, messages.
 *
 * Numbers of the kinds are those of raftpb, so a codec maps them one to one.
 *
 * An entry and a snapshot never change once they are shared; they carry a count of their
 * holders, so that the log, a message and a Ready can name the same bytes without a copy.
 * Whoever stores a pointer takes a hold (_ref) and gives it back (_drop). The count is not
 * atomic: one raft and everything that shares entries with it lives in one thread. */
#ifndef SHOAL_RAFT_CORE_MESSAGE_H
#define SHOAL_RAFT_CORE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Voters and learners together. */
#define RAFT_MEMBERS_MAX 64

enum raft_change_kind {
	RAFT_ADD_VOTER = 0, /* also makes a learner a voter */
	RAFT_REMOVE = 1,
	RAFT_UPDATE = 2, /* a member's address: nothing changes for the core */
	RAFT_ADD_LEARNER = 3,
};

/* One step of the membership. Node 0 changes nothing (a change that the application refused). */
struct raft_change {
	enum raft_change_kind kind;
	uint64_t node;
	uint64_t id; /* the proposer's, to find its waiter; the core only carries it */
};

/* Who belongs to the group; both lists ascend. */
struct raft_conf {
	unsigned voter_count, learner_count;
	uint64_t voters[RAFT_MEMBERS_MAX], learners[RAFT_MEMBERS_MAX];
};

bool raft_conf_has(const struct raft_conf *c, uint64_t node);

enum raft_entry_kind { RAFT_NORMAL = 0, RAFT_CONF_CHANGE = 1 };

struct raft_entry {
	uint64_t index, term;
	enum raft_entry_kind kind;
	struct raft_change change; /* RAFT_CONF_CHANGE only; data is then its context */
	unsigned holders;
	size_t size;
	char data[];
};

/* A copy of the bytes, with one holder: the caller. */
struct raft_entry *raft_entry_new(uint64_t index, uint64_t term, const void *data, size_t size);
struct raft_entry *raft_entry_new_change(uint64_t index, uint64_t term,
					 const struct raft_change *change, const void *data,
					 size_t size);
struct raft_entry *raft_entry_ref(struct raft_entry *e);
void raft_entry_drop(struct raft_entry *e);
/* What an entry counts for in the limits of messages: its bytes and a little for the rest. */
uint64_t raft_entry_weight(const struct raft_entry *e);

/* A manifest: what the state machine held after `index`. The state itself travels and is
 * stored by other means; `data` says how to find and verify it, and the core never looks. */
struct raft_snapshot {
	uint64_t index, term;
	struct raft_conf conf;
	unsigned holders;
	size_t size;
	char data[];
};

struct raft_snapshot *raft_snapshot_new(uint64_t index, uint64_t term, const struct raft_conf *conf,
					const void *data, size_t size);
struct raft_snapshot *raft_snapshot_ref(struct raft_snapshot *s);
void raft_snapshot_drop(struct raft_snapshot *s); /* NULL is fine */

/* What a server must remember of the elections it took part in. */
struct raft_hard_state {
	uint64_t term, vote, commit;
};

enum raft_message_kind {
	RAFT_APPEND = 3,
	RAFT_APPEND_REPLY = 4,
	RAFT_VOTE = 5,
	RAFT_VOTE_REPLY = 6,
	RAFT_SNAPSHOT = 7,
	RAFT_HEARTBEAT = 8,
	RAFT_HEARTBEAT_REPLY = 9,
	RAFT_TRANSFER = 13,    /* a follower asks its leader to hand over to `from` */
	RAFT_TIMEOUT_NOW = 14, /* the leader asks: campaign at once */
	RAFT_READ = 15,
	RAFT_READ_REPLY = 16,
	RAFT_PRE_VOTE = 17,
	RAFT_PRE_VOTE_REPLY = 18,
};

struct raft_message {
	enum raft_message_kind kind;
	uint64_t to, from, term; /* term 0: a read, which belongs to no term */
	uint64_t index;          /* append: the entry before the first; replies: the one meant */
	uint64_t log_term;       /* term of that entry */
	uint64_t commit;
	bool reject;
	uint64_t hint;   /* rejected append: where the logs may still agree */
	bool forced;     /* vote: the leader wants it, so a lease does not hold it back */
	uint64_t round;  /* heartbeat and its reply: reads that it confirms; 0 for none */
	uint64_t ticket; /* read and its reply */
	struct raft_entry **entries;
	size_t entry_count;
	struct raft_snapshot *snapshot;
};

struct raft_message *raft_message_new(enum raft_message_kind kind, uint64_t to);
/* Another holder of the same entries and snapshot. */
struct raft_message *raft_message_dup(const struct raft_message *m);
void raft_message_free(struct raft_message *m);

#endif
