#include "wire/record.h"

#include "base/mem.h"
#include "test.h"

TEST(what_is_written_is_read_in_order)
{
	AUTO_RECORD struct record_writer w = { 0 };
	struct str name, value;
	struct record r;
	struct err e;
	size_t used, at = 0;

	record_begin(&w);
	record_add_c(&w, "op", "pull");
	record_add(&w, "bytes", str_bytes("a\0b", 3));
	record_add_i64(&w, "size", -5);
	record_add_c(&w, "op", "again");
	record_add_c(&w, "absent", NULL);
	CHECK(record_end(&w, &e));

	CHECK(record_parse(buf_str(&w.bytes), &r, &used, &e));
	CHECK_INT(used, w.bytes.len);
	CHECK(str_equal_c(record_get(&r, "op"), "pull"));
	CHECK_INT(record_get(&r, "bytes").len, 3);
	CHECK_INT(record_get_i64(&r, "size", 0), -5);
	CHECK_INT(record_count(&r, "op"), 2);
	CHECK(!record_has(&r, "absent"));
	for (int i = 0; i < 3; i++)
		CHECK(record_next(&r, &at, &name, &value));
	CHECK(record_next(&r, &at, &name, &value) && str_equal_c(value, "again"));
	CHECK(!record_next(&r, &at, &name, &value));
}

TEST(every_beginning_of_a_frame_asks_for_more)
{
	AUTO_RECORD struct record_writer w = { 0 };
	struct record r;
	struct err e;
	size_t used;

	record_begin(&w);
	record_add_c(&w, "name", "value");
	CHECK(record_end(&w, &e));
	for (size_t n = 0; n < w.bytes.len; n++) {
		CHECK(record_parse(str_bytes(w.bytes.data, n), &r, &used, &e));
		CHECK_INT(used, 0);
	}
}

TEST(a_value_with_a_nul_is_no_text)
{
	AUTO_RECORD struct record_writer w = { 0 };
	struct record r;
	struct err e;
	size_t used;

	record_begin(&w);
	record_add(&w, "a", str_bytes("x\0y", 3));
	record_add_c(&w, "b", "");
	CHECK(record_end(&w, &e) && record_parse(buf_str(&w.bytes), &r, &used, &e));
	CHECK(record_dup(&r, "a") == NULL);
	AUTO_FREE char *b = record_dup(&r, "b");
	CHECK_STR(b, "");
}

TEST(broken_frames_are_refused)
{
	static const struct {
		const char *bytes;
		size_t len;
	} cases[] = {
		{ "\xff\xff\xff\xff", 4 },     /* too long */
		{ "\0\0\0\1\0", 5 },           /* a name of no letters */
		{ "\0\0\0\2\1a", 6 },          /* no value */
		{ "\0\0\0\6\1A\0\0\0\0", 10 }, /* a capital */
		{ "\0\0\0\6\1a\0\0\0\1", 10 }, /* the value is behind the end */
		{ "\0\0\0\6\1a\xff\xff\xff\xff", 10 },
	};
	struct record r;
	struct err e;
	size_t used;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK(!record_parse(str_bytes(cases[i].bytes, cases[i].len), &r, &used, &e));
}

TEST(a_record_stops_at_its_maximum)
{
	AUTO_RECORD struct record_writer w = { 0 };
	AUTO_FREE char *big = xcalloc(1, RECORD_MAX);
	struct err e;

	record_begin(&w);
	record_add(&w, "a", str_bytes(big, RECORD_MAX));
	CHECK(!record_end(&w, &e));
	CHECK_INT(e.kind, ERR_EXHAUSTED);
}

TEST_MAIN()
