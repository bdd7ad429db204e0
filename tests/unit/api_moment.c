#include "api/moment.h"

#include "base/err.h"

#include "test.h"

#define SECOND 1000000000LL
#define NOW    (1795331250LL * SECOND)

static int64_t moment(const char *text)
{
	struct err e;
	int64_t ns;

	return moment_read(text, NOW, &ns, &e) ? ns : -1;
}

TEST(seconds_since_1970_may_have_a_fraction)
{
	CHECK_INT(moment("1795331250"), NOW);
	CHECK_INT(moment("1795331250.5"), NOW + SECOND / 2);
	CHECK_INT(moment("1795331250.000000001"), NOW + 1);
	CHECK_INT(moment("1795331250.1234567899"), NOW + 123456789);
}

TEST(a_span_is_so_long_ago)
{
	CHECK_INT(moment("90s"), NOW - 90 * SECOND);
	CHECK_INT(moment("1h30m"), NOW - 5400 * SECOND);
	CHECK_INT(moment("900000000h"), -1);
	CHECK_INT(moment("600000h"), 0);
}

TEST(nothing_and_zero_are_no_bound)
{
	CHECK_INT(moment(""), 0);
	CHECK_INT(moment("0"), 0);
}

TEST(what_is_neither_is_refused)
{
	static const char *const bad[] = {
		"x", "1x", "-1", "1.5.5", "99999999999", "1h30", "9999999999999999"
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_INT(moment(bad[i]), -1);
}

TEST_MAIN()
