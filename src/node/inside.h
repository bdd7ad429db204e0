/* What the files of this room share: the node holds its rooms and nothing else. */
#ifndef SHOAL_NODE_INSIDE_H
#define SHOAL_NODE_INSIDE_H

#include "base/arena.h"
#include "base/prng.h"
#include "base/ticket.h"
#include "node/node.h"
#include "seam/input.h"

/* A read that waits for its turn. */
struct pending_read {
	struct list link;
	uint64_t ticket;
	int64_t deadline_ms;
};

struct node {
	struct node_config config;
	struct prng prng;
	struct tickets tickets;
	struct tickets api_tickets;
	struct inbox inbox;
	struct now now;
	uint64_t load_ticket;

	/* A manager's rooms; NULL on a node that is none. */
	struct store *store;
	struct group *group;
	struct leader *leader;

	struct list reads;   /* struct pending_read */
	struct list answers; /* struct leader_answer */
};

/* manager.c: become a manager from what the journal holds, or as a founder. */
void manager_start(struct node *n, const struct journal_image *image);
void manager_stop(struct node *n);
int64_t manager_turn(struct node *n);

#endif
