#include "base/str.h"

#include "base/mem.h"
#include "test.h"

TEST(a_buffer_stops_at_its_maximum_and_says_so)
{
	AUTO_BUF struct buf b = BUF_MAX(5);

	CHECK(buf_append_c(&b, "abc"));
	CHECK(!buf_append_c(&b, "def"));
	CHECK(b.overflow);
	CHECK_STR(b.data, "abc");
	CHECK(buf_append_c(&b, "de"));
	CHECK_STR(b.data, "abcde");
}

TEST(consume_keeps_the_rest)
{
	AUTO_BUF struct buf b = BUF_MAX(100);

	buf_printf(&b, "%d-%s", 42, "tail");
	buf_consume(&b, 3);
	CHECK_STR(b.data, "tail");
	buf_consume(&b, 4);
	CHECK_INT(b.len, 0);
}

TEST(cut_splits_at_the_first_mark_only)
{
	struct str head, tail;

	CHECK(str_cut(STR("a=b=c"), '=', &head, &tail));
	CHECK(str_equal(head, STR("a")) && str_equal(tail, STR("b=c")));
	CHECK(!str_cut(STR("abc"), '=', &head, &tail));
	CHECK(str_equal(head, STR("abc")) && tail.len == 0);
}

TEST(numbers_that_do_not_fit_or_are_no_numbers_are_refused)
{
	uint64_t n;

	CHECK(str_to_u64(STR("18446744073709551615"), &n) && n == UINT64_MAX);
	CHECK(!str_to_u64(STR("18446744073709551616"), &n));
	CHECK(!str_to_u64(STR(""), &n));
	CHECK(!str_to_u64(STR("-1"), &n));
	CHECK(!str_to_u64(STR("1 "), &n));
}

TEST(order_is_bytewise_and_a_prefix_comes_first)
{
	CHECK(str_compare(STR("ab"), STR("abc")) < 0);
	CHECK(str_compare(STR("b"), STR("abc")) > 0);
	CHECK(str_compare(STR(""), STR("")) == 0);
	CHECK(str_starts_with(STR("abc"), "ab") && !str_starts_with(STR("a"), "ab"));
	CHECK(str_ends_with(STR("abc"), "bc") && !str_ends_with(STR("c"), "bc"));
	CHECK(str_equal(str_trim(STR(" \tx y\r\n")), STR("x y")));
}

TEST(a_stolen_buffer_is_a_string_even_when_empty)
{
	struct buf b = BUF_MAX(10);
	char *text = buf_steal(&b);

	CHECK_STR(text, "");
	free(text);
}

TEST_MAIN()
