/* What the files of this room share. */
#ifndef SHOAL_RAFT_INSIDE_H
#define SHOAL_RAFT_INSIDE_H

#include "base/list.h"
#include "base/prng.h"
#include "raft/group.h"

#define RAFT_METHOD        "/docker.swarmkit.v1.Raft/ProcessRaftMessage"
#define RAFT_STREAM_METHOD "/docker.swarmkit.v1.Raft/StreamRaftMessage"

/* A call we made, to learn how it ended. */
struct outgoing {
	struct tree_node by_ticket;
	uint64_t ticket;
	uint64_t to; /* raft id */
	bool is_snapshot;
	int64_t began_ms;
};

/* A call somebody made, until its messages are all here. */
struct incoming {
	struct tree_node by_ticket;
	uint64_t ticket;
	char *from;                   /* node id */
	struct buf content;           /* of a snapshot, from all its chunks */
	struct raft_message *message; /* the last one decoded */
};

/* The content of a received snapshot, until the core accepts its manifest. */
struct received {
	uint64_t index, term;
	struct str content; /* malloc'ed; ptr NULL: none */
};

/* What is on its way to the disk. */
enum group_step {
	GROUP_IDLE,
	GROUP_AWAITING_OWN,    /* a received snapshot waits until ours is durable or given up */
	GROUP_SAVING_RECEIVED, /* a received snapshot's content */
	GROUP_STORING,         /* a Ready's hard state, entries or snapshot manifest */
};

/* A snapshot of our own, being made durable. */
enum snapshot_step { SNAPSHOT_NONE, SNAPSHOT_SAVING, SNAPSHOT_NAMING };

struct waiting_read {
	struct list link;
	uint64_t ticket;
	uint64_t index; /* 0: not answered yet */
	int64_t ask_again_ms;
	uint64_t asked_of; /* who led then, as far as this member knew */
};

/* A manager that asks to be a member, or to have one removed, until it is answered. */
enum enrolment_step {
	ENROL_READING,
	ENROL_DIALLING,  /* does it answer at the address it gave? */
	ENROL_PROPOSING, /* tried again while another change is under way */
	ENROL_AWAITING,  /* proposed: until it is applied */
};

struct enrolment {
	struct tree_node by_ticket;
	uint64_t ticket; /* of their call */
	uint64_t health; /* of our call back to them */
	enum enrolment_step step;
	bool is_leave;
	char *node_id, *from_addr; /* by the certificate; of the connection */
	char *addr;
	uint64_t raft_id;
	bool is_serving;
	int64_t deadline_ms;
};

struct group {
	struct group_config config;
	struct raft *raft;
	uint64_t me;
	struct members members;
	struct members
		hints; /* named by entries that are not applied yet: where they are, no more */
	struct prng prng;
	bool was_removed;
	int64_t campaign_at_ms; /* NEVER_MS, or when it is this member's turn to stand */
	unsigned campaigns;
	bool leader_is_gone;
	struct now now;
	int64_t next_tick_ms;
	unsigned patience;  /* ticks, of the swarm's spec */
	int election_ticks; /* as the core was told; 0: not yet */
	char *failure;

	enum group_step step;
	uint64_t step_ticket;
	const struct raft_ready *ready; /* the Ready under way */
	uint64_t applied, applied_term;
	uint64_t lead; /* raft id, by the last Ready */

	struct received received;

	enum snapshot_step snapshot_step;
	uint64_t snapshot_ticket;
	struct raft_snapshot *snapshot;        /* the newest durable one */
	struct raft_snapshot *snapshot_making; /* the one on its way to the disk */
	struct store_snapshot
		*snapshot_store; /* its state, and the members then, until it is saved */
	struct buf snapshot_members;
	struct raft_snapshot *sending; /* what snapshot_sending holds */
	struct store_snapshot *snapshot_sending;
	uint64_t entries_since_snapshot, bytes_since_snapshot, last_snapshot_bytes;
	uint64_t snapshot_making_bytes; /* the journal's thread counts them while it is saved */
	uint64_t snapshot_keep;         /* entries behind it that stay */

	struct tree outgoing;   /* struct outgoing by ticket */
	struct tree incoming;   /* struct incoming by ticket */
	struct list reads;      /* struct waiting_read */
	struct tree enrolments; /* struct enrolment by ticket */
};

/* change.c */
/* What a change of members carries: the member, encoded. */
struct str change_context(struct arena *a, uint64_t raft_id, const char *node_id, const char *addr);
void change_applied(struct group *g, const struct raft_entry *entry);
/* Where a member will be, by an entry that is not applied yet. */
void change_hint(struct group *g, const struct raft_entry *entry);
/* On the leader: members that have caught up become voters. */
void change_promote(struct group *g);
bool change_may_remove(const struct group *g, uint64_t raft_id, struct err *e) MUST_CHECK;
/* Add the entries, agreed on, after which this is the only member. */
void change_be_alone(struct group *g, struct raft_stored *stored, const char *addr);
void change_voters(struct group *g, const struct raft_conf *conf);

/* enrol.c */
void enrol_init(struct group *g);
void enrol_clear(struct group *g);
void enrol_turn(struct group *g);
/* True if the call or its answer is one of an enrolment. */
bool enrol_peer_event(struct group *g, uint64_t ticket, const struct peer_event *ev);

/* transport.c */
void transport_init(struct group *g);
void transport_clear(struct group *g);
void transport_send(struct group *g, struct raft_message *const *messages, size_t count);

/* snapshots.c */
void snapshots_clear(struct group *g);
/* Fill in the manifest's metadata; from the arena. */
void snapshots_metadata(const struct raft_snapshot *s, struct arena *a,
			struct journal_manifest *manifest);
/* Begin one if it is due. */
void snapshots_consider(struct group *g);
void snapshots_journal_done(struct group *g);
/* The message with the content behind its manifest, whole; false when that is not at hand: a newer
 * snapshot was taken and the core told to try again. */
bool snapshots_content(struct group *g, const struct raft_message *m, struct buf *content);
/* Put a received snapshot's state into the store. */
bool snapshots_restore(struct group *g, const struct raft_snapshot *manifest,
		       struct err *e) MUST_CHECK;

/* The group stops: nothing more is stored, sent or applied. */
void group_stop(struct group *g, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
