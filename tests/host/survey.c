#include "host/survey.h"

#include "test.h"

static const struct survey_host moved = {
	.addresses = { { "eth0", "fe80::1", false, 0, 0 },
		       { "eth0", "10.9.2.11", true, 0x0a09020b, 0xffffff00 },
		       { "eth1", "192.168.7.1", true, 0xc0a80701, 0xffffff00 } },
	.count = 3,
};

static const char *const others[] = { "10.9.1.12:2377", "10.9.1.13:4000", "10.9.2.14:2377",
				      "manager.example:2377" };

static struct peer_survey look(const struct survey_host *host, const char *advertised,
			       const char *interface, struct arena *a)
{
	struct peer_whereabouts was = { advertised, interface, others, 4 };
	struct peer_survey found;

	survey(host, &was, a, &found);
	return found;
}

TEST(an_address_that_is_still_here_stays)
{
	AUTO_ARENA struct arena a = { 0 };
	struct peer_survey s = look(&moved, "192.168.7.1:2377", "eth0", &a);

	CHECK_STR(s.advertised, "192.168.7.1:2377");
	CHECK_STR(s.interface, "eth1");
}

TEST(the_interface_has_another_address_now)
{
	AUTO_ARENA struct arena a = { 0 };
	struct peer_survey s = look(&moved, "10.9.1.11:2377", "eth0", &a);

	CHECK_STR(s.advertised, "10.9.2.11:2377");
	CHECK_STR(s.interface, "eth0");
}

TEST(an_address_that_never_was_of_this_host_stays)
{
	AUTO_ARENA struct arena a = { 0 };
	struct peer_survey s = look(&moved, "203.0.113.5:2377", "", &a);

	CHECK_STR(s.advertised, "203.0.113.5:2377");
	CHECK_STR(s.interface, "");
	CHECK_INT(s.around_count, 0);
	s = look(&moved, "10.9.1.11:2377", "eth9", &a);
	CHECK_STR(s.advertised, "10.9.1.11:2377");
}

TEST(others_are_looked_for_at_their_old_places_first)
{
	AUTO_ARENA struct arena a = { 0 };
	struct peer_survey s = look(&moved, "10.9.1.11:2377", "eth0", &a);

	CHECK_INT(s.guesses, 2);
	CHECK_STR(s.around[0], "10.9.2.12:2377");
	CHECK_STR(s.around[1], "10.9.2.13:4000");
	CHECK_INT(s.around_count, 2 + 253);
	CHECK_STR(s.around[2], "10.9.2.1:2377");
	CHECK_STR(s.around[s.around_count - 1], "10.9.2.254:2377");
}

TEST(a_public_network_is_not_searched_and_a_large_one_only_nearby)
{
	struct survey_host host = {
		.addresses = { { "eth0", "203.0.113.5", true, 0xcb007105, 0xffffff00 } }, .count = 1
	};
	AUTO_ARENA struct arena a = { 0 };
	struct peer_survey s = look(&host, "203.0.113.5:2377", "eth0", &a);

	CHECK_INT(s.around_count, 3);
	CHECK_INT(s.guesses, 3);

	host.addresses[0] =
		(struct survey_address){ "eth0", "10.5.6.7", true, 0x0a050607, 0xff000000 };
	s = look(&host, "10.5.6.7:2377", "eth0", &a);
	CHECK_INT(s.guesses, 0);
	CHECK_INT(s.around_count, 1021);
	CHECK_STR(s.around[0], "10.5.4.1:2377");
}

TEST(this_host_has_addresses)
{
	struct survey_host host;

	survey_host(&host);
	for (size_t i = 0; i < host.count; i++)
		CHECK(host.addresses[i].text[0] && host.addresses[i].interface[0]);
}

TEST_MAIN()
