/* Bytes of containers: attach and logs, joined to the client by the hands. */
#include "api/detach_keys.h"
#include "api/engine_routes.h"
#include "api/moment.h"
#include "api/outcome.h"

/* Does it have a terminal? Then its output is one stream without frames. */
static bool has_terminal(struct call *c)
{
	struct err ignored;
	const Pb__Container *k = engine_container_find(engine_of(c), c->params[0], &ignored);

	return k && k->config->tty;
}

/* ---- attach ---- */

static void attached(struct call *c, const struct engine_answer *a)
{
	if (!outcome_is_failure(c, a) && a->kind == ENGINE_ENDPOINT)
		outcome_upgrade(c, a->endpoint, has_terminal(c));
}

void container_attach(struct call *c)
{
	struct runtime_attach how = {
		.want_stdin = call_flag(c, "stdin"),
		.want_stdout = call_flag(c, "stdout"),
		.want_stderr = call_flag(c, "stderr"),
		.replay = call_flag(c, "logs"),
		.only_replay = !call_flag(c, "stream"),
	};
	struct detach_keys keys;
	struct err e;

	if (!detach_keys_read(call_query(c, "detachKeys"), &keys, &e)) {
		call_fail(c, &e);
		return;
	}
	/* Without a terminal every byte is the process's: a file may well hold the keys. */
	how.detach_keys = keys.bytes;
	how.detach_key_count = has_terminal(c) ? keys.count : 0;
	engine_container_attach(engine_of(c), call_engine(c, attached), c->params[0], &how, c->now);
}

/* ---- logs ---- */

static void logs_came(struct call *c, const struct engine_answer *a)
{
	bool is_terminal = has_terminal(c);

	if (!outcome_is_failure(c, a) && a->kind == ENGINE_ENDPOINT)
		outcome_stream(c, a->endpoint, is_terminal ? STREAM_RAW : STREAM_STDCOPY, NULL,
			       c->minor >= 42 ? stream_type(c, is_terminal) : NULL);
}

/* "all", and whatever is no number, means all of them: so it does to the reference. */
static int64_t tail_of(const char *text)
{
	uint64_t number;

	return str_to_u64(str_of(text), &number) && number <= INT32_MAX ? (int64_t)number : -1;
}

void container_logs(struct call *c)
{
	struct runtime_logs how = {
		.want_stdout = call_flag(c, "stdout"),
		.want_stderr = call_flag(c, "stderr"),
		.follow = call_flag(c, "follow"),
		.timestamps = call_flag(c, "timestamps"),
		.details = call_flag(c, "details"),
		.tail = tail_of(call_query(c, "tail")),
	};
	struct err e;

	if (!moment_read(call_query(c, "since"), c->now.wall_ns, &how.since_ns, &e) ||
	    !moment_read(call_query(c, "until"), c->now.wall_ns, &how.until_ns, &e)) {
		call_fail(c, &e);
		return;
	}
	engine_container_logs(engine_of(c), call_engine(c, logs_came), c->params[0], &how, c->now);
}
