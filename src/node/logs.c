#include "node/logs.h"

#include "base/mem.h"
#include "node/inside.h"

#define SUBSCRIBE   "/docker.swarmkit.v1.Logs/SubscribeLogs"
#define MESSAGE_MAX (64 << 20)

/* A reader's call to the leader. */
struct log_call {
	struct list link;
	uint64_t ticket;
	uint64_t leader, term;
};

static struct log_call *call_of(struct node *n, uint64_t ticket)
{
	struct log_call *c;

	list_each (&n->log_calls, struct log_call, link, c)
		if (c->ticket == ticket)
			return c;
	return NULL;
}

static void call_forget(struct log_call *c)
{
	list_remove(&c->link);
	free(c);
}

static struct log_delivery *deliver(struct node *n, uint64_t ticket)
{
	struct log_delivery *d = NEW(struct log_delivery);

	d->ticket = ticket;
	list_push_back(&n->logs, &d->link);
	return d;
}

static void refuse(struct node *n, uint64_t ticket, enum err_kind kind, const char *text)
{
	struct log_delivery *d = deliver(n, ticket);

	d->is_last = true;
	d->status = PEER_UNKNOWN;
	(void)fail(&d->err, kind, "%s", text);
}

void node_logs_read(struct node *n, uint64_t ticket, const Pb__SubscribeLogsRequest *request)
{
	const struct peer *peer = n->config.seams.peer;
	const struct member *leader = n->group ? group_leader(n->group) : NULL;
	AUTO_BUF struct buf bytes = BUF_MAX(1 << 20);
	struct peer_target target = { 0 };
	struct log_call *c;

	if (!leader) {
		refuse(n, ticket, ERR_UNAVAILABLE, "raft: no elected cluster leader");
		return;
	}
	if (!pb_encode(request, &bytes)) {
		refuse(n, ticket, ERR_EXHAUSTED, "the log selector is too large");
		return;
	}
	c = NEW(struct log_call);
	c->ticket = ticket;
	c->leader = leader->raft_id;
	c->term = group_term(n->group);
	list_push_back(&n->log_calls, &c->link);
	target.addr = member_at(leader);
	target.node_id = leader->node_id;
	peer->call(peer->self, ticket, &target, SUBSCRIBE, 0);
	peer->send(peer->self, ticket, buf_str(&bytes));
	peer->finish(peer->self, ticket, PEER_OK, NULL);
}

void node_logs_hold(struct node *n, uint64_t ticket, bool is_held)
{
	n->config.seams.peer->hold(n->config.seams.peer->self, ticket, is_held);
}

void node_logs_stop(struct node *n, uint64_t ticket)
{
	struct log_call *c = call_of(n, ticket);

	if (!c)
		return;
	call_forget(c);
	n->config.seams.peer->cancel(n->config.seams.peer->self, ticket);
}

void logs_look_at_leader(struct node *n)
{
	const struct member *leader = n->group ? group_leader(n->group) : NULL;
	uint64_t term = leader ? group_term(n->group) : 0;
	struct log_call *c;

	list_each (&n->log_calls, struct log_call, link, c) {
		uint64_t ticket = c->ticket;

		if (leader && leader->raft_id == c->leader && term == c->term)
			continue;
		node_logs_stop(n, ticket);
		refuse(n, ticket, ERR_UNAVAILABLE, "the leader of the swarm has changed");
	}
}

void logs_clear_calls(struct node *n)
{
	struct log_call *c;

	list_each (&n->log_calls, struct log_call, link, c)
		call_forget(c);
}

void logs_call_event(struct node *n, uint64_t ticket, const struct peer_event *ev)
{
	const Pb__SubscribeLogsMessage *m;
	struct log_delivery *d;

	if (!call_of(n, ticket))
		return;
	if (ev->kind == PEER_MESSAGE) {
		d = deliver(n, ticket);
		m = pb_decode(&d->memory, &pb__subscribe_logs_message__descriptor, ev->message,
			      MESSAGE_MAX, &d->err);
		if (m) {
			d->messages = m->messages;
			d->n_messages = m->n_messages;
		} else {
			d->is_last = true;
			d->status = PEER_INTERNAL;
			node_logs_stop(n, ticket);
		}
	} else if (ev->kind == PEER_ENDED) {
		call_forget(call_of(n, ticket));
		d = deliver(n, ticket);
		d->is_last = true;
		d->is_ok = ev->status == PEER_OK;
		d->status = (int)ev->status;
		if (!d->is_ok)
			(void)fail(&d->err,
				   ev->status == PEER_UNAVAILABLE ? ERR_UNAVAILABLE : ERR_INTERNAL,
				   "%s", ev->text && ev->text[0] ? ev->text : "the call ended");
	}
}

struct log_delivery *node_take_log(struct node *n)
{
	struct log_delivery *d;

	if (list_is_empty(&n->logs))
		return NULL;
	d = list_first(&n->logs, struct log_delivery, link);
	list_remove(&d->link);
	return d;
}

void log_delivery_free(struct log_delivery *d)
{
	list_remove(&d->link);
	arena_clear(&d->memory);
	free(d);
}
