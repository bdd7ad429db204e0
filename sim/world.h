/* The other world: virtual time, and nodes that live in it.
 *
 * Everything that happens is an event with a time; events at one time happen in the order
 * in which they were planned. All chance is drawn from one seed, and each event is mixed
 * into a trace hash: the same seed gives the same hash, or the world (or the mind) has a
 * source of chance that it should not have. */
#ifndef SHOAL_SIM_WORLD_H
#define SHOAL_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/log.h"
#include "base/now.h"
#include "base/prng.h"

struct node;
struct world;

/* One planned happening. Owned by the world from plan to run; `run` gets `arg` back. */
typedef void world_event(struct world *w, void *arg);

struct sim_node {
	struct world *world;
	struct node *node; /* NULL while crashed */
	char name[32];
	struct log log;
	uint64_t lives; /* how often it was started */
};

struct world {
	struct prng prng;
	int64_t now_ms;
	struct heap events;
	struct sim_node *nodes;
	size_t node_count;
	uint64_t trace;      /* hash of all that happened */
	uint64_t event_count;
	bool verbose;
};

void world_init(struct world *w, uint64_t seed, size_t node_count);
void world_clear(struct world *w);

void world_plan(struct world *w, int64_t delay_ms, world_event *run, void *arg);
/* Mix a fact into the trace. */
void world_trace(struct world *w, const char *what, uint64_t a, uint64_t b);

/* Let a node think, after something was put into its inbox. Does nothing when it is down. */
void world_wake(struct sim_node *s);

void world_crash(struct sim_node *s);
void world_start(struct sim_node *s);

/* Let events happen until `until_ms` (virtual). */
void world_run(struct world *w, int64_t until_ms);

#endif
