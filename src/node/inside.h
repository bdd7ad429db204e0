/* What the files of this room share: the node holds its rooms and nothing else. */
#ifndef SHOAL_NODE_INSIDE_H
#define SHOAL_NODE_INSIDE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/list.h"
#include "base/prng.h"
#include "node/node.h"
#include "seam/input.h"

struct queued_input {
	struct list link;
	struct input input;
};

struct node {
	struct node_config config;
	struct prng prng;
	uint64_t last_ticket;
	uint64_t turns;

	struct list inbox;          /* struct queued_input, in order of arrival */
	struct arena inbox_memory;  /* holds them; emptied when the inbox is */
	struct arena scratch;       /* of one turn */
};

#endif
