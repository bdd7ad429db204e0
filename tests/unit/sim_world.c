#include "sim/world.h"

#include "node/node.h"
#include "seam/input.h"
#include "test.h"

static void poke(struct world *w, void *arg)
{
	struct sim_node *s = &w->nodes[prng_below(&w->prng, w->node_count)];

	if (!s->node)
		world_start(s);
	else if (prng_chance(&w->prng, 1, 5))
		world_crash(s);
	else {
		inbox_add(node_inbox(s->node), INPUT_PEER, prng_next(&w->prng));
		world_wake(s);
	}
	world_plan(w, prng_between(&w->prng, 1, 100), poke, arg);
}

static uint64_t trace_of(uint64_t seed)
{
	struct world w;
	uint64_t trace;

	world_init(&w, seed, 3);
	world_plan(&w, 0, poke, NULL);
	world_run(&w, 10000);
	trace = w.trace;
	world_clear(&w);
	return trace;
}

TEST(a_seed_replays_to_the_same_trace)
{
	for (uint64_t seed = 1; seed <= 20; seed++)
		CHECK(trace_of(seed) == trace_of(seed));
}

TEST(another_seed_is_another_story)
{
	CHECK(trace_of(1) != trace_of(2));
}

TEST_MAIN()
