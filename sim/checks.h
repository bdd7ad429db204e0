/* Safety, seen from outside of the code: what must hold after every turn of every node.
 *
 * One leader a term. Stores that have applied the same index have equal digests. What a member
 * has committed and applied never goes back while it lives. A change that was acknowledged is never
 * lost, a read that was answered is never stale (sim/clients.c tells what was acknowledged). */
#ifndef SHOAL_SIM_CHECKS_H
#define SHOAL_SIM_CHECKS_H

#include "pb/pb.h"
#include "sim/world.h"

struct checks {
	struct leader_of {
		uint64_t term;
		const struct sim_node *node;
		uint64_t life;
	} * leaders;
	size_t leader_count, leader_capacity;
	struct pb_digest *digests; /* of the state after an index; all zero: not seen */
	bool *has_digest;
	size_t digest_capacity;
	struct progress_of {
		uint64_t life, member, committed, applied;
	} * progress; /* a node each */
};

void checks_init(struct checks *c, size_t node_count);
void checks_clear(struct checks *c);
void checks_after_turn(struct checks *c, struct world *w, struct sim_node *s);

#endif
