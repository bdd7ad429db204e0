/* Health checks: a command run in the container at intervals, and what its exit codes add up to.
 *
 *     starting ---- success ----> healthy <--- success --- unhealthy
 *         |                          |                        ^
 *         +--- `retries` failures in a row (while starting: only after the start period) ---+
 *
 * One probe at a time; a probe that takes longer than its timeout is killed and counts as a
 * failure. */
#include <stdio.h>

#include "engine/inside.h"
#include "engine/signal.h"

#define INTERVAL_MS       30000
#define START_INTERVAL_MS 5000
#define TIMEOUT_MS        30000
#define RETRIES           3
#define OUTPUT_MAX        4096
#define RESULTS_KEPT      5

static const Pb__HealthConfig *check_of(const struct container *c)
{
	const Pb__HealthConfig *h = c->record->config->healthcheck;

	return h && h->n_test > 0 && strcmp(h->test[0], "NONE") != 0 ? h : NULL;
}

static int64_t span_ms(const Pb__Duration *d, int64_t otherwise)
{
	int64_t ms = d ? d->seconds * 1000 + d->nanos / 1000000 : 0;

	return ms > 0 ? ms : otherwise;
}

static bool is_starting(const struct container *c, int64_t now_ms)
{
	return strcmp(c->record->health->status, "starting") == 0 &&
	       now_ms - c->running_since_ms < span_ms(check_of(c)->start_period, 0);
}

static void on_probe_due(struct engine *e, struct timer *t);
static void on_timeout(struct engine *e, struct timer *t);

static void plan(struct engine *e, struct container *c)
{
	const Pb__HealthConfig *h = check_of(c);
	int64_t interval = span_ms(h->interval, INTERVAL_MS);

	if (is_starting(c, e->now.mono_ms) && h->start_interval)
		interval = span_ms(h->start_interval, START_INTERVAL_MS);
	timer_set(e, &c->health_timer, on_probe_due, interval);
}

static void set_status(struct engine *e, struct container *c, const char *status)
{
	if (strcmp(c->record->health->status, status) == 0)
		return;
	c->record->health->status = (char *)status;
	event_container(e, c, "health_status: %s", status);
	executor_container_changed(e, c);
}

void health_begin(struct engine *e, struct container *c)
{
	if (!check_of(c)) {
		c->record->health = NULL;
		return;
	}
	c->record->health = PB_NEW(&c->memory, health);
	c->record->health->status = "starting";
	c->probe[0] = '\0';
	plan(e, c);
}

void health_end(struct engine *e, struct container *c)
{
	timer_stop(e, &c->health_timer);
	c->probe[0] = '\0';
	if (c->record->health && strcmp(c->record->health->status, "healthy") == 0)
		c->record->health->status = "unhealthy";
}

/* --- a probe --- */

static void fill_command(struct arena *a, const struct container *c, Pb__Exec *x)
{
	const Pb__ContainerConfig *config = c->record->config;
	const Pb__HealthConfig *h = check_of(c);

	if (strcmp(h->test[0], "CMD") == 0) {
		for (size_t i = 1; i < h->n_test; i++)
			PB_APPEND(a, x, cmd, h->test[i]);
		return;
	}
	for (size_t i = 0; i < config->n_shell; i++)
		PB_APPEND(a, x, cmd, config->shell[i]);
	if (config->n_shell == 0) {
		PB_APPEND(a, x, cmd, "/bin/sh");
		PB_APPEND(a, x, cmd, "-c");
	}
	PB_APPEND(a, x, cmd, h->n_test > 1 ? h->test[1] : "");
}

static void on_probe_due(struct engine *e, struct timer *t)
{
	struct container *c = container_of(t, struct container, health_timer);
	AUTO_ARENA struct arena a = { 0 };
	Pb__Exec *record;
	struct exec *x;

	if (c->state != PB__CONTAINER__STATE__RUNNING) {
		if (container_has_process(c))
			plan(e, c);
		return;
	}
	record = PB_NEW(&a, exec);
	fill_command(&a, c, record);
	record->attach_stdout = record->attach_stderr = true;
	x = exec_new(e, c, record);
	x->is_probe = true;
	snprintf(c->probe, sizeof(c->probe), "%s", x->record->id);
	c->probe_began_ns = e->now.wall_ns;
	timer_set(e, t, on_timeout, span_ms(check_of(c)->timeout, TIMEOUT_MS));
	exec_launch(e, x, OUTPUT_MAX);
}

static void keep_result(struct engine *e, struct container *c, int64_t exit_code, struct str output)
{
	Pb__Health *health = c->record->health;
	Pb__HealthResult *result = PB_NEW(&c->memory, health_result);

	if (output.len > OUTPUT_MAX)
		output.len = OUTPUT_MAX;
	result->start_ns = c->probe_began_ns;
	result->end_ns = e->now.wall_ns;
	result->exit_code = exit_code;
	result->output = arena_str(&c->memory, output);
	if (health->n_log == RESULTS_KEPT) {
		memmove(health->log, health->log + 1, (RESULTS_KEPT - 1) * sizeof(*health->log));
		health->log[RESULTS_KEPT - 1] = result;
	} else {
		PB_APPEND(&c->memory, health, log, result);
	}
	c->record = record_compact(&c->memory, c->record);
}

static void judge(struct engine *e, struct container *c, int64_t exit_code, struct str output)
{
	int retries = check_of(c)->retries > 0 ? check_of(c)->retries : RETRIES;
	bool starting = is_starting(c, e->now.mono_ms);

	c->probe[0] = '\0';
	keep_result(e, c, exit_code, output);
	if (exit_code == 0) {
		c->record->health->failing_streak = 0;
		set_status(e, c, "healthy");
	} else if (!starting && ++c->record->health->failing_streak >= retries) {
		set_status(e, c, "unhealthy");
	}
	plan(e, c);
}

static void on_timeout(struct engine *e, struct timer *t)
{
	struct container *c = container_of(t, struct container, health_timer);
	const struct runtime *runtime = e->seams.runtime;
	AUTO_FREE char *text =
		xasprintf("Health check exceeded timeout (%llds)",
			  (long long)span_ms(check_of(c)->timeout, TIMEOUT_MS) / 1000);

	runtime->exec_signal(runtime->self, call_unheard(e, c->record->id), c->record->id, c->probe,
			     SIGNAL_KILL);
	judge(e, c, -1, str_of(text));
}

void health_exited(struct engine *e, struct container *c, const struct runtime_event *event)
{
	struct exec *x = exec_by_id(e, event->exec_id);

	if (strcmp(c->probe, event->exec_id) == 0 && c->record->health && container_has_process(c))
		judge(e, c, event->exit_code, event->output);
	if (x)
		timer_set(e, &x->timer, x->timer.fire, 0);
}
