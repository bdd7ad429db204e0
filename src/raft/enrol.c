/* Enrolment: managers that ask the leader to be members, or to have one removed.
 *
 *     READING ──► DIALLING ──► PROPOSING ──► AWAITING ──► answered
 *
 * Who asks is known by its certificate; it must be a node that is to be a manager, and answer at
 * the address it gives. A node that is a member already is told its raft id, or has its address
 * changed. Protocol: SwarmKit's RaftMembership and Health services. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "raft/inside.h"

#define JOIN           "/docker.swarmkit.v1.RaftMembership/Join"
#define LEAVE          "/docker.swarmkit.v1.RaftMembership/Leave"
#define HEALTH         "/docker.swarmkit.v1.Health/Check"
#define MESSAGE_MAX    (1 << 16)
#define ENROLMENTS_MAX 64
#define HEALTH_MS      5000
#define TIMEOUT_MS     10000
#define NOT_LEADER     "raft: failed to process the request: node lost leader status"

static int compare(const void *key, const struct tree_node *node)
{
	uint64_t a = *(const uint64_t *)key,
		 b = tree_entry(node, struct enrolment, by_ticket)->ticket;

	return (a > b) - (a < b);
}

void enrol_init(struct group *g)
{
	g->enrolments = TREE(compare);
}

static void enrolment_free(struct group *g, struct enrolment *n)
{
	tree_remove(&g->enrolments, &n->by_ticket);
	free(n->node_id);
	free(n->from_addr);
	free(n->addr);
	free(n);
}

static void refuse(struct group *g, struct enrolment *n, enum peer_status status, const char *text)
{
	const struct peer *peer = g->config.peer;

	peer->finish(peer->self, n->ticket, status, text);
	if (n->health)
		peer->cancel(peer->self, n->health);
	enrolment_free(g, n);
}

void enrol_clear(struct group *g)
{
	struct enrolment *n;

	tree_each (&g->enrolments, struct enrolment, by_ticket, n)
		refuse(g, n, PEER_FAILED_PRECONDITION, NOT_LEADER);
}

static void send(struct group *g, uint64_t ticket, const void *message)
{
	AUTO_BUF struct buf bytes = BUF_MAX(MESSAGE_MAX);

	if (!pb_encode(message, &bytes))
		abort(); /* at most RAFT_MEMBERS_MAX members */
	g->config.peer->send(g->config.peer->self, ticket, buf_str(&bytes));
	g->config.peer->finish(g->config.peer->self, ticket, PEER_OK, NULL);
}

static void answer(struct group *g, struct enrolment *n)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__JoinResponse *response = PB_NEW(&a, join_response);
	Pb__ClusterSnapshot *all = members_to_pb(&g->members, &a);

	if (n->is_leave) {
		send(g, n->ticket, PB_NEW(&a, leave_response));
	} else {
		response->raft_id = n->raft_id;
		response->members = all->members;
		response->n_members = all->n_members;
		send(g, n->ticket, response);
	}
	enrolment_free(g, n);
}

/* "0.0.0.0:2377" is "here, wherever that is": the address the call came from. */
static bool complete_address(struct enrolment *n, const char *asked)
{
	const char *port = strrchr(asked, ':'), *end = strrchr(n->from_addr, ':');
	size_t host = port ? (size_t)(port - asked) : 0;
	bool is_anywhere =
		host == 0 || strncmp(asked, "0.0.0.0:", 8) == 0 || strncmp(asked, "[::]:", 5) == 0;

	if (!port || !port[1] || strlen(asked) > 256 || (is_anywhere && !end))
		return false;
	n->addr = is_anywhere ? xasprintf("%.*s%s", (int)(end - n->from_addr), n->from_addr, port)
			      : xstrdup(asked);
	return true;
}

static bool is_to_be_manager(const struct group *g, const char *node_id)
{
	const Pb__Node *node = view_node(store_view(g->config.store), node_id);

	return node && node->spec->desired_role == PB__NODE_ROLE__MANAGER;
}

/* Does it answer where it says it does? */
static void dial(struct group *g, struct enrolment *n)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__HealthCheckRequest *request = PB_NEW(&a, health_check_request);
	const struct peer *peer = g->config.peer;

	n->step = ENROL_DIALLING;
	n->health = ticket_next(g->config.tickets);
	request->service = "Raft";
	peer->call(peer->self, n->health,
		   &(struct peer_target){ .addr = n->addr, .node_id = n->node_id }, HEALTH,
		   HEALTH_MS);
	send(g, n->health, request);
}

static void propose(struct group *g, struct enrolment *n)
{
	AUTO_ARENA struct arena a = { 0 };
	const struct member *known = members_find_node(&g->members, n->node_id);
	struct raft_change change = { .kind = known ? RAFT_UPDATE : RAFT_ADD_LEARNER };
	struct str context;
	uint64_t index;
	struct err e;

	n->step = ENROL_PROPOSING;
	if (n->is_leave) {
		if (members_was_removed(&g->members, n->raft_id)) {
			answer(g, n);
		} else if (group_remove(g, n->raft_id, &e)) {
			n->step = ENROL_AWAITING;
		} else if (e.kind != ERR_CONFLICT) {
			refuse(g, n, (enum peer_status)err_grpc_status(e.kind), e.text);
		}
		return;
	}
	if (!is_to_be_manager(g, n->node_id)) {
		refuse(g, n, PEER_FAILED_PRECONDITION, "this node is not to be a manager");
		return;
	}
	if (known) {
		n->raft_id = known->raft_id;
		if (strcmp(known->addr, n->addr) == 0) {
			answer(g, n);
			return;
		}
	}
	while (n->raft_id == 0 || (!known && (members_find(&g->members, n->raft_id) ||
					      members_was_removed(&g->members, n->raft_id))))
		n->raft_id = prng_next(&g->prng) >> 1;
	change.node = n->raft_id;
	context = change_context(&a, n->raft_id, n->node_id, n->addr);
	if (raft_propose_conf_change(g->raft, &change, context.ptr, context.len, &index, &e)) {
		n->step = ENROL_AWAITING;
		log_info(g->config.log, "raft", "%s joins from %s", n->node_id, n->addr);
	}
}

static bool is_settled(const struct group *g, const struct enrolment *n)
{
	const struct member *m = members_find(&g->members, n->raft_id);

	return n->is_leave ? !m : m && strcmp(m->addr, n->addr) == 0;
}

void enrol_turn(struct group *g)
{
	struct enrolment *n;
	bool leads;

	if (g->enrolments.count == 0)
		return;
	leads = group_leads(g);
	tree_each (&g->enrolments, struct enrolment, by_ticket, n) {
		if (!leads)
			refuse(g, n, PEER_FAILED_PRECONDITION, NOT_LEADER);
		else if (n->step == ENROL_AWAITING && is_settled(g, n))
			answer(g, n);
		else if (n->deadline_ms <= g->now.mono_ms)
			refuse(g, n, PEER_DEADLINE_EXCEEDED, "context deadline exceeded");
		else if (n->step == ENROL_PROPOSING && !group_is_changing(g))
			propose(g, n);
	}
}

static void on_request(struct group *g, struct enrolment *n, struct str bytes)
{
	AUTO_ARENA struct arena a = { 0 };
	const Pb__JoinRequest *join;
	const Pb__LeaveRequest *leave;
	char text[400];
	struct err e;

	if (n->step != ENROL_READING)
		return;
	if (n->is_leave) {
		leave = pb_decode(&a, &pb__leave_request__descriptor, bytes, MESSAGE_MAX, &e);
		if (!leave || !leave->node) {
			refuse(g, n, PEER_INVALID_ARGUMENT, "no node information provided");
			return;
		}
		n->raft_id = leave->node->raft_id;
		propose(g, n);
		return;
	}
	join = pb_decode(&a, &pb__join_request__descriptor, bytes, MESSAGE_MAX, &e);
	if (!join || !complete_address(n, join->addr)) {
		(void)snprintf(text, sizeof(text), "invalid address %.256s in raft join request",
			       join ? join->addr : "");
		refuse(g, n, PEER_INVALID_ARGUMENT, text);
		return;
	}
	dial(g, n);
}

static void on_health(struct group *g, struct enrolment *n, const struct peer_event *ev)
{
	AUTO_ARENA struct arena a = { 0 };
	const Pb__HealthCheckResponse *response;
	struct err e;
	char text[ERR_TEXT_MAX];

	if (ev->kind == PEER_MESSAGE) {
		response = pb_decode(&a, &pb__health_check_response__descriptor, ev->message,
				     MESSAGE_MAX, &e);
		n->is_serving =
			response &&
			response->status == PB__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;
	}
	if (ev->kind != PEER_ENDED)
		return;
	n->health = 0;
	if (ev->status == PEER_OK && n->is_serving) {
		propose(g, n);
		return;
	}
	(void)snprintf(text, sizeof(text),
		       "could not connect to prospective new cluster member using its advertised "
		       "address: %s",
		       ev->status != PEER_OK ? ev->text
					     : "health check returned status NOT_SERVING");
	refuse(g, n, PEER_UNKNOWN, text);
}

static void open(struct group *g, uint64_t ticket, const struct peer_event *ev)
{
	const struct peer *peer = g->config.peer;
	struct enrolment *n;

	if (!group_leads(g) || g->enrolments.count >= ENROLMENTS_MAX) {
		peer->finish(peer->self, ticket, PEER_FAILED_PRECONDITION,
			     !g->raft || g->failure ? "raft: node is not yet part of a raft cluster"
						    : NOT_LEADER);
		return;
	}
	n = NEW(struct enrolment);
	n->ticket = ticket;
	n->is_leave = strcmp(ev->method, LEAVE) == 0;
	n->node_id = xstrdup(ev->from.node_id);
	n->from_addr = xstrdup(ev->from.addr);
	n->deadline_ms = g->now.mono_ms + TIMEOUT_MS;
	tree_insert(&g->enrolments, &ticket, &n->by_ticket);
}

bool enrol_peer_event(struct group *g, uint64_t ticket, const struct peer_event *ev)
{
	struct tree_node *node;
	struct enrolment *n;

	if (ticket & PEER_THEIRS) {
		if (ev->kind == PEER_OPENED &&
		    (strcmp(ev->method, JOIN) == 0 || strcmp(ev->method, LEAVE) == 0)) {
			open(g, ticket, ev);
			return true;
		}
		node = tree_find(&g->enrolments, &ticket);
		if (!node)
			return false;
		n = tree_entry(node, struct enrolment, by_ticket);
		if (ev->kind == PEER_MESSAGE) {
			on_request(g, n, ev->message);
		} else if (ev->kind == PEER_ENDED) {
			if (n->health)
				g->config.peer->cancel(g->config.peer->self, n->health);
			enrolment_free(g, n);
		}
		return true;
	}
	tree_each (&g->enrolments, struct enrolment, by_ticket, n) {
		if (n->health != ticket)
			continue;
		on_health(g, n, ev);
		return true;
	}
	return false;
}
