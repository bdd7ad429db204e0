/* What the files of this room share: the node holds its rooms and nothing else. */
#ifndef SHOAL_NODE_INSIDE_H
#define SHOAL_NODE_INSIDE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/prng.h"
#include "node/node.h"
#include "seam/input.h"

struct node {
	struct node_config config;
	struct prng prng;
	uint64_t last_ticket;
	uint64_t turns;

	struct inbox inbox;
	struct arena scratch; /* of one turn */
};

#endif
