/* The worker's mind: it keeps a session with a manager, carries out its assignments, and reports.
 *
 * The agent knows some managers and keeps one session with one of them: Session, Heartbeat,
 * Assignments, UpdateTaskStatus of SwarmKit's Dispatcher. When the session ends it tries again,
 * with another manager perhaps, after a while that grows to 8 s. Its tasks go on meanwhile.
 *
 * Each task is a machine (agent/task.h) that moves towards its desired state through the executor.
 * Tasks are kept in the local journal, so that after a restart the agent finds its containers
 * again and reports what became of them. Secrets and configs are kept in memory only.
 *
 * It listens to the manager's log broker and publishes its tasks' logs (agent/logs.h). */
#ifndef SHOAL_AGENT_AGENT_H
#define SHOAL_AGENT_AGENT_H

#include "base/now.h"
#include "base/ticket.h"
#include "pb/pb.h"
#include "seam/input.h"

struct agent;
struct log;
struct prng;

struct agent_config {
	const struct peer *peer;
	const struct journal *journal;
	const struct executor *executor;
	const struct log *log;
	struct prng *prng;
	const char *node_id;
	const Pb__NodeDescription *description; /* borrowed: see agent_describe() */
};

struct agent *agent_new(const struct agent_config *c);
void agent_free(struct agent *a);

/* Tasks from an earlier life, as the local journal has them. Called once, before the first turn. */
void agent_load(struct agent *a, const struct journal_image *image);
/* Managers to begin with. Afterwards the session tells. */
void agent_add_manager(struct agent *a, const char *node_id, const char *addr);
/* This manager answered at that address just now: it is asked for a session next, and not at the
 * addresses where it was before. */
void agent_meet_manager(struct agent *a, const char *node_id, const char *addr);
/* What the node says of itself changed: the session is rebuilt with it. Copied. */
void agent_describe(struct agent *a, const Pb__NodeDescription *description);

void agent_peer_event(struct agent *a, uint64_t ticket, const struct peer_event *ev);
void agent_executor_event(struct agent *a, uint64_t ticket, const struct executor_event *ev);
/* A batch of a log that this agent reads. */
void agent_log_batch(struct agent *a, uint64_t ticket, const struct log_batch *batch);
void agent_journal_event(struct agent *a, uint64_t ticket, const struct journal_event *ev);

int64_t agent_turn(struct agent *a, struct now now);

/* The node leaves the swarm: every task's container is removed, and its records. */
void agent_leave(struct agent *a);

/* A session stands: the manager has said who we are. */
bool agent_is_ready(const struct agent *a);
/* The newest the manager said of this node, or NULL; changes between turns only. */
const Pb__Node *agent_node(const struct agent *a);
/* The manager of the newest session is shoald too; false before the first session. */
bool agent_is_with_shoal(const struct agent *a);
/* The root certificates in the newest session message; len 0: none yet. */
struct str agent_root_ca(const struct agent *a);
/* Why there is no session, as the last attempt ended; "" when there is one. */
const char *agent_trouble(const struct agent *a);

struct agent_manager {
	struct list link;
	char *node_id, *addr;
	int64_t weight; /* -256 to 256, by experience */
	bool is_tried;  /* since the last session that stood */
};
/* struct agent_manager: those known, for Info and for the next life. */
const struct list *agent_managers(const struct agent *a);

/* A secret's or config's data, if a task here needs it; ptr NULL otherwise. */
const Pb__Secret *agent_secret(const struct agent *a, const char *id);
const Pb__Config *agent_config_object(const struct agent *a, const char *id);

#endif
