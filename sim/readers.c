#include "sim/readers.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "node/logs.h"
#include "sim/hands.h"

static struct sim_node *host_of(struct world *w, const char *node_id)
{
	for (size_t i = 0; i < w->node_count; i++)
		if (node_id[0] && strcmp(w->nodes[i].node_id, node_id) == 0)
			return &w->nodes[i];
	return NULL;
}

static struct reader_source *source_of(struct reader *r, const char *task_id)
{
	for (size_t i = 0; i < r->source_count; i++)
		if (strcmp(r->sources[i].task_id, task_id) == 0)
			return &r->sources[i];
	return NULL;
}

const struct reader_source *reader_source(const struct reader *r, const char *task_id)
{
	return source_of((struct reader *)r, task_id);
}

static struct reader_source *source_add(struct reader *r, const char *task_id, const char *host_id)
{
	struct reader_source *s;

	r->sources = xrealloc(r->sources, (r->source_count + 1) * sizeof(*r->sources));
	s = &r->sources[r->source_count++];
	*s = (struct reader_source){ 0 };
	(void)snprintf(s->task_id, sizeof(s->task_id), "%s", task_id);
	(void)snprintf(s->host_id, sizeof(s->host_id), "%s", host_id);
	return s;
}

/* What its containers have written so far. */
static void note_lines(struct reader *r, const struct view *v, const Pb__Service *service)
{
	AUTO_ARENA struct arena a = { 0 };
	struct objects tasks = view_tasks_of_service(v, service->id, &a);
	const Pb__Task *t;

	objects_each (tasks, Pb__Task, t) {
		struct sim_node *host = host_of(r->world, t->node_id);

		if (host && t->status->state >= PB__TASK_STATE__RUNNING)
			source_add(r, t->id, t->node_id)->at_first =
				hands_lines(host->hands, t->id);
	}
}

struct reader *reader_begin(struct readers *all, struct sim_node *via, const Pb__Service *service,
			    bool follows, int64_t tail)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__SubscribeLogsRequest *request = PB_NEW(&a, subscribe_logs_request);
	struct reader *r = NEW(struct reader);

	r->following = all->all;
	all->all = r;
	r->world = all->world;
	r->node = (size_t)(via - r->world->nodes);
	r->life = via->lives;
	r->ticket = node_ticket(via->node);
	r->follows = follows;
	r->began_ms = r->world->now_ms;
	if (tail < 0)
		note_lines(r, node_view(via->node), service);
	request->selector = PB_NEW(&a, log_selector);
	PB_APPEND(&a, request->selector, service_ids, service->id);
	request->options = PB_NEW(&a, log_subscription_options);
	request->options->follow = follows;
	request->options->tail = tail < 0 ? 0 : -tail - 1;
	node_logs_read(via->node, r->ticket, request);
	world_wake(via);
	return r;
}

static bool is_alive(const struct reader *r)
{
	const struct sim_node *s = &r->world->nodes[r->node];

	return s->node && s->lives == r->life;
}

void reader_stop(struct reader *r)
{
	if (!r->is_over && is_alive(r))
		node_logs_stop(r->world->nodes[r->node].node, r->ticket);
	r->is_over = true;
}

/* ---- what comes ---- */

/* "line 12\n", as sim/hands.h says. */
static bool read_line(struct str text, uint64_t *number)
{
	size_t head = sizeof("line ") - 1;

	return str_starts_with(text, "line ") && text.ptr[text.len - 1] == '\n' &&
	       str_to_u64(str_bytes(text.ptr + head, text.len - head - 1), number);
}

static void take_line(struct reader *r, const Pb__LogMessage *m)
{
	struct reader_source *s = source_of(r, m->context->task_id);
	struct str text = str_bytes(m->data.data, m->data.len);
	uint64_t number = 0;
	bool is_stderr = m->stream == PB__LOG_STREAM__LOG_STREAM_STDERR;

	if (!s)
		s = source_add(r, m->context->task_id, m->context->node_id);
	if (str_starts_with(text, "(this log waits: ")) {
		s->waits = true;
		return;
	}
	if (!read_line(text, &number) || (number % 3 == 2) != is_stderr)
		world_fail(r->world, "a log of task %s is garbled: %.*s", s->task_id, (int)text.len,
			   text.ptr);
	if (!s->is_begun)
		s->first = s->next = number;
	s->is_begun = true;
	if (number != s->next)
		world_fail(r->world, "line %llu of task %s came in the place of line %llu",
			   (unsigned long long)number, s->task_id, (unsigned long long)s->next);
	s->next = number + 1;
	r->lines++;
}

/* It ended well: of each container that is still there it had what it was to have. */
static void check_complete(struct reader *r)
{
	for (size_t i = 0; i < r->source_count; i++) {
		struct reader_source *s = &r->sources[i];
		struct sim_node *host = host_of(r->world, s->host_id);

		if (s->at_first == 0 || !host || hands_lines(host->hands, s->task_id) == 0)
			continue;
		if (!s->is_begun || s->first != 0 || s->next < s->at_first)
			world_fail(r->world,
				   "a log of task %s ended well with lines %llu to %llu of %llu",
				   s->task_id, (unsigned long long)s->first,
				   (unsigned long long)s->next, (unsigned long long)s->at_first);
	}
}

static void take(struct readers *all, struct reader *r, const struct log_delivery *d)
{
	if (r->is_over)
		return;
	for (size_t i = 0; i < d->n_messages; i++)
		take_line(r, d->messages[i]);
	if (!d->is_last)
		return;
	r->is_over = true;
	r->is_good = d->is_ok;
	if (d->is_ok) {
		all->complete++;
		check_complete(r);
	} else {
		all->incomplete++;
		(void)snprintf(r->text, sizeof(r->text), "%s", d->err.text);
	}
}

void readers_after_turn(struct readers *all, struct sim_node *s)
{
	struct log_delivery *d;

	while (s->node && (d = node_take_log(s->node))) {
		for (struct reader *r = all->all; r; r = r->following)
			if (r->ticket == d->ticket && r->life == s->lives &&
			    &r->world->nodes[r->node] == s)
				take(all, r, d);
		log_delivery_free(d);
	}
}

/* ---- readers that come and go ---- */

static void forget_old(struct readers *all)
{
	for (struct reader **at = &all->all, *r; (r = *at);) {
		if (!r->is_over && is_alive(r)) {
			at = &r->following;
			continue;
		}
		*at = r->following;
		free(r->sources);
		free(r);
	}
}

/* Those that follow lose interest; slow ones read on after a while, and others get slow. */
static void move_readers(struct readers *all)
{
	struct prng *p = &all->world->prng;

	for (struct reader *r = all->all; r; r = r->following) {
		if (r->follows && r->stop_ms <= all->world->now_ms)
			reader_stop(r);
		if (r->is_over || !is_alive(r) || !prng_chance(p, 1, 3))
			continue;
		r->is_held = !r->is_held;
		node_logs_hold(all->world->nodes[r->node].node, r->ticket, r->is_held);
	}
	forget_old(all);
}

static void release_all(struct readers *all)
{
	for (struct reader *r = all->all; r; r = r->following)
		if (r->is_held && !r->is_over && is_alive(r))
			node_logs_hold(all->world->nodes[r->node].node, r->ticket, false);
}

static void come(struct readers *all)
{
	AUTO_ARENA struct arena a = { 0 };
	struct world *w = all->world;
	struct sim_node *via = &w->nodes[prng_below(&w->prng, w->config.managers)];
	struct objects services;
	struct reader *r;

	if (!via->node || !node_view(via->node) || via->paused_until_ms > w->now_ms)
		return;
	services = view_all(node_view(via->node), OBJECT_SERVICE, &a);
	if (services.count == 0)
		return;
	r = reader_begin(all, via, services.items[prng_below(&w->prng, services.count)],
			 prng_chance(&w->prng, 1, 3),
			 prng_chance(&w->prng, 1, 4) ? (int64_t)prng_below(&w->prng, 10) : -1);
	r->stop_ms = w->now_ms + (int64_t)prng_below(&w->prng, 60000);
}

static void act(struct world *w, void *arg)
{
	struct readers *all = arg;

	if (w->now_ms >= all->until_ms) {
		release_all(all);
		return;
	}
	move_readers(all);
	come(all);
	world_plan(w, prng_between(&w->prng, 500, 8000), act, all);
}

void readers_begin(struct readers *all, struct world *w, int64_t until_ms)
{
	*all = (struct readers){ .world = w, .until_ms = until_ms };
	world_plan(w, 10000, act, all);
}

void readers_check_calm(struct readers *all)
{
	for (struct reader *r = all->all; r; r = r->following)
		if (!r->follows && !r->is_over && is_alive(r))
			world_fail(all->world, "%s never ended a log that was asked for at %lld ms",
				   all->world->nodes[r->node].name, (long long)r->began_ms);
}

void readers_clear(struct readers *all)
{
	for (struct reader *r = all->all, *next; r; r = next) {
		next = r->following;
		free(r->sources);
		free(r);
	}
	all->all = NULL;
}
