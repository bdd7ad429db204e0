#include "swarm/logs/heard.h"

#include "base/mem.h"
#include "test.h"

enum { FIRST = 1, SECOND = 2 };

static bool hears(struct heard_tasks *h, uint64_t publisher, const char *task, int64_t second,
		  const char *text)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__LogMessage *line = PB_NEW(&a, log_message);

	line->context->task_id = (char *)task;
	line->timestamp = PB_NEW(&a, timestamp);
	line->timestamp->seconds = second;
	line->data.data = (uint8_t *)text;
	line->data.len = strlen(text);
	return heard_is_new(h, line, publisher);
}

static bool is_there(const void *self, const char *task_id)
{
	return strcmp(self, task_id) == 0;
}

TEST(lines_of_one_publisher_are_all_new)
{
	struct heard_tasks h;

	heard_init(&h);
	CHECK(hears(&h, FIRST, "t", 10, "a"));
	CHECK(hears(&h, FIRST, "t", 10, "a"));
	CHECK(hears(&h, FIRST, "t", 9, "the clock went back"));
	heard_clear(&h);
}

TEST(who_begins_anew_is_heard_from_where_the_other_stopped)
{
	struct heard_tasks h;

	heard_init(&h);
	CHECK(hears(&h, FIRST, "t", 1, "a"));
	CHECK(hears(&h, FIRST, "t", 2, "b"));
	CHECK(hears(&h, FIRST, "t", 2, "c"));

	CHECK(!hears(&h, SECOND, "t", 1, "a"));
	CHECK(!hears(&h, SECOND, "t", 2, "b"));
	CHECK(!hears(&h, SECOND, "t", 2, "c"));
	CHECK(hears(&h, SECOND, "t", 2, "d"));
	CHECK(hears(&h, SECOND, "t", 3, "e"));
	heard_clear(&h);
}

TEST(a_tail_may_have_begun_amid_lines_of_one_moment)
{
	struct heard_tasks h;

	heard_init(&h);
	CHECK(hears(&h, FIRST, "t", 2, "c"));

	CHECK(!hears(&h, SECOND, "t", 2, "a"));
	CHECK(!hears(&h, SECOND, "t", 2, "b"));
	CHECK(!hears(&h, SECOND, "t", 2, "c"));
	CHECK(hears(&h, SECOND, "t", 2, "d"));
	heard_clear(&h);
}

TEST(what_comes_late_from_the_one_before_is_not_new)
{
	struct heard_tasks h;

	heard_init(&h);
	CHECK(hears(&h, FIRST, "t", 1, "a"));
	CHECK(!hears(&h, SECOND, "t", 1, "a"));
	CHECK(hears(&h, SECOND, "t", 2, "b"));
	CHECK(hears(&h, SECOND, "t", 3, "c"));

	CHECK(!hears(&h, FIRST, "t", 2, "b"));
	CHECK(!hears(&h, FIRST, "t", 3, "c"));
	CHECK(hears(&h, SECOND, "t", 4, "d"));
	heard_clear(&h);
}

TEST(tasks_are_told_apart)
{
	struct heard_tasks h;
	int64_t ns;

	heard_init(&h);
	CHECK(hears(&h, FIRST, "t", 5, "a"));
	CHECK(hears(&h, SECOND, "u", 1, "a"));
	CHECK(heard_last(&h, "t", &ns) && ns == INT64_C(5000000000));
	CHECK(!heard_last(&h, "v", &ns));
	heard_clear(&h);
}

TEST(of_a_task_that_is_gone_nobody_has_news)
{
	struct heard_tasks h;

	heard_init(&h);
	CHECK(hears(&h, FIRST, "t", 1, "a"));
	CHECK(hears(&h, FIRST, "u", 1, "a"));
	heard_begin_anew(&h, is_there, "u");

	CHECK(!hears(&h, SECOND, "t", 2, "b"));
	CHECK(hears(&h, SECOND, "u", 2, "b"));
	heard_clear(&h);
}

TEST(the_most_silent_is_forgotten_when_there_are_too_many)
{
	struct heard_tasks h;
	char name[16];
	int64_t ns;

	heard_init(&h);
	for (int i = 0; i <= HEARD_MAX; i++) {
		snprintf(name, sizeof(name), "t%d", i);
		CHECK(hears(&h, FIRST, name, 10 + i, "a"));
	}
	CHECK(!heard_last(&h, "t0", &ns));
	CHECK(heard_last(&h, "t1", &ns));
	heard_clear(&h);
}

TEST_MAIN()
