#include "swarm/logs/broker.h"

#include <string.h>

#include "base/mem.h"
#include "swarm/logs/inside.h"

#define SUBSCRIBE "/docker.swarmkit.v1.Logs/SubscribeLogs"
#define LISTEN    "/docker.swarmkit.v1.LogBroker/ListenSubscriptions"
#define PUBLISH   "/docker.swarmkit.v1.LogBroker/PublishLogs"

static int compare_tickets(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_listener(const void *key, const struct tree_node *node)
{
	return strcmp(key, tree_entry(node, struct listener, by_node)->node_id);
}

static int compare_listener_ticket(const void *key, const struct tree_node *node)
{
	return compare_tickets(*(const uint64_t *)key,
			       tree_entry(node, struct listener, by_ticket)->ticket);
}

static int compare_subscription(const void *key, const struct tree_node *node)
{
	return compare_tickets(*(const uint64_t *)key,
			       tree_entry(node, struct subscription, by_ticket)->ticket);
}

static int compare_publisher(const void *key, const struct tree_node *node)
{
	return compare_tickets(*(const uint64_t *)key,
			       tree_entry(node, struct publisher, by_ticket)->ticket);
}

struct broker *broker_new(const struct broker_config *c)
{
	struct broker *b = NEW(struct broker);

	b->config = *c;
	b->listeners = TREE(compare_listener);
	b->listener_tickets = TREE(compare_listener_ticket);
	b->subscriptions = TREE(compare_subscription);
	b->publishers = TREE(compare_publisher);
	return b;
}

void broker_send(struct broker *b, uint64_t ticket, const void *message)
{
	AUTO_BUF struct buf bytes = BUF_MAX(2 * MESSAGE_MAX);

	if (pb_encode(message, &bytes))
		b->config.peer->send(b->config.peer->self, ticket, buf_str(&bytes));
}

/* ---- who listens ---- */

struct listener *listener_of(const struct broker *b, const char *node_id)
{
	return tree_entry(tree_find(&b->listeners, node_id), struct listener, by_node);
}

static void listener_free(struct broker *b, struct listener *l)
{
	tree_remove(&b->listeners, &l->by_node);
	tree_remove(&b->listener_tickets, &l->by_ticket);
	free(l);
}

/* The node hears of no subscription any more: whoever waits for it waits in vain. */
static void listener_lost(struct broker *b, struct listener *l)
{
	AUTO_FREE char *node_id = xstrdup(l->node_id);
	AUTO_FREE char *why = xasprintf("node %s disconnected unexpectedly", node_id);
	struct subscription *s;

	listener_free(b, l);
	tree_each (&b->subscriptions, struct subscription, by_ticket, s)
		subscription_node_done(b, s, node_id, why);
}

static void listener_open(struct broker *b, uint64_t ticket, const char *node_id)
{
	const struct peer *peer = b->config.peer;
	struct listener *l = listener_of(b, node_id);
	struct subscription *s;

	if (l) {
		/* It began anew: of what it listened to before it knows nothing. */
		peer->finish(peer->self, l->ticket, PEER_ABORTED, "another stream took its place");
		listener_lost(b, l);
	}
	l = xcalloc(1, sizeof(*l) + strlen(node_id) + 1);
	l->ticket = ticket;
	strcpy(l->node_id, node_id);
	tree_insert(&b->listeners, node_id, &l->by_node);
	tree_insert(&b->listener_tickets, &ticket, &l->by_ticket);
	tree_each (&b->subscriptions, struct subscription, by_ticket, s)
		subscription_node_listens(b, s, node_id);
}

/* ---- calls ---- */

static void on_opened(struct broker *b, uint64_t ticket, const struct peer_event *ev)
{
	const struct peer *peer = b->config.peer;

	if (!b->is_leading)
		peer->finish(peer->self, ticket, PEER_ABORTED, "broker is not running");
	else if (b->listeners.count + b->publishers.count >= CALLS_MAX)
		peer->finish(peer->self, ticket, PEER_RESOURCE_EXHAUSTED, "too many calls");
	else if (strcmp(ev->method, SUBSCRIBE) == 0)
		subscription_open(b, ticket);
	else if (strcmp(ev->method, LISTEN) == 0)
		listener_open(b, ticket, ev->from.node_id);
	else if (strcmp(ev->method, PUBLISH) == 0)
		publisher_open(b, ticket, ev->from.node_id);
	else
		peer->finish(peer->self, ticket, PEER_UNIMPLEMENTED, "unknown method");
}

static void on_subscription_event(struct broker *b, struct subscription *s,
				  const struct peer_event *ev)
{
	if (ev->kind == PEER_MESSAGE)
		subscription_message(b, s, ev->message);
	else if (ev->kind == PEER_DRAINED)
		subscription_drained(b, s);
	else if (ev->kind == PEER_ENDED)
		subscription_drop(b, s);
}

void broker_peer_event(struct broker *b, uint64_t ticket, const struct peer_event *ev)
{
	struct tree_node *node;

	if (ev->kind == PEER_OPENED)
		on_opened(b, ticket, ev);
	else if ((node = tree_find(&b->publishers, &ticket)))
		publisher_event(b, tree_entry(node, struct publisher, by_ticket), ev);
	else if ((node = tree_find(&b->subscriptions, &ticket)))
		on_subscription_event(b, tree_entry(node, struct subscription, by_ticket), ev);
	else if (ev->kind == PEER_ENDED && (node = tree_find(&b->listener_tickets, &ticket)))
		listener_lost(b, tree_entry(node, struct listener, by_ticket));
}

void broker_keys_event(struct broker *b, uint64_t ticket, const struct keys_event *ev)
{
	struct subscription *s;

	tree_each (&b->subscriptions, struct subscription, by_ticket, s) {
		if (s->random_ticket != ticket)
			continue;
		if (ev->kind == KEYS_DONE && ev->a.len >= 17)
			subscription_begin(b, s, (const uint8_t *)ev->a.ptr);
		else
			subscription_end(b, s, PEER_UNAVAILABLE,
					 "no random numbers for a subscription");
		return;
	}
}

/* ---- as a controller ---- */

static void lead(void *self, const struct view *v, struct now now)
{
	struct broker *b = self;

	(void)v;
	(void)now;
	b->is_leading = true;
}

static void notice(void *self, const struct change *c, struct now now)
{
	struct broker *b = self;
	const Pb__Node *node = c->kind == OBJECT_NODE ? c->new : NULL;
	struct subscription *s;

	(void)now;
	if (c->kind == OBJECT_TASK && c->new) {
		tree_each (&b->subscriptions, struct subscription, by_ticket, s)
			subscription_task_changed(b, s, c->new);
	} else if (c->kind == OBJECT_TASK) {
		tree_each (&b->subscriptions, struct subscription, by_ticket, s)
			subscription_task_removed(s, c->old);
	} else if (node && node->status->state == PB__NODE_STATUS__STATE__DOWN) {
		struct listener *l = listener_of(b, node->id);

		/* Its connection may hang for long: it is down all the same. */
		if (l) {
			b->config.peer->finish(b->config.peer->self, l->ticket, PEER_ABORTED,
					       "node is down");
			listener_lost(b, l);
		}
	}
}

static void decide(void *self, struct txn *t)
{
	(void)self;
	(void)t;
}

static int64_t deadline(const void *self)
{
	(void)self;
	return NEVER_MS;
}

static void resign(void *self)
{
	struct broker *b = self;
	const struct peer *peer = b->config.peer;
	struct subscription *s;
	struct publisher *p;
	struct listener *l;

	tree_each (&b->subscriptions, struct subscription, by_ticket, s)
		subscription_end(b, s, PEER_ABORTED, "broker is not running");
	tree_each (&b->publishers, struct publisher, by_ticket, p) {
		peer->finish(peer->self, p->ticket, PEER_ABORTED, "broker is not running");
		publisher_free(b, p);
	}
	tree_each (&b->listeners, struct listener, by_node, l) {
		peer->finish(peer->self, l->ticket, PEER_ABORTED, "broker is not running");
		listener_free(b, l);
	}
	b->is_leading = false;
}

struct controller broker_controller(struct broker *b)
{
	return (struct controller){ "logs", b, lead, notice, decide, deadline, resign };
}

void broker_free(struct broker *b)
{
	if (!b)
		return;
	resign(b);
	free(b);
}
