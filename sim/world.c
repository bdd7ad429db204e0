#include "sim/world.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/id.h"
#include "base/mem.h"
#include "seam/input.h"
#include "sim/disk.h"
#include "sim/hands.h"
#include "sim/network.h"
#include "swarm/found.h"

/* 2026-01-01T00:00:00Z: every simulated run begins at the same wall time. */
#define EPOCH_WALL_NS (INT64_C(1767225600) * 1000000000)

struct now world_now(const struct world *w)
{
	return (struct now){ .mono_ms = w->now_ms, .wall_ns = EPOCH_WALL_NS + w->now_ms * 1000000 };
}

static void print_line(void *self, enum log_level level, const char *room, const char *text)
{
	struct sim_node *s = self;

	printf("%6lld.%03lld %-10s %-5s %-9s %s\n", (long long)(s->world->now_ms / 1000),
	       (long long)(s->world->now_ms % 1000), s->name, log_level_name(level), room, text);
}

static Pb__NodeDescription *describe(struct arena *a, const char *name)
{
	Pb__NodeDescription *d = PB_NEW(a, node_description);

	d->hostname = arena_strdup(a, name);
	d->platform = PB_NEW(a, platform);
	d->platform->architecture = "x86_64";
	d->platform->os = "linux";
	d->resources = PB_NEW(a, resources);
	d->resources->nano_cpus = INT64_C(4000000000);
	d->resources->memory_bytes = INT64_C(8) << 30;
	d->engine = PB_NEW(a, engine_description);
	d->engine->engine_version = "sim";
	return d;
}

static world_event turn;

static void node_prepare(struct world *w, size_t i)
{
	struct sim_node *s = &w->nodes[i];

	s->world = w;
	s->turn = (struct happening){ .run = turn, .arg = s };
	s->is_manager = !w->config.is_grown && i < w->config.managers;
	(void)snprintf(s->name, sizeof(s->name),
		       w->config.is_grown ? "node%zu"
		       : s->is_manager    ? "manager%zu"
					  : "worker%zu",
		       s->is_manager || w->config.is_grown ? i + 1 : i + 1 - w->config.managers);
	(void)snprintf(s->addr, sizeof(s->addr), "%s:2377", s->name);
	s->role = s->org = "";
	if (s->is_manager) {
		object_id_new(&w->prng, s->node_id);
		s->role = "swarm-manager";
		s->org = WORLD_CLUSTER;
	}
	s->description = describe(&w->memory, s->name);
	s->log = (struct log){ .self = s,
			       .level = LOG_DEBUG,
			       .line = w->config.is_verbose ? print_line : NULL,
			       .mark = w->config.mark };
	s->disk = disk_new(s);
	s->hands = hands_new(s);
}

void world_init(struct world *w, const struct world_config *c)
{
	*w = (struct world){ .config = *c, .node_count = c->managers + c->workers };
	prng_seed(&w->prng, c->seed);
	w->nodes = xcalloc(w->node_count, sizeof(*w->nodes));
	w->founders = xcalloc(c->managers, sizeof(*w->founders));
	for (size_t i = 0; i < w->node_count; i++) {
		node_prepare(w, i);
		if (i < c->managers)
			w->founders[i] = (struct member){ .raft_id = 1 + i,
							  .node_id = w->nodes[i].node_id,
							  .addr = w->nodes[i].addr };
	}
	w->network = network_new(w);
	for (size_t i = 0; i < w->node_count; i++)
		world_start(&w->nodes[i]);
}

static void happen(struct world *w, struct happening *h)
{
	bool is_worlds = h->is_worlds;

	h->run(w, h->arg);
	if (is_worlds)
		free(h);
}

void world_clear(struct world *w)
{
	for (size_t i = 0; i < w->node_count; i++) {
		node_free(w->nodes[i].node);
		w->nodes[i].node = NULL;
	}
	/* What was planned owns things: let it happen to nobody. */
	for (struct heap_node *n; (n = heap_take_due(&w->events, INT64_MAX));) {
		w->is_ending = true;
		happen(w, heap_entry(n, struct happening, at));
	}
	network_free(w->network);
	for (size_t i = 0; i < w->node_count; i++) {
		disk_free(w->nodes[i].disk);
		hands_free(w->nodes[i].hands);
	}
	heap_clear(&w->events);
	arena_clear(&w->memory);
	free(w->founders);
	free(w->nodes);
	*w = (struct world){ 0 };
}

void world_plan(struct world *w, int64_t delay_ms, world_event *run, void *arg)
{
	struct happening *h;

	if (w->is_ending)
		return;
	h = NEW(struct happening);
	*h = (struct happening){ .run = run, .arg = arg, .is_worlds = true };
	world_set(w, h, delay_ms);
}

void world_set(struct world *w, struct happening *h, int64_t delay_ms)
{
	if (!w->is_ending)
		heap_set(&w->events, &h->at, w->now_ms + delay_ms);
}

void world_drop(struct world *w, struct happening *h)
{
	heap_remove(&w->events, &h->at);
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

static void plan_turn(struct sim_node *s, int64_t at_ms)
{
	if (!heap_has(&s->turn.at) || s->turn.at.deadline_ms > at_ms)
		world_set(s->world, &s->turn, at_ms - s->world->now_ms);
}

static void turn(struct world *w, void *arg)
{
	struct sim_node *s = arg;
	int64_t next;

	if (!s->node)
		return;
	if (s->paused_until_ms > w->now_ms) {
		plan_turn(s, s->paused_until_ms);
		return;
	}
	w->turn_count++;
	next = node_turn(s->node, world_now(w));
	world_trace(w, "turn", (uint64_t)(s - w->nodes), (uint64_t)next);
	if (next != NEVER_MS)
		plan_turn(s, next > w->now_ms ? next : w->now_ms + 1);
	if (w->config.watch)
		w->config.watch(w, s);
}

void world_wake(struct sim_node *s)
{
	if (s->node)
		plan_turn(s, s->world->now_ms);
}

void world_crash(struct sim_node *s, bool is_silent)
{
	struct world *w = s->world;

	if (!s->node)
		return;
	world_trace(w, "crash", (uint64_t)(s - w->nodes), s->lives);
	node_free(s->node);
	s->node = NULL;
	world_drop(w, &s->turn);
	s->is_leading = false;
	s->leader_addr[0] = '\0';
	disk_crash(s->disk);
	if (is_silent)
		hands_host_died(s->hands);
	else
		hands_process_died(s->hands);
	network_node_died(w->network, (size_t)(s - w->nodes), is_silent);
	if (!is_silent)
		network_refuse(w->network, (size_t)(s - w->nodes));
}

/* What the managers begin with: the texts that the fake keys take for certificates. */
static const uint8_t founding_chance[FOUND_CHANCE_BYTES] = { 1, 2, 3 };
static const struct founding founding = {
	.cluster_id = WORLD_CLUSTER,
	.ca_cert = { WORLD_ROOT, sizeof(WORLD_ROOT) - 1 },
	.ca_key = { "key", 3 },
	.ca_digest = WORLD_ROOT_DIGEST,
	.chance = founding_chance,
};

void world_start(struct sim_node *s)
{
	struct world *w = s->world;
	struct node_config config = {
		.hostname = s->name,
		.log = &s->log,
		.seams = {
			.peer = network_peer(w->network, s),
			.journal = disk_journal(s->disk),
			.keys = hands_keys(s->hands),
			.executor = hands_executor(s->hands),
		},
		.description = s->description,
		.node_id = s->is_manager ? s->node_id : NULL,
		.founding = s->is_manager ? &founding : NULL,
		.founders = w->founders,
		.founder_count = s->is_manager ? w->config.managers : 0,
		.snapshot_entries = w->config.snapshot_entries,
		.snapshot_bytes = w->config.snapshot_bytes,
		.keep_entries = w->config.keep_entries,
		.keep_bytes = w->config.keep_bytes,
	};

	if (s->node)
		return;
	s->lives++;
	s->paused_until_ms = 0;
	world_trace(w, "start", (uint64_t)(s - w->nodes), s->lives);
	/* Whoever still believes in a connection to its former life learns better. */
	network_node_died(w->network, (size_t)(s - w->nodes), false);
	s->node = node_new(&config, prng_next(&w->prng));
	world_wake(s);
}

void world_pause(struct sim_node *s, int64_t for_ms)
{
	world_trace(s->world, "pause", (uint64_t)(s - s->world->nodes), (uint64_t)for_ms);
	s->paused_until_ms = s->world->now_ms + for_ms;
}

void world_fail(struct world *w, const char *format, ...)
{
	va_list args;

	if (w->failure[0])
		return;
	va_start(args, format);
	(void)vsnprintf(w->failure, sizeof(w->failure), format, args);
	va_end(args);
	if (w->config.is_verbose)
		printf("%6lld.%03lld FAILURE: %s\n", (long long)(w->now_ms / 1000),
		       (long long)(w->now_ms % 1000), w->failure);
}

void world_run(struct world *w, int64_t until_ms)
{
	struct heap_node *n;

	while (!w->failure[0] && (n = heap_take_due(&w->events, until_ms))) {
		w->now_ms = n->deadline_ms;
		w->event_count++;
		happen(w, heap_entry(n, struct happening, at));
	}
	w->now_ms = until_ms;
}
