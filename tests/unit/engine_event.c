#include "engine_bench.h"

static struct bench b;

static void begin(void)
{
	bench_open(&b, 1);
	(void)bench_pull(&b, "busybox");
	(void)bench_create(&b, "c1", "top");
	(void)BENCH_ASK(&b, engine_container_start, "c1");
}

static const char *status(void)
{
	static char text[128];
	AUTO_BUF struct buf out = BUF_MAX(128);

	engine_container_status(bench_find(&b, "c1"), b.now, &out);
	snprintf(text, sizeof(text), "%s", out.data);
	return text;
}

TEST(who_comes_late_hears_the_past_that_is_kept)
{
	uint64_t t;
	int64_t since;

	begin();
	since = b.now.wall_ns;
	for (int i = 0; i < 200; i++) {
		(void)BENCH_ASK(&b, engine_container_pause, "c1");
		(void)BENCH_ASK(&b, engine_container_unpause, "c1");
	}
	t = bench_ticket(&b);
	b.events[0] = '\0';
	engine_events(b.engine, t, since, b.now.wall_ns, b.now);
	(void)bench_settle(&b);
	CHECK(bench_answer(&b, t)->kind == ENGINE_DONE);
	CHECK_INT(strlen(b.events),
		  128 * (strlen("container pause;") + strlen("container unpause;")));
	bench_close(&b);
}

TEST(a_subscription_ends_at_its_time_or_when_its_owner_goes)
{
	uint64_t timed, forgotten;

	begin();
	timed = bench_ticket(&b);
	engine_events(b.engine, timed, 0, b.now.wall_ns + 1000000000, b.now);
	forgotten = bench_ticket(&b);
	engine_events(b.engine, forgotten, 0, 0, b.now);
	engine_forget(b.engine, forgotten);
	bench_run(&b, 900);
	CHECK(!bench_answer(&b, timed));
	bench_run(&b, 200);
	CHECK(bench_answer(&b, timed)->kind == ENGINE_DONE);
	b.events[0] = '\0';
	(void)BENCH_ASK(&b, engine_container_kill, "c1", "USR1");
	CHECK_STR(b.events, "container kill;"); /* the bench's own alone */
	bench_close(&b);
}

TEST(the_status_column_speaks_as_docker_does)
{
	begin();
	CHECK_STR(status(), "Up Less than a second");
	bench_run(&b, 2000);
	CHECK_STR(status(), "Up 2 seconds");
	bench_run(&b, 60000);
	CHECK_STR(status(), "Up About a minute");
	(void)BENCH_ASK(&b, engine_container_pause, "c1");
	bench_run(&b, 3 * 60000);
	CHECK_STR(status(), "Up 4 minutes (Paused)");
	(void)BENCH_ASK(&b, engine_container_kill, "c1", "");
	bench_run(&b, 50 * 60000);
	CHECK_STR(status(), "Exited (137) 50 minutes ago");
	bench_run(&b, 3 * 3600000);
	CHECK_STR(status(), "Exited (137) 4 hours ago");
	bench_run(&b, INT64_C(5) * 24 * 3600000);
	CHECK_STR(status(), "Exited (137) 5 days ago");
	bench_run(&b, INT64_C(30) * 24 * 3600000);
	CHECK_STR(status(), "Exited (137) 5 weeks ago");
	bench_close(&b);
}

TEST_MAIN()
