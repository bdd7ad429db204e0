#include "swarm/dispatch/dispatch.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/prng.h"
#include "swarm/dispatch/inside.h"

#define SERVICE "/docker.swarmkit.v1.Dispatcher/"

static int compare_session(const void *key, const struct tree_node *node)
{
	return strcmp(key, tree_entry(node, struct session, by_node)->node_id);
}

static int compare_call(const void *key, const struct tree_node *node)
{
	uint64_t a = *(const uint64_t *)key,
		 b = tree_entry(node, struct dispatch_call, by_ticket)->ticket;

	return (a > b) - (a < b);
}

static int compare_reported(const void *key, const struct tree_node *node)
{
	return strcmp(key, tree_entry(node, struct reported, by_task)->id);
}

static int compare_fallen(const void *key, const struct tree_node *node)
{
	return strcmp(key, tree_entry(node, struct fallen, by_node)->node_id);
}

struct dispatch *dispatch_new(const struct dispatch_config *c)
{
	struct dispatch *d = NEW(struct dispatch);

	d->config = *c;
	d->period_ms = PERIOD_MIN_MS;
	d->sessions = TREE(compare_session);
	d->calls = TREE(compare_call);
	d->reported = TREE(compare_reported);
	d->fallen = TREE(compare_fallen);
	list_init(&d->dirty);
	list_init(&d->waiting);
	list_init(&d->registering);
	list_init(&d->reported_order);
	list_init(&d->down);
	return d;
}

static void call_free(struct dispatch *d, struct dispatch_call *c)
{
	tree_remove(&d->calls, &c->by_ticket);
	free(c->node_id);
	free(c->addr);
	free(c);
}

static void fallen_free(struct dispatch *d, struct fallen *f)
{
	heap_remove(&d->orphans, &f->orphan);
	tree_remove(&d->fallen, &f->by_node);
	free(f);
}

static void resign(void *self)
{
	struct dispatch *d = self;
	struct session *s;
	struct dispatch_call *c;
	struct stopped *stopped;
	struct fallen *f;

	tree_each (&d->sessions, struct session, by_node, s) {
		session_end(d, s, PEER_ABORTED, "dispatcher is stopped");
		session_free(d, s);
	}
	tree_each (&d->calls, struct dispatch_call, by_ticket, c) {
		d->config.peer->finish(d->config.peer->self, c->ticket, PEER_ABORTED,
				       "dispatcher is stopped");
		call_free(d, c);
	}
	tree_each (&d->fallen, struct fallen, by_node, f)
		fallen_free(d, f);
	list_each (&d->down, struct stopped, link, stopped)
		free(stopped);
	list_init(&d->down);
	status_clear(d);
	d->is_leading = false;
}

void dispatch_free(struct dispatch *d)
{
	if (!d)
		return;
	resign(d);
	heap_clear(&d->expiries);
	heap_clear(&d->orphans);
	free(d);
}

bool dispatch_send(struct dispatch *d, uint64_t ticket, const void *message)
{
	AUTO_BUF struct buf bytes = BUF_MAX(MESSAGE_MAX);

	if (!pb_encode(message, &bytes)) {
		log_error(d->config.log, "dispatch", "a message is larger than %d bytes",
			  MESSAGE_MAX);
		return false;
	}
	d->config.peer->send(d->config.peer->self, ticket, buf_str(&bytes));
	return true;
}

static void watch_fallen(struct dispatch *d, const char *node_id, struct now now)
{
	struct fallen *f = tree_entry(tree_find(&d->fallen, node_id), struct fallen, by_node);

	if (f)
		return;
	f = xcalloc(1, sizeof(*f) + strlen(node_id) + 1);
	strcpy(f->node_id, node_id);
	tree_insert(&d->fallen, node_id, &f->by_node);
	heap_set(&d->orphans, &f->orphan, now.mono_ms + ORPHAN_MS);
}

/* Nodes that were there under the last leader have some time to find this one. */
static void lead(void *self, const struct view *v, struct now now)
{
	struct dispatch *d = self;
	AUTO_ARENA struct arena a = { 0 };
	struct objects nodes = view_all(v, OBJECT_NODE, &a);
	const Pb__Node *n;
	int64_t grace_ms;

	d->is_leading = true;
	d->period_ms = session_period_ms(d);
	grace_ms = d->period_ms * GRACE_NEW_LEADER;
	if (grace_ms < GRACE_NEW_LEADER_MIN_MS)
		grace_ms = GRACE_NEW_LEADER_MIN_MS;
	objects_each (nodes, Pb__Node, n) {
		struct session *s;

		if (n->status->state == PB__NODE_STATUS__STATE__DOWN) {
			watch_fallen(d, n->id, now);
			continue;
		}
		if (session_find(d, n->id))
			continue;
		s = session_new(d, n->id);
		heap_set(&d->expiries, &s->expiry, now.mono_ms + grace_ms);
	}
}

static void node_changed(struct dispatch *d, const struct change *c, struct now now)
{
	const Pb__Node *node = c->new ? c->new : c->old;
	struct session *s = session_find(d, node->id);
	struct fallen *f = tree_entry(tree_find(&d->fallen, node->id), struct fallen, by_node);

	if (c->what == CHANGE_REMOVED) {
		if (s) {
			session_end(d, s, PEER_ABORTED, "node must disconnect");
			session_free(d, s);
		}
		if (f)
			fallen_free(d, f);
		return;
	}
	if (node->status->state == PB__NODE_STATUS__STATE__DOWN)
		watch_fallen(d, node->id, now);
	else if (f)
		fallen_free(d, f);
	if (c->what == CHANGE_CREATED)
		d->period_ms = session_period_ms(d);
	if (!s)
		return;
	/* Its registration is committed when nothing more is to be written. */
	if (!s->description && s->id[0] && node->status->state == PB__NODE_STATUS__STATE__READY)
		s->is_registered = true;
	s->node_changed = true;
	session_mark(d, s);
}

void dispatch_members_changed(struct dispatch *d)
{
	struct session *s;

	tree_each (&d->sessions, struct session, by_node, s) {
		s->node_changed = true;
		session_mark(d, s);
	}
}

static void notice(void *self, const struct change *c, struct now now)
{
	struct dispatch *d = self;

	switch (c->kind) {
	case OBJECT_TASK:
		assignments_task_changed(d, c);
		break;
	case OBJECT_NODE:
		node_changed(d, c, now);
		break;
	case OBJECT_CLUSTER:
		d->period_ms = session_period_ms(d);
		dispatch_members_changed(d);
		break;
	default:
		break;
	}
}

static bool says_nothing_new(const struct session *s, const Pb__Node *n)
{
	return n->status->state == PB__NODE_STATUS__STATE__READY &&
	       strcmp(n->status->addr, s->addr) == 0 && n->description &&
	       pb_equal(n->description, s->description);
}

/* Write what a node said of itself when its session began. When it says what it always said,
 * nothing is written: thousands that come back to a new leader cost no entry. */
static void decide_registrations(struct dispatch *d, struct txn *t)
{
	struct session *s;

	list_each (&d->registering, struct session, registering, s) {
		Pb__Node *edit;

		if (txn_is_full(t))
			return;
		edit = txn_edit_node(t, s->node_id);
		if (edit && says_nothing_new(s, edit)) {
			s->is_registered = true;
			s->node_changed = true;
			session_mark(d, s);
		} else if (edit) {
			edit->description = pb_dup(txn_arena(t), s->description);
			edit->status->state = PB__NODE_STATUS__STATE__READY;
			edit->status->message = arena_strdup(txn_arena(t), "");
			edit->status->addr = arena_strdup(txn_arena(t), s->addr);
			txn_put(t, edit);
		}
		session_forget_description(s);
	}
}

static void decide_down(struct dispatch *d, struct txn *t)
{
	struct stopped *stopped;

	list_each (&d->down, struct stopped, link, stopped) {
		Pb__Node *edit;

		if (txn_is_full(t))
			return;
		edit = session_find(d, stopped->node_id) ? NULL
							 : txn_edit_node(t, stopped->node_id);
		if (edit && edit->status->state != PB__NODE_STATUS__STATE__DOWN) {
			edit->status->state = PB__NODE_STATUS__STATE__DOWN;
			edit->status->message = arena_strdup(
				txn_arena(t),
				stopped->was_registered
					? "heartbeat failure"
					: "heartbeat failure for node in \"unknown\" state");
			txn_put(t, edit);
		}
		list_remove(&stopped->link);
		free(stopped);
	}
}

/* A node that has been down for a day does not come back: its tasks' fate is unknown for ever. */
static void decide_orphans(struct dispatch *d, struct txn *t)
{
	struct heap_node *n;

	while (!txn_is_full(t) && (n = heap_take_due(&d->orphans, txn_now(t).mono_ms))) {
		struct fallen *f = heap_entry(n, struct fallen, orphan);
		struct objects tasks = view_tasks_of_node(txn_view(t), f->node_id, txn_arena(t));
		const Pb__Task *task;

		objects_each (tasks, Pb__Task, task) {
			Pb__Task *edit;

			if (task->status->state < PB__TASK_STATE__ASSIGNED ||
			    task->status->state > PB__TASK_STATE__RUNNING)
				continue;
			edit = txn_edit_task(t, task->id);
			edit->status = pb_dup(txn_arena(t), task->status);
			edit->status->state = PB__TASK_STATE__ORPHANED;
			edit->status->message =
				arena_strdup(txn_arena(t), "node is down for too long");
			txn_put(t, edit);
		}
		fallen_free(d, f);
	}
}

static void decide(void *self, struct txn *t)
{
	struct dispatch *d = self;

	session_expire(d, txn_now(t));
	decide_registrations(d, t);
	decide_down(d, t);
	status_decide(d, t);
	decide_orphans(d, t);
}

static int64_t deadline(const void *self)
{
	const struct dispatch *d = self;
	int64_t expiry = heap_deadline(&d->expiries), orphan = heap_deadline(&d->orphans);

	if (!list_is_empty(&d->reported_order) || !list_is_empty(&d->down) ||
	    !list_is_empty(&d->registering))
		return INT64_MIN;
	return expiry < orphan ? expiry : orphan;
}

struct controller dispatch_controller(struct dispatch *d)
{
	return (struct controller){ "dispatch", d, lead, notice, decide, deadline, resign };
}

void dispatch_flush(struct dispatch *d, struct now now)
{
	struct session *s;

	(void)now;
	list_each (&d->dirty, struct session, dirty, s) {
		list_remove(&s->dirty);
		if (s->node_changed)
			session_send(d, s);
		if (s->assignments && !list_is_empty(&s->changed))
			assignments_send(d, s);
	}
}

void dispatch_keys_event(struct dispatch *d, uint64_t ticket, const struct keys_event *ev)
{
	struct session *s;

	list_each (&d->waiting, struct session, waiting, s) {
		if (s->random_ticket != ticket)
			continue;
		s->random_ticket = 0;
		list_remove(&s->waiting);
		if (ev->kind != KEYS_DONE || ev->a.len < 17) {
			session_end(d, s, PEER_UNAVAILABLE, "no random numbers for a session");
			return;
		}
		object_id_from_bytes((const uint8_t *)ev->a.ptr, s->id);
		if (s->description)
			list_push_back(&d->registering, &s->registering);
		return;
	}
}

static void answer(struct dispatch *d, struct dispatch_call *c, const void *message)
{
	bool is_sent = dispatch_send(d, c->ticket, message);

	d->config.peer->finish(d->config.peer->self, c->ticket,
			       is_sent ? PEER_OK : PEER_RESOURCE_EXHAUSTED, DISPATCH_TOO_LARGE);
	call_free(d, c);
}

static void answer_err(struct dispatch *d, struct dispatch_call *c, const struct err *e)
{
	d->config.peer->finish(d->config.peer->self, c->ticket,
			       (enum peer_status)err_grpc_status(e->kind), e->text);
	call_free(d, c);
}

static void heartbeat(struct dispatch *d, struct dispatch_call *c,
		      const Pb__HeartbeatRequest *request, struct now now)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__HeartbeatResponse *response = PB_NEW(&a, heartbeat_response);
	struct err e;
	struct session *s = session_check(d, c->node_id, request->session_id, &e);
	int64_t period;

	if (!s) {
		answer_err(d, c, &e);
		return;
	}
	session_beat(d, s, now);
	/* A tenth earlier or later, anew each time, so that agents do not beat in step. */
	period = d->period_ms + prng_between(d->config.prng, -d->period_ms / 10, d->period_ms / 10);
	response->period->seconds = period / 1000;
	response->period->nanos = (int32_t)(period % 1000) * 1000000;
	answer(d, c, response);
}

static void update_status(struct dispatch *d, struct dispatch_call *c,
			  const Pb__UpdateTaskStatusRequest *request)
{
	AUTO_ARENA struct arena a = { 0 };
	struct err e;

	if (!session_check(d, c->node_id, request->session_id, &e) ||
	    !status_report(d, c->node_id, request, &e))
		answer_err(d, c, &e);
	else
		answer(d, c, PB_NEW(&a, update_task_status_response));
}

static void open_assignments(struct dispatch *d, struct dispatch_call *c,
			     const Pb__AssignmentsRequest *request)
{
	struct err e;
	struct session *s = session_check(d, c->node_id, request->session_id, &e);
	uint64_t before;

	if (!s) {
		answer_err(d, c, &e);
		return;
	}
	before = s->assignments;
	if (before) {
		d->config.peer->finish(d->config.peer->self, before, PEER_ABORTED,
				       "another stream took its place");
		call_free(d, tree_entry(tree_find(&d->calls, &before), struct dispatch_call,
					by_ticket));
	}
	c->session = s;
	assignments_open(d, s, c->ticket);
}

static void *decode(struct dispatch *d, struct dispatch_call *c, struct arena *a,
		    const ProtobufCMessageDescriptor *type, struct str message)
{
	struct err e;
	void *request = pb_decode(a, type, message, 4 << 20, &e);

	if (!request)
		answer_err(d, c, &e);
	return request;
}

static void on_message(struct dispatch *d, struct dispatch_call *c, struct str message,
		       struct now now)
{
	AUTO_ARENA struct arena a = { 0 };
	void *request;

	if (c->session)
		return; /* a stream has one request */
	if (strcmp(c->method, SERVICE "Session") == 0) {
		request = decode(d, c, &a, &pb__session_request__descriptor, message);
		if (request)
			session_open(d, c, request, now);
	} else if (strcmp(c->method, SERVICE "Heartbeat") == 0) {
		request = decode(d, c, &a, &pb__heartbeat_request__descriptor, message);
		if (request)
			heartbeat(d, c, request, now);
	} else if (strcmp(c->method, SERVICE "UpdateTaskStatus") == 0) {
		request = decode(d, c, &a, &pb__update_task_status_request__descriptor, message);
		if (request)
			update_status(d, c, request);
	} else {
		request = decode(d, c, &a, &pb__assignments_request__descriptor, message);
		if (request)
			open_assignments(d, c, request);
	}
}

static const char *method_of(const char *path)
{
	static const char *const known[] = { SERVICE "Session", SERVICE "Heartbeat",
					     SERVICE "UpdateTaskStatus", SERVICE "Assignments" };

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(path, known[i]) == 0)
			return known[i];
	return NULL;
}

static void on_opened(struct dispatch *d, uint64_t ticket, const struct peer_event *ev)
{
	const struct peer *peer = d->config.peer;
	const char *method = method_of(ev->method);
	struct dispatch_call *c;

	if (!method) {
		peer->finish(peer->self, ticket, PEER_UNIMPLEMENTED, "unknown method");
		return;
	}
	if (!d->is_leading) {
		peer->finish(peer->self, ticket, PEER_ABORTED, "dispatcher is stopped");
		return;
	}
	if (d->calls.count >= CALLS_MAX) {
		peer->finish(peer->self, ticket, PEER_RESOURCE_EXHAUSTED, "too many calls");
		return;
	}
	c = NEW(struct dispatch_call);
	c->ticket = ticket;
	c->method = method;
	c->node_id = xstrdup(ev->from.node_id);
	c->addr = xstrdup(ev->from.addr);
	tree_insert(&d->calls, &ticket, &c->by_ticket);
}

static void on_ended(struct dispatch *d, struct dispatch_call *c)
{
	if (c->session && c->session->stream == c->ticket)
		c->session->stream = 0;
	if (c->session && c->session->assignments == c->ticket)
		c->session->assignments = 0;
	call_free(d, c);
}

void dispatch_peer_event(struct dispatch *d, uint64_t ticket, const struct peer_event *ev,
			 struct now now)
{
	struct tree_node *node;

	if (ev->kind == PEER_OPENED) {
		on_opened(d, ticket, ev);
		return;
	}
	node = tree_find(&d->calls, &ticket);
	if (!node)
		return;
	if (ev->kind == PEER_MESSAGE)
		on_message(d, tree_entry(node, struct dispatch_call, by_ticket), ev->message, now);
	else if (ev->kind == PEER_ENDED)
		on_ended(d, tree_entry(node, struct dispatch_call, by_ticket));
}
