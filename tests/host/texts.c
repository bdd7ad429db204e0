/* The parsers of the runtime hands: keys that are typed, passwd files, log lines. */
#include "base/mem.h"
#include "host/logs/line.h"
#include "host/run/detach.h"
#include "host/run/users.h"
#include "test.h"

static const char *typed(struct detach *d, const char *keys, bool *detached)
{
	static struct buf out;

	buf_clear(&out);
	out = BUF_MAX(100);
	*detached = detach_filter(d, str_of(keys), &out);
	return out.data ? out.data : "";
}

TEST(keys_to_detach_are_found_across_pieces_and_nothing_else_is_lost)
{
	struct detach d = detach_keys("\x10\x11", 2);
	bool detached;

	CHECK_STR(typed(&d, "ab\x10", &detached), "ab");
	CHECK(!detached);
	CHECK_STR(typed(&d, "c", &detached), "\x10"
					     "c");
	CHECK_STR(typed(&d, "\x10\x10", &detached), "\x10");
	CHECK_STR(typed(&d, "\x11zz", &detached), "");
	CHECK(detached);
}

TEST(keys_that_repeat_themselves_are_found)
{
	struct detach d = detach_keys("aab", 3);
	bool detached;

	CHECK_STR(typed(&d, "aaaab", &detached), "aa");
	CHECK(detached);
	CHECK_STR(typed(&d, "aac", &detached), "aac");
	CHECK(!detached);
}

TEST(without_keys_all_passes)
{
	struct detach d = detach_keys(NULL, 0);
	bool detached;

	CHECK_STR(typed(&d, "\x10\x11", &detached), "\x10\x11");
	CHECK(!detached);
}

static const char passwd[] =
	"root:x:0:0:root:/root:/bin/sh\n# no\nbroken\nann:x:1000:1001::/home/ann:\n"
	"1000:x:7:7::/seven:\nbig:x:4294967296:0::/:\n";
static const char group[] = "root:x:0:\ncrew:x:2000:bob, ann\nann:x:1001:\n";

static bool find(const char *user, struct users_answer *a, struct err *e)
{
	return users_find(str_of(passwd), str_of(group), user, NULL, 0, a, e);
}

TEST(users_are_names_or_numbers)
{
	struct users_answer a;
	struct err e;

	CHECK(find("", &a, &e) && a.uid == 0 && a.gid == 0);
	CHECK(find("ann", &a, &e) && a.uid == 1000 && a.gid == 1001 && a.group_count == 1);
	CHECK(find("1000", &a, &e) && a.uid == 1000); /* the first line that has either */
	CHECK(find("5", &a, &e) && a.uid == 5 && a.gid == 0);
	CHECK(find("ann:crew", &a, &e) && a.gid == 2000 && a.group_count == 0);
	CHECK(find("5:6", &a, &e) && a.uid == 5 && a.gid == 6);
}

TEST(numbers_that_do_not_fit_are_no_users)
{
	static const char *const bad[] = { "4294967296",           "2147483648",  "-1",
					   "99999999999999999999", "big",         "broken",
					   "ann:nogroup",          "0:4294967296" };
	struct users_answer a;
	struct err e;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		CHECK(!find(bad[i], &a, &e));
		CHECK_INT(e.kind, ERR_INVALID);
	}
}

TEST(a_log_line_has_a_time_a_stream_and_text)
{
	struct log_line line;
	char time[LOG_TIME_MAX];

	CHECK(log_line_parse(STR("2026-11-22T16:33:03.508248184+00:00 stdout F a b"), &line));
	CHECK(!line.is_stderr && !line.is_partial && str_equal_c(line.text, "a b"));
	log_time_print(line.at_ns, time);
	CHECK_STR(time, "2026-11-22T16:33:03.508248184Z");
	CHECK(log_line_parse(STR("2026-11-22T18:33:03.5+02:00 stderr P "), &line));
	log_time_print(line.at_ns, time);
	CHECK_STR(time, "2026-11-22T16:33:03.500000000Z");
	CHECK(line.is_stderr && line.is_partial && line.text.len == 0);
	CHECK(!log_line_parse(STR("2026-11-22 16:33 stdout F x"), &line));
	CHECK(!log_line_parse(STR("2026-11-22T16:33:03Z stdin F x"), &line));
	CHECK(!log_line_parse(STR(""), &line));
}

TEST_MAIN()
