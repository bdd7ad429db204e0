#include "sim/run.h"

#include <stdio.h>

#include "base/mem.h"
#include "sim/checks.h"
#include "sim/clients.h"
#include "sim/hands.h"
#include "sim/growth.h"
#include "sim/nemesis.h"
#include "sim/readers.h"
#include "sim/services.h"

#define CHAOS_MS 480000
#define CALM_MS  120000
/* Enough for logs of several batches, and for most of a seed to be about something else. */
#define LINE_MS   2000
#define GROWTH_MS 2000

struct run {
	struct checks checks;
	struct clients clients;
	struct nemesis nemesis;
	struct services services;
	struct readers readers;
	struct growth growth;
};

static void after_turn(struct world *w, struct sim_node *s)
{
	struct run *r = w->config.watch_self;

	checks_after_turn(&r->checks, w, s);
	clients_after_turn(&r->clients, s);
	readers_after_turn(&r->readers, s);
}

/* Liveness: after two calm minutes the managers agree. */
static void check_calm(struct run *r, struct world *w)
{
	const struct sim_node *leader = NULL;
	uint64_t applied = 0;

	for (size_t i = 0; i < w->node_count; i++) {
		struct sim_node *s = &w->nodes[i];
		const struct group *g = s->node ? node_group(s->node) : NULL;

		if (!g) {
			if (s->is_manager)
				world_fail(w, "%s is down or no manager after the calm", s->name);
			continue;
		}
		if (group_failure(g))
			world_fail(w, "%s: %s", s->name, group_failure(g));
		if (node_is_leading(s->node)) {
			if (leader)
				world_fail(w, "%s and %s both lead", leader->name, s->name);
			leader = s;
		}
		if (group_applied(g) > applied)
			applied = group_applied(g);
	}
	if (!leader)
		world_fail(w, "nobody leads after two calm minutes");
	for (size_t i = 0; i < w->node_count; i++)
		if (w->nodes[i].node && node_group(w->nodes[i].node) &&
		    group_applied(node_group(w->nodes[i].node)) != applied)
			world_fail(w, "%s has not caught up", w->nodes[i].name);
	clients_check_all(&r->clients);
	clients_check_history(&r->clients);
	if (w->config.is_grown) {
		growth_check_calm(&r->growth);
	} else {
		services_check_calm(&r->services);
		readers_check_calm(&r->readers);
	}
}

struct run_result run_seed(uint64_t seed, const struct run_options *o)
{
	struct run r = { 0 };
	struct world w;
	struct prng p;
	struct run_result result = { 0 };

	prng_seed(&p, seed ^ 0x5eed);
	world_init(&w, &(struct world_config){
			       .seed = seed,
			       .managers = o->managers ? o->managers : 1 + prng_below(&p, 7),
			       .workers = o->workers,
			       .is_verbose = o->is_verbose,
			       .is_grown = o->is_grown,
			       .snapshot_entries = 5 + prng_below(&p, 200),
			       .snapshot_bytes = 1 + prng_below(&p, 20000),
			       .keep_entries = 1 + prng_below(&p, 50),
			       .keep_bytes = 1 + prng_below(&p, 20000),
			       .watch = after_turn,
			       .watch_self = &r,
		       });
	for (size_t i = 0; i < w.node_count; i++)
		hands_set_line_ms(w.nodes[i].hands, LINE_MS);
	checks_init(&r.checks, w.node_count);
	clients_begin(&r.clients, &w, CHAOS_MS);
	if (o->is_grown) {
		growth_begin(&r.growth, &w, CHAOS_MS);
		world_run(&w, GROWTH_MS); /* the first node is a swarm before anything can break */
	} else {
		services_begin(&r.services, &w, CHAOS_MS);
		readers_begin(&r.readers, &w, CHAOS_MS);
	}
	nemesis_begin(&r.nemesis, &w, CHAOS_MS);
	if (o->is_verbose)
		nemesis_print(&r.nemesis);

	world_run(&w, CHAOS_MS);
	if (!w.failure[0]) {
		nemesis_calm(&r.nemesis);
		world_run(&w, CHAOS_MS + CALM_MS);
	}
	if (!w.failure[0])
		check_calm(&r, &w);

	result.is_good = !w.failure[0];
	memcpy(result.failure, w.failure, sizeof(result.failure));
	result.trace = w.trace;
	result.events = w.event_count;
	result.turns = w.turn_count;
	result.acknowledged = r.clients.acknowledged_count;
	result.reads = r.clients.reads_answered;
	result.logs_complete = r.readers.complete;
	result.logs_incomplete = r.readers.incomplete;
	for (size_t i = 0; i < r.clients.write_count; i++)
		result.unknown += r.clients.writes[i].state == WRITE_UNKNOWN;
	world_clear(&w);
	checks_clear(&r.checks);
	clients_clear(&r.clients);
	readers_clear(&r.readers);
	return result;
}
