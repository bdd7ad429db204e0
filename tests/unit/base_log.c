#include "base/log.h"

#include "test.h"

static char last[256];

static void keep(void *self, enum log_level level, const char *room, const char *text)
{
	(void)self;
	snprintf(last, sizeof(last), "%s %s %s", log_level_name(level), room, text);
}

TEST(lines_above_the_level_are_not_written)
{
	struct log log = { .level = LOG_INFO, .line = keep };

	log_info(&log, "raft", "term %d", 7);
	CHECK_STR(last, "info raft term 7");
	log_debug(&log, "raft", "term %d", 8);
	CHECK_STR(last, "info raft term 7");
}

TEST(levels_have_names)
{
	enum log_level level;

	CHECK(log_level_parse("warn", &level) && level == LOG_WARN);
	CHECK(!log_level_parse("loud", &level));
}

TEST_MAIN()
