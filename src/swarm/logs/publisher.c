/* A node that publishes what its tasks wrote, for one subscription. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "swarm/logs/inside.h"

void publisher_open(struct broker *b, uint64_t ticket, const char *node_id)
{
	struct publisher *p = xcalloc(1, sizeof(*p) + strlen(node_id) + 1);

	p->ticket = ticket;
	strcpy(p->node_id, node_id);
	tree_insert(&b->publishers, &ticket, &p->by_ticket);
}

void publisher_free(struct broker *b, struct publisher *p)
{
	tree_remove(&b->publishers, &p->by_ticket);
	free(p);
}

/* It is done, or why not; the subscription may end with it. */
static void end(struct broker *b, struct publisher *p, const char *why)
{
	struct subscription *s = p->of;
	AUTO_FREE char *node_id = xstrdup(p->node_id);

	publisher_free(b, p);
	if (s)
		subscription_node_done(b, s, node_id, why);
}

static void answer(struct broker *b, const struct publisher *p)
{
	AUTO_ARENA struct arena a = { 0 };
	const struct peer *peer = b->config.peer;

	broker_send(b, p->ticket, PB_NEW(&a, publish_logs_response));
	peer->finish(peer->self, p->ticket, PEER_OK, NULL);
}

static void refuse(struct broker *b, struct publisher *p, enum peer_status status, const char *text)
{
	const struct peer *peer = b->config.peer;
	AUTO_FREE char *why = xstrdup(text);

	peer->finish(peer->self, p->ticket, status, why);
	end(b, p, why);
}

static struct subscription *find_subscription(const struct broker *b, const char *id)
{
	struct subscription *s;

	tree_each (&b->subscriptions, struct subscription, by_ticket, s)
		if (strcmp(s->id, id) == 0)
			return s;
	return NULL;
}

/* False when it was refused. */
static bool join_subscription(struct broker *b, struct publisher *p, const char *id)
{
	if (!id[0]) {
		refuse(b, p, PEER_INVALID_ARGUMENT, "missing subscription ID");
		return false;
	}
	if (p->of && strcmp(p->of->id, id) != 0) {
		refuse(b, p, PEER_INVALID_ARGUMENT,
		       "different subscription IDs in the same session");
		return false;
	}
	if (p->of)
		return true;
	p->of = find_subscription(b, id);
	if (!p->of || !tree_find(&p->of->parts, p->node_id)) {
		p->of = NULL;
		refuse(b, p, PEER_NOT_FOUND, "unknown subscription ID");
		return false;
	}
	if (p->of->is_held)
		b->config.peer->hold(b->config.peer->self, p->ticket, true);
	return true;
}

/* A node speaks for itself alone. */
static bool is_its_own(struct broker *b, struct publisher *p, const Pb__PublishLogsMessage *m)
{
	char text[160];

	for (size_t i = 0; i < m->n_messages; i++) {
		if (strcmp(m->messages[i]->context->node_id, p->node_id) == 0)
			continue;
		(void)snprintf(text, sizeof(text), "invalid NodeID: expected=%s;received=%s",
			       p->node_id, m->messages[i]->context->node_id);
		refuse(b, p, PEER_PERMISSION_DENIED, text);
		return false;
	}
	return true;
}

static void on_message(struct broker *b, struct publisher *p, struct str message)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__PublishLogsMessage *m;
	struct err e;

	m = pb_decode(&a, &pb__publish_logs_message__descriptor, message, MESSAGE_MAX, &e);
	if (!m) {
		refuse(b, p, PEER_INVALID_ARGUMENT, e.text);
		return;
	}
	if (!join_subscription(b, p, m->subscription_id) || !is_its_own(b, p, m))
		return;
	if (m->n_messages)
		subscription_forward(b, p->of, p, m, message.len);
	if (m->close) {
		answer(b, p);
		end(b, p, NULL);
	}
}

void publisher_event(struct broker *b, struct publisher *p, const struct peer_event *ev)
{
	AUTO_FREE char *why = NULL;

	switch (ev->kind) {
	case PEER_MESSAGE:
		on_message(b, p, ev->message);
		break;
	case PEER_HALF_CLOSED:
		answer(b, p);
		end(b, p, NULL);
		break;
	case PEER_ENDED:
		why = xasprintf("node %s disconnected unexpectedly", p->node_id);
		end(b, p, why);
		break;
	default:
		break;
	}
}

void publishers_end(struct broker *b, const struct subscription *s)
{
	struct publisher *p;

	tree_each (&b->publishers, struct publisher, by_ticket, p) {
		if (p->of != s)
			continue;
		answer(b, p);
		publisher_free(b, p);
	}
}

void publishers_hold(struct broker *b, const struct subscription *s, bool is_held)
{
	const struct peer *peer = b->config.peer;
	struct publisher *p;

	tree_each (&b->publishers, struct publisher, by_ticket, p)
		if (p->of == s)
			peer->hold(peer->self, p->ticket, is_held);
}
