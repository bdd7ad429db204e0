/* What the files of this room share. */
#ifndef SHOAL_AGENT_INSIDE_H
#define SHOAL_AGENT_INSIDE_H

#include "agent/agent.h"
#include "agent/logs.h"
#include "agent/task.h"

#define TASK_TABLE           "task"
#define RETRY_MS             1000
#define HEARTBEAT_TIMEOUT_MS 5000
#define SESSION_TIMEOUT_MS   5000
#define BACKOFF_FIRST_MS     100
#define BACKOFF_MAX_MS       8000
#define MESSAGE_MAX          (64 << 20)
#define UPDATES_MAX          500 /* statuses in one report */

enum session_state {
	SESSION_NONE,    /* waits until retry_at_ms */
	SESSION_OPENING, /* called; the first message must come in time */
	SESSION_OPEN,
};

/* What a task may need besides itself: memory only. */
struct dependency {
	struct tree_node by_key; /* "secret/ID" or "config/ID" */
	struct arena memory;
	const void *object;
	char key[];
};

struct agent {
	struct agent_config config;
	struct tickets tickets;
	struct now now;
	Pb__NodeDescription *description;
	struct arena description_memory;

	/* session.c */
	enum session_state state;
	struct list managers;          /* struct agent_manager */
	struct agent_manager *manager; /* of the session */
	char *session_id;
	uint64_t session_call, assignments_call, heartbeat_call, report_call;
	int64_t opened_at_ms, retry_at_ms, backoff_ms, next_beat_ms, period_ms;
	char *trouble;
	Pb__Node *node; /* the newest; in session_memory, as is root_ca */
	struct str root_ca;
	bool is_with_shoal; /* the newest session is with a manager of our kind */
	struct arena session_memory;
	char *results_in; /* of the last assignments message */

	/* worker.c */
	struct tree tasks;   /* struct agent_task by id */
	struct tree waiting; /* struct agent_task by ticket */
	struct list dirty;
	struct list unreported;
	struct heap retries;
	struct tree dependencies;
	bool is_listed; /* the executor has said what it has */
	uint64_t list_ticket;
	/* Records to be written to the local journal at the end of the turn. */
	struct journal_record *records;
	size_t record_count, record_capacity;
	struct arena record_memory;
	struct reporting {
		char id[26];
		uint64_t report;
	} * reporting; /* statuses in the call under way */
	size_t reporting_count;

	struct agent_logs logs;
};

/* session.c */
int64_t session_turn(struct agent *a);
void session_peer_event(struct agent *a, uint64_t ticket, const struct peer_event *ev);
void session_close(struct agent *a, const char *why);
void session_clear(struct agent *a);
void session_report(struct agent *a);

/* worker.c */
void worker_begin(struct agent *a);
void worker_assign(struct agent *a, const Pb__AssignmentsMessage *m);
void worker_turn(struct agent *a);
void worker_clear(struct agent *a);
void worker_mark(struct agent *a, struct agent_task *t);
/* Its status changed: it is to be reported and kept. */
void worker_status_changed(struct agent *a, struct agent_task *t);
void worker_keep(struct agent *a, struct agent_task *t);
void worker_forget(struct agent *a, const char *task_id);

#endif
