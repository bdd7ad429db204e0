/* The hands of an agent and of a CA in the simulator: containers that take a while to prepare and
 * start, fail now and then, end by themselves, and outlive the process of their node; keys that are
 * counters.
 *
 * A running container writes lines: three when it starts, then four a second; "line 0", "line 1"
 * ..., every third of them to standard error. */
#ifndef SHOAL_SIM_HANDS_H
#define SHOAL_SIM_HANDS_H

#include "seam/executor.h"
#include "seam/keys.h"

struct hands;
struct sim_node;

struct hands_faults {
	/* In a thousand: a prepare or start that fails (half of the times temporarily), and a
	 * container that ends by itself in any second. */
	unsigned prepare_fails, start_fails, exits;
	int64_t prepare_ms_max, start_ms_max, stop_ms_max;
};

struct hands *hands_new(struct sim_node *owner);
void hands_free(struct hands *h);
const struct executor *hands_executor(struct hands *h);
const struct keys *hands_keys(struct hands *h);
void hands_set_faults(struct hands *h, const struct hands_faults *f);
/* How often containers write a line (four times a second). Set it before there are any. */
void hands_set_line_ms(struct hands *h, int64_t line_ms);

/* What the keys on this host's disk are locked with; empty: they are not. */
struct str hands_unlock_key(const struct hands *h);

/* Does this node's certificate lead to that root, and does it believe in that? */
bool hands_lead_to(const struct hands *h, struct str root);
bool hands_trust(const struct hands *h, struct str root);
/* Would it believe the other's certificate? Who shows none is believed. */
bool hands_believe(const struct hands *h, const struct hands *other);

/* The process died: what was under way is forgotten, containers live on. Or the host did: they do
 * not. */
void hands_process_died(struct hands *h);
void hands_host_died(struct hands *h);

/* How many containers there are, and does this task run? */
size_t hands_count(const struct hands *h);
bool hands_runs(const struct hands *h, const char *task_id);
/* How many lines the container of this task has written. */
uint64_t hands_lines(const struct hands *h, const char *task_id);
/* End a running container with this code. */
void hands_end(struct hands *h, const char *task_id, int exit_code);

#endif
