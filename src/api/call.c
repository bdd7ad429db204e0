#include "api/call.h"

#include <stdio.h>

#include "api/logs.h"
#include "api/route.h"
#include "base/mem.h"
#include "node/node.h"

#define CONTROL_PREFIX "/docker.swarmkit.v1.Control/"

/* ---- answers ---- */

size_t call_headers(struct call *c, struct stream_header *out, const char *content_type)
{
	const struct api_host *host = c->api->config.host;
	size_t count = 0;

	out[count++] =
		(struct stream_header){ "Api-Version", arena_printf(&c->arena, "1.%d", API_MINOR) };
	out[count++] = (struct stream_header){ "Docker-Experimental", "false" };
	out[count++] = (struct stream_header){ "Ostype", "linux" };
	out[count++] = (struct stream_header){ "Server", arena_printf(&c->arena, "shoal/%s (linux)",
								      host->version) };
	if (content_type)
		out[count++] = (struct stream_header){ "Content-Type", content_type };
	return count;
}

static void reply(struct call *c, int status, const char *content_type, struct str body)
{
	const struct stream *s = c->api->config.stream;
	struct stream_header headers[CALL_HEADERS_MAX];
	size_t count = call_headers(c, headers, content_type);

	if (c->is_done)
		return;
	c->is_done = true;
	if (c->is_open) {
		/* Too late for a status: the client sees an answer that breaks off. */
		s->cut(s->self, c->exchange, "the answer could not be completed");
		return;
	}
	s->reply(s->self, c->exchange, status, headers, count, body);
}

struct json call_json(struct call *c, struct buf *out)
{
	*out = BUF_MAX(CALL_ANSWER_MAX);
	return json_begin(out);
}

void call_reply_json(struct call *c, int status, const struct buf *json)
{
	if (json->overflow)
		call_refuse(c, ERR_EXHAUSTED, "the answer would be larger than %d MiB",
			    CALL_ANSWER_MAX >> 20);
	else
		reply(c, status, "application/json", buf_str(json));
}

void call_reply_empty(struct call *c, int status)
{
	reply(c, status, NULL, STR(""));
}

void call_reply_text(struct call *c, int status, const char *text)
{
	reply(c, status, "text/plain; charset=utf-8", str_of(text));
}

void call_fail_status(struct call *c, int status, const char *text)
{
	AUTO_BUF struct buf out = BUF_MAX(8 * ERR_TEXT_MAX);
	struct json j = json_begin(&out);

	json_open_object(&j, NULL);
	json_text(&j, "message", text);
	json_close(&j);
	reply(c, status, "application/json", buf_str(&out));
}

void call_fail(struct call *c, const struct err *e)
{
	call_fail_status(c, err_http_status(e->kind), e->text);
}

void call_refuse(struct call *c, enum err_kind kind, const char *format, ...)
{
	struct err e = { .kind = kind };
	va_list args;

	va_start(args, format);
	vsnprintf(e.text, sizeof(e.text), format, args);
	va_end(args);
	call_fail(c, &e);
}

const char *call_grpc_name(int status)
{
	static const char *const names[] = {
		"OK",
		"Canceled",
		"Unknown",
		"InvalidArgument",
		"DeadlineExceeded",
		"NotFound",
		"AlreadyExists",
		"PermissionDenied",
		"ResourceExhausted",
		"FailedPrecondition",
		"Aborted",
		"OutOfRange",
		"Unimplemented",
		"Internal",
		"Unavailable",
		"DataLoss",
		"Unauthenticated",
	};

	return status >= 0 && status < (int)ARRAY_LEN(names) ? names[status] : "Unknown";
}

void call_fail_control(struct call *c, const struct err *e)
{
	int status = err_http_status(e->kind);
	const char *code = call_grpc_name(err_grpc_status(e->kind));

	if (e->kind == ERR_UNKNOWN_OUTCOME || e->kind == ERR_UNSUPPORTED) {
		/* Sentences of our own: the reference has none of them. */
		call_fail(c, e);
		return;
	}
	if (e->kind == ERR_UNAVAILABLE) {
		/* Without a leader: what the reference answers has no code of its own. */
		status = 500;
		code = "Unknown";
	}
	call_fail_status(c, status,
			 arena_printf(&c->arena, "rpc error: code = %s desc = %s", code, e->text));
}

void call_open(struct call *c, int status, const char *content_type)
{
	const struct stream *s = c->api->config.stream;
	struct stream_header headers[CALL_HEADERS_MAX];
	size_t count = call_headers(c, headers, content_type);

	s->open(s->self, c->exchange, status, headers, count);
	c->is_open = true;
}

void call_write(struct call *c, struct str record)
{
	const struct stream *s = c->api->config.stream;

	if (!c->is_done)
		s->write(s->self, c->exchange, record);
}

void call_end(struct call *c)
{
	const struct stream *s = c->api->config.stream;

	if (!c->is_done)
		s->end(s->self, c->exchange);
	c->is_done = true;
}

/* ---- requests ---- */

const char *call_header(const struct call *c, const char *name)
{
	for (size_t i = 0; i < c->header_count; i++)
		if (strcasecmp(c->headers[i].name, name) == 0)
			return c->headers[i].value;
	return NULL;
}

const char *call_query(const struct call *c, const char *name)
{
	const char *value = query_get(&c->query, name);

	return value ? value : "";
}

bool call_flag(const struct call *c, const char *name)
{
	return query_flag(&c->query, name, false);
}

void *call_body(struct call *c, const struct dialect *d)
{
	void *message = pb_new(&c->arena, d->type);
	struct err e;

	if (dialect_read(&c->arena, d, c->body, c->minor, message, &e))
		return message;
	call_fail(c, &e);
	return NULL;
}

bool call_version(struct call *c, const char *what, uint64_t *version)
{
	const char *text = call_query(c, "version");

	if (str_to_u64(str_of(text), version))
		return true;
	call_refuse(c, ERR_INVALID,
		    "invalid %s version '%s': strconv.ParseUint: parsing \"%s\": invalid syntax",
		    what, text, text);
	return false;
}

bool call_filters(struct call *c, const char *const *allowed, struct list_filters *f)
{
	struct err e;

	if (list_filters_read(&c->arena, str_of(call_query(c, "filters")), f, &e) &&
	    list_filters_check(f, allowed, &e))
		return true;
	call_fail(c, &e);
	return false;
}

/* ---- tickets ---- */

static void wait(struct call *c, uint64_t ticket)
{
	if (c->ticket)
		tree_remove(&c->api->waiting, &c->by_ticket);
	c->ticket = ticket;
	tree_insert(&c->api->waiting, &ticket, &c->by_ticket);
}

const struct view *call_view(const struct call *c)
{
	return node_view(c->api->config.node);
}

uint64_t call_node(struct call *c, call_next *next)
{
	c->next = next;
	wait(c, node_ticket(c->api->config.node));
	return c->ticket;
}

uint64_t call_logs(struct call *c)
{
	c->reads_logs = true;
	c->drained = logs_drained;
	wait(c, node_ticket(c->api->config.node));
	return c->ticket;
}

void call_read(struct call *c, call_next *next)
{
	struct leader_answer at_once = { .is_ok = true };

	if (call_flag(c, "stale")) {
		next(c, &at_once);
		return;
	}
	node_read(c->api->config.node, call_node(c, next));
}

void call_read_managers(struct call *c, call_next *next)
{
	node_read_managers(c->api->config.node, call_node(c, next));
}

void call_change(struct call *c, const char *method, const void *request, call_next *next)
{
	node_change(c->api->config.node, call_node(c, next),
		    arena_printf(&c->arena, CONTROL_PREFIX "%s", method), request);
}

const void *call_control(struct call *c, const char *method, const void *request)
{
	const void *response;
	struct err e;

	if (!call_view(c)) {
		call_refuse(c, ERR_UNAVAILABLE,
			    "This node is not a swarm manager. Manager is being prepared or has "
			    "trouble "
			    "connecting to the cluster.");
		return NULL;
	}
	response =
		node_ask(c->api->config.node, arena_printf(&c->arena, CONTROL_PREFIX "%s", method),
			 request, &c->arena, &e);
	if (!response)
		call_fail_control(c, &e);
	return response;
}

uint64_t call_engine(struct call *c, call_engine_next *next)
{
	c->engine_next = next;
	wait(c, node_ticket(c->api->config.node));
	return c->ticket;
}

void call_sleep(struct call *c, int64_t ms, void (*wake)(struct call *c))
{
	c->wake = wake;
	heap_set(&c->api->sleepers, &c->sleeper, c->now.mono_ms + ms);
}
