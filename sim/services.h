/* Services: workers that join by token, operators that create, scale and remove services, and what
 * must be true of them when everything has been calm for a while. */
#ifndef SHOAL_SIM_SERVICES_H
#define SHOAL_SIM_SERVICES_H

#include "sim/world.h"

struct services {
	struct world *world;
	int64_t until_ms, every_ms;
	uint64_t created; /* names are counted */
};

void services_begin(struct services *s, struct world *w, int64_t until_ms);
/* Every replicated service has exactly its tasks running, on nodes that are there; what a node has
 * is what it was given; nothing else is left. */
void services_check_calm(struct services *s);

#endif
