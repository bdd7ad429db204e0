/* Processes that are started in a running container.
 *
 * They live in memory alone: who started one is connected to this process and goes with it. An exec
 * that has ended is kept for five minutes, so that its exit code can be asked for. */
#include <stdio.h>

#include "engine/inside.h"
#include "engine/ocispec.h"

#define KEPT_MS (5 * 60 * 1000)

/* --- objects --- */

struct exec *exec_by_id(const struct engine *e, const char *id)
{
	return tree_entry(tree_find(&e->execs, id), struct exec, node);
}

struct exec *exec_new(struct engine *e, struct container *c, const Pb__Exec *record)
{
	struct exec *x = NEW(struct exec);
	char id[HEX_ID_LEN + 1];

	hex_id_new(&e->prng, id);
	x->record = pb_dup(&x->memory, record);
	x->record->id = arena_strdup(&x->memory, id);
	x->record->container_id = arena_strdup(&x->memory, c->record->id);
	x->container = c;
	tree_insert(&e->execs, x->record->id, &x->node);
	list_push_back(&c->execs, &x->of_container);
	return x;
}

void exec_free(struct engine *e, struct exec *x)
{
	timer_stop(e, &x->timer);
	tree_remove(&e->execs, &x->node);
	list_remove(&x->of_container);
	arena_clear(&x->memory);
	free(x);
}

void execs_free(struct engine *e, struct container *c)
{
	struct exec *x;

	list_each (&c->execs, struct exec, of_container, x)
		exec_free(e, x);
}

static void on_forgotten(struct engine *e, struct timer *t)
{
	exec_free(e, container_of(t, struct exec, timer));
}

/* --- create --- */

static bool may_exec(const struct container *c, struct err *err)
{
	if (c->state == PB__CONTAINER__STATE__PAUSED)
		return fail(err, ERR_CONFLICT,
			    "Container %s is paused, unpause the container before exec",
			    c->record->id);
	if (c->state == PB__CONTAINER__STATE__RESTARTING)
		return fail(err, ERR_CONFLICT,
			    "Container %s is restarting, wait until the container is running",
			    c->record->id);
	if (c->state != PB__CONTAINER__STATE__RUNNING)
		return fail(err, ERR_CONFLICT, "Container %s is not running", c->record->id);
	return true;
}

static char *join_words(char *const *words, size_t count)
{
	struct buf out = BUF_MAX(1 << 20);

	for (size_t i = 0; i < count; i++)
		buf_printf(&out, "%s%s", i ? " " : "", words[i]);
	return out.data ? buf_steal(&out) : xstrdup("");
}

static void tell(struct engine *e, struct exec *x, const char *what)
{
	AUTO_FREE char *words = join_words(x->record->cmd, x->record->n_cmd);
	AUTO_FREE char *action = xasprintf("%s: %s", what, words);

	event_container_with(e, x->container, action, "execID", x->record->id, NULL);
}

void engine_exec_create(struct engine *e, uint64_t ticket, const char *ref, const Pb__Exec *what,
			struct now now)
{
	struct container *c = container_for(e, ticket, ref, now);
	struct exec *x;
	struct err err;

	if (!c)
		return;
	if (!may_exec(c, &err)) {
		answer_fail(e, ticket, &err);
		return;
	}
	if (what->n_cmd == 0) {
		ANSWER_FAIL(e, ticket, ERR_INVALID, "No exec command specified");
		return;
	}
	if (e->execs.count >= EXECS_MAX) {
		ANSWER_FAIL(e, ticket, ERR_EXHAUSTED, "this engine holds %d execs at most",
			    EXECS_MAX);
		return;
	}
	x = exec_new(e, c, what);
	tell(e, x, "exec_create");
	answer_id(e, ticket, x->record->id);
}

/* --- start --- */

static void finish(struct engine *e, struct exec *x, int64_t exit_code)
{
	x->is_starting = false;
	x->record->running = false;
	x->record->has_exited = true;
	x->record->exit_code = exit_code;
	x->record->pid = 0;
	timer_set(e, &x->timer, on_forgotten, KEPT_MS);
}

static void failed(struct engine *e, struct exec *x, const struct err *err, int exit_code)
{
	struct runtime_event nothing = { .exec_id = x->record->id,
					 .exit_code = exit_code ? exit_code : 126,
					 .output = str_of(err->text) };

	answer_fail(e, x->asker, err);
	finish(e, x, nothing.exit_code);
	if (x->is_probe)
		health_exited(e, x->container, &nothing);
}

static void began(struct engine *e, struct call *call, const struct input *in)
{
	struct exec *x = exec_by_id(e, call->object);
	struct err err;

	if (!x || !x->is_starting)
		return;
	if (call_failed(in, &err)) {
		failed(e, x, &err, in->runtime.exit_code);
		return;
	}
	x->is_starting = false;
	x->record->running = true;
	x->record->pid = in->runtime.pid;
	if (!x->is_probe)
		tell(e, x, "exec_start");
	answer_done(e, x->asker);
}

static void resolved(struct engine *e, struct call *call, const struct input *in)
{
	const struct runtime *runtime = e->seams.runtime;
	struct exec *x = exec_by_id(e, call->object);
	AUTO_BUF struct buf process = BUF_MAX(OCISPEC_MAX);
	const char *name;
	struct err err;

	if (!x || !x->is_starting)
		return;
	if (call_failed(in, &err) ||
	    !ocispec_write_process(x->container->record, x->record, &in->runtime.user,
				   e->config.capabilities, &process, &err)) {
		failed(e, x, &err, 126);
		return;
	}
	name = x->container->record->host_config->runtime;
	runtime->exec(runtime->self, call_new(e, began, x->record->id, 0)->ticket,
		      x->container->record->id,
		      &(struct runtime_exec){
			      .id = x->record->id,
			      .runtime = name[0] ? name : e->config.default_runtime,
			      .process = buf_str(&process),
			      .tty = x->record->tty,
			      .open_stdin = x->record->attach_stdin,
			      .height = x->record->n_console_size == 2
						? (int32_t)x->record->console_size[0]
						: 0,
			      .width = x->record->n_console_size == 2
					       ? (int32_t)x->record->console_size[1]
					       : 0,
			      .capture_max = (size_t)call->number,
		      });
}

void exec_launch(struct engine *e, struct exec *x, size_t capture_max)
{
	const struct runtime *runtime = e->seams.runtime;
	const Pb__Container *c = x->container->record;
	struct call *call = call_new(e, resolved, x->record->id, 0);

	call->number = (int64_t)capture_max;
	x->is_starting = true;
	runtime->resolve(runtime->self, call->ticket, c->id,
			 x->record->user[0] ? x->record->user : c->config->user,
			 (const char *const *)c->host_config->group_add,
			 c->host_config->n_group_add);
}

static void endpoint_came(struct engine *e, struct call *call, const struct input *in)
{
	struct exec *x = exec_by_id(e, call->object);
	struct err err;

	if (!x)
		return;
	if (call_failed(in, &err)) {
		answer_fail(e, x->asker, &err);
		x->asker = 0;
		x->is_starting = false;
		return;
	}
	if (x->asker == 0)
		e->seams.runtime->drop_endpoint(e->seams.runtime->self, in->runtime.endpoint);
	answer_new(e, x->asker, ENGINE_ENDPOINT, false)->endpoint = in->runtime.endpoint;
	exec_launch(e, x, 0);
}

static struct exec *lookup(struct engine *e, uint64_t ticket, const char *id, struct now now)
{
	struct exec *x;

	if (engine_refuses(e, ticket, now))
		return NULL;
	x = exec_by_id(e, id);
	if (x && !x->is_probe)
		return x;
	ANSWER_FAIL(e, ticket, ERR_NOT_FOUND, "No such exec instance: %s", id);
	return NULL;
}

void engine_exec_start(struct engine *e, uint64_t ticket, const char *id,
		       const struct runtime_attach *how, bool tty, int32_t height, int32_t width,
		       struct now now)
{
	const struct runtime *runtime = e->seams.runtime;
	struct exec *x = lookup(e, ticket, id, now);
	struct err err;

	if (!x)
		return;
	if (x->record->has_exited) {
		ANSWER_FAIL(e, ticket, ERR_CONFLICT, "Error: Exec command %s has already run", id);
		return;
	}
	if (x->record->running || x->is_starting) {
		ANSWER_FAIL(e, ticket, ERR_CONFLICT, "Error: Exec command %s is already running",
			    id);
		return;
	}
	if (!may_exec(x->container, &err)) {
		answer_fail(e, ticket, &err);
		return;
	}
	x->asker = ticket;
	x->is_starting = true;
	if (height > 0 && width > 0) {
		x->record->console_size =
			arena_copy(&x->memory, (int64_t[]){ height, width }, 2 * sizeof(int64_t));
		x->record->n_console_size = 2;
	}
	if (how)
		runtime->exec_attach(runtime->self, call_new(e, endpoint_came, id, 0)->ticket,
				     x->container->record->id, id, how);
	else
		exec_launch(e, x, 0);
}

/* --- end --- */

void exec_exited(struct engine *e, const struct runtime_event *event)
{
	struct exec *x = exec_by_id(e, event->exec_id);
	char code[16];

	if (!x || x->record->has_exited)
		return;
	finish(e, x, event->exit_code);
	if (x->is_probe) {
		health_exited(e, x->container, event);
		return;
	}
	snprintf(code, sizeof(code), "%d", event->exit_code);
	event_container_with(e, x->container, "exec_die", "execID", x->record->id, "exitCode", code,
			     NULL);
}

/* The container has ended, and with it all that ran in it. */
void execs_end(struct engine *e, struct container *c)
{
	struct exec *x;

	list_each (&c->execs, struct exec, of_container, x) {
		if (x->is_starting)
			ANSWER_FAIL(e, x->asker, ERR_CONFLICT, "Container %s is not running",
				    c->record->id);
		if (x->is_starting || x->record->running)
			finish(e, x, 137);
	}
}

static void resized(struct engine *e, struct call *call, const struct input *in)
{
	struct err err;

	if (call_failed(in, &err))
		answer_fail(e, call->asker, &err);
	else
		answer_done(e, call->asker);
}

void engine_exec_resize(struct engine *e, uint64_t ticket, const char *id, int32_t height,
			int32_t width, struct now now)
{
	const struct runtime *runtime = e->seams.runtime;
	struct exec *x = lookup(e, ticket, id, now);

	if (!x)
		return;
	if (!x->record->running && !x->is_starting) {
		ANSWER_FAIL(e, ticket, ERR_CONFLICT, "exec process is not running");
		return;
	}
	runtime->exec_resize(runtime->self, call_new(e, resized, id, ticket)->ticket,
			     x->container->record->id, id, height, width);
}

const Pb__Exec *engine_exec_find(const struct engine *e, const char *id, struct err *err)
{
	struct exec *x = exec_by_id(e, id);

	if (x && !x->is_probe)
		return x->record;
	(void)fail(err, ERR_NOT_FOUND, "No such exec instance: %s", id);
	return NULL;
}

const char **engine_container_execs(const struct engine *e, const Pb__Container *record,
				    struct arena *a, size_t *count)
{
	struct container *c = container_by_id(e, record->id);
	const char **ids = arena_alloc(a, (e->execs.count + 1) * sizeof(*ids));
	struct exec *x;

	*count = 0;
	if (!c)
		return ids;
	list_each (&c->execs, struct exec, of_container, x)
		if (!x->is_probe && !x->record->has_exited)
			ids[(*count)++] = arena_strdup(a, x->record->id);
	return ids;
}
