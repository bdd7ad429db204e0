/* Outcomes that are awaited: of seam calls by ticket, of journal batches by number. */
#include "engine/inside.h"

#include "seam/content.h"

static void call_free(struct call *call)
{
	free(call->object);
	free(call->text);
	free(call);
}

static struct call *make(call_done *done, const char *object, uint64_t asker)
{
	struct call *call = NEW(struct call);

	call->done = done;
	call->object = xstrdup(object);
	call->asker = asker;
	list_init(&call->link);
	return call;
}

struct call *call_new(struct engine *e, call_done *done, const char *object, uint64_t asker)
{
	struct call *call = make(done, object, asker);

	call->ticket = ++*e->config.tickets;
	tree_insert(&e->calls, &call->ticket, &call->node);
	return call;
}

static void log_failure(struct engine *e, struct call *call, const struct input *in)
{
	struct err err;

	if (call_failed(in, &err))
		log_warn(e->config.log, "engine", "%.12s: %s", call->object, err.text);
}

uint64_t call_unheard(struct engine *e, const char *object)
{
	return call_new(e, log_failure, object, 0)->ticket;
}

struct call *call_when_safe(struct engine *e, call_done *done, const char *object, uint64_t asker)
{
	struct call *call = make(done, object, asker);

	call->batch = e->batch;
	list_push_back(&e->saving, &call->link);
	return call;
}

bool call_failed(const struct input *in, struct err *err)
{
	if (in->kind == INPUT_RUNTIME && in->runtime.kind == RUNTIME_FAILED)
		(void)fail(err, in->runtime.err_kind, "%s", in->runtime.text);
	else if (in->kind == INPUT_CONTENT && in->content.kind == CONTENT_FAILED)
		(void)fail(err, in->content.err_kind, "%s", in->content.text);
	else if (in->kind == INPUT_JOURNAL && in->journal.kind == JOURNAL_FAILED)
		(void)fail(err, ERR_INTERNAL, "%s", in->journal.text);
	else
		return false;
	return true;
}

/* The content seam speaks several times, and the lists of the others have many rows. */
static bool is_last(const struct input *in)
{
	switch (in->kind) {
	case INPUT_CONTENT:
		return in->content.kind == CONTENT_DONE || in->content.kind == CONTENT_FAILED;
	case INPUT_RUNTIME:
		return in->runtime.kind != RUNTIME_LISTED &&
		       in->runtime.kind != RUNTIME_VOLUME_LISTED;
	case INPUT_NET:
		return in->net.kind != NET_LISTED;
	default:
		return true;
	}
}

void call_input(struct engine *e, const struct input *in)
{
	struct call *call = tree_entry(tree_find(&e->calls, &in->ticket), struct call, node);

	if (!call)
		return;
	if (!is_last(in)) {
		call->done(e, call, in);
		return;
	}
	tree_remove(&e->calls, &call->node);
	call->done(e, call, in);
	call_free(call);
}

void call_forget(struct engine *e, uint64_t asker)
{
	struct call *call;

	if (asker == 0)
		return;
	tree_each (&e->calls, struct call, node, call)
		if (call->asker == asker)
			call->asker = 0;
	list_each (&e->saving, struct call, link, call)
		if (call->asker == asker)
			call->asker = 0;
}

void call_drop(struct engine *e, struct call *call)
{
	tree_remove(&e->calls, &call->node);
	call_free(call);
}

void calls_run_safe(struct engine *e, uint64_t batch)
{
	while (!list_is_empty(&e->saving)) {
		struct call *call = list_first(&e->saving, struct call, link);

		if (call->batch > batch)
			return;
		list_remove(&call->link);
		call->done(e, call, NULL);
		call_free(call);
	}
}

void calls_clear(struct engine *e)
{
	struct call *call;

	tree_each (&e->calls, struct call, node, call) {
		tree_remove(&e->calls, &call->node);
		call_free(call);
	}
	list_each (&e->saving, struct call, link, call)
		call_free(call);
	list_init(&e->saving);
}
