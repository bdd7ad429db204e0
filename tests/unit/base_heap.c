#include "base/heap.h"

#include "base/prng.h"
#include "test.h"

TEST(equal_deadlines_come_out_in_the_order_they_went_in)
{
	struct heap h = { 0 };
	struct heap_node n[5] = { 0 };

	for (int i = 0; i < 5; i++)
		heap_set(&h, &n[i], i == 2 ? 1 : 9);

	CHECK(heap_take_due(&h, 100) == &n[2]);
	CHECK(heap_take_due(&h, 100) == &n[0]);
	CHECK(heap_take_due(&h, 100) == &n[1]);
	CHECK(heap_take_due(&h, 100) == &n[3]);
	CHECK(heap_take_due(&h, 100) == &n[4]);
	CHECK(heap_take_due(&h, 100) == NULL);
	heap_clear(&h);
}

TEST(nothing_is_due_before_its_time)
{
	struct heap h = { 0 };
	struct heap_node n = { 0 };

	CHECK(heap_deadline(&h) == INT64_MAX);
	heap_set(&h, &n, 50);
	CHECK(heap_take_due(&h, 49) == NULL);
	CHECK_INT(heap_deadline(&h), 50);
	CHECK(heap_take_due(&h, 50) == &n);
	CHECK(!heap_has(&n));
	heap_clear(&h);
}

TEST(moves_and_removals_keep_the_order)
{
	enum { N = 200 };
	struct heap h = { 0 };
	static struct heap_node n[N];
	struct prng p;
	int64_t last = -1;

	prng_seed(&p, 3);
	for (int step = 0; step < 5000; step++) {
		struct heap_node *it = &n[prng_below(&p, N)];

		if (prng_chance(&p, 1, 3))
			heap_remove(&h, it);
		else
			heap_set(&h, it, prng_between(&p, 0, 1000));
	}
	for (struct heap_node *it; (it = heap_take_due(&h, 1000));) {
		CHECK(it->deadline_ms >= last);
		last = it->deadline_ms;
	}
	CHECK_INT(h.count, 0);
	heap_clear(&h);
}

TEST_MAIN()
