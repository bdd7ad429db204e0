#include "wire/stdcopy.h"

#include "base/err.h"
#include "base/mem.h"
#include "test.h"

TEST(a_frame_is_eight_bytes_and_its_payload)
{
	AUTO_BUF struct buf out = BUF_MAX(100);

	stdcopy_write(&out, STDCOPY_STDERR, STR("hello"));
	CHECK_INT(out.len, 13);
	CHECK(memcmp(out.data, "\2\0\0\0\0\0\0\5hello", 13) == 0);
}

TEST(a_frame_that_does_not_fit_leaves_the_buffer_alone)
{
	AUTO_BUF struct buf out = BUF_MAX(10);

	stdcopy_write(&out, STDCOPY_STDOUT, STR("hello"));
	CHECK(out.overflow && out.len == 0);
}

TEST(frames_cut_anywhere_come_out_whole)
{
	static const char bytes[] = "\1\0\0\0\0\0\0\3abc\2\0\0\0\0\0\0\0\2\0\0\0\0\0\0\2de";

	for (size_t step = 1; step < sizeof(bytes); step++) {
		AUTO_BUF struct buf text = BUF_MAX(100);
		struct stdcopy_reader r = { 0 };
		enum stdcopy_stream stream;
		struct str payload;
		struct err e;

		for (size_t at = 0; at < sizeof(bytes) - 1; at += step) {
			size_t left = sizeof(bytes) - 1 - at;
			struct str in = str_bytes(bytes + at, left < step ? left : step);

			while (stdcopy_next(&r, &in, &stream, &payload, &e) == STDCOPY_DATA)
				buf_printf(&text, "%.*s", STR_FMT(payload));
		}
		CHECK_STR(text.data, "abcde");
		CHECK(stdcopy_is_between(&r) && stream == STDCOPY_STDERR);
	}
}

TEST(a_payload_of_four_gigabytes_needs_no_memory)
{
	struct str in = STR("\1\0\0\0\xff\xff\xff\xffxy"), payload;
	struct stdcopy_reader r = { 0 };
	enum stdcopy_stream stream;
	struct err e;

	CHECK(stdcopy_next(&r, &in, &stream, &payload, &e) == STDCOPY_DATA);
	CHECK(str_equal_c(payload, "xy") && r.left == UINT32_MAX - 2);
	CHECK(!stdcopy_is_between(&r));
}

TEST(bytes_that_are_no_header_are_refused)
{
	static const char *const bad[] = { "HTTP/1.1", "\4\0\0\0\0\0\0\1", "\1\0\1\0\0\0\0\1" };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct str in = str_bytes(bad[i], 8), payload;
		struct stdcopy_reader r = { 0 };
		enum stdcopy_stream stream;
		struct err e;

		CHECK(stdcopy_next(&r, &in, &stream, &payload, &e) == STDCOPY_FAILED &&
		      e.kind == ERR_INVALID);
	}
}

TEST_MAIN()
