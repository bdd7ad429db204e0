#include "node/node.h"

#include "base/mem.h"
#include "node/inside.h"

struct node *node_new(const struct node_config *config, uint64_t seed)
{
	struct node *n = NEW(struct node);

	n->config = *config;
	prng_seed(&n->prng, seed);
	inbox_init(&n->inbox);
	return n;
}

void node_free(struct node *n)
{
	if (!n)
		return;
	inbox_clear(&n->inbox);
	arena_clear(&n->scratch);
	free(n);
}

struct inbox *node_inbox(struct node *n)
{
	return &n->inbox;
}

uint64_t node_ticket(struct node *n)
{
	return ++n->last_ticket;
}
