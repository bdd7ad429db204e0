/* The life of a started container: signals, stop, pause, its end, and what the restart policy makes
 * of it. */
#include <stdio.h>

#include "engine/config.h"
#include "engine/inside.h"
#include "engine/ocispec.h"
#include "engine/signal.h"

#define BACKOFF_FIRST_MS    100
#define BACKOFF_MAX_MS      60000
#define BACKOFF_FORGIVEN_MS 10000 /* who ran that long begins anew */
#define KILL_PATIENCE_MS    10000
#define STOP_TIMEOUT_S      10

/* --- the end of a run --- */

static bool is_policy(const struct container *c, const char *name)
{
	return strcmp(c->record->host_config->restart_policy->name, name) == 0;
}

bool container_should_restart(const struct container *c, int64_t exit_code)
{
	int64_t max = c->record->host_config->restart_policy->maximum_retry_count;

	if (c->was_told_to_stop)
		return false;
	if (is_policy(c, "always"))
		return true;
	if (is_policy(c, "unless-stopped"))
		return !c->record->was_stopped;
	return is_policy(c, "on-failure") && exit_code != 0 && (max == 0 || c->failures < max);
}

static void on_restart_due(struct engine *e, struct timer *t)
{
	struct container *c = container_of(t, struct container, restart_timer);

	if (c->step != STEP_IDLE)
		timer_set(e, t, on_restart_due, BACKOFF_FIRST_MS);
	else if (c->state == PB__CONTAINER__STATE__RESTARTING)
		container_start_now(e, c, 0);
}

void container_restart_later(struct engine *e, struct container *c)
{
	c->backoff_ms = c->backoff_ms ? 2 * c->backoff_ms : BACKOFF_FIRST_MS;
	if (c->backoff_ms > BACKOFF_MAX_MS)
		c->backoff_ms = BACKOFF_MAX_MS;
	timer_set(e, &c->restart_timer, on_restart_due, c->backoff_ms);
}

static struct waiter *find_waiter(struct container *c, enum waiter_kind kind)
{
	struct waiter *w;

	list_each (&c->waiters, struct waiter, link, w)
		if (w->kind == kind)
			return w;
	return NULL;
}

static void answer_wait(struct engine *e, const struct container *c, uint64_t asker)
{
	struct engine_answer *a = answer_new(e, asker, ENGINE_DONE, true);

	a->exit_code = c->record->exit_code;
	if (c->record->error[0])
		a->wait_error = arena_strdup(&e->answer_memory, c->record->error);
}

static bool waits_for_exit(const struct waiter *w, bool has_run)
{
	return w->condition == ENGINE_WAIT_NOT_RUNNING ||
	       (w->condition == ENGINE_WAIT_NEXT_EXIT && has_run);
}

void container_tell_stopped(struct engine *e, struct container *c, bool has_run)
{
	struct waiter *w;

	list_each (&c->waiters, struct waiter, link, w) {
		if (w->kind == WAITER_STOPPED)
			answer_done(e, w->asker);
		else if (w->kind == WAITER_WAIT && waits_for_exit(w, has_run))
			answer_wait(e, c, w->asker);
		else
			continue;
		list_remove(&w->link);
		free(w);
	}
}

static void run_start_again(struct engine *e, struct container *c, struct request *r)
{
	if (container_has_process(c))
		answer_done(e, r->asker);
	else
		container_start_now(e, c, r->asker);
}

/* Who asked for a restart or a removal has waited for this; it comes before what was asked later.
 */
static bool go_on_with_waiters(struct engine *e, struct container *c)
{
	struct waiter *remove = find_waiter(c, WAITER_REMOVE),
		      *restart = find_waiter(c, WAITER_RESTART);
	struct waiter *w = remove ? remove : restart;

	if (!w)
		return false;
	list_remove(&w->link);
	if (remove)
		container_remove_soon(e, c, w->asker, w->remove);
	else
		request_add_first(c, w->asker, run_start_again);
	free(w);
	return true;
}

static void note_end(struct engine *e, struct container *c, int64_t exit_code, bool oom,
		     int64_t at_ns)
{
	char code[16];

	timer_stop(e, &c->stop_timer);
	if (c->net_asker) {
		ANSWER_FAIL(e, c->net_asker, ERR_CONFLICT, "Container %s is not running",
			    c->record->id);
		c->net_asker = 0;
		container_step(e, c, STEP_IDLE);
	}
	health_end(e, c);
	execs_end(e, c);
	c->record->exit_code = exit_code;
	c->record->oom_killed = oom;
	c->record->finished_ns = at_ns;
	c->record->pid = 0;
	c->failures = exit_code == 0 ? 0 : c->failures + 1;
	if (e->now.mono_ms - c->running_since_ms >= BACKOFF_FORGIVEN_MS) {
		c->backoff_ms = 0;
		c->failures = exit_code != 0;
	}
	snprintf(code, sizeof(code), "%lld", (long long)exit_code);
	event_container_with(e, c, "die", "exitCode", code, NULL);
	endpoints_release(e, c);
}

void container_exited(struct engine *e, struct container *c, int64_t exit_code, bool oom,
		      int64_t at_ns)
{
	/* Counted as it was before this end: "3" allows three restarts. */
	bool restarts = container_should_restart(c, exit_code) && !find_waiter(c, WAITER_REMOVE) &&
			!find_waiter(c, WAITER_RESTART);

	note_end(e, c, exit_code, oom, at_ns);
	if (restarts) {
		c->record->restart_count++;
		container_move(e, c, PB__CONTAINER__STATE__RESTARTING);
		container_restart_later(e, c);
		requests_run(e, c);
		return;
	}
	c->backoff_ms = 0;
	container_move(e, c, PB__CONTAINER__STATE__EXITED);
	if (c->was_told_to_stop)
		event_container(e, c, "stop");
	container_tell_stopped(e, c, true);
	container_release_root(e, c);
	if (!go_on_with_waiters(e, c) && c->record->host_config->auto_remove)
		container_remove_soon(e, c, 0, (struct engine_remove){ .volumes = true });
	requests_run(e, c);
}

/* --- signals --- */

/* A signal that ends nothing is all there is to say; the end itself comes as EXITED. */
static void signalled(struct engine *e, struct call *call, const struct input *in)
{
	struct container *c = container_by_id(e, call->object);
	struct err err;

	if (call_failed(in, &err) && err.kind != ERR_CONFLICT)
		log_warn(e->config.log, "engine", "signal to %s: %s",
			 c ? c->record->name : call->object, err.text);
}

void container_signal(struct engine *e, struct container *c, int signum)
{
	const struct runtime *runtime = e->seams.runtime;
	char number[16];

	snprintf(number, sizeof(number), "%d", signum);
	runtime->signal(runtime->self, call_new(e, signalled, c->record->id, 0)->ticket,
			c->record->id, signum);
	event_container_with(e, c, "kill", "signal", number, NULL);
}

static void on_kill_due(struct engine *e, struct timer *t)
{
	struct container *c = container_of(t, struct container, stop_timer);

	if (!container_has_process(c))
		return;
	log_info(e->config.log, "engine", "%s did not stop in time: killing it", c->record->name);
	container_signal(e, c, SIGNAL_KILL);
	timer_set(e, t, on_kill_due, KILL_PATIENCE_MS);
}

/* Ends a container that waits for its next start. */
static void cancel_restart(struct engine *e, struct container *c)
{
	timer_stop(e, &c->restart_timer);
	c->backoff_ms = 0;
	c->record->was_stopped = true;
	container_move(e, c, PB__CONTAINER__STATE__EXITED);
	event_container(e, c, "stop");
	container_tell_stopped(e, c, true);
	container_release_root(e, c);
}

static int64_t stop_timeout_s(const struct container *c, int64_t asked)
{
	if (asked != ENGINE_TIMEOUT_DEFAULT)
		return asked;
	return c->record->config->stop_timeout ? c->record->config->stop_timeout->value
					       : STOP_TIMEOUT_S;
}

static bool stop_signal(const struct container *c, const char *asked, int *signum, struct err *err)
{
	const char *own = c->record->config->stop_signal;

	if (asked && asked[0])
		return signal_parse(asked, signum, err);
	*signum = SIGNAL_TERM;
	return !own[0] || signal_parse(own, signum, err);
}

static void begin_stop(struct engine *e, struct container *c, int signum, int64_t timeout_s)
{
	const struct runtime *runtime = e->seams.runtime;

	c->was_told_to_stop = true;
	c->record->was_stopped = true;
	container_save(e, c);
	if (timeout_s == 0)
		signum = SIGNAL_KILL;
	container_signal(e, c, signum);
	/* A frozen process sees its signal when it thaws. */
	if (c->state == PB__CONTAINER__STATE__PAUSED)
		runtime->unpause(runtime->self, call_unheard(e, c->record->id), c->record->id);
	if (timeout_s >= 0)
		timer_set(e, &c->stop_timer, on_kill_due,
			  timeout_s == 0 ? KILL_PATIENCE_MS : timeout_s * 1000);
}

void container_kill(struct engine *e, struct container *c)
{
	begin_stop(e, c, SIGNAL_KILL, 0);
}

static void run_stop(struct engine *e, struct container *c, struct request *r)
{
	struct err err;
	int signum;

	if (c->state == PB__CONTAINER__STATE__RESTARTING) {
		cancel_restart(e, c);
		answer_done(e, r->asker);
		return;
	}
	if (!container_has_process(c)) {
		answer_already(e, r->asker);
		return;
	}
	if (!stop_signal(c, r->text, &signum, &err)) {
		answer_fail(e, r->asker, &err);
		return;
	}
	(void)waiter_add(c, WAITER_STOPPED, r->asker);
	begin_stop(e, c, signum, stop_timeout_s(c, r->number));
}

static void run_restart(struct engine *e, struct container *c, struct request *r)
{
	struct err err;
	int signum;

	if (c->state == PB__CONTAINER__STATE__RESTARTING)
		cancel_restart(e, c);
	if (c->state == PB__CONTAINER__STATE__REMOVING || c->state == PB__CONTAINER__STATE__DEAD) {
		ANSWER_FAIL(e, r->asker, ERR_CONFLICT,
			    "container is marked for removal and cannot be started");
		return;
	}
	if (!container_has_process(c)) {
		event_container(e, c, "restart");
		container_start_now(e, c, r->asker);
		return;
	}
	if (!stop_signal(c, r->text, &signum, &err)) {
		answer_fail(e, r->asker, &err);
		return;
	}
	event_container(e, c, "restart");
	(void)waiter_add(c, WAITER_RESTART, r->asker);
	begin_stop(e, c, signum, stop_timeout_s(c, r->number));
}

static void ask_with_signal(struct engine *e, uint64_t ticket, const char *ref, const char *signal,
			    int64_t number,
			    void (*run)(struct engine *, struct container *, struct request *),
			    struct now now)
{
	struct container *c = container_for(e, ticket, ref, now);
	struct request *r;

	if (!c)
		return;
	r = request_add(c, ticket, run);
	r->text = arena_strdup(&r->memory, signal ? signal : "");
	r->number = number;
	requests_run(e, c);
}

void engine_container_stop(struct engine *e, uint64_t ticket, const char *ref, const char *signal,
			   int64_t timeout_s, struct now now)
{
	ask_with_signal(e, ticket, ref, signal, timeout_s, run_stop, now);
}

void engine_container_restart(struct engine *e, uint64_t ticket, const char *ref,
			      const char *signal, int64_t timeout_s, struct now now)
{
	ask_with_signal(e, ticket, ref, signal, timeout_s, run_restart, now);
}

static void run_kill(struct engine *e, struct container *c, struct request *r)
{
	int signum = SIGNAL_KILL;
	struct err err;

	if (r->text[0] && !signal_parse(r->text, &signum, &err)) {
		answer_fail(e, r->asker, &err);
		return;
	}
	if (c->state == PB__CONTAINER__STATE__RESTARTING) {
		cancel_restart(e, c);
		answer_done(e, r->asker);
		return;
	}
	if (!container_has_process(c)) {
		ANSWER_FAIL(e, r->asker, ERR_CONFLICT,
			    "Cannot kill container: %s: Container %s is not running",
			    c->record->name, c->record->id);
		return;
	}
	if (signum != SIGNAL_KILL) {
		container_signal(e, c, signum);
		answer_done(e, r->asker);
		return;
	}
	(void)waiter_add(c, WAITER_STOPPED, r->asker);
	begin_stop(e, c, SIGNAL_KILL, 0);
}

void engine_container_kill(struct engine *e, uint64_t ticket, const char *ref, const char *signal,
			   struct now now)
{
	ask_with_signal(e, ticket, ref, signal, 0, run_kill, now);
}

/* --- pause --- */

static void paused(struct engine *e, struct call *call, const struct input *in)
{
	struct container *c = container_by_id(e, call->object);
	bool pausing = call->number == 1;
	struct err err;

	if (!c) {
		ANSWER_FAIL(e, call->asker, ERR_NOT_FOUND, "No such container: %s", call->object);
		return;
	}
	container_step(e, c, STEP_IDLE);
	if (call_failed(in, &err)) {
		(void)while_doing(&err, "Cannot %s container %s", pausing ? "pause" : "unpause",
				  c->record->id);
		answer_fail(e, call->asker, &err);
	} else if (container_has_process(c)) {
		container_move(e, c,
			       pausing ? PB__CONTAINER__STATE__PAUSED
				       : PB__CONTAINER__STATE__RUNNING);
		event_container(e, c, pausing ? "pause" : "unpause");
		answer_done(e, call->asker);
	} else {
		ANSWER_FAIL(e, call->asker, ERR_CONFLICT, "Container %s is not running",
			    c->record->id);
	}
	requests_run(e, c);
}

static void run_pause(struct engine *e, struct container *c, struct request *r)
{
	const struct runtime *runtime = e->seams.runtime;
	struct call *call;

	if (c->state == PB__CONTAINER__STATE__PAUSED)
		ANSWER_FAIL(e, r->asker, ERR_CONFLICT, "Container %s is already paused",
			    c->record->id);
	else if (c->state == PB__CONTAINER__STATE__RESTARTING)
		ANSWER_FAIL(e, r->asker, ERR_CONFLICT,
			    "Container %s is restarting, wait until the container is running",
			    c->record->id);
	else if (c->state != PB__CONTAINER__STATE__RUNNING)
		ANSWER_FAIL(e, r->asker, ERR_CONFLICT, "Container %s is not running",
			    c->record->id);
	else {
		call = call_new(e, paused, c->record->id, r->asker);
		call->number = 1;
		container_step(e, c, STEP_BUSY);
		runtime->pause(runtime->self, call->ticket, c->record->id);
	}
}

static void run_unpause(struct engine *e, struct container *c, struct request *r)
{
	const struct runtime *runtime = e->seams.runtime;

	if (c->state != PB__CONTAINER__STATE__PAUSED) {
		ANSWER_FAIL(e, r->asker, ERR_CONFLICT, "Container %s is not paused", c->record->id);
		return;
	}
	container_step(e, c, STEP_BUSY);
	runtime->unpause(runtime->self, call_new(e, paused, c->record->id, r->asker)->ticket,
			 c->record->id);
}

void engine_container_pause(struct engine *e, uint64_t ticket, const char *ref, struct now now)
{
	ask_with_signal(e, ticket, ref, "", 0, run_pause, now);
}

void engine_container_unpause(struct engine *e, uint64_t ticket, const char *ref, struct now now)
{
	ask_with_signal(e, ticket, ref, "", 0, run_unpause, now);
}

/* --- wait --- */

static bool parse_condition(const char *text, enum engine_wait *condition)
{
	if (!text || !text[0] || strcmp(text, "not-running") == 0)
		*condition = ENGINE_WAIT_NOT_RUNNING;
	else if (strcmp(text, "next-exit") == 0)
		*condition = ENGINE_WAIT_NEXT_EXIT;
	else if (strcmp(text, "removed") == 0)
		*condition = ENGINE_WAIT_REMOVED;
	else
		return false;
	return true;
}

void engine_container_wait(struct engine *e, uint64_t ticket, const char *ref,
			   const char *condition, struct now now)
{
	struct container *c = container_for(e, ticket, ref, now);
	enum engine_wait parsed;
	bool is_busy;

	if (!c)
		return;
	if (!parse_condition(condition, &parsed)) {
		ANSWER_FAIL(e, ticket, ERR_INVALID, "invalid condition: \"%s\"", condition);
		return;
	}
	is_busy = container_is_running(c) || c->step == STEP_PREPARING || c->step == STEP_LAUNCHING;
	if (parsed == ENGINE_WAIT_NOT_RUNNING && !is_busy)
		answer_wait(e, c, ticket);
	else
		waiter_add(c, WAITER_WAIT, ticket)->condition = parsed;
}

/* --- update and resize --- */

static void take_limits(struct arena *a, Pb__HostConfig *to, const Pb__HostConfig *from)
{
#define TAKE(field)                                                                                \
	if (from->field)                                                                           \
	to->field = from->field
	TAKE(memory);
	TAKE(memory_swap);
	TAKE(memory_reservation);
	TAKE(nano_cpus);
	TAKE(cpu_shares);
	TAKE(cpu_period);
	TAKE(cpu_quota);
	TAKE(blkio_weight);
#undef TAKE
	if (from->cpuset_cpus[0])
		to->cpuset_cpus = arena_strdup(a, from->cpuset_cpus);
	if (from->cpuset_mems[0])
		to->cpuset_mems = arena_strdup(a, from->cpuset_mems);
	if (from->pids_limit)
		to->pids_limit = pb_dup(a, from->pids_limit);
	if (from->restart_policy->name[0])
		to->restart_policy = pb_dup(a, from->restart_policy);
}

static void finish_update(struct engine *e, struct container *c, uint64_t asker,
			  Pb__HostConfig *limits)
{
	c->record->host_config = pb_dup(&c->memory, limits);
	container_save(e, c);
	event_container(e, c, "update");
	answer_done(e, asker);
}

static void updated(struct engine *e, struct call *call, const struct input *in)
{
	struct container *c = container_by_id(e, call->object);
	AUTO_ARENA struct arena a = { 0 };
	Pb__HostConfig *limits;
	struct err err;

	if (!c)
		return;
	container_step(e, c, STEP_IDLE);
	limits = pb_decode(&a, &pb__host_config__descriptor,
			   str_bytes(call->text, (size_t)call->number), RECORD_MAX, &err);
	if (call_failed(in, &err) || !limits) {
		(void)while_doing(&err, "Cannot update container %s", c->record->id);
		answer_fail(e, call->asker, &err);
	} else {
		finish_update(e, c, call->asker, limits);
	}
	requests_run(e, c);
}

static void run_update(struct engine *e, struct container *c, struct request *r)
{
	const struct runtime *runtime = e->seams.runtime;
	struct host_limits bounds = { e->config.cpus, e->config.runtimes, e->config.runtime_count };
	AUTO_BUF struct buf resources = BUF_MAX(65536), kept = BUF_MAX(RECORD_MAX);
	Pb__HostConfig *limits = pb_dup(&r->memory, c->record->host_config);
	struct call *call;
	struct err err;

	take_limits(&r->memory, limits, r->limits);
	if (c->state == PB__CONTAINER__STATE__REMOVING || c->state == PB__CONTAINER__STATE__DEAD) {
		ANSWER_FAIL(e, r->asker, ERR_CONFLICT,
			    "Cannot update container %s: container is marked for removal and "
			    "cannot be \"update\"",
			    c->record->id);
		return;
	}
	if (!host_config_check(limits, &bounds, &err) || !pb_encode(limits, &kept) ||
	    !ocispec_write_resources(limits, e->config.is_cgroup_v2, &resources, &err)) {
		answer_fail(e, r->asker, &err);
		return;
	}
	if (!container_has_process(c)) {
		finish_update(e, c, r->asker, limits);
		return;
	}
	call = call_new(e, updated, c->record->id, r->asker);
	call->number = (int64_t)kept.len;
	call->text = buf_steal(&kept);
	container_step(e, c, STEP_BUSY);
	runtime->update(runtime->self, call->ticket, c->record->id, buf_str(&resources));
}

void engine_container_update(struct engine *e, uint64_t ticket, const char *ref,
			     const Pb__HostConfig *limits, struct now now)
{
	struct container *c = container_for(e, ticket, ref, now);
	struct request *r;

	if (!c)
		return;
	r = request_add(c, ticket, run_update);
	r->limits = pb_dup(&r->memory, limits);
	requests_run(e, c);
}
