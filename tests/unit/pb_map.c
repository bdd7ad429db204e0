#include "pb/map.h"

#include "test.h"

TEST(a_key_is_set_once_and_kept_in_order)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__Driver *d = PB_NEW(&a, driver);

	PB_MAP_SET(&a, d, options, "m", "1");
	PB_MAP_SET(&a, d, options, "z", "2");
	PB_MAP_SET(&a, d, options, "a", "3");
	PB_MAP_SET(&a, d, options, "m", "4");

	CHECK_INT(d->n_options, 3);
	CHECK_STR(d->options[0]->key, "a");
	CHECK_STR(d->options[1]->value, "4");
	CHECK_STR(PB_MAP_GET(d, options, "z"), "2");
	CHECK(!PB_MAP_GET(d, options, "b"));
}

TEST(a_removed_key_is_gone_and_the_others_stay)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__Driver *d = PB_NEW(&a, driver);

	PB_MAP_SET(&a, d, options, "a", "1");
	PB_MAP_SET(&a, d, options, "b", "2");

	CHECK(PB_MAP_REMOVE(&a, d, options, "a"));
	CHECK(!PB_MAP_REMOVE(&a, d, options, "a"));
	CHECK(!PB_MAP_GET(d, options, "a"));
	CHECK_STR(PB_MAP_GET(d, options, "b"), "2");
	CHECK(PB_MAP_REMOVE(&a, d, options, "b") && d->n_options == 0);
}

TEST(setting_a_key_leaves_the_old_list_as_it_was)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__Driver *d = PB_NEW(&a, driver), before;

	PB_MAP_SET(&a, d, options, "a", "1");
	before = *d;
	PB_MAP_SET(&a, d, options, "a", "2");
	PB_MAP_SET(&a, d, options, "0", "3");

	CHECK_INT(before.n_options, 1);
	CHECK_STR(PB_MAP_GET(&before, options, "a"), "1");
}

TEST(enums_have_names)
{
	int value = 0;

	CHECK_STR(pb_enum_name(&pb__task_state__descriptor, 512), "RUNNING");
	CHECK(!pb_enum_name(&pb__task_state__descriptor, 513));
	CHECK(pb_enum_parse(&pb__task_state__descriptor, STR("running"), &value) && value == 512);
	CHECK(pb_enum_parse(&pb__restart_policy__restart_condition__descriptor, STR("on-failure"),
			    &value));
	CHECK_INT(value, PB__RESTART_POLICY__RESTART_CONDITION__ON_FAILURE);
	CHECK(!pb_enum_parse(&pb__task_state__descriptor, STR("run"), &value));
	CHECK(!pb_enum_parse(&pb__task_state__descriptor, STR(""), &value));
}

TEST_MAIN()
