/* Endpoints that read a container's log. */
#include "host/endpoint.h"
#include "host/logs/reader.h"
#include "host/loop.h"
#include "host/run/hands.h"

struct log_endpoint {
	struct list link;
	struct runtime_hands *hands;
	struct endpoint ep;
	struct log_reader *reader;
	bool may_flow;
	bool is_posted; /* go_on() will be called */
	bool is_gone;   /* freed there */
};

static struct log_endpoint *of(struct endpoint *ep)
{
	return container_of(ep, struct log_endpoint, ep);
}

static void go_on(void *self)
{
	struct log_endpoint *l = self;

	l->is_posted = false;
	if (l->is_gone) {
		log_reader_free(l->reader);
		free(l);
		return;
	}
	log_reader_flow(l->reader, l->may_flow);
}

static void go_on_soon(struct log_endpoint *l)
{
	if (!l->is_posted)
		loop_post(l->hands->loop, l, go_on);
	l->is_posted = true;
}

static void go_away(struct log_endpoint *l)
{
	list_remove(&l->link);
	l->is_gone = true;
	go_on_soon(l);
}

static void on_joined(struct endpoint *ep)
{
	of(ep)->may_flow = true;
	go_on_soon(of(ep));
}

static void on_flow(struct endpoint *ep, bool may_flow)
{
	of(ep)->may_flow = may_flow;
	if (may_flow)
		go_on_soon(of(ep));
	else
		log_reader_flow(of(ep)->reader, false);
}

static bool on_input(struct endpoint *ep, struct str bytes)
{
	return true; /* a log takes none */
}

static void on_end_input(struct endpoint *ep)
{
}

static void on_left(struct endpoint *ep)
{
	go_away(of(ep));
}

static const struct endpoint_kind kind = { on_joined, on_flow, on_input, on_end_input, on_left };

static void on_output(void *self, enum endpoint_stream stream, struct str bytes)
{
	struct log_endpoint *l = self;

	endpoint_output(&l->ep, stream, bytes);
}

static void on_ended(void *self, const char *reason)
{
	struct log_endpoint *l = self;

	endpoint_end(&l->ep, reason);
	go_away(l);
}

void runtime_logs(void *self, uint64_t ticket, const char *id, const struct runtime_logs *how)
{
	struct runtime_hands *hands = self;
	struct log_endpoint *l = NEW(struct log_endpoint);
	struct op *op = op_new_loose(hands, ticket, CREW_LOOK, NULL);

	l->hands = hands;
	l->reader = log_reader_new(
		hands, id, how,
		(struct log_consumer){ .self = l, .output = on_output, .ended = on_ended });
	list_push_back(&hands->log_endpoints, &l->link);
	op->id = arena_strdup(&op->memory, id);
	op->ok = true;
	op->event.kind = RUNTIME_ENDPOINT;
	op->event.endpoint = endpoint_add(hands->endpoints, &l->ep, &kind);
	op_answer(op);
}

void log_endpoints_free(struct runtime_hands *hands)
{
	struct log_endpoint *l;

	list_each (&hands->log_endpoints, struct log_endpoint, link, l) {
		endpoint_end(&l->ep, "the daemon is going down");
		go_away(l);
	}
}
