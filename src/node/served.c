/* What this manager answers to other nodes: the Control calls that managers pass on to it while it
 * leads, whether it is well (Health), and who it is (Meet).
 *
 * A refusal says whether the change was surely not carried out: ABORTED, and it may be asked again
 * of the next leader; UNAVAILABLE, and nobody knows. */
#include <string.h>

#include "base/mem.h"
#include "node/inside.h"
#include "pb/methods.h"

#define CALLS_MAX   10000
#define READ_MS     10000
#define MESSAGE_MAX (64 << 20)
#define HEALTH      "/docker.swarmkit.v1.Health/Check"
#define MEET        "/shoal.v1.Managers/Meet"

struct served {
	struct list link;
	uint64_t ticket; /* theirs */
	uint64_t under;  /* of the change or read; 0: the request is not here yet */
	const struct pb_method *method;
	bool is_read;
	const char *caller; /* its node id */
	const void *request;
	int64_t deadline_ms;
	struct arena memory;
};

static void served_free(struct node *n, struct served *s)
{
	n->served_count--;
	list_remove(&s->link);
	arena_clear(&s->memory);
	free(s);
}

static void refuse(struct node *n, struct served *s, enum peer_status status, const char *text)
{
	const struct peer *peer = n->config.seams.peer;

	peer->finish(peer->self, s->ticket, status, text);
	served_free(n, s);
}

static void refuse_with(struct node *n, struct served *s, const struct err *e)
{
	refuse(n, s,
	       e->kind == ERR_UNAVAILABLE       ? PEER_ABORTED
	       : e->kind == ERR_UNKNOWN_OUTCOME ? PEER_UNAVAILABLE
						: (enum peer_status)err_grpc_status(e->kind),
	       e->text);
}

static void reply(struct node *n, struct served *s, const void *response)
{
	const struct peer *peer = n->config.seams.peer;
	AUTO_BUF struct buf bytes = BUF_MAX(MESSAGE_MAX);

	if (response && !pb_encode(response, &bytes)) {
		refuse(n, s, PEER_RESOURCE_EXHAUSTED, "the answer is larger than a message may be");
		return;
	}
	peer->send(peer->self, s->ticket, buf_str(&bytes));
	peer->finish(peer->self, s->ticket, PEER_OK, NULL);
	served_free(n, s);
}

void served_clear(struct node *n)
{
	struct served *s;

	list_each (&n->served, struct served, link, s)
		refuse(n, s, PEER_ABORTED, "this node is no manager any more");
}

bool served_takes(const char *method)
{
	return strcmp(method, HEALTH) == 0 || strcmp(method, MEET) == 0 ||
	       control_find(str_of(method));
}

void served_open(struct node *n, uint64_t ticket, const struct peer_event *ev)
{
	const struct peer *peer = n->config.seams.peer;
	const struct control_method *control = control_find(str_of(ev->method));
	struct served *s;

	if (n->served_count >= CALLS_MAX) {
		peer->finish(peer->self, ticket, PEER_RESOURCE_EXHAUSTED, "too many calls");
		return;
	}
	s = NEW(struct served);
	s->ticket = ticket;
	s->method = pb_method_find(str_of(ev->method));
	s->is_read = control && control->is_read;
	s->caller = arena_strdup(&s->memory, ev->from.node_id);
	s->deadline_ms = n->now.mono_ms + READ_MS;
	list_push_back(&n->served, &s->link);
	n->served_count++;
}

/* Well: it answers on the swarm's port, and is a member or about to become one. */
static void tell_health(struct node *n, struct served *s)
{
	Pb__HealthCheckResponse *response = PB_NEW(&s->memory, health_check_response);
	const Pb__HealthCheckRequest *request = s->request;

	if (request->service[0] && strcmp(request->service, "Raft") != 0) {
		refuse(n, s, PEER_NOT_FOUND, "unknown service");
		return;
	}
	response->status = n->group || enlist_is_under_way(n)
				   ? PB__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
				   : PB__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING;
	reply(n, s, response);
}

static void tell_who(struct node *n, struct served *s)
{
	Pb__MeetResponse *response = PB_NEW(&s->memory, meet_response);

	seek_meet(n, s->caller, s->request, &s->memory, response);
	reply(n, s, response);
}

static void on_request(struct node *n, struct served *s, struct str message)
{
	struct err e;

	if (s->request)
		return;
	s->request = pb_decode(&s->memory, s->method->request, message, MESSAGE_MAX, &e);
	if (!s->request) {
		refuse_with(n, s, &e);
	} else if (strcmp(s->method->path, HEALTH) == 0) {
		tell_health(n, s);
	} else if (strcmp(s->method->path, MEET) == 0) {
		tell_who(n, s);
	} else if (!n->leader || !leader_is_leading(n->leader)) {
		refuse(n, s, PEER_ABORTED, "this manager is not the leader");
	} else {
		s->under = ticket_next(&n->tickets);
		if (s->is_read)
			group_read(n->group, s->under);
		else
			leader_change(n->leader, s->under, s->method->path, s->request, n->now);
	}
}

bool served_peer_event(struct node *n, uint64_t ticket, const struct peer_event *ev)
{
	struct served *s;

	list_each (&n->served, struct served, link, s) {
		if (s->ticket != ticket)
			continue;
		if (ev->kind == PEER_MESSAGE) {
			on_request(n, s, ev->message);
		} else if (ev->kind == PEER_ENDED) {
			if (s->is_read && s->under && n->group)
				group_read_forget(n->group, s->under);
			served_free(n, s);
		}
		return true;
	}
	return false;
}

bool served_answered(struct node *n, struct leader_answer *a)
{
	struct served *s;

	list_each (&n->served, struct served, link, s) {
		if (s->under != a->ticket)
			continue;
		if (a->is_ok)
			reply(n, s, a->response);
		else
			refuse_with(n, s, &a->err);
		leader_answer_free(a);
		return true;
	}
	return false;
}

void served_turn(struct node *n)
{
	struct served *s;

	list_each (&n->served, struct served, link, s) {
		AUTO_ARENA struct arena a = { 0 };
		const void *response;
		struct err e;

		if (!s->is_read || !s->under)
			continue;
		if (!group_read_ready(n->group, s->under)) {
			if (s->deadline_ms > n->now.mono_ms && leader_is_leading(n->leader))
				continue;
			group_read_forget(n->group, s->under);
			refuse(n, s, PEER_ABORTED, "this manager is not the leader");
			continue;
		}
		response = node_ask(n, s->method->path, s->request, &a, &e);
		if (response)
			reply(n, s, response);
		else
			refuse_with(n, s, &e);
	}
}
