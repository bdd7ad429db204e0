#include "cli/session.h"

#include <string.h>

#include "test.h"

static struct err e;

TEST(detach_keys_are_controls_and_letters)
{
	unsigned char keys[16];

	CHECK_INT(detach_keys_parse("", keys, &e), 2);
	CHECK(keys[0] == 16 && keys[1] == 17);
	CHECK_INT(detach_keys_parse("ctrl-a,d,ctrl-@,ctrl-[", keys, &e), 4);
	CHECK(keys[0] == 1 && keys[1] == 'd' && keys[2] == 0 && keys[3] == 27);
	CHECK_INT(detach_keys_parse("ctrl-1", keys, &e), -1);
	CHECK_INT(detach_keys_parse("shift-a", keys, &e), -1);
	CHECK_STR(e.text, "invalid detach keys (shift-a): give keys such as ctrl-p,ctrl-q");
}

/* Feed pieces; what came through, and whether the keys were seen. */
static const char *fed(struct detach_keys *d, const char *piece, bool *detached)
{
	static unsigned char out[256];
	size_t size;

	*detached = detach_keys_feed(d, (const unsigned char *)piece, strlen(piece), out, &size);
	out[size] = '\0';
	return (const char *)out;
}

TEST(the_keys_are_held_back_until_it_is_clear_what_they_are)
{
	struct detach_keys d = { { 16, 17 }, 2, 0 };
	bool detached;

	CHECK_STR(fed(&d, "ab\x10", &detached), "ab");
	CHECK(!detached);
	CHECK_STR(fed(&d, "c", &detached), "\x10"
					   "c");
	CHECK_STR(fed(&d, "\x10\x10", &detached), "\x10");
	CHECK_STR(fed(&d, "\x11", &detached), "");
	CHECK(detached);
}

TEST_MAIN()
