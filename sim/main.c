/* shoal-sim SEED [COUNT]: run seeds, print one line each, stop at the first that fails. */
#include <inttypes.h>
#include <stdio.h>

#include "node/node.h"
#include "seam/input.h"
#include "sim/world.h"

#define NODES 8
#define RUN_MS 600000

static void poke(struct world *w, void *arg)
{
	struct sim_node *s = &w->nodes[prng_below(&w->prng, w->node_count)];

	(void)arg;
	if (!s->node)
		world_start(s);
	else if (prng_chance(&w->prng, 1, 10))
		world_crash(s);
	else {
		inbox_add(node_inbox(s->node), INPUT_PEER, prng_next(&w->prng));
		world_wake(s);
	}
	world_plan(w, prng_between(&w->prng, 1, 1000), poke, NULL);
}

static uint64_t run_seed(uint64_t seed)
{
	struct world w;
	uint64_t trace;

	world_init(&w, seed, NODES);
	world_plan(&w, 0, poke, NULL);
	world_run(&w, RUN_MS);
	trace = w.trace;
	printf("seed %" PRIu64 ": trace %016" PRIx64 ", %" PRIu64 " events\n", seed, trace, w.event_count);
	world_clear(&w);
	return trace;
}

int main(int argc, char **argv)
{
	uint64_t seed = 1, count = 1;

	if (argc > 3 || (argc > 1 && !str_to_u64(str_of(argv[1]), &seed)) ||
	    (argc > 2 && !str_to_u64(str_of(argv[2]), &count))) {
		fprintf(stderr, "usage: shoal-sim [SEED [COUNT]]\n");
		return 2;
	}
	for (uint64_t i = 0; i < count; i++) {
		if (run_seed(seed + i) != run_seed(seed + i)) {
			printf("seed %" PRIu64 " does not replay\n", seed + i);
			return 1;
		}
	}
	return 0;
}
