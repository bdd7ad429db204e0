/* Processes in running containers. */
#include "api/detach_keys.h"
#include "api/engine_routes.h"
#include "api/outcome.h"
#include "docker/tables.h"

void exec_create(struct call *c)
{
	const Pb__Exec *what = call_body(c, &dialect_exec_create);

	if (what)
		engine_exec_create(engine_of(c), call_engine(c, outcome_created), c->params[0],
				   what, c->now);
}

void exec_inspect(struct call *c)
{
	struct err e;
	const Pb__Exec *x = engine_exec_find(engine_of(c), c->params[0], &e);
	AUTO_BUF struct buf out;
	struct json j = call_json(c, &out);

	if (!x) {
		call_fail(c, &e);
		return;
	}
	dialect_write(&j, NULL, &dialect_exec, x, c->minor);
	call_reply_json(c, 200, &out);
}

/* ---- start ---- */

struct exec_start {
	uint64_t endpoint;
	bool is_terminal;
};

/* The client learns of the endpoint only when the process runs. Nothing of its output is lost, the
 * endpoint is older than the process. Clients expect that a program that cannot be run says so on
 * its stream, and then ask for its exit code. */
static void started(struct call *c, const struct engine_answer *a)
{
	struct exec_start *start = c->state;

	if (a->kind == ENGINE_FAILED && start->endpoint) {
		outcome_upgrade_in_vain(c, start->endpoint, start->is_terminal, a->text);
		return;
	}
	if (outcome_is_failure(c, a))
		return;
	if (a->kind == ENGINE_ENDPOINT)
		start->endpoint = a->endpoint;
	else if (a->kind == ENGINE_DONE)
		outcome_upgrade(c, start->endpoint, start->is_terminal);
}

void exec_start(struct call *c)
{
	const Pb__ExecStartRequest *body = call_body(c, &dialect_exec_start);
	struct engine *engine = engine_of(c);
	int32_t height = 0, width = 0;
	struct runtime_attach how = { 0 };
	struct detach_keys keys;
	const Pb__Exec *x;
	struct err e;

	if (!body)
		return;
	x = engine_exec_find(engine, c->params[0], &e);
	if (!x || !detach_keys_read(x->detach_keys, &keys, &e)) {
		call_fail(c, &e);
		return;
	}
	if (body->n_console_size == 2 && x->tty) {
		height = (int32_t)body->console_size[0];
		width = (int32_t)body->console_size[1];
	}
	if (body->detach) {
		engine_exec_start(engine, call_engine(c, outcome_200), c->params[0], NULL, x->tty,
				  height, width, c->now);
		return;
	}
	how.want_stdin = x->attach_stdin;
	how.want_stdout = x->attach_stdout;
	how.want_stderr = x->attach_stderr;
	how.detach_keys = keys.bytes;
	how.detach_key_count = x->tty ? keys.count : 0;
	c->state = ARENA_NEW(&c->arena, struct exec_start);
	((struct exec_start *)c->state)->is_terminal = x->tty;
	engine_exec_start(engine, call_engine(c, started), c->params[0], &how, x->tty, height,
			  width, c->now);
}
