#include "base/arena.h"

#include "test.h"

TEST(memory_is_zeroed_aligned_and_lives_until_the_reset)
{
	struct arena a = { 0 };
	char *first = arena_strdup(&a, "first");

	for (int i = 1; i < 3000; i++) {
		unsigned char *p = arena_alloc(&a, (size_t)i);

		CHECK(((uintptr_t)p % _Alignof(max_align_t)) == 0);
		for (int k = 0; k < i; k++)
			CHECK(p[k] == 0);
		memset(p, 0xff, (size_t)i);
	}
	CHECK_STR(first, "first");
	CHECK_STR(arena_printf(&a, "%s-%d", "x", 7), "x-7");
	arena_reset(&a);
	CHECK_INT(a.used_bytes, 0);
	CHECK(*(char *)arena_alloc(&a, 1) == 0);
	arena_clear(&a);
}

TEST_MAIN()
