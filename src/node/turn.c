/* The order of a turn. It is an idea of its own, so it has a file of its own:
 * facts first, then the rooms from agreement to containers, then the answers. */
#include "base/log.h"
#include "node/inside.h"
#include "swarm/authorize.h"

static void handle_journal(struct node *n, const struct input *in)
{
	switch (ticket_room_of(in->ticket)) {
	case TICKET_RAFT:
		manager_let_go(n, in->ticket);
		if (n->group)
			group_journal_event(n->group, in->ticket, &in->journal);
		break;
	case TICKET_AGENT:
		if (n->agent)
			agent_journal_event(n->agent, in->ticket, &in->journal);
		break;
	default:
		if (enlist_journal_event(n, in->ticket, &in->journal) ||
		    restore_journal_event(n, in->ticket, &in->journal) ||
		    in->ticket != n->load_ticket)
			break;
		if (in->journal.kind == JOURNAL_LOADED && n->membership.step == STEP_REREADING) {
			membership_be_alone(n, in->journal.image);
		} else if (in->journal.kind == JOURNAL_LOADED &&
			   n->membership.step == STEP_UNLOCKED) {
			membership_unlocked(n, in->journal.image);
		} else if (in->journal.kind == JOURNAL_LOADED) {
			containers_load(n, in->journal.image);
			membership_resume(n, in->journal.image);
		} else {
			log_error(n->config.log, "node", "the journal cannot be read: %s",
				  in->journal.text);
			if (n->membership.step == STEP_REREADING)
				membership_be_alone(n, &(struct journal_image){ 0 });
			else if (n->membership.step == STEP_UNLOCKED)
				membership_stays_locked(n, in->journal.text);
		}
		break;
	}
}

/* Calls that others open go to the room that their method names. Later events of a call are offered
 * to each room: the one that has it knows its ticket. */
static void handle_opened(struct node *n, const struct input *in)
{
	const struct peer *peer = n->config.seams.peer;
	struct str method = str_of(in->peer.method ? in->peer.method : "");
	struct err e;

	if (!authorize(n->store ? store_view(n->store) : NULL, in->peer.method, &in->peer.from,
		       &e)) {
		peer->finish(peer->self, in->ticket, (enum peer_status)err_grpc_status(e.kind),
			     e.text);
		return;
	}
	if (n->group && (str_starts_with(method, "/docker.swarmkit.v1.Raft/") ||
			 str_starts_with(method, "/docker.swarmkit.v1.RaftMembership/")))
		group_peer_event(n->group, in->ticket, &in->peer);
	else if (n->dispatch && str_starts_with(method, "/docker.swarmkit.v1.Dispatcher/"))
		dispatch_peer_event(n->dispatch, in->ticket, &in->peer, n->now);
	else if (n->broker && (str_starts_with(method, "/docker.swarmkit.v1.LogBroker/") ||
			       str_starts_with(method, "/docker.swarmkit.v1.Logs/")))
		broker_peer_event(n->broker, in->ticket, &in->peer);
	else if (n->ca && (str_starts_with(method, "/docker.swarmkit.v1.CA/") ||
			   str_starts_with(method, "/docker.swarmkit.v1.NodeCA/")))
		ca_peer_event(n->ca, in->ticket, &in->peer, n->now);
	else if (served_takes(in->peer.method))
		served_open(n, in->ticket, &in->peer);
	else
		peer->finish(peer->self, in->ticket, PEER_UNIMPLEMENTED, "unknown method");
}

static void handle_their_call(struct node *n, const struct input *in)
{
	if (in->peer.kind == PEER_OPENED) {
		handle_opened(n, in);
		return;
	}
	if (n->group && group_peer_event(n->group, in->ticket, &in->peer))
		return;
	if (served_peer_event(n, in->ticket, &in->peer))
		return;
	if (n->dispatch)
		dispatch_peer_event(n->dispatch, in->ticket, &in->peer, n->now);
	if (n->broker)
		broker_peer_event(n->broker, in->ticket, &in->peer);
	if (n->ca)
		ca_peer_event(n->ca, in->ticket, &in->peer, n->now);
}

static void handle_peer(struct node *n, const struct input *in)
{
	if (in->peer.kind == PEER_REFUSED) {
		if (n->group)
			group_leader_is_gone(n->group, in->peer.text);
	} else if (in->peer.kind == PEER_LISTENING || in->peer.kind == PEER_UNHEARD) {
		membership_listening(n, &in->peer);
	} else if (ticket_room_of(in->ticket) == TICKET_NODE) {
		if (!errands_peer_event(n, in->ticket, &in->peer) &&
		    !enlist_peer_event(n, in->ticket, &in->peer) &&
		    !seek_peer_event(n, in->ticket, &in->peer))
			membership_peer_event(n, in->ticket, &in->peer);
	} else if (in->ticket & PEER_THEIRS) {
		handle_their_call(n, in);
	} else if (ticket_room_of(in->ticket) == TICKET_RAFT && n->group) {
		group_peer_event(n->group, in->ticket, &in->peer);
	} else if (ticket_room_of(in->ticket) == TICKET_AGENT && n->agent) {
		agent_peer_event(n->agent, in->ticket, &in->peer);
	} else if (ticket_room_of(in->ticket) == TICKET_API) {
		logs_call_event(n, in->ticket, &in->peer);
	}
}

static void handle_keys(struct node *n, const struct input *in)
{
	switch (ticket_room_of(in->ticket)) {
	case TICKET_DISPATCH:
		if (n->dispatch)
			dispatch_keys_event(n->dispatch, in->ticket, &in->keys);
		break;
	case TICKET_LOGS:
		if (n->broker)
			broker_keys_event(n->broker, in->ticket, &in->keys);
		break;
	case TICKET_CA:
		if (n->ca)
			ca_keys_event(n->ca, in->ticket, &in->keys);
		break;
	case TICKET_CONTROL:
		change_keys_event(n, &in->keys);
		break;
	default:
		membership_keys_event(n, in->ticket, &in->keys);
		break;
	}
}

static void handle(struct node *n, const struct input *in)
{
	if (n->engine)
		engine_input(n->engine, in, n->now);
	switch (in->kind) {
	case INPUT_JOURNAL:
		handle_journal(n, in);
		break;
	case INPUT_PEER:
		handle_peer(n, in);
		break;
	case INPUT_KEYS:
		handle_keys(n, in);
		break;
	case INPUT_EXECUTOR:
		if (n->agent)
			agent_executor_event(n->agent, in->ticket, &in->executor);
		break;
	case INPUT_RUNTIME:
		/* The agent's own ticket: the engine has passed its question on, and keeps nothing
		 * of it. */
		if (n->agent && in->runtime.kind == RUNTIME_LOG)
			agent_log_batch(n->agent, in->ticket, &in->runtime.log);
		break;
	default:
		break;
	}
}

void node_begin(struct node *n)
{
	if (n->has_begun)
		return;
	n->has_begun = true;
	containers_begin(n);
	membership_begin(n);
}

int64_t node_turn(struct node *n, struct now now)
{
	int64_t next, later;
	struct input *in;

	n->now = now;
	node_begin(n);
	if (n->group)
		group_clock(n->group, now);
	containers_tell_agent(n);
	list_each (&n->inbox.queue, struct input, link, in)
		handle(n, in);
	inbox_empty(&n->inbox);
	later = n->group ? manager_turn(n) : NEVER_MS;
	next = later;
	later = n->agent ? agent_turn(n->agent, now) : NEVER_MS;
	next = later < next ? later : next;
	later = membership_turn(n);
	next = later < next ? later : next;
	later = containers_turn(n);
	return later < next ? later : next;
}
