/* Faults, drawn from the seed: partitions, one-way cuts, broken connections, crashes with and
 * without power, pauses, slow and full disks, slow networks. */
#ifndef SHOAL_SIM_NEMESIS_H
#define SHOAL_SIM_NEMESIS_H

#include "sim/world.h"

struct nemesis {
	struct world *world;
	int64_t until_ms;
	/* How often each fault comes, in a thousand draws; and the mean time between draws. */
	unsigned partition, one_way, reset, crash, power, pause, slow_disk, full_disk, slow_net,
		wipe;
	int64_t every_ms;
};

/* Draw what kinds of trouble this run has, and let it begin. */
void nemesis_begin(struct nemesis *n, struct world *w, int64_t until_ms);
/* Undo all of it: heal, give disks their room, start whoever is down. */
void nemesis_calm(struct nemesis *n);
/* One line that says what was drawn. */
void nemesis_print(const struct nemesis *n);

#endif
