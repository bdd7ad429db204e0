/* The loop: the one thread in which the mind thinks and every hand reports.
 *
 * Each iteration first calls what was posted, then runs a turn if there is a reason: a fact
 * in the inbox, a wake, or the deadline that the last turn returned. What blocks (files,
 * handshakes, name look-ups) is a job: its `work` runs in another thread and touches nothing
 * but its own input and output, its `done` runs on the loop.
 *
 * Facts go into the inbox outside a turn: from callbacks of the loop, from `done`, from what
 * was posted. A hand that knows a call's outcome at once posts it; it never answers inside
 * the call. A turn of more than 50 ms is logged with the kinds of input it handled. */
#ifndef SHOAL_HOST_LOOP_H
#define SHOAL_HOST_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "base/now.h"

struct inbox;
struct log;
struct loop;

struct loop_config {
	struct inbox *inbox;
	void *self; /* given back to turn() */
	int64_t (*turn)(void *self, struct now now);
	const struct log *log;
};

/* Everything pointed at outlives the loop. The inbox may follow: see loop_attend(). Fails when the
 * system gives no event queue. */
bool loop_new(const struct loop_config *config, struct loop **loop, struct err *e) MUST_CHECK;
/* Runs what is left (jobs under way, closing handles) and frees. The hands have begun to close
 * their handles before; one that has not is a mistake, and never returns. */
void loop_free(struct loop *loop);

/* Whose turns are run, from which inbox; before loop_run(). For a mind that already gives commands
 * when it is made: its hands, and their loop, must be there before it. */
void loop_attend(struct loop *loop, struct inbox *inbox, void *self,
		 int64_t (*turn)(void *self, struct now now));

/* Run until loop_stop(). May be called again. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

uv_loop_t *loop_uv(struct loop *loop);
struct inbox *loop_inbox(struct loop *loop);
const struct log *loop_log(const struct loop *loop);
struct now loop_now(const struct loop *loop);
bool loop_is_in_turn(const struct loop *loop);

/* Run a turn soon, whatever the inbox holds. */
void loop_wake(struct loop *loop);

/* Call `run` from the loop, outside any turn and after the caller has returned; in order. */
void loop_post(struct loop *loop, void *self, void (*run)(void *self));
/* Call `run` once, after the next turn: what a fact of that turn points at may go then. */
void loop_after_turn(struct loop *loop, void *self, void (*run)(void *self));

/* `work` in another thread, then `done` on the loop. At most four run at once, in order of
 * arrival; the caller bounds how many it has waiting. */
void loop_job(struct loop *loop, void *self, void (*work)(void *self), void (*done)(void *self));

/* At most LOOP_SIGNALS_MAX signals can be listened to; each has one listener. */
#define LOOP_SIGNALS_MAX 8
void loop_on_signal(struct loop *loop, int signum, void *self, void (*run)(void *self, int signum));

#endif
