/* The engine as executor of swarm tasks: the agent's commands, in terms of containers.
 *
 * A task has at most one container, whose record names the task: what survives a restart is there,
 * and what is here (which command is under way) may be lost, since the agent asks list() after a
 * start. A command is a short walk through phases; each phase is one request to the engine under a
 * ticket of ours, whose answer is taken before the API sees it.
 *
 *     prepare   PULLING -> CREATING -> done          stop      STOPPING -> done
 *     start     STARTING [-> AWAITING_HEALTH] -> done    remove    REMOVING -> done */
#include "base/fsm.h"
#include "engine/expand.h"
#include "engine/image.h"
#include "engine/inside.h"
#include "engine/task.h"

/* Stock nodes say it so. */
#define UNHEALTHY "dockerexec: unhealthy container"

enum phase {
	PHASE_IDLE,
	PHASE_PULLING,
	PHASE_CREATING,
	PHASE_STARTING,
	PHASE_AWAITING_HEALTH,
	PHASE_STOPPING,
	PHASE_REMOVING
};

static const struct fsm_state phases[] = {
	[PHASE_IDLE] = { "idle", FSM_TO(PHASE_PULLING) | FSM_TO(PHASE_CREATING) |
					 FSM_TO(PHASE_STARTING) | FSM_TO(PHASE_STOPPING) |
					 FSM_TO(PHASE_REMOVING) },
	[PHASE_PULLING] = { "pulling", FSM_TO(PHASE_CREATING) | FSM_TO(PHASE_IDLE) },
	[PHASE_CREATING] = { "creating", FSM_TO(PHASE_IDLE) },
	[PHASE_STARTING] = { "starting", FSM_TO(PHASE_AWAITING_HEALTH) | FSM_TO(PHASE_IDLE) },
	[PHASE_AWAITING_HEALTH] = { "awaiting health", FSM_TO(PHASE_IDLE) },
	[PHASE_STOPPING] = { "stopping", FSM_TO(PHASE_IDLE) },
	[PHASE_REMOVING] = { "removing", FSM_TO(PHASE_IDLE) },
};

enum verb { VERB_LIST, VERB_PREPARE, VERB_START, VERB_STOP, VERB_REMOVE };

struct command {
	struct list link;
	enum verb verb;
	uint64_t ticket;
};

struct task {
	struct tree_node node, by_ask;
	char *id;
	int phase;
	uint64_t asked;  /* our ticket at the engine; 0: none */
	uint64_t ticket; /* the agent's, of the command under way; 0: swallowed by remove() */
	struct list commands;
	struct arena memory;
	Pb__Task *spec;    /* from prepare(); NULL after a restart */
	bool was_started;  /* its end is news */
	bool is_unhealthy; /* that is why it ends */
};

static int compare_task(const void *key, const struct tree_node *member)
{
	return strcmp(key, container_of(member, struct task, node)->id);
}

static int compare_ask(const void *key, const struct tree_node *member)
{
	uint64_t a = *(const uint64_t *)key, b = container_of(member, struct task, by_ask)->asked;

	return (a > b) - (a < b);
}

void executor_init(struct engine *e)
{
	e->tasks = TREE(compare_task);
	e->task_asks = TREE(compare_ask);
	list_init(&e->task_lists);
}

static struct task *task_take(struct engine *e, const char *id)
{
	struct task *t = tree_entry(tree_find(&e->tasks, id), struct task, node);

	if (t)
		return t;
	t = NEW(struct task);
	t->id = xstrdup(id);
	list_init(&t->commands);
	tree_insert(&e->tasks, t->id, &t->node);
	return t;
}

static void await_nothing(struct engine *e, struct task *t)
{
	if (t->asked)
		tree_remove(&e->task_asks, &t->by_ask);
	t->asked = 0;
}

static void drop_commands(struct task *t)
{
	struct command *c;

	list_each (&t->commands, struct command, link, c) {
		list_remove(&c->link);
		free(c);
	}
}

static void task_free(struct engine *e, struct task *t)
{
	await_nothing(e, t);
	drop_commands(t);
	tree_remove(&e->tasks, &t->node);
	arena_clear(&t->memory);
	free(t->id);
	free(t);
}

void executor_clear(struct engine *e)
{
	struct command *c;
	struct task *t;

	tree_each (&e->tasks, struct task, node, t)
		task_free(e, t);
	list_each (&e->task_lists, struct command, link, c)
		free(c);
}

static struct container *container_of_task(struct engine *e, const char *task_id)
{
	return tree_entry(tree_find(&e->container_tasks, task_id), struct container, by_task);
}

/* --- telling the agent --- */

static struct executor_event *tell(struct engine *e, uint64_t ticket, enum executor_event_kind kind,
				   const char *task_id)
{
	struct input *in = inbox_add(e->config.inbox, INPUT_EXECUTOR, ticket);

	in->executor.kind = kind;
	in->executor.task_id = arena_strdup(&e->config.inbox->memory, task_id);
	return &in->executor;
}

static void go_idle(struct engine *e, struct task *t)
{
	await_nothing(e, t);
	fsm_move(phases, &t->phase, PHASE_IDLE, e->config.log, "task", t->id);
}

static void finish(struct engine *e, struct task *t)
{
	struct arena *memory = &e->config.inbox->memory;
	struct container *c = container_of_task(e, t->id);
	struct executor_event *event;

	if (t->phase != PHASE_IDLE)
		go_idle(e, t);
	if (t->ticket == 0)
		return;
	event = tell(e, t->ticket, EXECUTOR_DONE, t->id);
	t->ticket = 0;
	if (!c)
		return;
	event->container_id = arena_strdup(memory, c->record->id);
	event->pid = c->record->pid;
	event->ports = task_ports(memory, t->spec, c->record, &event->port_count);
}

static void give_up(struct engine *e, struct task *t, const struct err *err)
{
	struct container *c = container_of_task(e, t->id);
	struct executor_event *event;

	if (t->phase != PHASE_IDLE)
		go_idle(e, t);
	if (t->ticket == 0)
		return;
	event = tell(e, t->ticket, EXECUTOR_FAILED, t->id);
	t->ticket = 0;
	event->text = arena_strdup(&e->config.inbox->memory, err->text);
	event->is_temporary = err->kind == ERR_UNAVAILABLE;
	event->exit_code = c ? (int32_t)c->record->exit_code : 0;
}

/* --- phases --- */

static uint64_t ask(struct engine *e, struct task *t, enum phase phase)
{
	await_nothing(e, t);
	fsm_move(phases, &t->phase, phase, e->config.log, "task", t->id);
	t->asked = ++*e->config.tickets;
	tree_insert(&e->task_asks, &t->asked, &t->by_ask);
	return t->asked;
}

static void create(struct engine *e, struct task *t)
{
	AUTO_ARENA struct arena a = { 0 };
	struct engine_node node = { e->node_id, e->node_hostname, e->node_architecture,
				    e->node_os };
	struct engine_create order;
	const Pb__Task *spec;
	struct err err;

	if (!expand_task(&a, t->spec, &node, &spec, &err) || !task_order(&a, spec, &order, &err) ||
	    !task_files(&a, spec, &node, e->secrets, &order, &err)) {
		give_up(e, t, &err);
		return;
	}
	engine_container_create(e, ask(e, t, PHASE_CREATING), &order, e->now);
}

static bool has_image(struct engine *e, const char *ref)
{
	struct err ignored;

	return image_lookup(e, ref, &ignored) != NULL;
}

static void prepare(struct engine *e, struct task *t)
{
	const Pb__ContainerSpec *spec;
	struct engine_pull pull = { .tag = "" };
	struct err err;

	if (container_of_task(e, t->id)) {
		finish(e, t);
		return;
	}
	if (t->spec->spec->runtime_case != PB__TASK_SPEC__RUNTIME_CONTAINER) {
		(void)fail(&err, ERR_UNSUPPORTED, "unsupported runtime");
		give_up(e, t, &err);
		return;
	}
	spec = t->spec->spec->container;
	/* A digest names one image for ever: nothing newer can be had. */
	if (strchr(spec->image, '@') && has_image(e, spec->image)) {
		create(e, t);
		return;
	}
	pull.image = spec->image;
	pull.auth = spec->pull_options ? spec->pull_options->registry_auth : "";
	engine_image_pull(e, ask(e, t, PHASE_PULLING), &pull, e->now);
}

static void pulled(struct engine *e, struct task *t, const struct engine_answer *a)
{
	const char *image = t->spec->spec->container->image;
	struct err err;

	if (a->kind != ENGINE_FAILED || has_image(e, image)) {
		if (a->kind == ENGINE_FAILED)
			log_warn(e->config.log, "engine",
				 "pulling %s: %s; using the image that is here", image, a->text);
		await_nothing(e, t);
		create(e, t);
		return;
	}
	(void)fail(&err, a->err_kind, "%s", a->text);
	(void)while_doing(&err, "No such image: %s", image);
	give_up(e, t, &err);
}

static bool has_check(const struct container *c)
{
	return c->record->health != NULL;
}

static void started(struct engine *e, struct task *t)
{
	struct container *c = container_of_task(e, t->id);

	t->was_started = true;
	if (!c || !has_check(c)) {
		finish(e, t);
		return;
	}
	await_nothing(e, t);
	fsm_move(phases, &t->phase, PHASE_AWAITING_HEALTH, e->config.log, "task", t->id);
	executor_container_changed(e, c);
}

static void take_answer(struct engine *e, struct task *t, const struct engine_answer *a)
{
	struct err err;

	if (t->phase == PHASE_PULLING) {
		pulled(e, t, a);
	} else if (a->kind == ENGINE_FAILED &&
		   !(t->phase == PHASE_REMOVING && a->err_kind == ERR_NOT_FOUND)) {
		(void)fail(&err, a->err_kind, "%s", a->text);
		give_up(e, t, &err);
	} else if (t->phase == PHASE_STARTING) {
		started(e, t);
	} else {
		finish(e, t);
	}
}

/* A task whose container is unhealthy has failed, and the container does not go on. One that is
 * being stopped or removed anyway is left alone. */
static void end_unhealthy(struct engine *e, struct task *t, struct container *c)
{
	struct err err;

	if (t->phase == PHASE_AWAITING_HEALTH) {
		(void)fail(&err, ERR_INTERNAL, UNHEALTHY);
		give_up(e, t, &err);
		t->was_started = false;
	}
	if (t->phase != PHASE_IDLE || t->is_unhealthy)
		return;
	t->is_unhealthy = true;
	engine_container_stop(e, ask(e, t, PHASE_STOPPING), c->record->id, "",
			      ENGINE_TIMEOUT_DEFAULT, e->now);
}

/* The container of a task has moved or its health has: who waits for that goes on, and the agent
 * hears of an end. */
void executor_container_changed(struct engine *e, struct container *c)
{
	struct task *t =
		c->record->task_id[0]
			? tree_entry(tree_find(&e->tasks, c->record->task_id), struct task, node)
			: NULL;
	const char *health = c->record->health ? c->record->health->status : "";
	struct executor_event *event;
	struct err err;

	if (!t)
		return;
	if (c->state == PB__CONTAINER__STATE__RUNNING && strcmp(health, "unhealthy") == 0)
		end_unhealthy(e, t, c);
	else if (t->phase == PHASE_AWAITING_HEALTH && strcmp(health, "healthy") == 0)
		finish(e, t);
	if (c->state != PB__CONTAINER__STATE__EXITED || !t->was_started)
		return;
	t->was_started = false;
	if (t->phase == PHASE_AWAITING_HEALTH) {
		(void)fail(&err, ERR_INTERNAL, "task: non-zero exit (%lld)",
			   (long long)c->record->exit_code);
		give_up(e, t, &err);
		return;
	}
	event = tell(e, 0, EXECUTOR_EXITED, t->id);
	event->container_id = arena_strdup(&e->config.inbox->memory, c->record->id);
	event->exit_code = (int32_t)c->record->exit_code;
	if (c->record->oom_killed)
		event->text = "container was killed for want of memory (OOM)";
	else if (t->is_unhealthy)
		event->text = UNHEALTHY;
}

/* --- commands --- */

static void list_all(struct engine *e, uint64_t ticket)
{
	struct container *c;

	tree_each (&e->container_tasks, struct container, by_task, c) {
		struct executor_event *event = tell(e, ticket, EXECUTOR_LISTED, c->record->task_id);

		event->container_id = arena_strdup(&e->config.inbox->memory, c->record->id);
		event->is_running = container_has_process(c);
		event->exit_code = (int32_t)c->record->exit_code;
		event->pid = c->record->pid;
		if (event->is_running)
			task_take(e, c->record->task_id)->was_started = true;
	}
	(void)tell(e, ticket, EXECUTOR_LIST_END, "");
}

static void no_container(struct engine *e, struct task *t)
{
	struct err err;

	(void)fail(&err, ERR_NOT_FOUND, "task %s has no container", t->id);
	give_up(e, t, &err);
}

static void run_command(struct engine *e, struct task *t, enum verb verb)
{
	struct container *c = container_of_task(e, t->id);

	switch (verb) {
	case VERB_PREPARE:
		prepare(e, t);
		break;
	case VERB_START:
		if (!c)
			no_container(e, t);
		else
			engine_container_start(e, ask(e, t, PHASE_STARTING), c->record->id, e->now);
		break;
	case VERB_STOP:
		if (!c)
			finish(e, t);
		else
			engine_container_stop(e, ask(e, t, PHASE_STOPPING), c->record->id, "",
					      ENGINE_TIMEOUT_DEFAULT, e->now);
		break;
	default:
		if (!c)
			finish(e, t);
		else
			engine_container_remove(
				e, ask(e, t, PHASE_REMOVING), c->record->id,
				(struct engine_remove){ .force = true, .volumes = true }, e->now);
		break;
	}
}

static bool run_next(struct engine *e, struct task *t)
{
	struct command *c;
	enum verb verb;

	if (t->phase != PHASE_IDLE || list_is_empty(&t->commands))
		return false;
	c = list_first(&t->commands, struct command, link);
	list_remove(&c->link);
	t->ticket = c->ticket;
	verb = c->verb;
	free(c);
	run_command(e, t, verb);
	return true;
}

static bool take_answers(struct engine *e)
{
	struct answer *a;
	bool took = false;

	list_each (&e->answers, struct answer, link, a) {
		struct task *t = tree_entry(tree_find(&e->task_asks, &a->answer.ticket),
					    struct task, by_ask);

		if (!t)
			continue;
		list_remove(&a->link);
		if (!a->answer.is_last)
			continue;
		take_answer(e, t, &a->answer);
		took = true;
		break; /* the list may have changed under us */
	}
	return took;
}

static bool is_forgettable(struct engine *e, const struct task *t)
{
	return t->phase == PHASE_IDLE && list_is_empty(&t->commands) &&
	       !container_of_task(e, t->id) && !t->spec;
}

void executor_settle(struct engine *e)
{
	struct command *c;
	struct task *t;
	bool moved = true;

	if (!e->is_ready)
		return;
	list_each (&e->task_lists, struct command, link, c) {
		list_remove(&c->link);
		list_all(e, c->ticket);
		free(c);
	}
	while (moved) {
		moved = false;
		while (take_answers(e))
			moved = true;
		tree_each (&e->tasks, struct task, node, t)
			moved |= run_next(e, t);
	}
	tree_each (&e->tasks, struct task, node, t)
		if (is_forgettable(e, t))
			task_free(e, t);
}

/* --- the seam --- */

static struct command *add_command(struct list *to, enum verb verb, uint64_t ticket)
{
	struct command *c = NEW(struct command);

	c->verb = verb;
	c->ticket = ticket;
	list_push_back(to, &c->link);
	return c;
}

static void seam_list(void *self, uint64_t ticket)
{
	struct engine *e = self;

	(void)add_command(&e->task_lists, VERB_LIST, ticket);
}

static void seam_prepare(void *self, uint64_t ticket, const struct Pb__Task *task)
{
	struct task *t = task_take(self, task->id);

	arena_reset(&t->memory);
	t->spec = pb_dup(&t->memory, task);
	(void)add_command(&t->commands, VERB_PREPARE, ticket);
}

static void seam_start(void *self, uint64_t ticket, const char *task_id)
{
	(void)add_command(&task_take(self, task_id)->commands, VERB_START, ticket);
}

static void seam_stop(void *self, uint64_t ticket, const char *task_id)
{
	(void)add_command(&task_take(self, task_id)->commands, VERB_STOP, ticket);
}

/* What is under way is of no interest any more; a pull is broken off, a start is waited for, since
 * the container cannot go before it has come. */
static void seam_remove(void *self, uint64_t ticket, const char *task_id)
{
	struct engine *e = self;
	struct task *t = task_take(e, task_id);

	drop_commands(t);
	t->ticket = 0;
	if (t->phase == PHASE_PULLING)
		engine_forget(e, t->asked);
	if (t->phase == PHASE_PULLING || t->phase == PHASE_AWAITING_HEALTH ||
	    t->phase == PHASE_STOPPING)
		go_idle(e, t);
	t->spec = NULL;
	(void)add_command(&t->commands, VERB_REMOVE, ticket);
}

/* --- logs --- */

static void no_log(struct engine *e, uint64_t ticket, const char *task_id, const char *trouble)
{
	struct executor_event *event = tell(e, ticket, EXECUTOR_LOG, task_id);

	event->log = (struct log_batch){ .attributes = "", .is_last = true, .trouble = trouble };
}

/* The question goes on to the runtime under the agent's own ticket, and so does the answer back. */
static void seam_log_read(void *self, uint64_t ticket, const char *task_id,
			  const struct log_wanted *wanted)
{
	struct engine *e = self;
	const struct runtime *runtime = e->seams.runtime;
	struct container *c = container_of_task(e, task_id);

	if (!c)
		no_log(e, ticket, task_id, NULL);
	else if (strcmp(c->record->host_config->log_config->type, "none") == 0)
		no_log(e, ticket, task_id, "configured logging driver does not support reading");
	else
		runtime->log_read(runtime->self, ticket, c->record->id, wanted);
}

static void seam_log_more(void *self, uint64_t ticket)
{
	const struct runtime *runtime = ((struct engine *)self)->seams.runtime;

	runtime->log_more(runtime->self, ticket);
}

static void seam_log_stop(void *self, uint64_t ticket)
{
	const struct runtime *runtime = ((struct engine *)self)->seams.runtime;

	runtime->log_stop(runtime->self, ticket);
}

void engine_executor(struct engine *e, struct executor *out)
{
	*out = (struct executor){
		.self = e,
		.list = seam_list,
		.prepare = seam_prepare,
		.start = seam_start,
		.stop = seam_stop,
		.remove = seam_remove,
		.log_read = seam_log_read,
		.log_more = seam_log_more,
		.log_stop = seam_log_stop,
	};
}
