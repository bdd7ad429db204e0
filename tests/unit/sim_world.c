#include "sim/run.h"

#include "test.h"

TEST(a_seed_replays_to_the_same_trace)
{
	struct run_options o = { .workers = 2 };

	for (uint64_t seed = 1; seed <= 5; seed++)
		CHECK(run_seed(seed, &o).trace == run_seed(seed, &o).trace);
}

TEST(another_seed_is_another_story)
{
	struct run_options o = { 0 };

	CHECK(run_seed(1, &o).trace != run_seed(2, &o).trace);
}

TEST_MAIN()
