#include "console/table.h"

#include "test.h"

#define MAX 4096

static const char *layout(const char *text)
{
	static struct buf out = BUF_MAX(MAX);

	buf_reset(&out);
	table_layout(str_of(text), &out);
	return buf_str(&out).ptr;
}

TEST(columns_are_as_wide_as_their_widest_cell_and_a_gap)
{
	CHECK_STR(layout("NAME\tDRIVER\n"
			 "a-longer-name\tx\n"),
		  "NAME            DRIVER\n"
		  "a-longer-name   x\n");
}

TEST(a_column_is_never_narrower_than_ten)
{
	CHECK_STR(layout("A\tB\tC\n1\t\t\n"), "A         B         C\n1                   \n");
}

TEST(characters_count_not_bytes)
{
	CHECK_STR(layout("0123456789…\tb\n012345678901\tb\n"),
		  "0123456789…    b\n012345678901   b\n");
	CHECK_INT(str_width(STR("a…ä")), 3);
}

TEST(a_column_that_was_interrupted_is_measured_anew)
{
	CHECK_STR(layout("aaaaaaaaaaaaa\tb\nno tabs\nc\td\n"),
		  "aaaaaaaaaaaaa   b\nno tabs\nc         d\n");
}

TEST(nothing_gives_nothing)
{
	CHECK_STR(layout(""), "");
}

TEST_MAIN()
