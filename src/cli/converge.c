#include "cli/converge.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "template/field.h"
#include "cli/screen.h"
#include "cli/service.h"

#define POLL_MS    200
#define MONITOR_MS 5000 /* unless the service says otherwise */
#define LINES_MAX  20   /* tasks that have a line of their own */
#define STATE_LAST 9    /* of states[]: running */

/* The states a task goes through, in order. */
static const char *const states[] = { "",         "new",       "allocated", "pending",  "assigned",
				      "accepted", "preparing", "ready",     "starting", "running" };

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signum)
{
	interrupted = 1;
}

static int state_number(const char *state)
{
	for (int i = 1; i <= STATE_LAST; i++)
		if (strcmp(states[i], state) == 0)
			return i;
	return strcmp(state, "complete") == 0 ? STATE_LAST : 0;
}

/* What there is to show and to judge of one look. */
struct look {
	const json_t *service, *tasks, *nodes;
	bool is_global, is_job, rolls_back;
	int64_t iteration; /* of a job */
};

static bool node_is_up(const struct look *l, const char *id)
{
	for (size_t i = 0; i < json_array_size(l->nodes); i++) {
		const json_t *node = json_array_get(l->nodes, i);

		if (strcmp(field_text(node, "ID"), id) == 0)
			return strcmp(field_text(node, "Status.State"), "down") != 0;
	}
	return false;
}

/* Does a task count: is it meant to run, on a node that is up, and of this run of a job? */
static bool counts(const struct look *l, const json_t *task)
{
	const char *node = field_text(task, "NodeID"), *desired = field_text(task, "DesiredState");

	if (*node && !node_is_up(l, node))
		return false;
	if (l->is_job)
		return field_int(task, "JobIteration.Index") == l->iteration;
	return state_number(desired) > 0 && strcmp(desired, "complete") != 0;
}

static bool is_done(const struct look *l, const json_t *task)
{
	return strcmp(field_text(task, "Status.State"), l->is_job ? "complete" : "running") == 0;
}

/* One line a slot (or node): its task that is furthest. */
struct slots {
	const char **keys;
	const json_t **tasks;
	size_t count;
};

static void note_task(struct slots *s, const char *key, const json_t *task)
{
	for (size_t i = 0; i < s->count; i++) {
		if (strcmp(s->keys[i], key) != 0)
			continue;
		if (state_number(field_text(task, "Status.State")) >
		    state_number(field_text(s->tasks[i], "Status.State")))
			s->tasks[i] = task;
		return;
	}
	s->keys[s->count] = key;
	s->tasks[s->count++] = task;
}

static int by_key(const json_t *a, const json_t *b)
{
	int64_t x = field_int(a, "Slot"), y = field_int(b, "Slot");

	if (x != y)
		return x < y ? -1 : 1;
	return strcmp(field_text(a, "NodeID"), field_text(b, "NodeID"));
}

static void sort_slots(struct slots *s)
{
	for (size_t i = 1; i < s->count; i++)
		for (size_t j = i; j > 0 && by_key(s->tasks[j - 1], s->tasks[j]) > 0; j--) {
			const json_t *task = s->tasks[j];

			s->tasks[j] = s->tasks[j - 1];
			s->tasks[j - 1] = task;
		}
}

static int64_t wanted_tasks(const struct look *l, const struct slots *s)
{
	const json_t *mode = field_at(l->service, "Spec.Mode");
	int64_t up = 0;

	if (field_at(mode, "Replicated.Replicas"))
		return field_int(mode, "Replicated.Replicas");
	if (field_at(mode, "ReplicatedJob"))
		return field_int(mode, "ReplicatedJob.TotalCompletions");
	if (!l->is_global)
		return 1;
	/* A node a constraint leaves out never gets a task: those that have one are what counts. */
	for (size_t i = 0; i < json_array_size(l->nodes); i++)
		up += strcmp(field_text(json_array_get(l->nodes, i), "Status.State"), "down") != 0;
	return s->count ? (int64_t)s->count : up;
}

/* "1/3: running   [=========>  ]", with what went wrong if anything did. */
static void add_task_line(struct screen *screen, const struct look *l, const json_t *task, size_t i,
			  int64_t wanted)
{
	const char *state = task ? field_text(task, "Status.State") : "";
	const char *why = task ? field_text(task, "Status.Err") : "";
	int number = state_number(state);
	char bar[2 * STATE_LAST + 4] = "";

	if (task && number) {
		memset(bar, '=', (size_t)number * 2);
		bar[number * 2 - 1] = '>';
		memset(bar + number * 2, ' ', (size_t)(STATE_LAST - number) * 2);
	}
	if (l->is_global && task)
		screen_add(screen, "%.12s: ", field_text(task, "NodeID"));
	else
		screen_add(screen, "%zu/%lld: ", i + 1, (long long)wanted);
	if (*why)
		screen_more(screen, "%s", why);
	else if (number && screen_is_terminal(screen))
		screen_more(screen, "%-10s [%s]", state, bar);
	else
		screen_more(screen, "%s", state);
}

/* Draw one look; true if all tasks are as they should be. */
static bool draw(struct screen *screen, const struct look *l)
{
	size_t total = json_array_size(l->tasks);
	AUTO_FREE const char **keys = xcalloc(total, sizeof(*keys));
	AUTO_FREE const json_t **tasks = xcalloc(total, sizeof(json_t *));
	struct slots s = { keys, tasks, 0 };
	AUTO_JSON json_t *names = json_array();
	int64_t wanted, done = 0;

	for (size_t i = 0; i < total; i++) {
		const json_t *task = json_array_get(l->tasks, i);
		json_t *key = l->is_global
				      ? json_string(field_text(task, "NodeID"))
				      : json_sprintf("%lld", (long long)field_int(task, "Slot"));

		json_array_append_new(names, key);
		if (counts(l, task))
			note_task(&s, json_string_value(key), task);
	}
	sort_slots(&s);
	wanted = wanted_tasks(l, &s);
	for (size_t i = 0; i < s.count; i++)
		done += is_done(l, s.tasks[i]);
	screen_begin(screen);
	screen_add(screen, l->is_job ? "job progress: " : "overall progress: ");
	if (l->rolls_back)
		screen_more(screen, "rolling back update: ");
	screen_more(screen, "%lld out of %lld %s", (long long)done, (long long)wanted,
		    l->is_job ? "complete" : "tasks");
	for (size_t i = 0; i < (size_t)wanted && wanted <= LINES_MAX; i++)
		add_task_line(screen, l, i < s.count ? s.tasks[i] : NULL, i, wanted);
	return done >= wanted && (l->is_job || (int64_t)s.count == done);
}

enum verdict { GOES_ON, ENDED, FAILED };

/* What the update's state says. */
static enum verdict judge_update(const json_t *service, bool converged, bool *rolls_back,
				 struct screen *screen, struct err *e)
{
	const char *state = field_text(service, "UpdateStatus.State");
	const char *message = field_text(service, "UpdateStatus.Message");

	if (strcmp(state, "updating") == 0) {
		*rolls_back = false;
	} else if (strcmp(state, "completed") == 0) {
		return converged ? GOES_ON : ENDED;
	} else if (strcmp(state, "paused") == 0) {
		return fail(e, ERR_UNAVAILABLE, "service update paused: %s", message), FAILED;
	} else if (strcmp(state, "rollback_started") == 0) {
		if (!*rolls_back && *message)
			screen_note(screen, "rollback: %s", message);
		*rolls_back = true;
	} else if (strcmp(state, "rollback_paused") == 0) {
		return fail(e, ERR_UNAVAILABLE, "service rollback paused: %s", message), FAILED;
	} else if (strcmp(state, "rollback_completed") == 0) {
		/* Its tasks are watched like those of any change. */
		if (!*rolls_back)
			screen_note(screen, "rollback: %s", message);
		*rolls_back = true;
	}
	return GOES_ON;
}

static json_t *tasks_of(struct cli *c, const char *id, struct err *e)
{
	AUTO_FREE char *service = xasprintf("service=%s", id);
	const char *filters[] = { service, "_up-to-date=true" };
	AUTO_QUERY struct query q = QUERY;

	query_add_filters(&q, filters, ARRAY_LEN(filters));
	return client_get(c->client, "/tasks", &q, e);
}

struct watch {
	struct screen screen;
	bool rolls_back, converged;
	int64_t since_ms; /* converged since; 0: it is not */
	int64_t monitor_ms;
};

/* One round: look, draw, judge. */
static enum verdict watch_once(struct cli *c, struct watch *w, const char *name, struct err *e)
{
	AUTO_JSON json_t *service = service_fetch(c, name, false, e), *tasks = NULL, *nodes = NULL;
	const json_t *mode = field_at(service, "Spec.Mode");
	struct look l = { .service = service };
	enum verdict verdict;

	if (!service)
		return FAILED;
	w->monitor_ms = field_int(service, "Spec.UpdateConfig.Monitor") / 1000000;
	if (w->monitor_ms == 0)
		w->monitor_ms = MONITOR_MS;
	verdict = judge_update(service, w->converged, &w->rolls_back, &w->screen, e);
	if (verdict != GOES_ON)
		return verdict;
	l.is_global = field_at(mode, "Global") || field_at(mode, "GlobalJob");
	l.is_job = field_at(mode, "ReplicatedJob") || field_at(mode, "GlobalJob");
	l.iteration = field_int(service, "JobStatus.JobIteration.Index");
	l.rolls_back = w->rolls_back;
	if (w->converged && (l.is_job || clock_mono_ms() - w->since_ms >= w->monitor_ms)) {
		if (l.is_job)
			screen_note(&w->screen, "job complete");
		else
			screen_note(&w->screen, "verify: Service %s converged", name);
		return ENDED;
	}
	tasks = tasks_of(c, field_text(service, "ID"), e);
	nodes = tasks ? client_get(c->client, "/nodes", NULL, e) : NULL;
	if (!nodes)
		return FAILED;
	l.tasks = tasks;
	l.nodes = nodes;
	w->converged = draw(&w->screen, &l);
	if (w->converged && !w->since_ms)
		w->since_ms = clock_mono_ms();
	if (w->converged && !l.is_job)
		screen_add(&w->screen,
			   "verify: Waiting %lld seconds to verify that tasks are stable...",
			   (long long)(w->monitor_ms - (clock_mono_ms() - w->since_ms) + 999) /
				   1000);
	else if (!w->converged && w->since_ms) {
		screen_note(&w->screen, "verify: Detected task failure");
		w->since_ms = 0;
	}
	screen_end(&w->screen);
	return GOES_ON;
}

bool converge(struct cli *c, const char *service, bool quiet, struct err *e)
{
	struct sigaction act = { .sa_handler = on_interrupt }, was;
	struct watch w = { 0 };
	enum verdict verdict = GOES_ON;

	screen_init(&w.screen, stdout, c->out_is_tty, quiet);
	interrupted = 0;
	(void)fflush(stdout);
	(void)sigaction(SIGINT, &act, &was);
	while ((verdict = watch_once(c, &w, service, e)) == GOES_ON && !interrupted)
		clock_sleep_ms(POLL_MS);
	(void)sigaction(SIGINT, &was, NULL);
	screen_clear(&w.screen);
	if (verdict == GOES_ON && !quiet)
		printf("Operation continuing in background.\n"
		       "Use `shoal service ps %s` to check progress.\n",
		       service);
	return verdict != FAILED;
}
