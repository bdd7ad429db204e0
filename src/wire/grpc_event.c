#include "base/mem.h"
#include "wire/grpc_inside.h"

struct grpc_queued *grpc_queued_new(enum grpc_event_kind kind, uint32_t call)
{
	struct grpc_queued *q = NEW(struct grpc_queued);

	list_init(&q->link);
	q->event.kind = kind;
	q->event.call = call;
	q->event.timeout_ms = -1;
	return q;
}

void grpc_queued_free(struct grpc_queued *q)
{
	if (!q)
		return;
	arena_clear(&q->arena);
	free(q->message);
	free(q);
}

void grpc_raise(struct grpc_conn *c, struct grpc_queued *q)
{
	list_push_back(&c->events, &q->link);
}

void grpc_raise_text(struct grpc_conn *c, enum grpc_event_kind kind, uint32_t call, int status,
		     const char *text)
{
	struct grpc_queued *q = grpc_queued_new(kind, call);

	q->event.status = status;
	q->event.text = arena_strdup(&q->arena, text);
	grpc_raise(c, q);
}

/* A message leaves the queue, read or not. */
static void account(struct grpc_conn *c, struct grpc_queued *q)
{
	struct grpc_call *call;

	if (q->event.kind != GRPC_MESSAGE)
		return;
	c->buffered -= q->event.message.len + GRPC_PREFIX_LEN;
	call = grpc_call_at(c, (int32_t)q->event.call);
	if (!call)
		return;
	call->undelivered--;
	grpc_call_release(call);
}

void grpc_mute(struct grpc_conn *c, uint32_t call)
{
	struct grpc_queued *q;

	list_each (&c->events, struct grpc_queued, link, q) {
		if (q->event.call != call)
			continue;
		list_remove(&q->link);
		account(c, q);
		grpc_queued_free(q);
	}
}

bool grpc_next(struct grpc_conn *c, struct grpc_event *event)
{
	struct grpc_queued *q;

	grpc_queued_free(c->taken);
	c->taken = NULL;
	if (list_is_empty(&c->events))
		return false;
	q = list_first(&c->events, struct grpc_queued, link);
	list_remove(&q->link);
	account(c, q);
	c->taken = q;
	*event = q->event;
	return true;
}
