#include "agent/agent.h"

#include "agent/inside.h"
#include "base/log.h"
#include "base/mem.h"

struct agent *agent_new(const struct agent_config *c)
{
	struct agent *a = NEW(struct agent);

	a->config = *c;
	a->tickets.room = TICKET_AGENT;
	a->next_beat_ms = NEVER_MS;
	list_init(&a->managers);
	worker_begin(a);
	logs_begin(a);
	if (c->description)
		agent_describe(a, c->description);
	return a;
}

void agent_free(struct agent *a)
{
	if (!a)
		return;
	logs_clear(a);
	session_clear(a);
	worker_clear(a);
	arena_clear(&a->description_memory);
	free(a);
}

void agent_describe(struct agent *a, const Pb__NodeDescription *description)
{
	if (a->description && pb_equal(a->description, description))
		return;
	arena_reset(&a->description_memory);
	a->description = pb_dup(&a->description_memory, description);
	if (a->state == SESSION_OPEN) {
		session_close(a, "the node's description changed");
		a->retry_at_ms = a->now.mono_ms;
	}
}

void agent_peer_event(struct agent *a, uint64_t ticket, const struct peer_event *ev)
{
	session_peer_event(a, ticket, ev);
	logs_peer_event(a, ticket, ev);
}

void agent_log_batch(struct agent *a, uint64_t ticket, const struct log_batch *batch)
{
	logs_batch(a, ticket, batch);
}

void agent_journal_event(struct agent *a, uint64_t ticket, const struct journal_event *ev)
{
	/* A record that could not be written costs a task its memory of a restart, nothing more:
	 * the manager has the task, and the executor its container. */
	if (ev->kind == JOURNAL_FAILED)
		log_error(a->config.log, "agent", "a task could not be recorded: %s", ev->text);
	(void)ticket;
}

int64_t agent_turn(struct agent *a, struct now now)
{
	int64_t next, retry;

	a->now = now;
	next = session_turn(a);
	worker_turn(a);
	session_report(a);
	retry = heap_deadline(&a->retries);
	return retry < next ? retry : next;
}

bool agent_is_ready(const struct agent *a)
{
	return a->state == SESSION_OPEN;
}

const Pb__Node *agent_node(const struct agent *a)
{
	return a->node;
}

bool agent_is_with_shoal(const struct agent *a)
{
	return a->is_with_shoal;
}

struct str agent_root_ca(const struct agent *a)
{
	return a->root_ca;
}

const char *agent_trouble(const struct agent *a)
{
	return a->trouble ? a->trouble : "";
}
