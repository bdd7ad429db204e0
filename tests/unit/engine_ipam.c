#include "engine/ipam.h"

#include "base/err.h"
#include "test.h"

TEST(addresses_and_subnets_read_as_they_print)
{
	struct subnet s;
	uint32_t a;
	char text[SUBNET_TEXT_MAX], mac[MAC_TEXT_MAX];

	CHECK(ipv4_parse("172.17.0.2", &a));
	ipv4_print(a, text);
	CHECK_STR(text, "172.17.0.2");
	mac_of(a, mac);
	CHECK_STR(mac, "02:42:ac:11:00:02");
	CHECK(subnet_parse("10.1.2.3/16", &s));
	subnet_print(s, text);
	CHECK_STR(text, "10.1.0.0/16");
	CHECK(subnet_parse("0.0.0.0/0", &s) && subnet_last(s) == UINT32_MAX);
	CHECK(!ipv4_parse("1.2.3", &a) && !ipv4_parse("1.2.3.4.5", &a) &&
	      !ipv4_parse("1.2.3.256", &a));
	CHECK(!ipv4_parse("1.2.3.04", &a) && !ipv4_parse("", &a) && !ipv4_parse("a.b.c.d", &a));
	CHECK(!subnet_parse("1.2.3.4", &s) && !subnet_parse("1.2.3.4/33", &s) &&
	      !subnet_parse("1.2.3.4/", &s));
}

TEST(the_lowest_free_address_is_chosen)
{
	uint32_t taken[] = { 0x0a000001, 0x0a000003, 0x0a000002 }, got;
	struct ipam ipam = { .taken = taken, .taken_count = 3 };
	struct err e;

	CHECK(subnet_parse("10.0.0.0/29", &ipam.subnet));
	CHECK(ipam_choose(&ipam, 0, &got, &e) && got == 0x0a000004);
	CHECK(ipam_choose(&ipam, 0x0a000006, &got, &e) && got == 0x0a000006);
	CHECK(!ipam_choose(&ipam, 0x0a000002, &got, &e) && e.kind == ERR_CONFLICT);
	CHECK(!ipam_choose(&ipam, 0x0a000007, &got, &e) && e.kind == ERR_INVALID); /* broadcast */
	CHECK(!ipam_choose(&ipam, 0x0b000001, &got, &e) && e.kind == ERR_INVALID);
}

TEST(a_full_subnet_says_so)
{
	uint32_t taken[] = { 0x0a000001, 0x0a000002 }, got;
	struct ipam ipam = { .taken = taken, .taken_count = 2 };
	struct err e;

	CHECK(subnet_parse("10.0.0.0/30", &ipam.subnet));
	CHECK(!ipam_choose(&ipam, 0, &got, &e) && e.kind == ERR_EXHAUSTED);
}

TEST(a_range_narrows_the_choice)
{
	struct ipam ipam = { 0 };
	uint32_t got;
	struct err e;

	CHECK(subnet_parse("10.0.0.0/16", &ipam.subnet) &&
	      subnet_parse("10.0.5.0/24", &ipam.range));
	CHECK(ipam_choose(&ipam, 0, &got, &e) && got == 0x0a000500);
}

static bool choose_pool(const struct subnet *used, size_t count, struct subnet *pool, struct err *e)
{
	return ipam_choose_pool(ipam_default_pools, ipam_default_pool_count, used, count, pool, e);
}

TEST(pools_do_not_overlap_with_what_is_used)
{
	struct subnet used[40], pool;
	struct err e;
	char text[SUBNET_TEXT_MAX];
	size_t count = 0;

	CHECK(subnet_parse("172.16.0.0/15", &used[count++]));
	CHECK(choose_pool(used, count, &pool, &e));
	subnet_print(pool, text);
	CHECK_STR(text, "172.18.0.0/16");
	while (choose_pool(used, count, &pool, &e))
		used[count++] = pool;
	CHECK_INT(count, 1 + 14 + 16);
	CHECK_INT(e.kind, ERR_EXHAUSTED);
}

TEST(pools_of_ones_own_are_taken_in_their_order)
{
	struct ipam_pool pools[2] = { { .bits = 24 }, { .bits = 8 } };
	struct subnet used[8], pool;
	char text[SUBNET_TEXT_MAX];
	struct err e;

	CHECK(subnet_parse("10.9.0.0/23", &pools[0].base) &&
	      subnet_parse("11.0.0.0/8", &pools[1].base));
	CHECK(subnet_parse("10.9.0.64/30", &used[0]));
	CHECK(ipam_choose_pool(pools, 2, used, 1, &pool, &e));
	subnet_print(pool, text);
	CHECK_STR(text, "10.9.1.0/24");
	used[1] = pool;
	CHECK(ipam_choose_pool(pools, 2, used, 2, &pool, &e));
	subnet_print(pool, text);
	CHECK_STR(text, "11.0.0.0/8");
	used[2] = pool;
	CHECK(!ipam_choose_pool(pools, 2, used, 3, &pool, &e));
}

TEST(a_pool_of_millions_costs_no_more_than_what_is_used)
{
	struct ipam_pool wide = { { 0, 0 }, 30 };
	struct subnet used = { 0, 1 }, pool;
	struct err e;

	CHECK(ipam_choose_pool(&wide, 1, &used, 1, &pool, &e));
	CHECK_INT(pool.base, 0x80000000u);
	used = (struct subnet){ 0, 0 };
	CHECK(!ipam_choose_pool(&wide, 1, &used, 1, &pool, &e));
}

TEST_MAIN()
