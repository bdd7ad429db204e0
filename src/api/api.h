/* The Engine API: requests of Docker's clients, answered from the node and the engine.
 *
 *     stream event ──► route ──► handler ──► reply at once, or a ticket
 *     after each turn: tickets that ended ──► the handler goes on
 *
 * A request is a call from its headers until it is answered or its client is gone. It has memory of
 * its own and waits for at most one ticket; an outcome whose call is gone is dropped. The table of
 * routes (route.h) holds the version gates, what a route needs of the swarm, and how its body
 * comes.
 *
 * What comes before the engine knows what exists waits until it does, which takes moments: a client
 * that connects while the daemon starts is served, not refused. Only /_ping is answered at once.
 *
 * Versions: clients of API_MIN_MINOR to API_MINOR are served; a path without a version means
 * API_MINOR. Reads of the swarm's state are linearizable; `?stale=1` takes this node's copy as it
 * is. */
#ifndef SHOAL_API_API_H
#define SHOAL_API_API_H

#include <stdbool.h>
#include <stdint.h>

#include "base/now.h"
#include "pb/pb.h"
#include "seam/stream.h"

#define API_MINOR     47 /* 1.47 */
#define API_MIN_MINOR 24 /* 1.24 */

struct api;
struct engine;
struct log;
struct node;

/* What the kernel can limit. */
struct api_abilities {
	bool memory, swap, oom_kill_disable, cpu_quota, cpu_period, cpu_shares, cpuset, pids;
	bool is_unified; /* cgroups of version 2: nothing can keep a process from the OOM killer */
};
#define API_ABILITIES 8

/* A program that works for the daemon. NULL: it has not said, or there is none. */
struct api_program {
	const char *name, *version, *commit;
};

/* What is another at each moment. */
struct api_moment {
	int64_t open_files;
	bool forwards_ipv4;
};

/* What the daemon knows of itself; it may change between requests. All borrowed. */
struct api_host {
	const char *version; /* of shoald: "0.1.0" */
	const char *commit, *built_at;
	const char *id; /* of this engine, kept with its data */
	const char *hostname, *kernel, *os_name, *os_version;
	const char *arch;    /* "amd64" */
	const char *machine; /* "x86_64" */
	int64_t cpus, memory_bytes;
	const char *data_root;
	const char *default_runtime, *log_driver, *cgroup_driver;
	int cgroup_version;
	const char *const *runtimes;
	size_t runtime_count;
	const char *const *labels;
	size_t label_count;
	const char *const *insecure_registries, *const *mirrors;
	size_t insecure_registry_count, mirror_count;
	const char *const *address_pools; /* "10.0.0.0/8", "24", ...: base and size, in turn */
	size_t address_pool_count;
	const char *const *warnings; /* what a person should know: "WARNING: ..." */
	size_t warning_count;
	const char *backing_filesystem; /* below the data root: "extfs" */
	const char *init_binary;        /* "": there is none */
	struct api_program shim, runtime, init;
	struct api_abilities abilities;
	void (*look)(struct api_moment *now); /* NULL: nobody looks */
	bool is_debug, no_new_privileges;
};

/* Names of interfaces become addresses, and what was left open is chosen; with ports. `remote` is a
 * manager to be joined, or NULL. The texts of its refusals are what users read. */
struct api_addresses {
	void *self;
	bool (*choose)(void *self, const char *listen, const char *advertise, const char *remote,
		       struct arena *a, const char **chosen_listen, const char **chosen_advertise,
		       struct err *e);
};

struct api_config {
	struct node *node;
	struct engine *engine; /* NULL: no containers here, only the swarm */
	const struct stream *stream;
	const struct log *log;
	const struct api_host *host;
	struct api_addresses addresses;
};

struct api *api_new(const struct api_config *c);
void api_free(struct api *api);

/* An event of the stream seam, outside of a turn. */
void api_stream_event(struct api *api, const struct stream_event *ev, struct now now);
/* After each turn: takes the answers of node and engine, and lets their calls go on. Returns when
 * another turn is wanted at the latest: at once if one did, for what it asked next; when a call
 * wants to be woken; or NEVER_MS. */
int64_t api_after_turn(struct api *api, struct now now);
/* Calls that are not answered yet. */
size_t api_calls(const struct api *api);

#endif
