#include "api/detach_keys.h"

#include "base/err.h"

#include "test.h"

TEST(without_a_choice_they_are_ctrl_p_and_ctrl_q)
{
	struct detach_keys k;
	struct err e;

	CHECK(detach_keys_read("", &k, &e) && k.count == 2 && k.bytes[0] == 16 && k.bytes[1] == 17);
}

TEST(keys_are_letters_or_go_with_ctrl)
{
	struct detach_keys k;
	struct err e;

	CHECK(detach_keys_read("a,ctrl-@,ctrl-[,ctrl-_,DEL", &k, &e) && k.count == 5);
	CHECK(k.bytes[0] == 'a' && k.bytes[1] == 0 && k.bytes[2] == 27 && k.bytes[3] == 31 &&
	      k.bytes[4] == 127);
}

TEST(other_words_and_too_many_are_refused)
{
	static const char *const bad[] = { "ctrl-A", "ctrl-", "ctrl-aa",
					   "a,,b",   "alt-x", "a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a" };
	struct detach_keys k;
	struct err e;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(!detach_keys_read(bad[i], &k, &e));
	CHECK(!detach_keys_read("alt-x", &k, &e));
	CHECK_STR(e.text, "Invalid detach keys (alt-x) provided");
}

TEST_MAIN()
