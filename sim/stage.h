/* A stage: one simulated swarm that does as it is told, and on which nothing happens by chance.
 *
 * What a user would ask the leader for, faults of hosts and links, and waiting. Each function
 * takes as much virtual time as it needs and no more. Names are those of people: "worker2" is a
 * host, "web.3" a task of a slot, "web.worker2" a task of a global service. */
#ifndef SHOAL_SIM_STAGE_H
#define SHOAL_SIM_STAGE_H

#include "base/err.h"
#include "base/str.h"
#include "sim/readers.h"
#include "sim/world.h"

/* A service whose running containers are counted after every turn. */
struct stage_watch {
	char *service;
	size_t fewest, most;
	struct stage_watch *next;
};

struct stage {
	struct world world;
	bool is_set; /* there is a world */
	struct stage_watch *watches;
	struct readers readers;
	struct stage_mark {
		const char *name;
		struct stage_mark *next;
	} * marks; /* branches that were taken */
};

/* Hosts start, and the workers join one after the other. */
bool stage_begin(struct stage *g, const struct world_config *c, struct err *e) MUST_CHECK;
void stage_clear(struct stage *g);

void stage_wait(struct stage *g, int64_t ms);
/* Wait until the state of the swarm has not changed for ten seconds: longer than the default delays
 * of restarts and updates. Fails with ERR_UNAVAILABLE if that has not come after five minutes. */
bool stage_settle(struct stage *g, struct err *e) MUST_CHECK;

/* The leader's copy of the state; NULL (and ERR_UNAVAILABLE) if nobody leads within 15 s. */
const struct view *stage_view(struct stage *g, struct err *e);
/* Ask the leader for a change, by its Control method ("CreateService"), and wait for the outcome.
 */
bool stage_change(struct stage *g, const char *method, const void *request,
		  struct err *e) MUST_CHECK;

/* Each fails with ERR_NOT_FOUND. */
struct sim_node *stage_host(struct stage *g, const char *name, struct err *e);
const Pb__Service *stage_service(struct stage *g, const char *name, struct err *e);
/* The record of a host, by its name. */
const Pb__Node *stage_node(struct stage *g, const char *name, struct err *e);
/* The newest task of that name that is wanted. */
const Pb__Task *stage_task(struct stage *g, const char *name, struct err *e);
/* "web.3" or "web.worker2", in the arena. */
const char *stage_task_name(const struct view *v, const Pb__Task *task, struct arena *a);
/* The host's name of a node's id, or "-". */
const char *stage_host_name(const struct view *v, const char *node_id);

/* Read a service's logs through the leader; `tail` below 0: all. It goes on while time passes. */
struct reader *stage_read(struct stage *g, const char *service, bool follows, int64_t tail,
			  struct err *e);

/* `init --force-new-cluster` there. */
bool stage_go_alone(struct stage *g, struct sim_node *host, struct err *e) MUST_CHECK;

void stage_watch(struct stage *g, const char *service);
/* Ends it. False if there was none. */
bool stage_watched(struct stage *g, const char *service, size_t *fewest, size_t *most);
bool stage_has_mark(const struct stage *g, const char *name);

#endif
