/* Growth: a swarm that begins with one node and has its managers made and unmade while it lives.
 *
 * The first node inits; the others join, by either token, whenever they belong to no swarm; and any
 * manager is asked to promote or demote any node. At the end of the calm everybody is what it is to
 * be. Now and then a manager's raft journal is lost with its disk; the next only once the group
 * has forgotten that one, for a group survives the loss of one copy.
 *
 * In some runs managers are locked and opened again (autolock) and the unlock key is replaced, while
 * nodes crash. An operator who wrote every key down unlocks whoever comes back locked, now and then
 * with a wrong key first.
 *
 * In some runs the root certificate is replaced, again and again, and sometimes given up half-way; then
 * somebody removes nodes of joins that were given up, which hold a rotation up for ever. */
#ifndef SHOAL_SIM_GROWTH_H
#define SHOAL_SIM_GROWTH_H

#include "sim/world.h"

struct growth {
	struct world *world;
	int64_t until_ms, every_ms;
	bool is_founded, loses, locks, rotates;
	uint64_t lost; /* a raft id whose journal is gone; 0: none */
};

void growth_begin(struct growth *g, struct world *w, int64_t until_ms);
void growth_check_calm(struct growth *g);

#endif
