#include "pb/pool.h"

#include "base/prng.h"
#include "pb_sample.h"
#include "test.h"

/* The sample task takes 1,394 bytes on the wire, 6,288 decoded and 879 kept; what 1,000 of them
 * share takes 4,406 once. */

TEST(a_kept_message_is_equal_to_what_was_kept)
{
	AUTO_ARENA struct arena a = { 0 };
	struct pb_pool pool;
	const Pb__Task *t = sample_task(&a, 1), *kept;

	pb_pool_init(&pool);
	kept = pb_keep(&pool, t);

	CHECK(kept != t && kept->spec != t->spec);
	CHECK(pb_equal(kept, t));
	CHECK(pb_digest_compare(pb_digest(kept), pb_digest(t)) == 0);
	pb_drop(&pool, kept);
	pb_pool_clear(&pool);
}

TEST(equal_parts_exist_once)
{
	AUTO_ARENA struct arena a = { 0 };
	struct pb_pool pool;
	const Pb__Task *one, *two;
	size_t parts_of_one;

	pb_pool_init(&pool);
	one = pb_keep(&pool, sample_task(&a, 1));
	parts_of_one = pool.parts_bytes;
	two = pb_keep(&pool, sample_task(&a, 2));

	CHECK(one->spec == two->spec);
	CHECK(one->endpoint == two->endpoint);
	CHECK(one->networks[0]->network == two->networks[0]->network);
	CHECK(one->networks[0] != two->networks[0]);
	CHECK_INT(pool.parts_bytes, parts_of_one);
	pb_drop(&pool, one);
	CHECK_INT(pool.parts_bytes, parts_of_one);
	CHECK(pb_equal(two, sample_task(&a, 2)));
	pb_drop(&pool, two);
	pb_pool_clear(&pool);
}

TEST(a_task_shares_its_spec_with_its_service)
{
	AUTO_ARENA struct arena a = { 0 };
	struct pb_pool pool;
	Pb__Service *s = PB_NEW(&a, service);
	const Pb__Service *service;
	const Pb__Task *task;

	s->spec->task = sample_task_spec(&a);
	s->previous_spec = PB_NEW(&a, service_spec);
	s->previous_spec->task = sample_task_spec(&a);
	pb_pool_init(&pool);
	service = pb_keep(&pool, s);
	task = pb_keep(&pool, sample_task(&a, 1));

	CHECK(service->spec->task == task->spec);
	CHECK(service->previous_spec->task == task->spec);
	pb_drop(&pool, service);
	CHECK(pb_equal(task, sample_task(&a, 1)));
	pb_drop(&pool, task);
	pb_pool_clear(&pool);
}

TEST(kept_tasks_are_small)
{
	AUTO_ARENA struct arena a = { 0 };
	enum { COUNT = 1000 };
	static const void *kept[COUNT];
	struct pb_pool pool;
	size_t bytes = 0;

	pb_pool_init(&pool);
	for (unsigned i = 0; i < COUNT; i++) {
		kept[i] = pb_keep(&pool, sample_task(&a, i));
		bytes += pb_kept_bytes(kept[i]);
		arena_reset(&a);
	}
	printf("%zu bytes a task, %zu for what they share\n", bytes / COUNT, pool.parts_bytes);

	CHECK(bytes / COUNT < 900);
	CHECK(pool.parts_bytes < 6000);
	for (unsigned i = 0; i < COUNT; i++)
		pb_drop(&pool, kept[i]);
	pb_pool_clear(&pool);
}

TEST(a_borrowed_copy_changes_alone)
{
	AUTO_ARENA struct arena a = { 0 };
	struct pb_pool pool;
	const Pb__Task *kept, *changed;
	Pb__Task *mine;

	pb_pool_init(&pool);
	kept = pb_keep(&pool, sample_task(&a, 1));
	mine = pb_borrow(&a, kept);
	CHECK(mine->spec == kept->spec && mine->status != kept->status);
	mine->status->state = PB__TASK_STATE__FAILED;
	changed = pb_keep(&pool, mine);

	CHECK_INT(kept->status->state, PB__TASK_STATE__RUNNING);
	CHECK_INT(changed->status->state, PB__TASK_STATE__FAILED);
	CHECK(changed->spec == kept->spec);
	pb_drop(&pool, kept);
	pb_drop(&pool, changed);
	pb_pool_clear(&pool);
}

TEST(fields_of_newer_peers_are_kept_at_rest)
{
	AUTO_ARENA struct arena a = { 0 };
	struct pb_pool pool;
	struct err e;
	/* Task { spec { 99: 5 } 98: "x" } */
	Pb__Task *t = pb_decode(&a, &pb__task__descriptor, STR("\x1a\x03\x98\x06\x05\x92\x06\x01x"),
				99, &e);
	const Pb__Task *kept;

	CHECK(t && t->spec->base.n_unknown_fields == 1);
	pb_pool_init(&pool);
	kept = pb_keep(&pool, t);
	CHECK(pb_equal(kept, t) && kept->base.n_unknown_fields == 1);
	pb_drop(&pool, kept);
	pb_pool_clear(&pool);
}

TEST(a_pool_that_lived_long_ends_empty)
{
	AUTO_ARENA struct arena a = { 0 };
	enum { PLACES = 50 };
	const void *kept[PLACES] = { NULL };
	struct pb_pool pool;
	struct prng p;

	prng_seed(&p, 1);
	pb_pool_init(&pool);
	for (int i = 0; i < 2000; i++) {
		size_t at = prng_below(&p, PLACES);
		Pb__Task *t = sample_task(&a, i);

		t->spec_version->index = prng_below(&p, 5);
		t->spec->force_update = t->spec_version->index;
		t->networks[0]->network->meta->version->index = prng_below(&p, 3);
		pb_drop(&pool, kept[at]);
		kept[at] = pb_keep(&pool, t);
		CHECK(pb_equal(kept[at], t));
		arena_reset(&a);
	}
	for (int i = 0; i < PLACES; i++)
		pb_drop(&pool, kept[i]);

	CHECK_INT(pool.parts.count, 0);
	CHECK_INT(pool.parts_bytes, 0);
	pb_pool_clear(&pool);
}

TEST_MAIN()
