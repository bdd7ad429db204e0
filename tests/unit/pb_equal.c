#include "pb/pb.h"

#include "base/prng.h"
#include "pb_sample.h"
#include "test.h"

static bool same_digest(const void *a, const void *b)
{
	return pb_digest_compare(pb_digest(a), pb_digest(b)) == 0;
}

TEST(a_copy_is_equal_and_has_the_same_digest)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__Task *t = sample_task(&a, 1), *copy = pb_dup(&a, t);

	CHECK(copy != t && copy->spec != t->spec);
	CHECK(pb_equal(t, copy) && same_digest(t, copy));
	CHECK(!pb_dup(&a, NULL));
}

TEST(a_copy_shares_nothing_with_its_original)
{
	AUTO_ARENA struct arena a = { 0 }, original = { 0 };
	Pb__Task *copy = pb_dup(&a, sample_task(&original, 3));

	arena_clear(&original);

	CHECK(pb_equal(copy, sample_task(&a, 3)));
}

TEST(every_change_of_a_field_is_seen)
{
	AUTO_ARENA struct arena a = { 0 };
	const Pb__Task *t = sample_task(&a, 1);
	Pb__Task *other;

#define CHECK_CHANGE(change)                                                                       \
	other = pb_dup(&a, t);                                                                     \
	change;                                                                                    \
	CHECK(!pb_equal(t, other) && !same_digest(t, other))

	CHECK_CHANGE(other->id = "another");
	CHECK_CHANGE(other->slot++);
	CHECK_CHANGE(other->desired_state = PB__TASK_STATE__SHUTDOWN);
	CHECK_CHANGE(other->endpoint = NULL);
	CHECK_CHANGE(other->job_iteration = PB_NEW(&a, version));
	CHECK_CHANGE(other->status->container->pid = -1);
	CHECK_CHANGE(other->status->runtime_status_case = 0);
	CHECK_CHANGE(other->spec->container->env[3] = "B=3");
	CHECK_CHANGE(other->spec->container->n_env--);
	CHECK_CHANGE(other->networks[0]->addresses[0] = "10.0.1.99/24");
	CHECK_CHANGE(PB_MAP_SET(&a, other->spec->container, labels, "com.example.label2", "x"));
#undef CHECK_CHANGE
}

TEST(absent_differs_from_empty)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__TaskSpec *absent = PB_NEW(&a, task_spec), *empty = PB_NEW(&a, task_spec);

	empty->resources = PB_NEW(&a, resource_requirements);

	CHECK(!pb_equal(absent, empty) && !same_digest(absent, empty));
}

TEST(what_is_always_there_is_the_same_absent_or_empty)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__Task *full = PB_NEW(&a, task), *bare = PB_NEW(&a, task);

	bare->meta = NULL;
	bare->status = NULL;
	CHECK(pb_equal(full, bare) && pb_equal(bare, full) && same_digest(full, bare));

	full->status->message = "x";
	CHECK(!pb_equal(full, bare) && !same_digest(full, bare));
}

TEST(the_order_of_a_map_means_nothing)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__Driver *x = PB_NEW(&a, driver), *y = PB_NEW(&a, driver), *z;
	Pb__MapEntry *first;

	for (int i = 0; i < 9; i++) {
		PB_MAP_SET(&a, x, options, arena_printf(&a, "key%d", i), "v");
		PB_MAP_SET(&a, y, options, arena_printf(&a, "key%d", 8 - i), "v");
	}
	CHECK(pb_equal(x, y) && same_digest(x, y));

	first = y->options[0];
	y->options[0] = y->options[8];
	y->options[8] = first;
	CHECK(pb_equal(x, y) && same_digest(x, y));

	z = pb_dup(&a, x);
	z->options[4]->value = "w";
	CHECK(!pb_equal(z, y) && !same_digest(z, y));
}

TEST(the_order_of_a_list_counts)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__ContainerSpec *x = PB_NEW(&a, container_spec), *y = PB_NEW(&a, container_spec);

	PB_APPEND(&a, x, args, "a");
	PB_APPEND(&a, x, args, "b");
	PB_APPEND(&a, y, args, "b");
	PB_APPEND(&a, y, args, "a");

	CHECK(!pb_equal(x, y) && !same_digest(x, y));
}

TEST(which_member_of_a_oneof_holds_counts)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__SelectBy *name = PB_NEW(&a, select_by), *id = PB_NEW(&a, select_by);

	name->by_case = PB__SELECT_BY__BY_NAME;
	name->name = "x";
	id->by_case = PB__SELECT_BY__BY_ID;
	id->id = "x";
	CHECK(!pb_equal(name, id) && !same_digest(name, id));

	id->by_case = PB__SELECT_BY__BY_DESIRED_STATE;
	id->desired_state = PB__TASK_STATE__NEW;
	name->by_case = PB__SELECT_BY__BY__NOT_SET;
	CHECK(!pb_equal(name, id) && !same_digest(name, id));
}

TEST(fields_of_newer_peers_count)
{
	AUTO_ARENA struct arena a = { 0 };
	struct err e;
	Pb__Version *old = pb_decode(&a, &pb__version__descriptor, STR("\x08\x01"), 99, &e);
	Pb__Version *new = pb_decode(&a, &pb__version__descriptor, STR("\x08\x01\x10\x01"), 99, &e);

	CHECK(old && new);
	CHECK(!pb_equal(old, new) && !same_digest(old, new));
	CHECK(pb_equal(new, pb_dup(&a, new)) && same_digest(new, pb_dup(&a, new)));
}

TEST(messages_of_different_types_are_never_equal)
{
	AUTO_ARENA struct arena a = { 0 };

	CHECK(!pb_equal(PB_NEW(&a, timestamp), PB_NEW(&a, duration)));
	CHECK(!same_digest(PB_NEW(&a, timestamp), PB_NEW(&a, duration)));
	CHECK(pb_equal(NULL, NULL) && !pb_equal(NULL, PB_NEW(&a, duration)));
}

TEST(minus_zero_is_zero)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__UpdateConfig *x = PB_NEW(&a, update_config), *y = PB_NEW(&a, update_config);

	x->max_failure_ratio = -0.0f;

	CHECK(pb_equal(x, y) && same_digest(x, y));
}

/* Replicas of different builds compare digests: a change of these numbers must be on purpose. */
TEST(a_digest_is_the_same_on_every_machine)
{
	AUTO_ARENA struct arena a = { 0 };
	struct pb_digest d = pb_digest(sample_task(&a, 1));

	CHECK(d.high == UINT64_C(0xab43316d70842f6));
	CHECK(d.low == UINT64_C(0x99f6f15339482002));
}

TEST(digests_of_many_similar_messages_differ_in_either_half)
{
	AUTO_ARENA struct arena a = { 0 };
	enum { COUNT = 2000 };
	static struct pb_digest seen[COUNT];
	Pb__PortConfig *p = PB_NEW(&a, port_config);

	for (int i = 0; i < COUNT; i++) {
		p->target_port = i % 50;
		p->published_port = i / 50;
		seen[i] = pb_digest(p);
		for (int k = 0; k < i; k++)
			CHECK(seen[k].high != seen[i].high && seen[k].low != seen[i].low);
	}
}

TEST_MAIN()
