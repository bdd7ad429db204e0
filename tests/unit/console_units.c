#include "console/units.h"

#include <stdlib.h>
#include <time.h>

#include "base/duration.h"
#include "base/str.h"
#include "test.h"

static const char *human(int64_t seconds)
{
	static struct units_text text;

	return human_duration(seconds * NS_PER_SECOND, &text);
}

TEST(durations_read_like_people_say_them)
{
	CHECK_STR(human(0), "Less than a second");
	CHECK_STR(human(1), "1 second");
	CHECK_STR(human(59), "59 seconds");
	CHECK_STR(human(60), "About a minute");
	CHECK_STR(human(119), "About a minute");
	CHECK_STR(human(45 * 60), "45 minutes");
	CHECK_STR(human(3600), "About an hour");
	CHECK_STR(human(90 * 60), "2 hours");
	CHECK_STR(human(47 * 3600), "47 hours");
	CHECK_STR(human(48 * 3600), "2 days");
	CHECK_STR(human(14 * 86400), "2 weeks");
	CHECK_STR(human(60 * 86400), "2 months");
	CHECK_STR(human(900 * 86400LL), "2 years");
}

TEST(sizes_have_the_digits_people_expect)
{
	struct units_text text;

	CHECK_STR(human_size(1984673, 3, &text), "1.98MB");
	CHECK_STR(human_size(8621512, 4, &text), "8.622MB");
	CHECK_STR(human_size(0, 3, &text), "0B");
	CHECK_STR(human_size(999, 3, &text), "999B");
	CHECK_STR(human_binary_size(659456, &text), "644KiB");
	CHECK_STR(human_binary_size(25276502016.0, &text), "23.54GiB");
}

TEST(exact_durations_lose_nothing)
{
	struct units_text text;

	CHECK_STR(exact_duration(0, &text), "0s");
	CHECK_STR(exact_duration(90 * NS_PER_SECOND, &text), "1m30s");
	CHECK_STR(exact_duration(2160 * 3600 * NS_PER_SECOND, &text), "2160h0m0s");
	CHECK_STR(exact_duration(1500000000, &text), "1.5s");
	CHECK_STR(exact_duration(100, &text), "100ns");
	CHECK_STR(exact_duration(2500000, &text), "2.5ms");
	CHECK_STR(exact_duration(-3 * NS_PER_SECOND, &text), "-3s");
}

TEST(durations_are_read_back)
{
	struct err e;
	int64_t ns;

	CHECK(duration_parse("1m30s", &ns, &e) && ns == 90 * NS_PER_SECOND);
	CHECK(duration_parse("1.5h", &ns, &e) && ns == 5400 * NS_PER_SECOND);
	CHECK(duration_parse("-2s", &ns, &e) && ns == -2 * NS_PER_SECOND);
	CHECK(duration_parse("0", &ns, &e) && ns == 0);
	CHECK(duration_parse("300ms", &ns, &e) && ns == 300000000);
	CHECK(duration_parse(".5s", &ns, &e) && ns == 500000000);
}

TEST(what_is_no_duration_is_refused_with_the_reason)
{
	struct err e;
	int64_t ns;

	CHECK(!duration_parse("5", &ns, &e));
	CHECK_STR(e.text, "time: missing unit in duration \"5\"");
	CHECK(!duration_parse("5x", &ns, &e));
	CHECK_STR(e.text, "time: unknown unit \"x\" in duration \"5x\"");
	CHECK(!duration_parse("", &ns, &e) && !duration_parse("s", &ns, &e));
	CHECK(!duration_parse("9999999999h", &ns, &e));
	CHECK_STR(e.text, "time: invalid duration \"9999999999h\"");
}

TEST(sizes_are_read_in_binary_multiples)
{
	struct err e;
	int64_t n;

	CHECK(size_parse("32m", &n, &e) && n == 33554432);
	CHECK(size_parse("1.5g", &n, &e) && n == 1610612736);
	CHECK(size_parse("10KiB", &n, &e) && n == 10240);
	CHECK(size_parse("64 MB", &n, &e) && n == 67108864);
	CHECK(size_parse("17", &n, &e) && n == 17);
	CHECK(!size_parse("m", &n, &e) && !size_parse("-1", &n, &e) && !size_parse("1e3", &n, &e));
	CHECK(!size_parse("0x10", &n, &e) && !size_parse("1q", &n, &e) &&
	      !size_parse("1mm", &n, &e));
	CHECK_STR(e.text, "invalid size: '1mm'");
}

TEST(cpus_are_billionths)
{
	struct err e;
	int64_t n;

	CHECK(cpus_parse("0.5", &n, &e) && n == 500000000);
	CHECK(cpus_parse("2", &n, &e) && n == 2000000000);
	CHECK(cpus_parse(".1", &n, &e) && n == 100000000);
	CHECK(!cpus_parse("0.0000000001", &n, &e));
	CHECK_STR(e.text, "value is too precise");
	CHECK(!cpus_parse("x", &n, &e) && !cpus_parse("", &n, &e) && !cpus_parse("1,5", &n, &e));
}

TEST(times_are_read_with_fraction_and_offset)
{
	struct units_text text;
	int64_t ns;

	CHECK(time_parse("2026-11-22T07:03:45.651623953Z", &ns));
	CHECK_STR(time_write(ns, true, false, &text), "2026-11-22 07:03:45.651623953 +0000 UTC");
	CHECK_STR(time_write(ns, false, false, &text), "2026-11-22 07:03:45 +0000 UTC");
	CHECK(time_parse("2026-11-22T09:03:45+02:00", &ns));
	CHECK_STR(time_write(ns, true, false, &text), "2026-11-22 07:03:45 +0000 UTC");
	CHECK(!time_parse("yesterday", &ns) && !time_parse("2026-11-22T07:03:45", &ns));
}

TEST(since_counts_back_from_now_or_names_a_time)
{
	struct units_text text;
	struct err e;

	setenv("TZ", "UTC", 1);
	tzset();
	CHECK(since_parse("10m", 1000000 * NS_PER_SECOND, &text, &e));
	CHECK_STR(text.text, "999400");
	CHECK(since_parse("1136073600.000000001", 0, &text, &e));
	CHECK_STR(text.text, "1136073600.000000001");
	CHECK(since_parse("2013-01-02T13:23:37Z", 0, &text, &e));
	CHECK_STR(text.text, "1357133017.000000000");
	CHECK(since_parse("2013-01-02", 0, &text, &e));
	CHECK_STR(text.text, "1357084800.000000000");
	CHECK(!since_parse("soon", 0, &text, &e));
}

TEST_MAIN()
