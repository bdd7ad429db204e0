/* What the files of the core share; nobody else includes this. */
#ifndef SHOAL_RAFT_CORE_INSIDE_H
#define SHOAL_RAFT_CORE_INSIDE_H

#include "base/log.h"
#include "base/prng.h"
#include "raft/core/log.h"
#include "raft/core/progress.h"
#include "raft/core/quorum.h"
#include "raft/core/raft.h"

struct message_list {
	struct raft_message **at;
	size_t count, capacity;
};

void message_list_push(struct message_list *l, struct raft_message *m); /* takes it over */
void message_list_clear(struct message_list *l); /* frees them, keeps the memory */

struct read_request {
	uint64_t from, ticket;
	uint64_t index; /* committed when it was accepted */
};

/* Reads in order of arrival. Round n is "the first n of this leadership": a heartbeat that
 * carries n asks for all of them at once. */
struct reads {
	struct read_request *at;
	size_t count, capacity;
	size_t accepted;    /* at[0 .. accepted) have an index; the rest wait for the term's first
			       commit */
	uint64_t confirmed; /* how many were answered before at[0] */
	bool wants_round;   /* heartbeats are due with the next Ready */
};

struct raft {
	struct raft_config config;
	struct log silent; /* where lines go without a log of the caller's */
	struct prng prng;

	uint64_t term, vote, lead;
	enum raft_role role;
	struct raft_log log;
	struct progress peers[RAFT_MEMBERS_MAX]; /* ascending by id */
	unsigned peer_count;

	int election_elapsed, heartbeat_elapsed; /* ticks */
	int election_timeout; /* this time's, drawn anew with every change of role */

	/* Leader only. */
	uint64_t transferee;
	uint64_t pending_change; /* no change of members before this index is applied */
	uint64_t uncommitted_bytes;
	struct reads reads;

	/* Since the last Ready. */
	struct message_list soon;   /* may be sent before the disk has what is to be stored */
	struct message_list stored; /* promises: not before; those to itself are taken at advance */
	struct raft_read *answers;
	size_t answer_count, answer_capacity;

	/* The Ready that is out. */
	bool is_out;
	struct raft_ready ready;
	struct entry_list ready_entries, ready_committed;
	struct message_list ready_messages, to_self;
	struct raft_read *ready_reads;
	uint64_t storing_snapshot;

	/* As the last Ready said. */
	struct raft_hard_state told_hard;
	uint64_t told_lead;
	enum raft_role told_role;
};

#define raft_log_info(r, ...)  log_info(log_of(r), "raft", __VA_ARGS__)
#define raft_log_debug(r, ...) log_debug(log_of(r), "raft", __VA_ARGS__)

static inline const struct log *log_of(const struct raft *r)
{
	return r->config.log ? r->config.log : &r->silent;
}

/* step.c */
bool step_message(struct raft *r, const struct raft_message *m, struct err *e);
void send_message(struct raft *r, struct raft_message *m); /* takes it over; fills from and term */

/* election.c */
enum campaign { PRE_ELECTION, ELECTION, ELECTION_BY_TRANSFER };

void become_follower(struct raft *r, uint64_t term, uint64_t lead);
void campaign_if_allowed(struct raft *r, enum campaign kind);
void handle_vote_request(struct raft *r, const struct raft_message *m);
void handle_vote_reply(struct raft *r, const struct raft_message *m);

/* follow.c */
void handle_append(struct raft *r, const struct raft_message *m);
bool handle_heartbeat(struct raft *r, const struct raft_message *m, struct err *e);
void handle_snapshot(struct raft *r, const struct raft_message *m);

/* replicate.c */
void lead_append(struct raft *r, struct raft_entry *entry);
void send_append(struct raft *r, struct progress *p);
bool send_append_if(struct raft *r, struct progress *p, bool even_if_empty);
void broadcast_append(struct raft *r);
void broadcast_heartbeat(struct raft *r);
bool commit_by_majority(struct raft *r);
void handle_append_reply(struct raft *r, struct progress *p, const struct raft_message *m);
void handle_heartbeat_reply(struct raft *r, struct progress *p, const struct raft_message *m);
void note_applied(struct raft *r, uint64_t index, uint64_t payload_bytes);

/* membership.c */
struct progress *peer_of(struct raft *r, uint64_t id); /* NULL: not a member */
void set_conf(struct raft *r, const struct raft_conf *c);
void reset_peers(struct raft *r);
bool may_lead(struct raft *r);

/* transfer.c */
void transfer_begin(struct raft *r, struct progress *to);
void transfer_continue(struct raft *r, struct progress *p);
void transfer_because_removed(struct raft *r);

/* readindex.c */
void reads_reset(struct raft *r);
void reads_clear(struct raft *r);
void reads_accept_waiting(struct raft *r);
void reads_answer_confirmed(struct raft *r);
uint64_t reads_round(const struct raft *r);
void handle_read(struct raft *r, const struct raft_message *m);
void handle_read_reply(struct raft *r, const struct raft_message *m);
bool has_committed_in_term(const struct raft *r);

#endif
