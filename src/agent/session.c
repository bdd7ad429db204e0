/* The session with a manager: found, kept, lost, found again.
 *
 * Managers are chosen by chance, weighted by experience: +10 for a session that stood, -10 for one
 * that failed, each averaged with what was before (SwarmKit's remotes). */
#include <stdio.h>
#include <string.h>

#include "agent/inside.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/prng.h"

#define DISPATCHER "/docker.swarmkit.v1.Dispatcher/"
#define WEIGHT_MAX 256
/* Those with a bad name are tried too, now and then. */
#define WEIGHT_LEAST 1
#define WEIGHT_SCALE 1000
/* An attempt that lasts longer than this gives way to a manager that is known to answer. */
#define PATIENCE_MS 1000

static struct agent_manager *manager_find(struct agent *a, const char *addr)
{
	struct agent_manager *m;

	list_each (&a->managers, struct agent_manager, link, m)
		if (strcmp(m->addr, addr) == 0)
			return m;
	return NULL;
}

static void manager_free(struct agent *a, struct agent_manager *m)
{
	if (a->manager == m)
		a->manager = NULL;
	list_remove(&m->link);
	free(m->node_id);
	free(m->addr);
	free(m);
}

void agent_add_manager(struct agent *a, const char *node_id, const char *addr)
{
	struct agent_manager *m = manager_find(a, addr);

	if (!m) {
		m = NEW(struct agent_manager);
		m->addr = xstrdup(addr);
		list_push_back(&a->managers, &m->link);
	}
	free(m->node_id);
	m->node_id = xstrdup(node_id);
}

const struct list *agent_managers(const struct agent *a)
{
	return &a->managers;
}

static void observe(struct agent_manager *m, int64_t weight)
{
	if (!m)
		return;
	m->weight = (m->weight + weight) / 2;
	if (m->weight > WEIGHT_MAX)
		m->weight = WEIGHT_MAX;
	if (m->weight < -WEIGHT_MAX)
		m->weight = -WEIGHT_MAX;
}

static uint64_t draw_weight(const struct agent_manager *m)
{
	return m->weight > 0 ? (uint64_t)m->weight * WEIGHT_SCALE : WEIGHT_LEAST;
}

static struct agent_manager *choose(struct agent *a)
{
	struct agent_manager *m;
	uint64_t total = 0, draw;

	list_each (&a->managers, struct agent_manager, link, m)
		total += m->is_tried ? 0 : draw_weight(m);
	if (total == 0)
		return NULL;
	draw = prng_below(a->config.prng, total);
	list_each (&a->managers, struct agent_manager, link, m) {
		if (m->is_tried)
			continue;
		if (draw < draw_weight(m))
			return m;
		draw -= draw_weight(m);
	}
	return NULL;
}

/* Each is tried before any is tried again: one that is gone must not keep us from one that is there. */
static void forget_tried(struct agent *a)
{
	struct agent_manager *m;

	list_each (&a->managers, struct agent_manager, link, m)
		m->is_tried = false;
}

/* What the pause between two attempts is divided by, so that a round takes as long as one attempt. */
static int64_t managers_known(struct agent *a)
{
	struct agent_manager *m;
	int64_t count = 0;

	list_each (&a->managers, struct agent_manager, link, m)
		count += m->addr != NULL;
	return count ? count : 1;
}

static void send(struct agent *a, uint64_t ticket, const void *message, bool is_last)
{
	const struct peer *peer = a->config.peer;
	AUTO_BUF struct buf bytes = BUF_MAX(MESSAGE_MAX);

	if (!pb_encode(message, &bytes)) {
		log_error(a->config.log, "agent", "a message is larger than %d bytes", MESSAGE_MAX);
		return;
	}
	peer->send(peer->self, ticket, buf_str(&bytes));
	if (is_last)
		peer->finish(peer->self, ticket, PEER_OK, NULL);
}

static uint64_t call(struct agent *a, const char *method, int64_t timeout_ms, const void *request)
{
	const struct peer *peer = a->config.peer;
	uint64_t ticket = ticket_next(&a->tickets);
	struct peer_target target = { .addr = a->manager->addr };

	peer->call(peer->self, ticket, &target, method, timeout_ms);
	send(a, ticket, request, true);
	return ticket;
}

static void cancel(struct agent *a, uint64_t *ticket)
{
	if (*ticket)
		a->config.peer->cancel(a->config.peer->self, *ticket);
	*ticket = 0;
}

void session_close(struct agent *a, const char *why)
{
	cancel(a, &a->session_call);
	cancel(a, &a->assignments_call);
	cancel(a, &a->heartbeat_call);
	cancel(a, &a->report_call);
	logs_end(a);
	a->reporting_count = 0;
	if (a->state == SESSION_NONE)
		return;
	log_info(a->config.log, "agent", "no session: %s", why);
	free(a->trouble);
	a->trouble = xstrdup(why);
	observe(a->manager, -10);
	a->state = SESSION_NONE;
	a->backoff_ms = a->backoff_ms ? 100 + 2 * a->backoff_ms : BACKOFF_FIRST_MS;
	if (a->backoff_ms > BACKOFF_MAX_MS)
		a->backoff_ms = BACKOFF_MAX_MS;
	a->retry_at_ms =
		a->now.mono_ms +
		(int64_t)prng_below(a->config.prng, (uint64_t)a->backoff_ms) / managers_known(a);
}

void session_clear(struct agent *a)
{
	struct agent_manager *m;

	list_each (&a->managers, struct agent_manager, link, m)
		manager_free(a, m);
	free(a->session_id);
	free(a->trouble);
	free(a->results_in);
	arena_clear(&a->session_memory);
}

void agent_meet_manager(struct agent *a, const char *node_id, const char *addr)
{
	struct agent_manager *m;

	if (a->state == SESSION_OPEN)
		return;
	if (a->state == SESSION_OPENING && strcmp(a->manager->addr, addr) != 0 &&
	    a->now.mono_ms - a->opened_at_ms >= PATIENCE_MS)
		session_close(a, "another manager answers");
	agent_add_manager(a, node_id, addr);
	list_each (&a->managers, struct agent_manager, link, m) {
		if (strcmp(m->addr, addr) == 0) {
			m->is_tried = false;
			m->weight = m->weight < 10 ? 10 : m->weight;
		} else if (m != a->manager && strcmp(m->node_id, node_id) == 0) {
			manager_free(a, m);
		}
	}
	if (a->state == SESSION_NONE) {
		a->backoff_ms = 0;
		a->retry_at_ms = a->now.mono_ms;
	}
}

static void open_session(struct agent *a)
{
	AUTO_ARENA struct arena memory = { 0 };
	Pb__SessionRequest *request = PB_NEW(&memory, session_request);

	a->manager = choose(a);
	if (!a->manager) {
		forget_tried(a);
		a->manager = choose(a);
	}
	if (!a->manager) {
		a->retry_at_ms = a->now.mono_ms + BACKOFF_MAX_MS;
		return;
	}
	a->manager->is_tried = true;
	request->description = a->description;
	request->session_id = a->session_id ? a->session_id : (char *)"";
	a->state = SESSION_OPENING;
	a->opened_at_ms = a->now.mono_ms;
	a->session_call = call(a, DISPATCHER "Session", 0, request);
}

static void open_assignments(struct agent *a)
{
	AUTO_ARENA struct arena memory = { 0 };
	Pb__AssignmentsRequest *request = PB_NEW(&memory, assignments_request);

	request->session_id = a->session_id;
	free(a->results_in);
	a->results_in = NULL;
	a->assignments_call = call(a, DISPATCHER "Assignments", 0, request);
}

static void beat(struct agent *a)
{
	AUTO_ARENA struct arena memory = { 0 };
	Pb__HeartbeatRequest *request = PB_NEW(&memory, heartbeat_request);

	request->session_id = a->session_id;
	a->heartbeat_call = call(a, DISPATCHER "Heartbeat", HEARTBEAT_TIMEOUT_MS, request);
}

/* Agents keep exactly the managers that the message names. */
static void take_managers(struct agent *a, const Pb__SessionMessage *message)
{
	struct agent_manager *m;

	if (message->n_managers == 0)
		return;
	for (size_t i = 0; i < message->n_managers; i++)
		if (message->managers[i]->peer)
			agent_add_manager(a, message->managers[i]->peer->node_id,
					  message->managers[i]->peer->addr);
	list_each (&a->managers, struct agent_manager, link, m) {
		bool is_named = m == a->manager;

		for (size_t i = 0; i < message->n_managers && !is_named; i++)
			is_named = message->managers[i]->peer &&
				   strcmp(message->managers[i]->peer->addr, m->addr) == 0;
		if (!is_named)
			manager_free(a, m);
	}
}

static void on_session_message(struct agent *a, const Pb__SessionMessage *message)
{
	struct agent_task *t;

	free(a->session_id);
	a->session_id = xstrdup(message->session_id);
	arena_reset(&a->session_memory);
	a->node = pb_dup(&a->session_memory, message->node);
	a->root_ca = str_bytes(
		arena_copy(&a->session_memory, message->root_ca.data, message->root_ca.len),
		message->root_ca.len);
	a->is_with_shoal = message->is_shoal;
	take_managers(a, message);
	if (a->state == SESSION_OPEN)
		return;
	a->state = SESSION_OPEN;
	a->backoff_ms = 0;
	free(a->trouble);
	a->trouble = NULL;
	observe(a->manager, 10);
	forget_tried(a);
	log_info(a->config.log, "agent", "session with %s", a->manager->addr);
	beat(a);
	open_assignments(a);
	logs_listen(a);
	/* What this manager may not have heard. */
	tree_each (&a->tasks, struct agent_task, by_id, t)
		if (!t->is_gone && list_is_empty(&t->unreported))
			list_push_back(&a->unreported, &t->unreported);
}

static void on_assignments(struct agent *a, const Pb__AssignmentsMessage *m)
{
	const char *expected = a->results_in ? a->results_in : "";

	if (m->type == PB__ASSIGNMENTS_MESSAGE__TYPE__INCREMENTAL &&
	    strcmp(m->applies_to, expected) != 0) {
		/* Something was missed: ask for the whole set again. */
		cancel(a, &a->assignments_call);
		open_assignments(a);
		return;
	}
	worker_assign(a, m);
	free(a->results_in);
	a->results_in = xstrdup(m->results_in);
}

static void on_message(struct agent *a, uint64_t ticket, struct str bytes)
{
	AUTO_ARENA struct arena memory = { 0 };
	const void *message;
	struct err e;
	const ProtobufCMessageDescriptor *type =
		ticket == a->session_call       ? &pb__session_message__descriptor
		: ticket == a->assignments_call ? &pb__assignments_message__descriptor
		: ticket == a->heartbeat_call   ? &pb__heartbeat_response__descriptor
						: NULL;

	if (!type)
		return;
	message = pb_decode(&memory, type, bytes, MESSAGE_MAX, &e);
	if (!message) {
		session_close(a, e.text);
		return;
	}
	if (ticket == a->session_call) {
		on_session_message(a, message);
	} else if (ticket == a->assignments_call) {
		on_assignments(a, message);
	} else {
		const Pb__Duration *period = ((const Pb__HeartbeatResponse *)message)->period;
		int64_t period_ms = period->seconds * 1000 + period->nanos / 1000000;

		a->next_beat_ms = a->now.mono_ms + (period_ms > 0 ? period_ms : 1000);
	}
}

/* What was acknowledged is news no more, unless it changed meanwhile. */
static void report_ended(struct agent *a, bool is_acknowledged)
{
	a->report_call = 0;
	for (size_t i = 0; is_acknowledged && i < a->reporting_count; i++) {
		struct agent_task *t = tree_entry(tree_find(&a->tasks, a->reporting[i].id),
						  struct agent_task, by_id);

		if (t && t->report == a->reporting[i].report)
			list_remove(&t->unreported);
	}
	a->reporting_count = 0;
}

static void on_ended(struct agent *a, uint64_t ticket, const struct peer_event *ev)
{
	const char *text = ev->text && ev->text[0] ? ev->text : "the call ended";

	if (ticket == a->heartbeat_call) {
		a->heartbeat_call = 0;
		if (ev->status != PEER_OK)
			session_close(a, text);
	} else if (ticket == a->report_call) {
		report_ended(a, ev->status == PEER_OK);
		if (ev->status != PEER_OK)
			session_close(a, text);
	} else if (ticket == a->session_call || ticket == a->assignments_call) {
		if (ticket == a->session_call)
			a->session_call = 0;
		else
			a->assignments_call = 0;
		session_close(a, text);
	}
}

void session_peer_event(struct agent *a, uint64_t ticket, const struct peer_event *ev)
{
	if (ev->kind == PEER_MESSAGE)
		on_message(a, ticket, ev->message);
	else if (ev->kind == PEER_ENDED)
		on_ended(a, ticket, ev);
}

/* Everything that is news, in one call; one call at a time. */
void session_report(struct agent *a)
{
	AUTO_ARENA struct arena memory = { 0 };
	Pb__UpdateTaskStatusRequest *request;
	struct agent_task *t;

	if (a->state != SESSION_OPEN || a->report_call || list_is_empty(&a->unreported))
		return;
	request = PB_NEW(&memory, update_task_status_request);
	request->session_id = a->session_id;
	request->updates = arena_alloc(&memory, UPDATES_MAX * sizeof(*request->updates));
	a->reporting = xrealloc(a->reporting, UPDATES_MAX * sizeof(*a->reporting));
	list_each (&a->unreported, struct agent_task, unreported, t) {
		Pb__UpdateTaskStatusRequest__TaskStatusUpdate *update;

		if (request->n_updates == UPDATES_MAX)
			break;
		update = pb_new(&memory,
				&pb__update_task_status_request__task_status_update__descriptor);
		update->task_id = t->task->id;
		update->status = t->task->status;
		request->updates[request->n_updates++] = update;
		(void)snprintf(a->reporting[a->reporting_count].id, sizeof(a->reporting[0].id),
			       "%s", t->task->id);
		a->reporting[a->reporting_count++].report = t->report;
	}
	a->report_call = call(a, DISPATCHER "UpdateTaskStatus", HEARTBEAT_TIMEOUT_MS, request);
}

int64_t session_turn(struct agent *a)
{
	switch (a->state) {
	case SESSION_NONE:
		if (a->retry_at_ms > a->now.mono_ms)
			return a->retry_at_ms;
		open_session(a);
		return a->state == SESSION_OPENING ? a->opened_at_ms + SESSION_TIMEOUT_MS
						   : a->retry_at_ms;
	case SESSION_OPENING:
		if (a->now.mono_ms - a->opened_at_ms < SESSION_TIMEOUT_MS)
			return a->opened_at_ms + SESSION_TIMEOUT_MS;
		session_close(a, "session initiation timed out");
		return a->retry_at_ms;
	case SESSION_OPEN:
		if (!a->heartbeat_call && a->next_beat_ms <= a->now.mono_ms) {
			a->next_beat_ms = NEVER_MS;
			beat(a);
		}
		return a->next_beat_ms;
	}
	return NEVER_MS;
}
