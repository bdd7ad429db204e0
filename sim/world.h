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
#include "node/membership.h"
#include "node/node.h"

#define WORLD_CLUSTER "thecluster"
#define WORLD_ROOT    "the root"
/* As the fake keys digest it. */
#define WORLD_ROOT_DIGEST "sha256:f6cfa90f45cf6c84000000000000000000000000000000000000000000000000"

struct disk;
struct hands;
struct network;
struct sim_node;
struct world;

/* What happens; `run` gets `arg` back. */
typedef void world_event(struct world *w, void *arg);

/* A planned happening. It may live in what it happens to: its owner then fills run and arg, and
 * drops it before it frees it. */
struct happening {
	struct heap_node at;
	world_event *run;
	void *arg;
	bool is_worlds; /* made by world_plan(), freed when it has run */
};

/* Called with each node after each of its turns. */
typedef void world_watch(struct world *w, struct sim_node *s);

struct sim_node {
	struct world *world;
	struct node *node; /* NULL while crashed */
	char name[32];
	char node_id[26]; /* its certificate's names */
	const char *role, *org;
	char addr[40];
	const Pb__NodeDescription *description;
	struct log log;
	struct disk *disk;
	struct hands *hands;
	bool is_leading; /* as the mind told the hands */
	char leader_addr[40];
	uint64_t lives; /* how often it was started */
	int64_t paused_until_ms;
	bool is_manager;
	struct happening turn; /* the next one */
};

struct world_config {
	uint64_t seed;
	size_t managers, workers;
	bool is_verbose;
	bool is_grown; /* nobody is a founder: init and join (sim/growth.h) */
	uint64_t snapshot_entries, snapshot_bytes, keep_entries, keep_bytes;
	world_watch *watch;
	void *watch_self;
	void (*mark)(void *sim_node, const char *name); /* as in struct log; may be NULL */
};

struct world {
	struct world_config config;
	struct prng prng;
	int64_t now_ms;
	struct heap events;     /* struct happening */
	struct sim_node *nodes; /* managers first */
	size_t node_count;
	struct member *founders;
	struct network *network;
	struct arena memory; /* of what never changes */
	uint64_t trace;      /* hash of all that happened */
	uint64_t event_count, turn_count;
	bool is_ending;
	char failure[512]; /* what a checker saw; the run stops there */
};

void world_init(struct world *w, const struct world_config *c);
void world_clear(struct world *w);

/* When the world ends, what is still planned runs once with is_ending set: it frees what it owns
 * and plans nothing. */
void world_plan(struct world *w, int64_t delay_ms, world_event *run, void *arg);
/* The same for one that its owner keeps; if it is planned already, it moves. */
void world_set(struct world *w, struct happening *h, int64_t delay_ms);
void world_drop(struct world *w, struct happening *h);
/* What time it is in this world. */
struct now world_now(const struct world *w);
/* Mix a fact into the trace. */
void world_trace(struct world *w, const char *what, uint64_t a, uint64_t b);

/* Let a node think, after something was put into its inbox. Does nothing when it is down. */
void world_wake(struct sim_node *s);

/* A process that dies (its connections break), or a host without power (silence). Its disk keeps
 * what it promised. */
void world_crash(struct sim_node *s, bool is_silent);
void world_start(struct sim_node *s);
/* It does nothing for a while, and then finds out. */
void world_pause(struct sim_node *s, int64_t for_ms);

/* A promise was broken. */
void world_fail(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Let events happen until `until_ms` (virtual). */
void world_run(struct world *w, int64_t until_ms);

#endif
