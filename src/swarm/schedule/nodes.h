/* What the scheduler knows of nodes beyond their records: what tasks take from them, how many there
 * are, and where services fail.
 *
 * It is kept by adding and taking back claims: a claim is what one task takes. Nodes lie in a tree
 * by load (active tasks, then id), so that the least loaded are found without a look at all. */
#ifndef SHOAL_SWARM_SCHEDULE_NODES_H
#define SHOAL_SWARM_SCHEDULE_NODES_H

#include "base/tree.h"
#include "pb/pb.h"

struct host_port {
	Pb__PortConfig__Protocol protocol;
	uint32_t port;
};

struct node_info {
	struct tree_node by_id, by_load;
	char *id;
	int64_t reserved_cpus, reserved_memory;
	uint64_t active;         /* tasks */
	struct tree services;    /* active tasks by service */
	struct tree failures;    /* by service and spec version */
	struct host_port *ports; /* in use; one entry a use */
	size_t port_count, port_capacity;
};

struct nodes {
	struct tree by_id, by_load;
};

void nodes_init(struct nodes *n);
void nodes_clear(struct nodes *n);

struct node_info *nodes_find(const struct nodes *n, const char *id);
/* Made if it is not known yet. */
struct node_info *nodes_get(struct nodes *n, const char *id);
void nodes_remove(struct nodes *n, const char *id);

/* What a task takes from its node. Texts and ports are the task's. */
struct claim {
	const char *node_id; /* "": nothing */
	const char *service_id;
	bool is_active;
	int64_t nano_cpus, memory_bytes;
	struct host_port *ports;
	size_t port_count;
};

/* Ports in the arena. */
struct claim claim_of(const Pb__Task *task, struct arena *a);
void nodes_add(struct nodes *n, const struct claim *c);
void nodes_take_back(struct nodes *n, const struct claim *c);

/* Active tasks of the service on the node. */
uint64_t node_tasks_of(const struct node_info *node, const char *service_id);

#define FAILURES_MANY   5      /* from here on a node is avoided */
#define FAILURES_AGE_MS 300000 /* older ones are forgotten */
#define FAILURES_MAX    64     /* remembered of a service on a node */

void node_note_failure(struct node_info *node, const char *service_id, uint64_t version,
		       int64_t now_ms);
/* Of the last five minutes. */
uint64_t node_failures_of(const struct node_info *node, const char *service_id, uint64_t version,
			  int64_t now_ms);

#endif
