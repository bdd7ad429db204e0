/* A scribe: a thread that carries out orders in the order they were given, in batches.
 *
 * Whoever owns it gives orders on the loop; the thread takes all that wait at once, carries
 * them out, and hands them back, in order, to `finished` on the loop. An order is any struct
 * with a list link in it, owned by the giver before and after, by the thread in between.
 * Then the thread may tidy up (a checkpoint): at once, and again when it has been idle. */
#ifndef SHOAL_HOST_SCRIBE_H
#define SHOAL_HOST_SCRIBE_H

#include <stdatomic.h>
#include <uv.h>

#include "base/err.h"
#include "base/list.h"

struct loop;

struct scribe_work {
	void *self;
	/* In the thread: all orders that waited. */
	void (*carry_out)(void *self, struct list *orders);
	/* In the thread, after the orders were handed back, and after idle_ms without any. Returns
	 * true if it wants to be called when idle. May be NULL. */
	bool (*tidy)(void *self, bool is_idle);
	int idle_ms;
	/* On the loop. Empties the list. */
	void (*finished)(void *self, struct list *orders);
};

struct scribe {
	struct scribe_work work;
	uv_thread_t thread;
	uv_mutex_t lock;
	uv_cond_t wake;
	uv_async_t report;
	struct list waiting, done; /* under the lock */
	bool is_closing;           /* under the lock */
	atomic_bool is_hurried;    /* closing has begun: long work may stop half-way */
	void (*closed)(struct scribe *s);
};

/* The scribe must not move afterwards. */
bool scribe_start(struct scribe *s, struct loop *loop, const struct scribe_work *work,
		  struct err *e) MUST_CHECK;
void scribe_order(struct scribe *s, struct list *order);

/* For long orders, in the thread: is there reason to give up? */
static inline bool scribe_is_hurried(struct scribe *s)
{
	return atomic_load(&s->is_hurried);
}

/* Waits until all orders were carried out and the thread is gone, gives the last ones to
 * `finished`, and calls `closed` from the loop when the scribe's memory may go. */
void scribe_close(struct scribe *s, void (*closed)(struct scribe *s));

#endif
