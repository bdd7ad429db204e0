/* Fake hands for the engine: runtime, net, content and the journal of one machine, in memory.
 *
 * They are as nasty as the seams' contracts allow. Commands are carried out later than they are
 * given: in order for one container, in any order otherwise. Each may be made to fail. A crash of
 * the daemon carries out a prefix of what was pending for each container, loses every outcome, and
 * forgets the journal writes that were not reported, but for a prefix; containers go on running, or
 * end unseen.
 *
 * They also watch: an address or host port given out twice, a start without a mounted root or a
 * network, a removal of what runs are mistakes of the engine, told in `violation`.
 *
 * What a container does is said by its program's name: "true" and "false" end at once with 0 and 1,
 * "top" ends with 143 when it gets TERM, "stubborn" hears KILL alone, "missing" cannot be started,
 * and "exit:N" ends with N. An exec of "healthy" ends with 0, "sick" with 1, "hang" never. */
#ifndef SHOAL_SIM_MACHINE_H
#define SHOAL_SIM_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/list.h"
#include "base/now.h"
#include "base/prng.h"
#include "base/tree.h"
#include "engine/engine.h"
#include "seam/content.h"
#include "seam/journal.h"
#include "seam/net.h"
#include "seam/runtime.h"

#define MACHINE_TEXT_MAX 512

/* A container as the machine has it. */
struct machine_container {
	struct tree_node node;
	char id[80];
	bool has_layer, is_mounted, is_running, is_paused;
	bool has_exited, is_ending;
	int exit_code;
	int64_t pid, started_ns, ended_ns;
	char program[64];
};

struct machine_name { /* a volume, bridge, sandbox or image */
	struct tree_node node;
	char id[300];
	char address[32]; /* of a sandbox's first interface */
	uint16_t ports[16];
	size_t port_count;
};

struct machine_record {
	struct tree_node node;
	char *key; /* "table key" */
	char *value;
	size_t size;
};

struct machine {
	struct prng prng;
	struct now now;
	struct tree containers, volumes, bridges, sandboxes, images;
	struct tree records; /* durable */
	struct list pending; /* struct pending, in the order given */
	uint64_t calls;      /* seam calls so far; and outcomes, when a crash is planned */
	uint64_t crash_at;   /* the daemon dies in this call, or before this outcome; 0: never */
	uint64_t fail_at;    /* this call fails; 0: none */
	bool is_crashed;
	bool journal_is_broken;
	bool pulls_fail;
	bool execs_fail; /* programs of execs end with 1 */
	char missing_path[64]; /* nothing lies here */
	int64_t next_pid;
	uint16_t next_port;
	char violation[MACHINE_TEXT_MAX];
	char last_config[1 << 16]; /* of the last start */
	char last_process[1 << 14];
	char last_hosts[4096], last_resolv[4096];
	struct runtime runtime;
	struct net net;
	struct content content;
	struct journal journal;
};

void machine_init(struct machine *m, uint64_t seed);
void machine_clear(struct machine *m);
struct engine_seams machine_seams(struct machine *m);
/* Reads the fake's image configs: "program" or "program volume=/path". */
bool machine_read_image(struct arena *a, struct str json, Pb__LocalImage *image, struct err *e);

/* Carry out one pending command and tell the engine. False if there was none. */
bool machine_step(struct machine *m, struct engine *e, struct now now);
/* The daemon is gone: decide what of the pending was still done. Then a new engine may be made. */
void machine_crash(struct machine *m);
/* What the journal holds, for engine_load(); lies in the arena. */
struct journal_image machine_image(struct machine *m, struct arena *a);

struct machine_container *machine_container(struct machine *m, const char *id);
/* A container ends by itself. */
void machine_end(struct machine *m, const char *id, int exit_code);

#endif
