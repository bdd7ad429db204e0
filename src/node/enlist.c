/* Enlist: a node with a manager's certificate becomes a member of the managers' group.
 *
 *     WAITING ──► (LEAVING ──►) JOINING ──► KEEPING ──► a member, with an empty log
 *        └────────── after a while, when it did not work ──┘
 *
 * It answers on the swarm's port first, for the leader calls back. The raft id that it is given
 * goes to this node's records before anything is said under it. If the records name a raft id and
 * the log is not there, the disk was lost: what was promised under that id is forgotten, so it is
 * taken out of the group and never used again; the node joins with a new one. */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "node/inside.h"

#define SERVICE        "/docker.swarmkit.v1.RaftMembership/"
#define CALL_MS        15000
#define BACKOFF_MS     200
#define BACKOFF_MAX_MS 8000
#define MESSAGE_MAX    (1 << 20)

bool enlist_is_under_way(const struct node *n)
{
	return n->enlisting.step != ENLIST_NONE;
}

void enlist_begin(struct node *n)
{
	struct enlisting *e = &n->enlisting;
	const struct peer *peer = n->config.seams.peer;

	if (n->group || e->step != ENLIST_NONE)
		return;
	*e = (struct enlisting){ .step = ENLIST_WAITING,
				 .again_ms = n->now.mono_ms,
				 .raft_id = n->membership.place->raft_id };
	peer->listen(peer->self, n->membership.place->listen_addr);
}

void enlist_end(struct node *n)
{
	struct enlisting *e = &n->enlisting;

	if ((e->step == ENLIST_LEAVING || e->step == ENLIST_JOINING) && e->waiting)
		n->config.seams.peer->cancel(n->config.seams.peer->self, e->waiting);
	*e = (struct enlisting){ 0 };
	manager_stop(n);
}

/* The last session may have named this node alone: those it met in the group are managers, too. */
static void remember_others(struct node *n)
{
	const struct member *it;

	if (n->group && n->agent)
		members_each(group_members(n->group), it) if (strcmp(it->node_id, n->id) != 0)
			agent_add_manager(n->agent, it->node_id, member_at(it));
}

void enlist_forget(struct node *n)
{
	const struct node_config *c = &n->config;
	Pb__SwarmState *place = n->membership.place;

	remember_others(n);
	enlist_end(n);
	c->seams.peer->listen(c->seams.peer->self, "");
	c->seams.journal->wipe_raft(c->seams.journal->self, ticket_next(&n->tickets));
	place->raft_id = 0;
	place->n_members = 0;
	(void)membership_keep_place(n);
}

static void try_later(struct node *n, const char *why)
{
	struct enlisting *e = &n->enlisting;

	log_warn(n->config.log, "swarm", "not yet a manager: %s", why);
	e->step = ENLIST_WAITING;
	e->waiting = 0;
	e->backoff_ms = e->backoff_ms ? 2 * e->backoff_ms : BACKOFF_MS;
	if (e->backoff_ms > BACKOFF_MAX_MS)
		e->backoff_ms = BACKOFF_MAX_MS;
	e->again_ms = n->now.mono_ms + e->backoff_ms / 2 +
		      (int64_t)prng_below(&n->prng, (uint64_t)e->backoff_ms / 2 + 1);
}

/* Any manager but this node: it passes the call on to the leader. */
static const char *choose_manager(struct node *n)
{
	const char *own = n->membership.place->advertise_addr;
	const struct agent_manager *it, *chosen = NULL;
	uint64_t count = 0;

	list_each (agent_managers(n->agent), struct agent_manager, link, it)
		if (strcmp(it->addr, own) != 0 && prng_below(&n->prng, ++count) == 0)
			chosen = it;
	return chosen ? chosen->addr : NULL;
}

static void call(struct node *n, enum enlist_step step, const char *method, const void *request)
{
	AUTO_BUF struct buf bytes = BUF_MAX(MESSAGE_MAX);
	const struct peer *peer = n->config.seams.peer;
	const char *addr = choose_manager(n);

	if (!addr) {
		try_later(n, "no other manager is known");
		return;
	}
	if (!pb_encode(request, &bytes))
		abort(); /* an address, or an id */
	n->enlisting.step = step;
	n->enlisting.waiting = ticket_next(&n->tickets);
	peer->call(peer->self, n->enlisting.waiting, &(struct peer_target){ .addr = addr }, method,
		   CALL_MS);
	peer->send(peer->self, n->enlisting.waiting, buf_str(&bytes));
	peer->finish(peer->self, n->enlisting.waiting, PEER_OK, NULL);
}

static void ask(struct node *n)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__LeaveRequest *leave = PB_NEW(&a, leave_request);
	Pb__JoinRequest *join = PB_NEW(&a, join_request);
	const Pb__SwarmState *place = n->membership.place;

	if (n->enlisting.raft_id) {
		leave->node = PB_NEW(&a, raft_member);
		leave->node->raft_id = n->enlisting.raft_id;
		call(n, ENLIST_LEAVING, SERVICE "Leave", leave);
		return;
	}
	join->addr = place->advertise_addr[0] ? place->advertise_addr : place->listen_addr;
	call(n, ENLIST_JOINING, SERVICE "Join", join);
}

static void on_joined(struct node *n, struct str message)
{
	AUTO_ARENA struct arena a = { 0 };
	struct membership *m = &n->membership;
	const Pb__JoinResponse *response;
	struct err e;

	response = pb_decode(&a, &pb__join_response__descriptor, message, MESSAGE_MAX, &e);
	if (!response || response->raft_id == 0) {
		try_later(n, response ? "no raft id was given" : e.text);
		return;
	}
	m->place->raft_id = response->raft_id;
	m->place->n_members = 0;
	m->place->members = NULL;
	for (size_t i = 0; i < response->n_members; i++)
		PB_APPEND(&m->memory, m->place, members, pb_dup(&m->memory, response->members[i]));
	n->enlisting.step = ENLIST_KEEPING;
	n->enlisting.waiting = membership_keep_place(n);
}

bool enlist_peer_event(struct node *n, uint64_t ticket, const struct peer_event *ev)
{
	struct enlisting *e = &n->enlisting;

	if (ticket != e->waiting || (e->step != ENLIST_JOINING && e->step != ENLIST_LEAVING))
		return false;
	if (ev->kind == PEER_MESSAGE && e->step == ENLIST_JOINING) {
		on_joined(n, ev->message);
	} else if (ev->kind == PEER_ENDED && e->step == ENLIST_LEAVING &&
		   (ev->status == PEER_OK || ev->status == PEER_NOT_FOUND)) {
		e->raft_id = 0;
		ask(n);
	} else if (ev->kind == PEER_ENDED) {
		try_later(n, ev->text && ev->text[0] ? ev->text : "the manager did not answer");
	}
	return true;
}

bool enlist_journal_event(struct node *n, uint64_t ticket, const struct journal_event *ev)
{
	struct enlisting *e = &n->enlisting;

	if (e->step != ENLIST_KEEPING || ticket != e->waiting)
		return false;
	if (ev->kind != JOURNAL_DONE) {
		try_later(n, ev->text ? ev->text : "the raft id cannot be kept");
		return true;
	}
	*e = (struct enlisting){ 0 };
	log_info(n->config.log, "swarm", "is a manager from now on");
	manager_join(n);
	return true;
}

int64_t enlist_turn(struct node *n)
{
	struct enlisting *e = &n->enlisting;

	/* Taken out of the group: the log says nothing any more. What this node is to be now is
	 * what its next certificate says. */
	if (n->group && group_was_removed(n->group) && group_failure(n->group) &&
	    n->membership.place && !n->config.node_id) {
		enlist_forget(n);
		n->membership.renew_at_ms = n->now.mono_ms;
	}
	/* The managers say in the first session whether they are of our kind. */
	if (e->step != ENLIST_WAITING || !n->agent || !agent_is_with_shoal(n->agent))
		return NEVER_MS;
	if (e->again_ms <= n->now.mono_ms)
		ask(n);
	return e->step == ENLIST_WAITING ? e->again_ms : NEVER_MS;
}
