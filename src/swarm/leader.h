/* Leading: changes and controllers become log entries, one at a time.
 *
 * While this node leads, each transaction begins with the changes that clients asked for, in the
 * order they came, then goes through the controllers in their fixed order; it becomes one entry.
 * The next begins when that entry is applied: what arrives meanwhile shares it (group commit).
 *
 * A change is refused (at once, leaving nothing behind) or answered when its entry is applied. When
 * leadership is lost, changes that were in the entry under way are answered with
 * ERR_UNKNOWN_OUTCOME, for it may still commit; those that waited with ERR_UNAVAILABLE. */
#ifndef SHOAL_SWARM_LEADER_H
#define SHOAL_SWARM_LEADER_H

#include "raft/group.h"
#include "swarm/controller.h"

#define LEADER_CHANGES_MAX 10000 /* that wait */
/* A change whose outcome is not known after this long is answered so. */
#define LEADER_CHANGE_TIMEOUT_MS 10000

struct leader;

/* Carry a change out in the transaction. The response is a message in `a`, or NULL for none. */
typedef bool leader_change_fn(void *self, struct txn *t, const char *method, const void *request,
			      struct arena *a, const void **response, struct err *e);

struct leader_config {
	struct group *group;
	struct store *store;
	const struct log *log;
	struct prng *prng;
	const struct controller *controllers;
	size_t controller_count;
	leader_change_fn *change;
	void *change_self;
};

struct leader *leader_new(const struct leader_config *c);
void leader_free(struct leader *l);

/* Ask for a change. `request` is copied; the answer comes with the ticket. */
void leader_change(struct leader *l, uint64_t ticket, const char *method, const void *request,
		   struct now now);

struct leader_answer {
	struct list link;
	uint64_t ticket;
	bool is_ok;
	struct err err;       /* when it is not */
	const void *response; /* a message, or NULL */
	uint64_t index;       /* of the entry that holds the change */
	struct arena memory;
};

/* The next answer, or NULL; the caller's, to be given to leader_answer_free(). */
struct leader_answer *leader_take_answer(struct leader *l);
void leader_answer_free(struct leader_answer *a);

/* After the group's turn: the store's changes are told to the controllers, and if no entry is under
 * way the next is proposed. Returns when to call again at the latest. */
int64_t leader_turn(struct leader *l, struct now now);
bool leader_is_leading(const struct leader *l);

#endif
