#include "base/prng.h"

#include "test.h"

TEST(the_same_seed_gives_the_same_numbers)
{
	struct prng a, b;

	prng_seed(&a, 42);
	prng_seed(&b, 42);
	for (int i = 0; i < 100; i++)
		CHECK(prng_next(&a) == prng_next(&b));
	prng_seed(&b, 43);
	CHECK(prng_next(&a) != prng_next(&b));
}

TEST(draws_stay_in_their_range_and_reach_its_ends)
{
	struct prng p;
	bool low = false, high = false;

	prng_seed(&p, 1);
	for (int i = 0; i < 1000; i++) {
		int64_t x = prng_between(&p, -3, 3);

		CHECK(x >= -3 && x <= 3);
		low |= x == -3;
		high |= x == 3;
	}
	CHECK(low && high);
}

TEST_MAIN()
