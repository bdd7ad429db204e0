#include "sim/world.h"

#include <stdio.h>

#include "base/mem.h"
#include "node/node.h"

/* 2026-01-01T00:00:00Z: every simulated run begins at the same wall time. */
#define EPOCH_WALL_NS (INT64_C(1767225600) * 1000000000)

struct event {
	struct heap_node at;
	world_event *run;
	void *arg;
};

static struct now now_of(const struct world *w)
{
	return (struct now){ .mono_ms = w->now_ms, .wall_ns = EPOCH_WALL_NS + w->now_ms * 1000000 };
}

static void print_line(void *self, enum log_level level, const char *room, const char *text)
{
	struct sim_node *s = self;

	if (s->world->verbose)
		printf("%9lld.%03lld %-10s %-5s %-9s %s\n", (long long)(s->world->now_ms / 1000),
		       (long long)(s->world->now_ms % 1000), s->name, log_level_name(level), room, text);
}

void world_init(struct world *w, uint64_t seed, size_t node_count)
{
	*w = (struct world){ .node_count = node_count };
	prng_seed(&w->prng, seed);
	w->nodes = xcalloc(node_count, sizeof(*w->nodes));
	for (size_t i = 0; i < node_count; i++) {
		struct sim_node *s = &w->nodes[i];

		s->world = w;
		(void)snprintf(s->name, sizeof(s->name), "node%zu", i + 1);
		s->log = (struct log){ .self = s, .level = LOG_DEBUG, .line = print_line };
		world_start(s);
	}
}

void world_clear(struct world *w)
{
	for (size_t i = 0; i < w->node_count; i++)
		node_free(w->nodes[i].node);
	for (struct heap_node *n; (n = heap_take_due(&w->events, INT64_MAX));)
		free(heap_entry(n, struct event, at));
	heap_clear(&w->events);
	free(w->nodes);
	*w = (struct world){ 0 };
}

void world_plan(struct world *w, int64_t delay_ms, world_event *run, void *arg)
{
	struct event *e = NEW(struct event);

	e->run = run;
	e->arg = arg;
	heap_set(&w->events, &e->at, w->now_ms + delay_ms);
}

void world_trace(struct world *w, const char *what, uint64_t a, uint64_t b)
{
	uint64_t h = w->trace ^ (uint64_t)w->now_ms;

	for (; *what; what++)
		h = (h ^ (unsigned char)*what) * 0x100000001b3u;
	h = (h ^ a) * 0x9e3779b97f4a7c15u;
	h ^= h >> 29;
	h = (h ^ b) * 0xbf58476d1ce4e5b9u;
	w->trace = h ^ (h >> 32);
}

static void wake(struct world *w, void *arg)
{
	struct sim_node *s = arg;
	int64_t next;

	if (!s->node)
		return;
	next = node_turn(s->node, now_of(w));
	world_trace(w, "turn", (uint64_t)(s - w->nodes), (uint64_t)next);
	if (next != NEVER_MS)
		world_plan(w, next > w->now_ms ? next - w->now_ms : 0, wake, s);
}

void world_wake(struct sim_node *s)
{
	if (s->node)
		world_plan(s->world, 0, wake, s);
}

void world_crash(struct sim_node *s)
{
	world_trace(s->world, "crash", (uint64_t)(s - s->world->nodes), s->lives);
	node_free(s->node);
	s->node = NULL;
}

void world_start(struct sim_node *s)
{
	struct node_config config = { .hostname = s->name, .log = &s->log };

	s->lives++;
	world_trace(s->world, "start", (uint64_t)(s - s->world->nodes), s->lives);
	s->node = node_new(&config, prng_next(&s->world->prng));
	world_plan(s->world, 0, wake, s);
}

void world_run(struct world *w, int64_t until_ms)
{
	struct heap_node *n;

	while ((n = heap_take_due(&w->events, until_ms))) {
		struct event *e = heap_entry(n, struct event, at);

		w->now_ms = n->deadline_ms;
		w->event_count++;
		e->run(w, e->arg);
		free(e);
	}
	w->now_ms = until_ms;
}
