#include "host/loop.h"

#include <assert.h>
#include <stdio.h>
#include <time.h>

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "seam/input.h"

#define SLOW_TURN_MS 50

struct errand {
	struct list link;
	void *self;
	void (*run)(void *self);
};

struct job {
	uv_work_t request;
	void *self;
	void (*work)(void *self);
	void (*done)(void *self);
};

struct signal_listener {
	uv_signal_t handle;
	void *self;
	void (*run)(void *self, int signum);
};

struct loop {
	uv_loop_t uv;
	uv_prepare_t prepare;
	uv_idle_t idle; /* runs while something waits for the next iteration, so that it does not
			   sleep */
	uv_timer_t deadline;
	struct loop_config config;

	struct list posted, after_turn; /* struct errand */
	struct signal_listener signals[LOOP_SIGNALS_MAX];
	size_t signal_count;

	int64_t next_turn_ms;
	bool is_woken;
	bool is_in_turn;
};

static void run_errands(struct list *errands)
{
	struct list now;
	struct errand *it;

	list_init(&now);
	list_splice_back(&now, errands);
	list_each (&now, struct errand, link, it) {
		list_remove(&it->link);
		it->run(it->self);
		free(it);
	}
}

static void add_errand(struct list *errands, void *self, void (*run)(void *self))
{
	struct errand *errand = NEW(struct errand);

	errand->self = self;
	errand->run = run;
	list_push_back(errands, &errand->link);
}

static const char *const input_names[INPUT_KINDS] = {
	[INPUT_PEER] = "peer",       [INPUT_JOURNAL] = "journal", [INPUT_EXECUTOR] = "executor",
	[INPUT_KEYS] = "keys",       [INPUT_RUNTIME] = "runtime", [INPUT_NET] = "net",
	[INPUT_CONTENT] = "content",
};

static void log_slow_turn(const struct loop *loop, const unsigned counts[INPUT_KINDS],
			  int64_t took_ms)
{
	AUTO_BUF struct buf kinds = BUF_MAX(512);

	for (int kind = 0; kind < INPUT_KINDS; kind++) {
		if (!counts[kind])
			continue;
		if (input_names[kind])
			buf_printf(&kinds, " %s=%u", input_names[kind], counts[kind]);
		else
			buf_printf(&kinds, " kind%d=%u", kind, counts[kind]);
	}
	log_warn(loop->config.log, "loop", "a turn took %lld ms; it handled%s", (long long)took_ms,
		 kinds.len ? kinds.data : " no input");
}

static void run_turn(struct loop *loop)
{
	unsigned counts[INPUT_KINDS] = { 0 };
	struct now began = loop_now(loop);
	struct input *in;
	int64_t took_ms;

	list_each (&loop->config.inbox->queue, struct input, link, in)
		counts[in->kind]++;

	loop->is_woken = false;
	loop->is_in_turn = true;
	loop->next_turn_ms = loop->config.turn(loop->config.self, began);
	loop->is_in_turn = false;

	took_ms = loop_now(loop).mono_ms - began.mono_ms;
	if (took_ms > SLOW_TURN_MS)
		log_slow_turn(loop, counts, took_ms);
	run_errands(&loop->after_turn);
}

static bool is_turn_due(const struct loop *loop)
{
	return loop->is_woken || !list_is_empty(&loop->config.inbox->queue) ||
	       loop_now(loop).mono_ms >= loop->next_turn_ms;
}

static void on_nothing(uv_idle_t *idle)
{
	(void)idle;
}

static void on_deadline(uv_timer_t *timer)
{
	(void)timer; /* it only ends the sleep: the prepare handle looks at the clock */
}

static void plan_next(struct loop *loop)
{
	int64_t now_ms = loop_now(loop).mono_ms;
	bool must_not_sleep = loop->is_woken || !list_is_empty(&loop->posted) ||
			      !list_is_empty(&loop->config.inbox->queue) ||
			      loop->next_turn_ms <= now_ms;

	if (must_not_sleep)
		uv_idle_start(&loop->idle, on_nothing);
	else
		uv_idle_stop(&loop->idle);

	if (loop->next_turn_ms == NEVER_MS) {
		uv_timer_stop(&loop->deadline);
	} else if (!must_not_sleep) {
		uv_update_time(&loop->uv);
		uv_timer_start(&loop->deadline, on_deadline,
			       (uint64_t)(loop->next_turn_ms - now_ms), 0);
	}
}

static void on_prepare(uv_prepare_t *prepare)
{
	struct loop *loop = prepare->data;

	run_errands(&loop->posted);
	if (is_turn_due(loop))
		run_turn(loop);
	plan_next(loop);
}

bool loop_new(const struct loop_config *config, struct loop **out, struct err *e)
{
	struct loop *loop = NEW(struct loop);
	int status = uv_loop_init(&loop->uv);

	if (status != 0) {
		free(loop);
		return fail(e, ERR_INTERNAL, "event loop: %s", uv_strerror(status));
	}
	loop->config = *config;
	loop->is_woken = true; /* the first turn needs no reason */
	loop->next_turn_ms = NEVER_MS;
	list_init(&loop->posted);
	list_init(&loop->after_turn);

	uv_prepare_init(&loop->uv, &loop->prepare);
	loop->prepare.data = loop;
	uv_idle_init(&loop->uv, &loop->idle);
	uv_timer_init(&loop->uv, &loop->deadline);
	*out = loop;
	return true;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	uv_close((uv_handle_t *)&loop->prepare, NULL);
	uv_close((uv_handle_t *)&loop->idle, NULL);
	uv_close((uv_handle_t *)&loop->deadline, NULL);
	for (size_t i = 0; i < loop->signal_count; i++)
		uv_close((uv_handle_t *)&loop->signals[i].handle, NULL);
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	run_errands(&loop->after_turn);
	while (!list_is_empty(&loop->posted))
		run_errands(&loop->posted);
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	if (uv_loop_close(&loop->uv) != 0)
		abort();
	free(loop);
}

void loop_attend(struct loop *loop, struct inbox *inbox, void *self,
		 int64_t (*turn)(void *self, struct now now))
{
	loop->config.inbox = inbox;
	loop->config.self = self;
	loop->config.turn = turn;
}

void loop_run(struct loop *loop)
{
	assert(loop->config.inbox);
	uv_prepare_start(&loop->prepare, on_prepare);
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	uv_prepare_stop(&loop->prepare);
	uv_idle_stop(&loop->idle);
	uv_timer_stop(&loop->deadline);
}

void loop_stop(struct loop *loop)
{
	uv_stop(&loop->uv);
}

uv_loop_t *loop_uv(struct loop *loop)
{
	return &loop->uv;
}

struct inbox *loop_inbox(struct loop *loop)
{
	return loop->config.inbox;
}

const struct log *loop_log(const struct loop *loop)
{
	return loop->config.log;
}

struct now loop_now(const struct loop *loop)
{
	struct timespec wall;

	(void)loop;
	clock_gettime(CLOCK_REALTIME, &wall);
	return (struct now){
		.mono_ms = (int64_t)(uv_hrtime() / 1000000),
		.wall_ns = (int64_t)wall.tv_sec * 1000000000 + wall.tv_nsec,
	};
}

bool loop_is_in_turn(const struct loop *loop)
{
	return loop->is_in_turn;
}

void loop_wake(struct loop *loop)
{
	loop->is_woken = true;
}

void loop_post(struct loop *loop, void *self, void (*run)(void *self))
{
	add_errand(&loop->posted, self, run);
}

void loop_after_turn(struct loop *loop, void *self, void (*run)(void *self))
{
	add_errand(&loop->after_turn, self, run);
}

static void on_work(uv_work_t *request)
{
	struct job *job = request->data;

	job->work(job->self);
}

static void on_work_done(uv_work_t *request, int status)
{
	struct job *job = request->data;

	assert(status == 0); /* jobs are never cancelled */
	job->done(job->self);
	free(job);
}

void loop_job(struct loop *loop, void *self, void (*work)(void *self), void (*done)(void *self))
{
	struct job *job = NEW(struct job);

	job->request.data = job;
	job->self = self;
	job->work = work;
	job->done = done;
	if (uv_queue_work(&loop->uv, &job->request, on_work, on_work_done) != 0)
		abort();
}

static void on_signal(uv_signal_t *handle, int signum)
{
	struct signal_listener *listener = handle->data;

	listener->run(listener->self, signum);
}

void loop_on_signal(struct loop *loop, int signum, void *self, void (*run)(void *self, int signum))
{
	struct signal_listener *listener;

	assert(loop->signal_count < LOOP_SIGNALS_MAX);
	listener = &loop->signals[loop->signal_count++];
	listener->self = self;
	listener->run = run;
	uv_signal_init(&loop->uv, &listener->handle);
	listener->handle.data = listener;
	if (uv_signal_start(&listener->handle, on_signal, signum) != 0)
		abort();
	uv_unref((uv_handle_t *)&listener->handle);
}
