#include "base/json_write.h"

#include "test.h"

TEST(members_and_items_are_separated_by_commas)
{
	AUTO_BUF struct buf out = BUF_MAX(4096);
	struct json j = json_begin(&out);
	const char *words[] = { "a", "b" };

	json_open_object(&j, NULL);
	json_int(&j, "n", -3);
	json_open_list(&j, "list");
	json_bool(&j, NULL, true);
	json_none(&j, NULL);
	json_open_object(&j, NULL);
	json_close(&j);
	json_close(&j);
	json_uint(&j, "u", UINT64_MAX);
	json_strings(&j, "w", words, 2);
	CHECK(!json_is_complete(&j));
	json_close(&j);

	CHECK(json_is_complete(&j));
	CHECK_STR(
		out.data,
		"{\"n\":-3,\"list\":[true,null,{}],\"u\":18446744073709551615,\"w\":[\"a\",\"b\"]}");
}

static void check_escaped(struct str text, const char *want)
{
	AUTO_BUF struct buf out = BUF_MAX(4096);
	struct json j = json_begin(&out);

	json_str(&j, NULL, text);
	CHECK_STR(out.data, want);
}

TEST(what_could_end_or_break_a_string_is_escaped)
{
	check_escaped(STR("a\"b\\c\n\t\r\x01\x7f"), "\"a\\\"b\\\\c\\n\\t\\r\\u0001\\u007f\"");
	check_escaped(str_bytes("\0x", 2), "\"\\u0000x\"");
}

TEST(bytes_that_are_no_utf8_are_replaced)
{
	check_escaped(STR("Größe \xf0\x9f\x90\x9f"), "\"Größe \xf0\x9f\x90\x9f\"");
	check_escaped(STR("\xff"), "\"\xef\xbf\xbd\"");
	check_escaped(STR("\xc0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");
	check_escaped(STR("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
	check_escaped(STR("\xe2\x82"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");
	check_escaped(STR("\xf4\x90\x80\x80"),
		      "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

TEST(a_full_buffer_is_no_complete_text)
{
	AUTO_BUF struct buf out = BUF_MAX(8);
	struct json j = json_begin(&out);

	json_open_object(&j, NULL);
	json_text(&j, "name", "long enough");
	json_close(&j);
	CHECK(!json_is_complete(&j));
}

TEST_MAIN()
