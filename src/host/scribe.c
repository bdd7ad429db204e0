#include "host/scribe.h"

#include <signal.h>

#include "host/loop.h"

static void hand_back(struct scribe *s, struct list *orders)
{
	uv_mutex_lock(&s->lock);
	list_splice_back(&s->done, orders);
	uv_mutex_unlock(&s->lock);
	uv_async_send(&s->report);
}

/* With the lock held. False when there is nothing left to do, ever. */
static bool wait_for_orders(struct scribe *s, bool *wants_idle)
{
	while (list_is_empty(&s->waiting) && !s->is_closing) {
		if (!*wants_idle) {
			uv_cond_wait(&s->wake, &s->lock);
			continue;
		}
		if (uv_cond_timedwait(&s->wake, &s->lock, (uint64_t)s->work.idle_ms * 1000000) == 0)
			continue;
		uv_mutex_unlock(&s->lock);
		*wants_idle = s->work.tidy(s->work.self, true);
		uv_mutex_lock(&s->lock);
	}
	return !list_is_empty(&s->waiting);
}

static void run(void *self)
{
	struct scribe *s = self;
	bool wants_idle = s->work.tidy != NULL;
	struct list batch;
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	list_init(&batch);
	uv_mutex_lock(&s->lock);
	while (wait_for_orders(s, &wants_idle)) {
		list_splice_back(&batch, &s->waiting);
		uv_mutex_unlock(&s->lock);
		s->work.carry_out(s->work.self, &batch);
		hand_back(s, &batch);
		if (s->work.tidy)
			wants_idle = s->work.tidy(s->work.self, false);
		uv_mutex_lock(&s->lock);
	}
	uv_mutex_unlock(&s->lock);
}

static void on_report(uv_async_t *report)
{
	struct scribe *s = report->data;
	struct list done;

	list_init(&done);
	uv_mutex_lock(&s->lock);
	list_splice_back(&done, &s->done);
	uv_mutex_unlock(&s->lock);
	if (!list_is_empty(&done))
		s->work.finished(s->work.self, &done);
}

bool scribe_start(struct scribe *s, struct loop *loop, const struct scribe_work *work,
		  struct err *e)
{
	int status;

	*s = (struct scribe){ .work = *work };
	list_init(&s->waiting);
	list_init(&s->done);
	if (uv_mutex_init(&s->lock) != 0 || uv_cond_init(&s->wake) != 0)
		abort();
	status = uv_thread_create(&s->thread, run, s);
	if (status != 0)
		return fail(e, ERR_EXHAUSTED, "start a thread: %s", uv_strerror(status));

	/* Only an order makes the thread report, and none can have come yet. */
	if (uv_async_init(loop_uv(loop), &s->report, on_report) != 0)
		abort();
	s->report.data = s;
	return true;
}

void scribe_order(struct scribe *s, struct list *order)
{
	uv_mutex_lock(&s->lock);
	list_push_back(&s->waiting, order);
	uv_cond_signal(&s->wake);
	uv_mutex_unlock(&s->lock);
}

static void on_closed(uv_handle_t *handle)
{
	struct scribe *s = handle->data;

	s->closed(s);
}

void scribe_close(struct scribe *s, void (*closed)(struct scribe *s))
{
	atomic_store(&s->is_hurried, true);
	uv_mutex_lock(&s->lock);
	s->is_closing = true;
	uv_cond_signal(&s->wake);
	uv_mutex_unlock(&s->lock);
	uv_thread_join(&s->thread);
	on_report(&s->report);

	uv_mutex_destroy(&s->lock);
	uv_cond_destroy(&s->wake);
	s->closed = closed;
	uv_close((uv_handle_t *)&s->report, on_closed);
}
