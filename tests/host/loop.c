#include "host/loop.h"

#include <signal.h>
#include <time.h>

#include "base/log.h"
#include "seam/input.h"
#include "test.h"

/* A mind that counts its turns and does what the test tells it. */
struct mind {
	struct inbox box;
	struct log log;
	struct loop *loop;
	int turns, inputs, posted, jobs, after_turn, signals;
	int64_t answer_ms; /* what turn() returns, relative to now; NEVER_MS */
	int stop_at_turn;
	int64_t turn_at_ms[16];
	char last_line[256];
	void (*act)(struct mind *m);
};

static void keep_line(void *self, enum log_level level, const char *room, const char *text)
{
	struct mind *m = self;

	(void)level;
	(void)snprintf(m->last_line, sizeof(m->last_line), "%s: %s", room, text);
}

static int64_t think(void *self, struct now now)
{
	struct mind *m = self;
	struct input *in;

	if (m->turns < 16)
		m->turn_at_ms[m->turns] = now.mono_ms;
	m->turns++;
	list_each (&m->box.queue, struct input, link, in)
		m->inputs += in->kind < INPUT_KINDS;
	inbox_empty(&m->box);
	if (m->act)
		m->act(m);
	if (m->turns == m->stop_at_turn)
		loop_stop(m->loop);
	return m->answer_ms == NEVER_MS ? NEVER_MS : now.mono_ms + m->answer_ms;
}

static void begin(struct mind *m)
{
	struct loop_config config = { .inbox = &m->box, .self = m, .turn = think, .log = &m->log };
	struct err e;

	inbox_init(&m->box);
	m->log = (struct log){ .self = m, .level = LOG_WARN, .line = keep_line };
	m->answer_ms = NEVER_MS;
	CHECK(loop_new(&config, &m->loop, &e));
}

static void end(struct mind *m)
{
	loop_free(m->loop);
	inbox_clear(&m->box);
}

TEST(a_deadline_wakes_the_mind_and_not_before)
{
	struct mind m = { 0 };

	begin(&m);
	m.answer_ms = 20;
	m.stop_at_turn = 4;
	loop_run(m.loop);

	CHECK_INT(m.turns, 4);
	for (int i = 1; i < 4; i++)
		CHECK(m.turn_at_ms[i] - m.turn_at_ms[i - 1] >= 20);
	end(&m);
}

static void add_later_in_turn(struct mind *m)
{
	if (m->turns < 3)
		inbox_add(&m->box, INPUT_PEER, 1);
}

TEST(a_fact_left_in_the_inbox_is_handled_without_sleep)
{
	struct mind m = { 0 };

	begin(&m);
	m.act = add_later_in_turn;
	m.stop_at_turn = 3;
	loop_run(m.loop);

	CHECK_INT(m.inputs, 2);
	end(&m);
}

static void on_posted(void *self)
{
	struct mind *m = self;

	m->posted++;
	CHECK(!loop_is_in_turn(m->loop));
	inbox_add(&m->box, INPUT_KEYS, 7);
}

static void post_once(struct mind *m)
{
	CHECK(loop_is_in_turn(m->loop));
	if (m->turns == 1)
		loop_post(m->loop, m, on_posted);
	CHECK_INT(m->posted, m->turns - 1);
}

TEST(what_is_posted_in_a_turn_runs_after_it)
{
	struct mind m = { 0 };

	begin(&m);
	m.act = post_once;
	m.stop_at_turn = 2;
	loop_run(m.loop);

	CHECK_INT(m.posted, 1);
	CHECK_INT(m.inputs, 1);
	end(&m);
}

static void on_after_turn(void *self)
{
	struct mind *m = self;

	m->after_turn = m->turns;
}

static void ask_after_turn(struct mind *m)
{
	CHECK_INT(m->after_turn, 0);
	loop_after_turn(m->loop, m, on_after_turn);
}

TEST(after_a_turn_comes_what_waited_for_it)
{
	struct mind m = { 0 };

	begin(&m);
	m.act = ask_after_turn;
	m.stop_at_turn = 1;
	loop_run(m.loop);

	CHECK_INT(m.after_turn, 1);
	end(&m);
}

static void work(void *self)
{
	struct mind *m = self;

	m->jobs++;
}

static void done(void *self)
{
	struct mind *m = self;

	m->jobs += 10;
	loop_wake(m->loop);
}

static void start_job(struct mind *m)
{
	if (m->turns == 1)
		loop_job(m->loop, m, work, done);
}

TEST(a_job_reports_on_the_loop)
{
	struct mind m = { 0 };

	begin(&m);
	m.act = start_job;
	m.stop_at_turn = 2;
	loop_run(m.loop);

	CHECK_INT(m.jobs, 11);
	end(&m);
}

static void on_signal(void *self, int signum)
{
	struct mind *m = self;

	m->signals = signum;
	loop_wake(m->loop);
}

static void raise_usr1(struct mind *m)
{
	if (m->turns == 1)
		raise(SIGUSR1);
}

TEST(a_signal_is_heard_on_the_loop)
{
	struct mind m = { 0 };

	begin(&m);
	loop_on_signal(m.loop, SIGUSR1, &m, on_signal);
	m.act = raise_usr1;
	m.stop_at_turn = 2;
	loop_run(m.loop);

	CHECK_INT(m.signals, SIGUSR1);
	end(&m);
}

static void dawdle(struct mind *m)
{
	struct timespec pause = { .tv_nsec = 60 * 1000000 };

	(void)m;
	nanosleep(&pause, NULL);
}

TEST(a_slow_turn_is_logged_with_what_it_handled)
{
	struct mind m = { 0 };

	begin(&m);
	inbox_add(&m.box, INPUT_PEER, 1);
	inbox_add(&m.box, INPUT_PEER, 2);
	inbox_add(&m.box, INPUT_JOURNAL, 3);
	m.act = dawdle;
	m.stop_at_turn = 1;
	loop_run(m.loop);

	CHECK(strstr(m.last_line, "loop: a turn took "));
	CHECK(strstr(m.last_line, "it handled peer=2 journal=1"));
	end(&m);
}

TEST(a_loop_with_nothing_to_do_sleeps)
{
	struct mind m = { 0 };
	struct timespec before, after;

	begin(&m);
	m.answer_ms = 200;
	m.stop_at_turn = 2;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	loop_run(m.loop);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);

	CHECK((after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000 <
	      50);
	end(&m);
}

TEST_MAIN()
