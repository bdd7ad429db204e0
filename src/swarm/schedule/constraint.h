/* Placement constraints: "node.role == manager", "engine.labels.disk != ssd".
 *
 * A key, == or !=, a value; key and value are compared without regard to case, nothing is globbed.
 * What a node does not have compares as the empty text. node.ip takes an address or a network. */
#ifndef SHOAL_SWARM_SCHEDULE_CONSTRAINT_H
#define SHOAL_SWARM_SCHEDULE_CONSTRAINT_H

#include "pb/pb.h"

struct constraint {
	struct str key, value;
	bool is_not;
};

/* The texts are those of the list that was parsed. */
struct constraints {
	struct constraint *items;
	size_t count;
};

/* Fails with ERR_INVALID. */
bool constraints_parse(struct constraints *c, char *const *texts, size_t count, struct arena *a,
		       struct err *e);
bool constraints_match(const struct constraints *c, const Pb__Node *node);

/* Is the address (text) in the network, "10.0.0.0/8" or a plain address? Also used for both
 * families. */
bool address_is_in(struct str address, struct str network);

#endif
