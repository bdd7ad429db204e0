/* Logs of services and tasks: what their containers wrote, wherever they run.
 *
 * Lines come from the leader in deliveries. One is written when the client has taken the one
 * before; while any waits here, the leader is held. */
#include <stdlib.h>
#include <string.h>

#include "api/call.h"
#include "api/logs.h"
#include "api/lookup.h"
#include "api/moment.h"
#include "api/outcome.h"
#include "api/route.h"
#include "base/percent.h"
#include "node/logs.h"
#include "node/node.h"
#include "wire/stdcopy.h"

#define CONTEXT   "com.docker.swarm."
#define ATTRS_MAX 64
#define WRITE_MAX (64 << 20)

struct reading {
	Pb__SubscribeLogsRequest *request;
	enum object_kind kind; /* of what was named */
	bool is_terminal;
	struct list backlog; /* struct log_delivery */
	bool is_writing;     /* the client has not taken what was written */
	bool is_held;
};

/* ---- writing ---- */

struct attribute {
	const char *key, *value;
};

static int compare_attributes(const void *a, const void *b)
{
	return strcmp(((const struct attribute *)a)->key, ((const struct attribute *)b)->key);
}

/* "com.docker.swarm.node.id=...,com.docker.swarm.service.id=..." and the log's own, sorted. */
static void put_details(struct buf *out, const Pb__LogMessage *m)
{
	struct attribute all[ATTRS_MAX] = {
		{ CONTEXT "node.id", m->context->node_id },
		{ CONTEXT "service.id", m->context->service_id },
		{ CONTEXT "task.id", m->context->task_id },
	};
	size_t count = 3;

	for (size_t i = 0; i < m->n_attrs && count < ATTRS_MAX; i++)
		all[count++] = (struct attribute){ m->attrs[i]->key, m->attrs[i]->value };
	qsort(all, count, sizeof(all[0]), compare_attributes);
	for (size_t i = 0; i < count; i++) {
		buf_append_c(out, i ? "," : "");
		percent_encode(out, str_of(all[i].key));
		buf_append_char(out, '=');
		percent_encode(out, str_of(all[i].value));
	}
}

static void put_time(struct buf *out, const Pb__Timestamp *t)
{
	char text[MOMENT_TEXT_MAX];

	moment_print(t ? t->seconds : 0, t ? t->nanos : 0, text);
	buf_printf(out, "%s ", text);
}

static void put_line(struct call *c, struct buf *out, const Pb__LogMessage *m)
{
	const struct reading *r = c->state;
	AUTO_BUF struct buf line = BUF_MAX(WRITE_MAX);

	if (call_flag(c, "timestamps"))
		put_time(&line, m->timestamp);
	if (call_flag(c, "details")) {
		put_details(&line, m);
		buf_append_char(&line, ' ');
	}
	buf_append(&line, m->data.data, m->data.len);
	if (r->is_terminal)
		buf_append_str(out, buf_str(&line));
	else
		stdcopy_write(out,
			      m->stream == PB__LOG_STREAM__LOG_STREAM_STDERR ? STDCOPY_STDERR
									     : STDCOPY_STDOUT,
			      buf_str(&line));
}

static void put_trouble(struct call *c, struct buf *out, const struct log_delivery *d)
{
	const struct reading *r = c->state;
	const char *text =
		arena_printf(&c->arena, "Error grabbing logs: rpc error: code = %s desc = %s\n",
			     call_grpc_name(d->status), d->err.text);

	if (r->is_terminal)
		buf_append_c(out, text);
	else
		stdcopy_write(out, STDCOPY_ERROR, str_of(text));
}

static void write_delivery(struct call *c, const struct log_delivery *d)
{
	struct reading *r = c->state;
	AUTO_BUF struct buf out = BUF_MAX(WRITE_MAX);

	for (size_t i = 0; i < d->n_messages; i++)
		put_line(c, &out, d->messages[i]);
	if (d->is_last && !d->is_ok)
		put_trouble(c, &out, d);
	if (out.len) {
		call_write(c, buf_str(&out));
		r->is_writing = true;
	}
	if (d->is_last)
		call_end(c);
}

/* As much as the client takes. */
static void go_on(struct call *c)
{
	struct reading *r = c->state;
	bool is_held;

	while (!r->is_writing && !c->is_done && !list_is_empty(&r->backlog)) {
		struct log_delivery *d = list_first(&r->backlog, struct log_delivery, link);

		write_delivery(c, d);
		log_delivery_free(d);
	}
	is_held = !list_is_empty(&r->backlog);
	if (is_held != r->is_held && !c->is_done)
		node_logs_hold(c->api->config.node, c->ticket, is_held);
	r->is_held = is_held;
}

void logs_delivered(struct call *c, struct log_delivery *d)
{
	struct reading *r = c->state;

	list_push_back(&r->backlog, &d->link);
	go_on(c);
}

void logs_drained(struct call *c)
{
	struct reading *r = c->state;

	r->is_writing = false;
	go_on(c);
}

void logs_abandon(struct call *c)
{
	struct reading *r = c->state;
	struct log_delivery *d;

	node_logs_stop(c->api->config.node, c->ticket);
	list_each (&r->backlog, struct log_delivery, link, d)
		log_delivery_free(d);
}

/* ---- asking ---- */

static bool has_terminal(const Pb__TaskSpec *spec)
{
	return spec->runtime_case == PB__TASK_SPEC__RUNTIME_CONTAINER && spec->container->tty;
}

static void found(struct call *c, const struct leader_answer *a)
{
	struct reading *r = c->state;
	const void *object = lookup(c, r->kind, c->params[0]);
	Pb__LogSelector *selector = r->request->selector = PB_NEW(&c->arena, log_selector);

	if (!object)
		return;
	if (r->kind == OBJECT_SERVICE) {
		r->is_terminal = has_terminal(((const Pb__Service *)object)->spec->task);
		PB_APPEND(&c->arena, selector, service_ids,
			  arena_strdup(&c->arena, object_id(object)));
	} else {
		r->is_terminal = has_terminal(((const Pb__Task *)object)->spec);
		PB_APPEND(&c->arena, selector, task_ids,
			  arena_strdup(&c->arena, object_id(object)));
	}
	call_open(c, 200, c->minor >= 42 ? stream_type(c, r->is_terminal) : NULL);
	c->api->config.stream->be_patient(c->api->config.stream->self, c->exchange);
	node_logs_read(c->api->config.node, call_logs(c), r->request);
}

/* How many lines from the end: the protocol counts them below -1, and 0 are all. */
static bool read_tail(struct call *c, int64_t *tail)
{
	const char *text = call_query(c, "tail");
	uint64_t count;

	*tail = 0;
	if (!text[0] || strcmp(text, "all") == 0)
		return true;
	if (str_to_u64(str_of(text), &count) && count <= INT32_MAX) {
		*tail = -(int64_t)count - 1;
		return true;
	}
	call_fail_status(c, 500,
			 text[0] == '-' && str_to_u64(str_of(text + 1), &count)
				 ? "negative tail values not supported"
				 : "tail value must be a positive integer or \"all\"");
	return false;
}

static bool read_options(struct call *c, Pb__LogSubscriptionOptions *o)
{
	bool wants_stdout = call_flag(c, "stdout"), wants_stderr = call_flag(c, "stderr");
	int64_t since_ns;
	struct err e;

	if (!wants_stdout && !wants_stderr) {
		call_fail_status(c, 500, "Bad parameters: you must choose at least one stream");
		return false;
	}
	if (wants_stdout)
		PB_APPEND(&c->arena, o, streams, PB__LOG_STREAM__LOG_STREAM_STDOUT);
	if (wants_stderr)
		PB_APPEND(&c->arena, o, streams, PB__LOG_STREAM__LOG_STREAM_STDERR);
	o->follow = call_flag(c, "follow");
	if (!moment_read(call_query(c, "since"), c->now.wall_ns, &since_ns, &e)) {
		call_fail(c, &e);
		return false;
	}
	if (since_ns) {
		o->since = PB_NEW(&c->arena, timestamp);
		o->since->seconds = since_ns / 1000000000;
		o->since->nanos = (int32_t)(since_ns % 1000000000);
	}
	return read_tail(c, &o->tail);
}

static void read_logs(struct call *c, enum object_kind kind)
{
	struct reading *r = ARENA_NEW(&c->arena, struct reading);

	r->kind = kind;
	list_init(&r->backlog);
	r->request = PB_NEW(&c->arena, subscribe_logs_request);
	r->request->options = PB_NEW(&c->arena, log_subscription_options);
	if (!read_options(c, r->request->options))
		return;
	c->state = r;
	call_read(c, found);
}

void service_logs_read(struct call *c)
{
	read_logs(c, OBJECT_SERVICE);
}

void task_logs_read(struct call *c)
{
	read_logs(c, OBJECT_TASK);
}
