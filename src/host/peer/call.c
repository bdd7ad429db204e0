/* Calls: events of a connection become facts, and commands become messages. */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "host/peer/inside.h"
#include "seam/input.h"

struct call *call_find(struct peer_hands *p, uint64_t ticket)
{
	return tree_entry(tree_find(&p->calls, &ticket), struct call, by_ticket);
}

static void on_deadline(uv_timer_t *timer)
{
	calls_deadline(timer->data);
}

void calls_plan_deadline(struct peer_hands *p)
{
	int64_t at = heap_deadline(&p->deadlines), now = loop_now(p->loop).mono_ms;

	if (at == INT64_MAX)
		uv_timer_stop(&p->deadline_timer);
	else
		uv_timer_start(&p->deadline_timer, on_deadline, at > now ? (uint64_t)(at - now) : 0,
			       0);
}

struct call *call_add(struct peer_hands *p, struct link *l, uint64_t ticket, uint32_t number)
{
	struct call *c = NEW(struct call);

	c->link = l;
	l->has_called = true;
	c->ticket = ticket;
	c->number = number;
	c->queue_max = CALL_QUEUE_MAX;
	list_init(&c->queue);
	tree_insert(&p->calls, &c->ticket, &c->by_ticket);
	list_push_back(&l->calls, &c->of_link);
	return c;
}

void call_free(struct call *c)
{
	struct peer_hands *p = c->link->hands;
	struct waiting_message *m;

	tree_remove(&p->calls, &c->by_ticket);
	list_remove(&c->of_link);
	heap_remove(&p->deadlines, &c->deadline);
	list_each (&c->queue, struct waiting_message, link, m)
		free(m);
	if (c->twin)
		c->twin->twin = NULL;
	free(c->finish_text);
	free(c);
}

static struct input *fact(struct peer_hands *p, uint64_t ticket, enum peer_event_kind kind)
{
	struct input *in = inbox_add(loop_inbox(p->loop), INPUT_PEER, ticket);

	in->peer.kind = kind;
	in->peer.text = "";
	in->peer.method = "";
	loop_wake(p->loop);
	return in;
}

void call_ended(struct call *c, enum peer_status status, const char *text)
{
	struct peer_hands *p = c->link->hands;
	struct input *in;

	if (c->is_relayed) {
		relay_ended(c, status, text ? text : "");
		return;
	}
	in = fact(p, c->ticket, PEER_ENDED);
	in->peer.status = status;
	in->peer.text = arena_strdup(&loop_inbox(p->loop)->memory, text ? text : "");
	in->peer.is_unsent = !c->is_theirs && !c->link->was_open;
	call_free(c);
}

struct refusal {
	struct peer_hands *hands;
	uint64_t ticket;
	char *why;
};

static void refuse(void *self)
{
	struct refusal *r = self;
	struct input *in = fact(r->hands, r->ticket, PEER_ENDED);

	in->peer.status = PEER_UNAVAILABLE;
	in->peer.text = arena_strdup(&loop_inbox(r->hands->loop)->memory, r->why);
	in->peer.is_unsent = true;
	free(r->why);
	free(r);
}

void call_refuse_later(struct peer_hands *p, uint64_t ticket, const char *why)
{
	struct refusal *r = NEW(struct refusal);

	*r = (struct refusal){ p, ticket, xstrdup(why) };
	loop_post(p->loop, r, refuse);
}

struct drained {
	struct peer_hands *hands;
	uint64_t ticket;
};

static void tell_drained(void *self)
{
	struct drained *d = self;

	if (call_find(d->hands, d->ticket))
		(void)fact(d->hands, d->ticket, PEER_DRAINED);
	free(d);
}

static void say_drained(struct call *c)
{
	struct drained *d = NEW(struct drained);

	c->wants_drained = false;
	*d = (struct drained){ c->link->hands, c->ticket };
	loop_post(c->link->hands->loop, d, tell_drained);
}

void call_drain(struct call *c)
{
	c->wants_drained = true;
	if (list_is_empty(&c->queue))
		say_drained(c);
}

static void carry_out_finish(struct call *c)
{
	struct link *l = c->link;

	if (!c->is_theirs) {
		c->is_finishing = false;
		grpc_half_close(l->grpc, c->number);
		return;
	}
	grpc_end(l->grpc, c->number, (enum grpc_status)c->finish_status,
		 c->finish_status == PEER_OK || !c->finish_text ? "" : c->finish_text);
	call_free(c);
}

/* Give the connection what it takes; the call may be gone afterwards. */
void call_flush(struct call *c)
{
	struct waiting_message *m;
	struct err e;

	list_each (&c->queue, struct waiting_message, link, m) {
		if (!grpc_send(c->link->grpc, c->number, str_bytes(m->data, m->len), &e)) {
			if (e.kind == ERR_EXHAUSTED)
				return; /* DRAINED follows */
			break;          /* the call is over: its end is an event */
		}
		c->queue_bytes -= m->len;
		list_remove(&m->link);
		free(m);
	}
	if (c->wants_drained)
		say_drained(c);
	if (c->is_finishing)
		carry_out_finish(c);
}

void call_send(struct call *c, struct str message)
{
	struct waiting_message *m;

	if (c->queue_bytes + message.len > c->queue_max) {
		grpc_cancel(c->link->grpc, c->number);
		call_ended(c, PEER_RESOURCE_EXHAUSTED,
			   "the other end does not read what is sent to it");
		return;
	}
	m = xmalloc(sizeof(*m) + message.len);
	m->len = message.len;
	if (message.len)
		memcpy(m->data, message.ptr, message.len);
	list_push_back(&c->queue, &m->link);
	c->queue_bytes += m->len;
	call_flush(c);
}

void call_finish(struct call *c, enum peer_status status, const char *text)
{
	c->is_finishing = true;
	c->finish_status = status;
	c->finish_text = text ? xstrdup(text) : NULL;
	call_flush(c);
}

void calls_deadline(struct peer_hands *p)
{
	struct heap_node *n;
	struct link *l;

	while ((n = heap_take_due(&p->deadlines, loop_now(p->loop).mono_ms))) {
		struct call *c = heap_entry(n, struct call, deadline);

		grpc_cancel(c->link->grpc, c->number);
		call_ended(c, PEER_DEADLINE_EXCEEDED, "context deadline exceeded");
	}
	list_each (&p->links, struct link, all, l)
		link_pump(l);
	calls_plan_deadline(p);
}

/* ---- what a connection tells ---- */

static struct call *call_of(struct link *l, uint32_t number)
{
	struct call *c;

	list_each (&l->calls, struct call, of_link, c)
		if (c->number == number)
			return c;
	return NULL;
}

const char *metadata_value(const struct grpc_event *ev, const char *name, struct arena *a)
{
	for (size_t i = 0; i < ev->metadata_count; i++)
		if (str_equal_c(ev->metadata[i].name, name))
			return arena_str(a, ev->metadata[i].value);
	return "";
}

/* Who calls: by the certificate of the connection, or, when a manager passes a call on, by what it
 * says of the original caller. */
static void identify(struct link *l, const struct grpc_event *ev, struct peer_identity *who,
		     struct arena *a)
{
	const struct cert_identity *cert = tls_peer(l->tls);

	*who = (struct peer_identity){
		.node_id = "",
		.role = "",
		.org = "",
		.addr = arena_strdup(a, l->remote),
		.forwarder = "",
	};
	if (cert) {
		who->node_id = arena_strdup(a, cert->cn);
		who->role = arena_strdup(a, cert->ou_count ? cert->ou[0] : "");
		who->org = arena_strdup(a, cert->org);
	}
	if (strcmp(metadata_value(ev, "forwarded_cert", a), "true") != 0)
		return;
	who->is_forwarded = true;
	who->forwarder = who->node_id;
	if (!cert || !identity_has_ou(cert, "swarm-manager")) {
		/* Only a manager's word counts; anybody else has no certificate as far as we know.
		 */
		who->node_id = who->role = who->org = "";
		return;
	}
	who->node_id = metadata_value(ev, "forwarded_cert_cn", a);
	who->role = metadata_value(ev, "forwarded_cert_ou", a);
	who->org = metadata_value(ev, "forwarded_cert_org", a);
	who->addr = metadata_value(ev, "remote_addr", a);
}

static void on_opened(struct link *l, const struct grpc_event *ev)
{
	struct peer_hands *p = l->hands;
	struct arena *a = &loop_inbox(p->loop)->memory;
	struct call *c = call_add(p, l, PEER_THEIRS | ++p->last_ticket, ev->call);
	struct input *in = fact(p, c->ticket, PEER_OPENED);

	c->is_theirs = true;
	if (strcmp(ev->method, "/docker.swarmkit.v1.Logs/SubscribeLogs") == 0)
		c->queue_max = LOGS_QUEUE_MAX;
	in->peer.method = arena_strdup(a, ev->method);
	in->peer.timeout_ms = ev->timeout_ms > 0 ? ev->timeout_ms : 0;
	identify(l, ev, &in->peer.from, a);
}

static void on_event(struct link *l, const struct grpc_event *ev)
{
	struct peer_hands *p = l->hands;
	struct call *c = call_of(l, ev->call);
	struct input *in;

	switch (ev->kind) {
	case GRPC_OPENED:
		if (relay_takes(p, ev->method))
			relay_open(l, ev);
		else
			on_opened(l, ev);
		break;
	case GRPC_MESSAGE:
		if (!c)
			break;
		if (c->is_relayed) {
			relay_message(c, ev->message);
			break;
		}
		in = fact(p, c->ticket, PEER_MESSAGE);
		in->peer.message = str_bytes(
			arena_copy(&loop_inbox(p->loop)->memory, ev->message.ptr, ev->message.len),
			ev->message.len);
		break;
	case GRPC_HALF_CLOSED:
		if (c && c->is_relayed)
			relay_half_closed(c);
		else if (c)
			(void)fact(p, c->ticket, PEER_HALF_CLOSED);
		break;
	case GRPC_DRAINED:
		if (c)
			call_flush(c);
		break;
	case GRPC_ENDED:
		if (c)
			call_ended(c,
				   ev->status >= 0 && ev->status <= 16
					   ? (enum peer_status)ev->status
					   : PEER_UNKNOWN,
				   ev->text);
		break;
	case GRPC_GOING_AWAY:
	case GRPC_PONG:
	case GRPC_GONE:
		break;
	}
}

bool calls_take_events(struct link *l)
{
	struct grpc_event ev;
	bool any = false;

	for (; grpc_next(l->grpc, &ev); any = true)
		on_event(l, &ev);
	return any;
}
