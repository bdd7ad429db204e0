#include "host/listener.h"

#include <unistd.h>

#include "test.h"

static struct listen_address a;
static struct err e;
static char text[LISTEN_TEXT_MAX];

static const char *round_trip(const char *from)
{
	if (!listen_address_parse(str_of(from), &a, &e))
		return e.text;
	listen_address_text(&a, text);
	return text;
}

TEST(what_dockerd_accepts_is_understood)
{
	CHECK_STR(round_trip("unix:///run/x.sock"), "unix:///run/x.sock");
	CHECK_STR(round_trip("tcp://0.0.0.0:2376"), "tcp://0.0.0.0:2376");
	CHECK_STR(round_trip("tcp://[::1]:2376"), "tcp://[::1]:2376");
	CHECK_STR(a.host, "::1");
	CHECK_STR(round_trip("tcp://:2376"), "tcp://:2376");
	CHECK_STR(round_trip("127.0.0.1:2375"), "tcp://127.0.0.1:2375");
	CHECK_STR(round_trip("fd://"), "fd://");
	CHECK_STR(round_trip("fd://*"), "fd://");
	CHECK_STR(round_trip("fd://docker.socket"), "fd://docker.socket");
}

TEST(the_rest_is_refused_with_a_sentence)
{
	static const char *const wrong[] = { "",
					     "tcp://",
					     "tcp://host",
					     "tcp://host:port",
					     "tcp://host:70000",
					     "unix://relative",
					     "unix://",
					     "http://host:80",
					     "host",
					     "::1:80" };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		CHECK(!listen_address_parse(str_of(wrong[i]), &a, &e));
		CHECK_INT(e.kind, ERR_INVALID);
	}
}

TEST(a_port_in_use_is_said)
{
	int first, second;

	CHECK(listen_tcp("127.0.0.1", "0", &first, &e));
	close(first);
	CHECK(listen_tcp("127.0.0.1", "41973", &first, &e));
	CHECK(!listen_tcp("127.0.0.1", "41973", &second, &e));
	CHECK(e.kind == ERR_IN_USE);
	CHECK_STR(e.text, "tcp://127.0.0.1:41973: the port is in use");
	close(first);
}

TEST(a_group_is_a_name_or_a_number)
{
	gid_t gid;

	CHECK(listen_group("root", &gid, &e) && gid == 0);
	CHECK(listen_group("1234", &gid, &e) && gid == 1234);
	CHECK(!listen_group("no-such-group", &gid, &e) && e.kind == ERR_NOT_FOUND);
}

TEST_MAIN()
