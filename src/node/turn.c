/* The order of a turn. It is an idea of its own, so it has a file of its own:
 * facts first, then the rooms from agreement to containers, then the answers. */
#include "base/log.h"
#include "node/inside.h"

static void handle_journal(struct node *n, const struct input *in)
{
	if (ticket_room_of(in->ticket) == TICKET_RAFT && n->group)
		group_journal_event(n->group, in->ticket, &in->journal);
	else if (in->ticket == n->load_ticket && in->journal.kind == JOURNAL_LOADED)
		manager_start(n, in->journal.image);
	else if (in->ticket == n->load_ticket)
		log_error(n->config.log, "node", "the journal cannot be read: %s", in->journal.text);
}

/* Calls that others opened go to the room that their method names. */
static void handle_their_call(struct node *n, const struct input *in)
{
	const struct peer *peer = n->config.seams.peer;

	if (str_starts_with(str_of(in->peer.method), "/docker.swarmkit.v1.Raft/") && n->group) {
		group_peer_event(n->group, in->ticket, &in->peer);
		return;
	}
	if (in->peer.kind == PEER_OPENED)
		peer->finish(peer->self, in->ticket, PEER_UNIMPLEMENTED, "unknown method");
}

static void handle_peer(struct node *n, const struct input *in)
{
	if (in->peer.kind == PEER_REFUSED) {
		if (n->group)
			group_leader_is_gone(n->group, in->peer.text);
	} else if (in->ticket & PEER_THEIRS) {
		handle_their_call(n, in);
	} else if (ticket_room_of(in->ticket) == TICKET_RAFT && n->group) {
		group_peer_event(n->group, in->ticket, &in->peer);
	}
}

static void handle(struct node *n, const struct input *in)
{
	switch (in->kind) {
	case INPUT_JOURNAL:
		handle_journal(n, in);
		break;
	case INPUT_PEER:
		handle_peer(n, in);
		break;
	default:
		break;
	}
}

int64_t node_turn(struct node *n, struct now now)
{
	int64_t next = NEVER_MS;
	struct input *in;

	n->now = now;
	list_each(&n->inbox.queue, struct input, link, in)
		handle(n, in);
	inbox_empty(&n->inbox);
	if (n->group)
		next = manager_turn(n);
	return next;
}
