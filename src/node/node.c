#include "node/node.h"

#include "base/mem.h"
#include "node/inside.h"

struct node *node_new(const struct node_config *config, uint64_t seed)
{
	struct node *n = NEW(struct node);

	n->config = *config;
	prng_seed(&n->prng, seed);
	list_init(&n->inbox);
	return n;
}

void node_free(struct node *n)
{
	if (!n)
		return;
	arena_clear(&n->inbox_memory);
	arena_clear(&n->scratch);
	free(n);
}

void node_input(struct node *n, const struct input *in)
{
	struct queued_input *q = ARENA_NEW(&n->inbox_memory, struct queued_input);

	q->input = *in;
	q->input.data.ptr = arena_str(&n->inbox_memory, in->data);
	list_push_back(&n->inbox, &q->link);
}

uint64_t node_ticket(struct node *n)
{
	return ++n->last_ticket;
}
