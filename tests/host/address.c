#include "host/address.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "test.h"

static struct address_config open_config = { "", "" };

static bool choose(const char *listen, const char *advertise, const char *remote, char out[2][64],
		   struct err *e)
{
	AUTO_ARENA struct arena a = { 0 };
	const char *l, *adv;

	if (!address_choose(&open_config, listen, advertise, remote, &a, &l, &adv, e))
		return false;
	snprintf(out[0], 64, "%s", l);
	snprintf(out[1], 64, "%s", adv);
	return true;
}

/* A network of our own, with these commands run in it; false when that needs more rights. */
static bool in_own_network(const char *commands)
{
	if (getuid() != 0 || unshare(CLONE_NEWNET) != 0) {
		printf("skipped: needs root and a network namespace\n");
		return false;
	}
	return system(commands) == 0;
}

TEST(what_is_said_is_taken_and_ports_are_filled_in)
{
	char out[2][64];
	struct err e;

	CHECK(choose("0.0.0.0:2377", "192.0.2.1", NULL, out, &e));
	CHECK_STR(out[0], "0.0.0.0:2377");
	CHECK_STR(out[1], "192.0.2.1:2377");
	CHECK(choose("0.0.0.0", "192.0.2.1:4000", NULL, out, &e));
	CHECK_STR(out[1], "192.0.2.1:4000");
	CHECK(choose("127.0.0.1:5000", "", NULL, out, &e));
	CHECK_STR(out[1], "127.0.0.1:5000");
	CHECK(choose("", "2001:db8::1", NULL, out, &e));
	CHECK_STR(out[1], "[2001:db8::1]:2377");
}

TEST(nonsense_is_refused_in_words)
{
	char out[2][64];
	struct err e;

	CHECK(!choose("0.0.0.0:99999", "", NULL, out, &e));
	CHECK(strstr(e.text, "could not parse listen address"));
	CHECK(!choose("0.0.0.0:2377", "0.0.0.0", NULL, out, &e));
	CHECK(strstr(e.text, "non-zero IP address"));
	CHECK(!choose("0.0.0.0:2377", "nosuchif0", NULL, out, &e));
	CHECK_STR(e.text, "no such interface: nosuchif0");
}

TEST(on_joining_the_route_to_the_manager_decides)
{
	char out[2][64];
	struct err e;

	CHECK(choose("0.0.0.0:2377", "", "127.0.0.1:2377", out, &e));
	CHECK_STR(out[1], "127.0.0.1:2377");
}

TEST(the_only_address_is_found_and_two_are_named)
{
	char out[2][64];
	struct err e;

	if (!in_own_network("ip link set lo up && ip link add a0 type veth peer name b0 && "
			    "ip addr add 10.9.8.7/24 dev a0 && ip link set a0 up"))
		return;
	CHECK(choose("0.0.0.0:2377", "", NULL, out, &e));
	CHECK_STR(out[1], "10.9.8.7:2377");
	CHECK(choose("a0:2377", "", NULL, out, &e));
	CHECK_STR(out[0], "10.9.8.7:2377");
	CHECK(system("ip addr add 10.9.9.9/24 dev b0 && ip link set b0 up") == 0);
	CHECK(!choose("0.0.0.0:2377", "", NULL, out, &e));
	CHECK(strstr(e.text, "10.9.8.7 on a0") && strstr(e.text, "10.9.9.9 on b0"));
	CHECK(choose("0.0.0.0:2377", "b0", NULL, out, &e));
	CHECK_STR(out[1], "10.9.9.9:2377");
}

TEST_MAIN()
