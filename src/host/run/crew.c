#include "host/run/crew.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>
#include <uv.h>

#include "base/mem.h"
#include "host/loop.h"

#define STACK_BYTES (1 << 20)

struct crew {
	struct loop *loop;
	uv_async_t finished_some;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t more;
	struct list waiting[CREW_URGENCIES];
	struct list finished;
	bool is_ending;

	pthread_t threads[CREW_MAX];
	int thread_count;
};

static struct crew_job *take_next(struct crew *crew)
{
	for (int i = 0; i < CREW_URGENCIES; i++) {
		struct crew_job *job;

		if (list_is_empty(&crew->waiting[i]))
			continue;
		job = list_first(&crew->waiting[i], struct crew_job, link);
		list_remove(&job->link);
		return job;
	}
	return NULL;
}

static void *work_on(void *arg)
{
	struct crew *crew = arg;
	struct crew_job *job;

	pthread_mutex_lock(&crew->lock);
	while (true) {
		job = take_next(crew);
		if (job) {
			pthread_mutex_unlock(&crew->lock);
			job->work(job->self);
			pthread_mutex_lock(&crew->lock);
			list_push_back(&crew->finished, &job->link);
			uv_async_send(&crew->finished_some);
		} else if (crew->is_ending) {
			break;
		} else {
			pthread_cond_wait(&crew->more, &crew->lock);
		}
	}
	pthread_mutex_unlock(&crew->lock);
	return NULL;
}

static void report(struct crew *crew)
{
	struct list finished;
	struct crew_job *job;

	list_init(&finished);
	pthread_mutex_lock(&crew->lock);
	list_splice_back(&finished, &crew->finished);
	pthread_mutex_unlock(&crew->lock);
	list_each (&finished, struct crew_job, link, job) {
		list_remove(&job->link);
		job->done(job->self);
	}
}

static void on_finished(uv_async_t *handle)
{
	report(handle->data);
}

/* Signals are the loop's: no thread of the crew takes one. */
static bool start_threads(struct crew *crew, int count)
{
	pthread_attr_t attr;
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	while (crew->thread_count < count &&
	       pthread_create(&crew->threads[crew->thread_count], &attr, work_on, crew) == 0)
		crew->thread_count++;
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return crew->thread_count > 0;
}

bool crew_new(struct loop *loop, struct crew **out, struct err *e)
{
	struct crew *crew = NEW(struct crew);
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	int count = processors < 1 ? 2 : processors > CREW_MAX / 2 ? CREW_MAX : 2 * (int)processors;

	crew->loop = loop;
	pthread_mutex_init(&crew->lock, NULL);
	pthread_cond_init(&crew->more, NULL);
	for (int i = 0; i < CREW_URGENCIES; i++)
		list_init(&crew->waiting[i]);
	list_init(&crew->finished);
	uv_async_init(loop_uv(loop), &crew->finished_some, on_finished);
	crew->finished_some.data = crew;
	if (!start_threads(crew, count)) {
		crew_free(crew);
		return fail(e, ERR_EXHAUSTED, "no thread can be started");
	}
	*out = crew;
	return true;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void crew_free(struct crew *crew)
{
	if (!crew)
		return;
	pthread_mutex_lock(&crew->lock);
	crew->is_ending = true;
	pthread_cond_broadcast(&crew->more);
	pthread_mutex_unlock(&crew->lock);
	for (int i = 0; i < crew->thread_count; i++)
		pthread_join(crew->threads[i], NULL);
	report(crew);
	pthread_mutex_destroy(&crew->lock);
	pthread_cond_destroy(&crew->more);
	uv_close((uv_handle_t *)&crew->finished_some, on_closed);
}

void crew_add(struct crew *crew, enum crew_urgency urgency, struct crew_job *job)
{
	pthread_mutex_lock(&crew->lock);
	list_push_back(&crew->waiting[urgency], &job->link);
	pthread_cond_signal(&crew->more);
	pthread_mutex_unlock(&crew->lock);
}
