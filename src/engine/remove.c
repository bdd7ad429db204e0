/* Removing containers. First what the runtime holds of it goes, then its record: a record without a
 * layer is a removal that a crash cut short, and the next start finishes it. */
#include "engine/inside.h"

/* --- when its layer is gone --- */

static void forgotten(struct engine *e, struct call *call, const struct input *in)
{
	if (e->has_journal_fault)
		answer_fail(e, call->asker, &e->journal_fault);
	else
		answer_done(e, call->asker);
}

static void remove_anonymous_volumes(struct engine *e, struct container *c)
{
	for (size_t i = 0; i < c->record->n_mounts; i++) {
		struct volume *v = volume_by_name(e, c->record->mounts[i]->name);

		if (v && v->record->is_anonymous && engine_volume_users(e, v->record) <= 1)
			volume_remove_now(e, v);
	}
}

/* Those who wait for its removal are told when nothing can bring it back. */
static void tell_removed(struct engine *e, struct call *call, const struct input *in)
{
	struct engine_answer *a = answer_new(e, call->asker, ENGINE_DONE, true);

	a->exit_code = call->number;
}

static void pass_waiters_on(struct engine *e, struct container *c)
{
	struct waiter *w;

	list_each (&c->waiters, struct waiter, link, w) {
		if (w->kind == WAITER_WAIT)
			call_when_safe(e, tell_removed, c->record->id, w->asker)->number =
				c->record->exit_code;
		else
			(void)call_when_safe(e, forgotten, c->record->id, w->asker);
	}
	waiters_clear(c);
}

void container_forget(struct engine *e, struct container *c, uint64_t asker, bool volumes)
{
	struct err gone;

	(void)fail(&gone, ERR_NOT_FOUND, "No such container: %s", c->record->id);
	event_container(e, c, "destroy");
	container_tell_start_failed(e, c);
	if (volumes)
		remove_anonymous_volumes(e, c);
	record_delete(e, TABLE_CONTAINERS, c->record->id);
	(void)call_when_safe(e, forgotten, c->record->id, asker);
	pass_waiters_on(e, c);
	requests_refuse(e, c, &gone);
	container_free(e, c);
}

static void layer_removed(struct engine *e, struct call *call, const struct input *in)
{
	struct container *c = container_by_id(e, call->object);
	struct err err;

	if (!c || c->step != STEP_REMOVING)
		return;
	if (!call_failed(in, &err)) {
		container_forget(e, c, call->asker, call->number);
		return;
	}
	(void)while_doing(&err,
			  "container %s: driver \"overlay2\" failed to remove root filesystem",
			  c->record->id);
	container_step(e, c, STEP_IDLE);
	container_move(e, c, PB__CONTAINER__STATE__DEAD);
	container_tell_start_failed(e, c);
	answer_fail(e, call->asker, &err);
	requests_run(e, c);
}

/* --- the request --- */

static bool may_remove(struct container *c, bool force, struct err *err)
{
	bool is_paused = c->state == PB__CONTAINER__STATE__PAUSED;

	if (!container_is_running(c) || force)
		return true;
	return fail(err, ERR_CONFLICT,
		    "You cannot remove a %s container %s. %stop the container before attempting "
		    "removal or force remove",
		    engine_container_state(c->record), c->record->id,
		    is_paused ? "Unpause and then s" : "S");
}

static void begin(struct engine *e, struct container *c, uint64_t asker, struct engine_remove how)
{
	const struct runtime *runtime = e->seams.runtime;
	struct call *call = call_new(e, layer_removed, c->record->id, asker);

	call->number = how.volumes;
	container_step(e, c, STEP_REMOVING);
	container_move(e, c, PB__CONTAINER__STATE__REMOVING);
	runtime->remove(runtime->self, call->ticket, c->record->id);
}

static void run_remove(struct engine *e, struct container *c, struct request *r)
{
	struct waiter *w;
	struct err err;

	if (!may_remove(c, r->remove.force, &err)) {
		answer_fail(e, r->asker, &err);
		return;
	}
	if (c->state == PB__CONTAINER__STATE__RESTARTING) {
		timer_stop(e, &c->restart_timer);
		container_move(e, c, PB__CONTAINER__STATE__EXITED);
		container_tell_stopped(e, c, true);
	}
	if (!container_has_process(c)) {
		begin(e, c, r->asker, r->remove);
		return;
	}
	w = waiter_add(c, WAITER_REMOVE, r->asker);
	w->remove = r->remove;
	container_kill(e, c);
}

void container_remove_soon(struct engine *e, struct container *c, uint64_t asker,
			   struct engine_remove how)
{
	request_add_first(c, asker, run_remove)->remove = how;
}

void engine_container_remove(struct engine *e, uint64_t ticket, const char *ref,
			     struct engine_remove how, struct now now)
{
	struct container *c = container_for(e, ticket, ref, now);

	if (!c)
		return;
	if (c->step == STEP_REMOVING) {
		ANSWER_FAIL(e, ticket, ERR_CONFLICT,
			    "removal of container %s is already in progress", c->record->id);
		return;
	}
	request_add(c, ticket, run_remove)->remove = how;
	requests_run(e, c);
}
