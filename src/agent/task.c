#include "agent/task.h"

#include <stdio.h>
#include <string.h>

#include "agent/inside.h"
#include "base/log.h"
#include "base/mem.h"

#define STATE(name) PB__TASK_STATE__##name

static void set_status(struct agent *a, struct agent_task *t, Pb__TaskState state,
		       const char *message, const char *err)
{
	Pb__TaskStatus *status = t->task->status;

	log_debug(a->config.log, "agent", "task %s: %s -> %s%s%s", t->task->id,
		  pb_enum_name(&pb__task_state__descriptor, status->state),
		  pb_enum_name(&pb__task_state__descriptor, state), err[0] ? ": " : "", err);
	status->state = state;
	status->message = arena_strdup(&t->memory, message);
	status->err = arena_strdup(&t->memory, err);
	status->timestamp = PB_NEW(&t->memory, timestamp);
	status->timestamp->seconds = a->now.wall_ns / 1000000000;
	status->timestamp->nanos = (int32_t)(a->now.wall_ns % 1000000000);
	worker_status_changed(a, t);
}

static Pb__ContainerStatus *container_status(struct agent_task *t)
{
	Pb__TaskStatus *status = t->task->status;

	if (status->runtime_status_case != PB__TASK_STATUS__RUNTIME_STATUS_CONTAINER) {
		status->runtime_status_case = PB__TASK_STATUS__RUNTIME_STATUS_CONTAINER;
		status->container = PB_NEW(&t->memory, container_status);
	}
	return status->container;
}

void task_new(struct agent *a, const Pb__Task *assigned)
{
	struct agent_task *t = NEW(struct agent_task);

	list_init(&t->dirty);
	list_init(&t->unreported);
	t->task = pb_dup(&t->memory, assigned);
	tree_insert(&a->tasks, t->task->id, &t->by_id);
	worker_keep(a, t);
	worker_mark(a, t);
}

void task_free(struct agent *a, struct agent_task *t)
{
	logs_task_gone(a, t->task->id);
	if (t->ticket)
		tree_remove(&a->waiting, &t->by_ticket);
	heap_remove(&a->retries, &t->retry);
	list_remove(&t->dirty);
	list_remove(&t->unreported);
	tree_remove(&a->tasks, &t->by_id);
	arena_clear(&t->memory);
	free(t);
}

void task_update(struct agent *a, struct agent_task *t, const Pb__Task *assigned)
{
	struct arena memory = { 0 };
	Pb__Task *task = pb_dup(&memory, assigned);

	/* The status is ours, unless the manager knows of an end that we do not (it gave the node
	 * up). */
	if (assigned->status->state <= t->task->status->state ||
	    t->task->status->state >= STATE(ACCEPTED))
		task->status = pb_dup(&memory, t->task->status);
	if (task->desired_state < t->task->desired_state)
		task->desired_state = t->task->desired_state;
	arena_clear(&t->memory);
	t->memory = memory;
	t->task = task;
	worker_keep(a, t);
	worker_mark(a, t);
}

static void command(struct agent *a, struct agent_task *t, enum task_command what)
{
	const struct executor *x = a->config.executor;

	t->command = what;
	t->ticket = ticket_next(&a->tickets);
	tree_insert(&a->waiting, &t->ticket, &t->by_ticket);
	switch (what) {
	case TASK_PREPARE:
		x->prepare(x->self, t->ticket, t->task);
		break;
	case TASK_START:
		x->start(x->self, t->ticket, t->task->id);
		break;
	case TASK_STOP:
		x->stop(x->self, t->ticket, t->task->id);
		break;
	case TASK_REMOVE:
		x->remove(x->self, t->ticket, t->task->id);
		break;
	case TASK_NOTHING:
		break;
	}
}

static void forget_command(struct agent *a, struct agent_task *t)
{
	if (t->ticket)
		tree_remove(&a->waiting, &t->by_ticket);
	t->ticket = 0;
	t->command = TASK_NOTHING;
}

void task_drop(struct agent *a, struct agent_task *t)
{
	if (t->is_gone)
		return;
	t->is_gone = true;
	list_remove(&t->unreported);
	worker_forget(a, t->task->id);
	/* What was under way for it is swallowed by the removal. */
	forget_command(a, t);
	command(a, t, TASK_REMOVE);
}

/* States that need nothing from the executor are passed in one go. */
void task_step(struct agent *a, struct agent_task *t, struct now now)
{
	if (t->is_gone || t->command != TASK_NOTHING || heap_has(&t->retry))
		return;
	for (;;) {
		Pb__TaskState state = t->task->status->state, desired = t->task->desired_state;

		if (state > STATE(RUNNING))
			return;
		if (desired >= STATE(SHUTDOWN) || t->is_unknown) {
			command(a, t, TASK_STOP);
			return;
		}
		if (state >= desired)
			return;
		switch (state) {
		case STATE(ACCEPTED):
			set_status(a, t, STATE(PREPARING), "preparing", "");
			break;
		case STATE(PREPARING):
			command(a, t, TASK_PREPARE);
			return;
		case STATE(READY):
			if (desired < STATE(RUNNING))
				return;
			set_status(a, t, STATE(STARTING), "starting", "");
			break;
		case STATE(STARTING):
			command(a, t, TASK_START);
			return;
		case STATE(RUNNING):
			return; /* its end is an event */
		default:
			set_status(a, t, STATE(ACCEPTED), "accepted", "");
			break;
		}
	}
	(void)now;
}

static void on_done(struct agent *a, struct agent_task *t, enum task_command what,
		    const struct executor_event *ev)
{
	switch (what) {
	case TASK_PREPARE:
		if (ev->container_id)
			container_status(t)->container_id =
				arena_strdup(&t->memory, ev->container_id);
		set_status(a, t, STATE(READY), "prepared", "");
		break;
	case TASK_START:
		container_status(t)->pid = (int32_t)ev->pid;
		if (ev->port_count) {
			t->task->status->port_status = PB_NEW(&t->memory, port_status);
			for (size_t i = 0; i < ev->port_count; i++) {
				Pb__PortConfig *port = pb_dup(&t->memory, ev->ports[i]);

				PB_APPEND(&t->memory, t->task->status->port_status, ports, port);
			}
		}
		set_status(a, t, STATE(RUNNING), "started", "");
		break;
	case TASK_STOP:
		if (t->is_unknown && t->task->desired_state < STATE(SHUTDOWN))
			set_status(a, t, STATE(FAILED), "started",
				   "task: the node has no record of it; was its disk full or "
				   "replaced?");
		else
			set_status(a, t, STATE(SHUTDOWN), "shutdown", "");
		break;
	case TASK_REMOVE:
	case TASK_NOTHING:
		break;
	}
}

static void on_failed(struct agent *a, struct agent_task *t, enum task_command what,
		      const struct executor_event *ev)
{
	const char *text = ev->text ? ev->text : "";

	if (ev->is_temporary) {
		heap_set(&a->retries, &t->retry, a->now.mono_ms + RETRY_MS);
		return;
	}
	switch (what) {
	case TASK_PREPARE:
		set_status(a, t, STATE(REJECTED), "preparing", text);
		break;
	case TASK_START:
		set_status(a, t, STATE(FAILED), "starting", text);
		break;
	case TASK_STOP:
		/* It cannot be stopped, but it is wanted no more: what the manager needs to know is
		 * that. */
		set_status(a, t, STATE(FAILED), "shutdown", text);
		break;
	case TASK_REMOVE:
	case TASK_NOTHING:
		break;
	}
}

static void on_exited(struct agent *a, struct agent_task *t, const struct executor_event *ev)
{
	char err[512];

	if (t->task->status->state > STATE(RUNNING) || t->task->status->state < STATE(STARTING) ||
	    t->command == TASK_STOP)
		return;
	container_status(t)->exit_code = ev->exit_code;
	if (ev->exit_code == 0 && (!ev->text || !ev->text[0])) {
		set_status(a, t, STATE(COMPLETE), "finished", "");
		return;
	}
	(void)snprintf(err, sizeof(err), "task: non-zero exit (%d)%s%s", ev->exit_code,
		       ev->text && ev->text[0] ? ": " : "", ev->text ? ev->text : "");
	set_status(a, t, STATE(FAILED), "started", err);
}

void task_executor_event(struct agent *a, struct agent_task *t, const struct executor_event *ev,
			 struct now now)
{
	enum task_command what = t->command;

	if (ev->kind == EXECUTOR_EXITED) {
		on_exited(a, t, ev);
		worker_mark(a, t);
		return;
	}
	forget_command(a, t);
	if (what == TASK_REMOVE) {
		if (ev->kind == EXECUTOR_FAILED)
			log_warn(a->config.log, "agent", "task %s: cannot be removed: %s",
				 t->task->id, ev->text ? ev->text : "");
		task_free(a, t);
		return;
	}
	if (t->task->status->state <= STATE(RUNNING)) {
		if (ev->kind == EXECUTOR_DONE)
			on_done(a, t, what, ev);
		else
			on_failed(a, t, what, ev);
	}
	worker_mark(a, t);
	(void)now;
}
