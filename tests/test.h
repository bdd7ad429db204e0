/* A test is a small story with one point: its name is a sentence that is true.
 *
 * TEST(name) { ... CHECK(condition); ... } in a file, TEST_MAIN() at its end. A failed CHECK
 * ends that test and is printed with its place; the others run on. `prog NAME...` runs only
 * those named. The last line is what a reader (or a machine) counts: "N passed, N failed". */
#ifndef SHOAL_TESTS_TEST_H
#define SHOAL_TESTS_TEST_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct test {
	const char *name;
	void (*run)(void);
	struct test *next;
};

static struct test *test_first, **test_last = &test_first;
static jmp_buf test_end;

#define TEST(name)                                                                                 \
	static void name(void);                                                                    \
	static struct test test_##name = { #name, name, NULL };                                    \
	__attribute__((constructor)) static void add_##name(void)                                  \
	{                                                                                          \
		*test_last = &test_##name;                                                         \
		test_last = &test_##name.next;                                                     \
	}                                                                                          \
	static void name(void)

#define TEST_FAIL(...)                                                                             \
	do {                                                                                       \
		printf("  %s:%d: ", __FILE__, __LINE__);                                           \
		printf(__VA_ARGS__);                                                               \
		printf("\n");                                                                      \
		longjmp(test_end, 1);                                                              \
	} while (0)

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			TEST_FAIL("not true: %s", #condition);                                     \
	} while (0)

#define CHECK_INT(got, want)                                                                       \
	do {                                                                                       \
		long long _got = (long long)(got), _want = (long long)(want);                      \
		if (_got != _want)                                                                 \
			TEST_FAIL("%s is %lld, not %lld", #got, _got, _want);                      \
	} while (0)

#define CHECK_STR(got, want)                                                                       \
	do {                                                                                       \
		const char *_got = (got), *_want = (want);                                         \
		if (!_got || strcmp(_got, _want) != 0)                                             \
			TEST_FAIL("%s is \"%s\", not \"%s\"", #got, _got ? _got : "(null)",        \
				  _want);                                                          \
	} while (0)

static bool test_is_wanted(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return true;
	return argc < 2;
}

/* A function of its own, so that no local of the caller lives across the jump. */
static bool test_passes(const struct test *t)
{
	if (setjmp(test_end))
		return false;
	t->run();
	return true;
}

static int test_run_all(int argc, char **argv)
{
	int passed = 0, failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (struct test *t = test_first; t; t = t->next) {
		if (!test_is_wanted(t->name, argc, argv))
			continue;
		if (test_passes(t)) {
			passed++;
		} else {
			printf("FAILED %s\n", t->name);
			failed++;
		}
	}
	printf("%d passed, %d failed\n", passed, failed);
	return failed != 0 || passed == 0;
}

#define TEST_MAIN()                                                                                \
	int main(int argc, char **argv)                                                            \
	{                                                                                          \
		return test_run_all(argc, argv);                                                   \
	}

#endif
