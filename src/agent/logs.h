/* Inside agent/: the logs of this node's tasks, for whom the manager says.
 *
 * With each session the agent listens to the manager's log broker. A subscription names tasks (by
 * service, node or task) and how to read them; for each the agent opens a PublishLogs call and
 * sends what the executor reads. It asks for the next batch of a log when what it has sent is on
 * its way: a slow reader at the far end slows down the reading here, and nothing piles up in
 * between. At most PUBLICATION_READS_MAX logs of one subscription are read at a time; the others
 * have their turn when one of these ends, and who follows is told so in a line of each.
 *
 * Who follows is given tasks that come later, too, until the manager closes the subscription; else
 * the agent closes it when all logs have been read to their end.
 *
 * Protocol: SwarmKit's LogBroker service. */
#ifndef SHOAL_AGENT_LOGS_H
#define SHOAL_AGENT_LOGS_H

#include "base/list.h"
#include "base/tree.h"
#include "seam/log_record.h"
#include "seam/peer.h"

#define PUBLICATIONS_MAX      1024
#define PUBLICATION_READS_MAX 128

struct agent;
struct agent_task;

struct agent_logs {
	uint64_t listen_call;
	struct list publications; /* struct publication */
	struct tree sources;      /* struct log_source by ticket */
};

void logs_begin(struct agent *a);
/* A session stands: listen. */
void logs_listen(struct agent *a);
/* There is no session any more: what was read for it is read no more. */
void logs_end(struct agent *a);
/* The same without a word to anybody: the agent is freed. */
void logs_clear(struct agent *a);

/* Of the calls of this file; others are ignored. */
void logs_peer_event(struct agent *a, uint64_t ticket, const struct peer_event *ev);
void logs_batch(struct agent *a, uint64_t ticket, const struct log_batch *batch);

/* Its state changed: there may be something to follow. */
void logs_task_changed(struct agent *a, const struct agent_task *t);
void logs_task_gone(struct agent *a, const char *task_id);

#endif
