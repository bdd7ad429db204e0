/* Questions about one container that the runtime answers, and its streams. */
#include "engine/inside.h"

static void answer_came(struct engine *e, struct call *call, const struct input *in)
{
	const struct runtime_event *event = &in->runtime;
	struct engine_answer *a;
	struct err err;

	if (call_failed(in, &err)) {
		answer_fail(e, call->asker, &err);
		return;
	}
	if (event->kind == RUNTIME_ENDPOINT && call->asker == 0) {
		e->seams.runtime->drop_endpoint(e->seams.runtime->self, event->endpoint);
		return;
	}
	a = answer_new(e, call->asker, ENGINE_DONE, true);
	a->endpoint = event->endpoint;
	a->stats = answer_stats(e, event->stats);
	a->top = answer_top(e, event->top);
	a->size_bytes = event->size_root;
	a->size_rw = event->size_rw;
	a->lines = answer_texts(e, event->changes, event->change_count);
	a->line_count = event->change_count;
	if (event->kind == RUNTIME_ENDPOINT)
		a->kind = ENGINE_ENDPOINT;
}

static uint64_t await(struct engine *e, struct container *c, uint64_t asker)
{
	return call_new(e, answer_came, c->record->id, asker)->ticket;
}

void engine_container_attach(struct engine *e, uint64_t ticket, const char *ref,
			     const struct runtime_attach *how, struct now now)
{
	const struct runtime *runtime = e->seams.runtime;
	struct container *c = container_for(e, ticket, ref, now);

	if (!c)
		return;
	if (c->state == PB__CONTAINER__STATE__PAUSED) {
		ANSWER_FAIL(e, ticket, ERR_CONFLICT,
			    "container %s is paused, unpause the container before attach",
			    c->record->id);
		return;
	}
	if (c->state == PB__CONTAINER__STATE__RESTARTING) {
		ANSWER_FAIL(e, ticket, ERR_CONFLICT,
			    "container %s is restarting, wait until the container is running",
			    c->record->id);
		return;
	}
	event_container(e, c, "attach");
	runtime->attach(runtime->self, await(e, c, ticket), c->record->id, how);
}

void engine_container_logs(struct engine *e, uint64_t ticket, const char *ref,
			   const struct runtime_logs *how, struct now now)
{
	const struct runtime *runtime = e->seams.runtime;
	struct container *c = container_for(e, ticket, ref, now);

	if (!c)
		return;
	if (!how->want_stdout && !how->want_stderr)
		ANSWER_FAIL(e, ticket, ERR_INVALID,
			    "Bad parameters: you must choose at least one stream");
	else if (strcmp(c->record->host_config->log_config->type, "none") == 0)
		ANSWER_FAIL(e, ticket, ERR_UNSUPPORTED,
			    "configured logging driver does not support reading");
	else
		runtime->logs(runtime->self, await(e, c, ticket), c->record->id, how);
}

void engine_container_stats(struct engine *e, uint64_t ticket, const char *ref, struct now now)
{
	const struct runtime *runtime = e->seams.runtime;
	struct container *c = container_for(e, ticket, ref, now);

	if (!c)
		return;
	if (container_has_process(c))
		runtime->stats(runtime->self, await(e, c, ticket), c->record->id);
	else
		answer_done(e, ticket);
}

void engine_container_top(struct engine *e, uint64_t ticket, const char *ref, const char *args,
			  struct now now)
{
	const struct runtime *runtime = e->seams.runtime;
	struct container *c = container_for(e, ticket, ref, now);

	if (!c)
		return;
	if (c->state == PB__CONTAINER__STATE__RESTARTING)
		ANSWER_FAIL(e, ticket, ERR_CONFLICT,
			    "Container %s is restarting, wait until the container is running",
			    c->record->id);
	else if (!container_has_process(c))
		ANSWER_FAIL(e, ticket, ERR_CONFLICT, "Container %s is not running", c->record->id);
	else {
		event_container(e, c, "top");
		runtime->top(runtime->self, await(e, c, ticket), c->record->id, args);
	}
}

void engine_container_size(struct engine *e, uint64_t ticket, const char *ref, struct now now)
{
	const struct runtime *runtime = e->seams.runtime;
	struct container *c = container_for(e, ticket, ref, now);

	if (c)
		runtime->size(runtime->self, await(e, c, ticket), c->record->id);
}

void engine_container_changes(struct engine *e, uint64_t ticket, const char *ref, struct now now)
{
	const struct runtime *runtime = e->seams.runtime;
	struct container *c = container_for(e, ticket, ref, now);

	if (c)
		runtime->changes(runtime->self, await(e, c, ticket), c->record->id);
}

void engine_container_resize(struct engine *e, uint64_t ticket, const char *ref, int32_t height,
			     int32_t width, struct now now)
{
	const struct runtime *runtime = e->seams.runtime;
	struct container *c = container_for(e, ticket, ref, now);

	if (!c)
		return;
	if (!container_has_process(c)) {
		ANSWER_FAIL(e, ticket, ERR_CONFLICT, "Container %s is not running", c->record->id);
		return;
	}
	event_container(e, c, "resize");
	runtime->resize(runtime->self, await(e, c, ticket), c->record->id, height, width);
}
