/* One engine on fake hands, with a clock that is moved by hand, and its answers in a row. */
#ifndef SHOAL_TESTS_UNIT_ENGINE_BENCH_H
#define SHOAL_TESTS_UNIT_ENGINE_BENCH_H

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "engine/engine.h"
#include "seam/executor.h"
#include "seam/input.h"
#include "sim/machine.h"
#include "test.h"

struct bench_answer {
	uint64_t ticket;
	enum engine_answer_kind kind;
	bool is_last, was_so_already;
	enum err_kind err_kind;
	char text[512], id[80], lines[512];
	int64_t exit_code;
	uint64_t endpoint;
	size_t line_count, warning_count;
};

struct bench {
	struct machine machine;
	struct engine *engine;
	struct engine_config config;
	struct log log;
	struct inbox inbox;
	struct now now;
	uint64_t tickets, asks;
	struct bench_answer *answers;
	size_t answer_count;
	char events[16384]; /* "type action;" */
	char tasks[8192];   /* executor events */
	uint64_t seed;
};

static const char *const bench_runtimes[] = { "crun", "runc" };
static const char *const bench_dns[] = { "10.1.1.1" };

static inline void bench_start(struct bench *b)
{
	struct engine_seams seams = machine_seams(&b->machine);
	AUTO_ARENA struct arena a = { 0 };
	struct journal_image image = machine_image(&b->machine, &a);

	b->engine = engine_new(&b->config, &seams, b->seed++);
	engine_load(b->engine, &image, b->now);
}

static inline void bench_keep_event(struct bench *b, const struct engine_event *e)
{
	size_t len = strlen(b->events);

	snprintf(b->events + len, sizeof(b->events) - len, "%s %s;", e->type, e->action);
}

static inline void bench_take_answers(struct bench *b)
{
	struct engine_answer a;
	struct bench_answer *to;

	while (engine_next_answer(b->engine, &a)) {
		if (a.kind == ENGINE_EVENT) {
			bench_keep_event(b, a.event);
			continue;
		}
		b->answers = realloc(b->answers, (b->answer_count + 1) * sizeof(*b->answers));
		to = &b->answers[b->answer_count++];
		*to = (struct bench_answer){ .ticket = a.ticket,
					     .kind = a.kind,
					     .is_last = a.is_last,
					     .was_so_already = a.was_so_already,
					     .err_kind = a.err_kind,
					     .exit_code = a.exit_code,
					     .endpoint = a.endpoint,
					     .line_count = a.line_count,
					     .warning_count = a.warning_count };
		snprintf(to->text, sizeof(to->text), "%s", a.text ? a.text : "");
		snprintf(to->id, sizeof(to->id), "%s", a.id ? a.id : "");
		for (size_t i = 0; i < a.line_count; i++)
			snprintf(to->lines + strlen(to->lines),
				 sizeof(to->lines) - strlen(to->lines), "%s;", a.lines[i]);
	}
}

static inline void bench_take_tasks(struct bench *b)
{
	static const char *const names[] = { "done", "failed", "exited", "listed", "end" };
	struct input *in;

	list_each (&b->inbox.queue, struct input, link, in) {
		const struct executor_event *e = &in->executor;
		size_t len = strlen(b->tasks);

		snprintf(b->tasks + len, sizeof(b->tasks) - len, "%llu %s %s",
			 (unsigned long long)in->ticket, names[e->kind], e->task_id);
		len = strlen(b->tasks);
		if (e->kind == EXECUTOR_EXITED)
			snprintf(b->tasks + len, sizeof(b->tasks) - len, " %d%s%s", e->exit_code,
				 e->text && e->text[0] ? ": " : "", e->text ? e->text : "");
		else if (e->kind == EXECUTOR_FAILED)
			snprintf(b->tasks + len, sizeof(b->tasks) - len, ": %s", e->text);
		else if (e->kind == EXECUTOR_LISTED)
			snprintf(b->tasks + len, sizeof(b->tasks) - len, "%s",
				 e->is_running ? " running" : "");
		for (size_t i = 0; i < e->port_count; i++) {
			len = strlen(b->tasks);
			snprintf(b->tasks + len, sizeof(b->tasks) - len, " %u->%u",
				 e->ports[i]->published_port, e->ports[i]->target_port);
		}
		strcat(b->tasks, ";");
	}
	inbox_empty(&b->inbox);
}

/* Turns until nothing is under way at this moment, or the daemon died. */
static inline int64_t bench_settle(struct bench *b)
{
	int64_t deadline;

	do {
		deadline = engine_turn(b->engine, b->now);
		bench_take_tasks(b);
		bench_take_answers(b);
		if (b->machine.is_crashed)
			return INT64_MAX;
	} while (deadline <= b->now.mono_ms || machine_step(&b->machine, b->engine, b->now));
	return deadline;
}

static inline void bench_run(struct bench *b, int64_t ms)
{
	int64_t until = b->now.mono_ms + ms;

	for (;;) {
		int64_t deadline = bench_settle(b);
		int64_t next = deadline < until ? deadline : until;

		if (b->machine.is_crashed)
			return;
		b->now.wall_ns += (next - b->now.mono_ms) * 1000000;
		b->now.mono_ms = next;
		if (deadline > until)
			break;
	}
	(void)bench_settle(b);
}

static inline void bench_line(void *self, enum log_level level, const char *room, const char *text)
{
	if (getenv("BENCH_LOG"))
		printf("    %s: %s\n", room, text);
}

static inline void bench_open(struct bench *b, uint64_t seed)
{
	memset(b, 0, sizeof(*b));
	machine_init(&b->machine, seed);
	b->seed = seed;
	b->log = (struct log){ .level = LOG_DEBUG, .line = bench_line };
	b->now = (struct now){ 1000000, INT64_C(1700000000) * 1000000000 };
	inbox_init(&b->inbox);
	b->config = (struct engine_config){
		.data_root = "/data",
		.exec_root = "/run",
		.hostname = "host",
		.cgroup_parent = "/shoal",
		.default_runtime = "crun",
		.runtimes = bench_runtimes,
		.runtime_count = 2,
		.init_path = "",
		.is_cgroup_v2 = true,
		.cpus = 4,
		.bridge_subnet = "172.17.0.0/16",
		.bridge_gateway = "172.17.0.1",
		.dns = bench_dns,
		.dns_count = 1,
		.read_image = machine_read_image,
		.log = &b->log,
		.tickets = &b->tickets,
		.inbox = &b->inbox,
	};
	bench_start(b);
	(void)bench_settle(b);
	engine_events(b->engine, 1u << 30, 0, 0, b->now);
}

static inline void bench_close(struct bench *b)
{
	engine_free(b->engine);
	machine_clear(&b->machine);
	inbox_clear(&b->inbox);
	free(b->answers);
}

/* kill -9 now, and a new daemon on the same machine. */
static inline void bench_crash(struct bench *b)
{
	engine_free(b->engine);
	machine_crash(&b->machine);
	inbox_empty(&b->inbox);
	bench_start(b);
	(void)bench_settle(b);
}

static inline uint64_t bench_ticket(struct bench *b)
{
	return 1000000 + ++b->asks;
}

/* The last answer under a ticket, or NULL. */
static inline const struct bench_answer *bench_answer(const struct bench *b, uint64_t ticket)
{
	for (size_t i = b->answer_count; i > 0; i--)
		if (b->answers[i - 1].ticket == ticket && b->answers[i - 1].is_last)
			return &b->answers[i - 1];
	return NULL;
}

static inline const struct bench_answer *bench_last(const struct bench *b)
{
	return bench_answer(b, 1000000 + b->asks);
}

#define BENCH_ASK(b, verb, ...)                                                                    \
	({                                                                                         \
		uint64_t _t = bench_ticket(b);                                                     \
		verb((b)->engine, _t, ##__VA_ARGS__, (b)->now);                                    \
		(void)bench_settle(b);                                                             \
		bench_answer(b, _t);                                                               \
	})

static inline const struct bench_answer *bench_pull(struct bench *b, const char *image)
{
	struct engine_pull pull = { .image = image, .tag = "" };

	return BENCH_ASK(b, engine_image_pull, &pull);
}

/* What `docker create --name NAME IMAGE PROGRAM` asks for. */
struct bench_order {
	struct arena memory;
	struct engine_create create;
	Pb__ContainerConfig *config;
	Pb__HostConfig *host;
};

static inline void bench_order(struct bench_order *o, const char *name, const char *program)
{
	*o = (struct bench_order){ 0 };
	o->config = PB_NEW(&o->memory, container_config);
	o->host = PB_NEW(&o->memory, host_config);
	o->config->image = "busybox";
	if (program)
		PB_APPEND(&o->memory, o->config, cmd, arena_strdup(&o->memory, program));
	o->create =
		(struct engine_create){ .name = name, .config = o->config, .host_config = o->host };
}

static inline const struct bench_answer *bench_create_order(struct bench *b, struct bench_order *o)
{
	const struct bench_answer *a = BENCH_ASK(b, engine_container_create, &o->create);

	arena_clear(&o->memory);
	return a;
}

static inline const struct bench_answer *bench_create(struct bench *b, const char *name,
						      const char *program)
{
	struct bench_order o;

	bench_order(&o, name, program);
	return bench_create_order(b, &o);
}

static inline const Pb__Container *bench_find(struct bench *b, const char *ref)
{
	struct err err;

	return engine_container_find(b->engine, ref, &err);
}

static inline const char *bench_state(struct bench *b, const char *ref)
{
	const Pb__Container *c = bench_find(b, ref);

	return c ? engine_container_state(c) : "gone";
}

#endif
