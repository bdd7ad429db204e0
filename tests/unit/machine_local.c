#include "machine/local/network.h"

#include "base/mem.h"
#include "machine/local/init.h"
#include "test.h"

static struct err e;

/* Little-endian hex, as the kernel writes addresses there. */
#define ROUTES                                                                                     \
	"Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\n"                  \
	"eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"                             \
	"eth0\t00D5A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"                             \
	"shoal0\t00D6A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"                           \
	"tun0\t0000D50A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"

TEST(a_network_that_overlaps_a_route_is_taken_but_not_by_our_own_bridge)
{
	CHECK(network_is_taken(STR(ROUTES), UINT32_C(0xc0a8d500)));  /* 192.168.213.0: on eth0 */
	CHECK(!network_is_taken(STR(ROUTES), UINT32_C(0xc0a8d600))); /* .214.0: only on shoal0 */
	CHECK(!network_is_taken(STR(ROUTES),
				UINT32_C(0xc0a8d700))); /* the default route is for all */
	CHECK(network_is_taken(STR(ROUTES),
			       UINT32_C(0x0ad51000))); /* 10.213.16.0: inside of tun0's /16 */
	CHECK(!network_is_taken(STR(""), UINT32_C(0xc0a8d500)));
}

TEST(a_host_is_told_only_resolvers_that_it_can_reach)
{
	AUTO_BUF struct buf out = BUF_MAX(4096);

	resolvers_for_host(
		STR("# a note\nsearch lan\nnameserver 127.0.0.53\n nameserver 10.0.0.1\n\n"
		    "nameserver ::1\noptions edns0"),
		&out);
	CHECK_STR(out.data, "search lan\nnameserver 10.0.0.1\noptions edns0\n");
}

TEST(ids_are_eight_digits_and_never_a_path)
{
	char id[HOST_ID_LEN + 1];

	host_id_new(id);
	CHECK(host_id_is_valid(id));
	CHECK(!host_id_is_valid("") && !host_id_is_valid("../../..") &&
	      !host_id_is_valid("0123456"));
	CHECK(!host_id_is_valid("012345678"));
}

TEST(a_record_without_an_address_is_none)
{
	struct host h;

	CHECK(host_parse(
		"01234567",
		STR("{\"Name\":\"a\",\"Address\":\"192.168.213.2\",\"Network\":\"192.168.213.0\","
		    "\"Engine\":[\"--tlsverify\",7]}"),
		&h, &e));
	CHECK_INT(h.address, 0xc0a8d502);
	CHECK_STR(h.engine[0], "--tlsverify");
	CHECK_STR(h.engine[1], "");
	CHECK(!h.engine[2] && !h.environment[0]);
	host_clear(&h);
	CHECK(!host_parse("01234567", STR("{\"Name\":\"a\",\"Address\":\"x\"}"), &h, &e));
	CHECK_STR(e.text, "the record of local host 01234567 cannot be read");
	CHECK(!host_parse("01234567", STR("[]"), &h, &e));
}

TEST_MAIN()
