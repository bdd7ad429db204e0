/* What the tests of raft share: a disk that can lose what was not synced, and a few members on
 * a network that does as it is told.
 *
 * A lab has members 1 to n. Nothing happens by itself: a test ticks, proposes and cuts links,
 * and lab_settle() lets everybody work and talk until all is quiet. */
#ifndef SHOAL_TESTS_UNIT_RAFT_LAB_H
#define SHOAL_TESTS_UNIT_RAFT_LAB_H

#include "raft/core/inside.h"

/* One Ready on its way to the platter. */
struct disk_write {
	struct raft_hard_state hard;
	struct raft_snapshot *snapshot;
	struct entry_list entries;
	struct disk_write *next;
};

struct disk {
	struct raft_hard_state hard;
	struct raft_snapshot *snapshot;
	struct entry_list entries;
	struct disk_write *waiting; /* not synced, oldest first */
};

void disk_clear(struct disk *d);
void disk_write(struct disk *d, const struct raft_ready *rd);
void disk_sync(struct disk *d);
unsigned disk_waiting(const struct disk *d);
/* Power fails: the first `kept` waiting writes made it, the others are gone. */
void disk_crash(struct disk *d, unsigned kept);
/* A snapshot of the member's own: the log before it goes. Everything waiting is synced. */
void disk_set_snapshot(struct disk *d, struct raft_snapshot *s);
struct raft *disk_open(const struct disk *d, const struct raft_config *c, struct err *e);

#define LAB_MAX 8

struct lab_node {
	struct raft_config config;
	struct raft *raft; /* NULL while it is down */
	struct disk disk;
	char applied[4096]; /* the data of normal entries, each with a space */
	struct raft_read reads[16];
	unsigned read_count;
};

struct lab {
	struct lab_node nodes[LAB_MAX + 1]; /* by id */
	unsigned count;
	struct message_list network;
	bool cut[LAB_MAX + 1][LAB_MAX + 1]; /* from, to */
	bool loses[32];                     /* messages of this kind */
};

/* Plain Raft without pre-vote and check-quorum: elections of 10 ticks, no limits. */
struct raft_config lab_plain(uint64_t id);
/* `count` voters that hold a snapshot of entry 1, term 1. */
void lab_init(struct lab *l, unsigned count, struct raft_config (*config)(uint64_t id));
/* One more member without anything on its disk. */
struct raft *lab_add(struct lab *l, struct raft_config (*config)(uint64_t id));
void lab_clear(struct lab *l);

struct raft *lab_raft(struct lab *l, uint64_t id);
/* One Ready of one member, if it has any. */
bool lab_work(struct lab *l, uint64_t id);
/* Deliver what is on the network now; answers stay there. */
void lab_deliver(struct lab *l);
void lab_settle(struct lab *l);
void lab_tick(struct lab *l, uint64_t id, int ticks);
void lab_lead(struct lab *l, uint64_t id); /* it campaigns, and wins if it can */
uint64_t lab_propose(struct lab *l, uint64_t id, const char *data); /* 0 if refused */
bool lab_change(struct lab *l, uint64_t id, enum raft_change_kind kind, uint64_t node);
void lab_isolate(struct lab *l, uint64_t id);
void lab_heal(struct lab *l);
void lab_crash(struct lab *l, uint64_t id);
void lab_restart(struct lab *l, uint64_t id);
/* Take a snapshot of what is applied and forget the log up to it. */
void lab_snapshot(struct lab *l, uint64_t id);
/* "1/2 3/3": term/index of each entry, in a buffer that the next call reuses. */
const char *lab_log(struct lab *l, uint64_t id);
/* "1 2 +3": voters, then learners with a plus. */
const char *lab_conf(struct lab *l, uint64_t id);

/* A message as a test writes it. */
struct raft_message *lab_message(enum raft_message_kind kind, uint64_t from, uint64_t to,
				 uint64_t term);
/* Append entries of these terms (0 ends them) after m->index. */
void lab_attach(struct raft_message *m, const uint64_t *terms);
/* Step and free it; the member must take it. */
void lab_step(struct raft *r, struct raft_message *m);
/* The messages of its Readys as text, a line each, all stored and applied meanwhile. */
const char *lab_says(struct lab *l, uint64_t id);

#endif
