#include "api/outcome.h"

struct engine *engine_of(const struct call *c)
{
	return c->api->config.engine;
}

bool outcome_is_failure(struct call *c, const struct engine_answer *a)
{
	if (a->kind != ENGINE_FAILED)
		return false;
	call_refuse(c, a->err_kind, "%s", a->text);
	return true;
}

void outcome_204(struct call *c, const struct engine_answer *a)
{
	if (!outcome_is_failure(c, a) && a->is_last)
		call_reply_empty(c, a->was_so_already ? 304 : 204);
}

void outcome_200(struct call *c, const struct engine_answer *a)
{
	if (!outcome_is_failure(c, a) && a->is_last)
		call_reply_empty(c, 200);
}

void outcome_201(struct call *c, const struct engine_answer *a)
{
	if (!outcome_is_failure(c, a) && a->is_last)
		call_reply_empty(c, 201);
}

void outcome_created(struct call *c, const struct engine_answer *a)
{
	AUTO_BUF struct buf out;
	struct json j = call_json(c, &out);

	if (outcome_is_failure(c, a) || !a->is_last)
		return;
	json_open_object(&j, NULL);
	json_text(&j, "Id", a->id);
	json_close(&j);
	call_reply_json(c, 201, &out);
}

void outcome_reply_pruned(struct call *c, const char *key, const char *const *lines, size_t count,
			  int64_t freed_bytes)
{
	AUTO_BUF struct buf out;
	struct json j = call_json(c, &out);

	json_open_object(&j, NULL);
	if (count > 0)
		json_strings(&j, key, lines, count);
	else
		json_none(&j, key);
	if (freed_bytes >= 0)
		json_int(&j, "SpaceReclaimed", freed_bytes);
	json_close(&j);
	call_reply_json(c, 200, &out);
}

/* ---- streams ---- */

const char *stream_type(const struct call *c, bool is_terminal)
{
	return c->minor >= 42 && !is_terminal ? "application/vnd.docker.multiplexed-stream"
					      : "application/vnd.docker.raw-stream";
}

static void stream_ended(struct call *c, const struct stream_event *ev)
{
	const struct stream *s = c->api->config.stream;

	if (ev->text) {
		s->cut(s->self, c->exchange, ev->text);
		c->is_done = true;
	} else {
		call_end(c);
	}
}

void outcome_stream(struct call *c, uint64_t endpoint, enum stream_filter filter,
		    const struct stream_header *extra, const char *type)
{
	const struct stream *s = c->api->config.stream;
	struct stream_header headers[CALL_HEADERS_MAX];
	size_t count = call_headers(c, headers, type);

	if (extra)
		headers[count++] = *extra;
	s->open(s->self, c->exchange, 200, headers, count);
	c->is_open = true;
	c->joined = stream_ended;
	s->join(s->self, c->exchange, endpoint, filter);
}

void outcome_feed(struct call *c, uint64_t endpoint)
{
	const struct stream *s = c->api->config.stream;

	s->join(s->self, c->exchange, endpoint, STREAM_RAW);
}

static void upgrade_ended(struct call *c, const struct stream_event *ev)
{
	c->is_done = true; /* and the exchange with it */
}

void outcome_upgrade_in_vain(struct call *c, uint64_t endpoint, bool is_terminal, const char *text)
{
	const struct stream *s = c->api->config.stream;

	s->upgrade_in_vain(s->self, c->exchange, endpoint,
			   is_terminal ? STREAM_RAW : STREAM_STDCOPY, stream_type(c, is_terminal),
			   str_of(arena_printf(&c->arena, "%s\r\n", text)));
	c->is_done = true;
}

void outcome_upgrade(struct call *c, uint64_t endpoint, bool is_terminal)
{
	const struct stream *s = c->api->config.stream;

	c->is_open = true;
	c->joined = upgrade_ended;
	s->upgrade(s->self, c->exchange, endpoint, is_terminal ? STREAM_RAW : STREAM_STDCOPY,
		   stream_type(c, is_terminal));
}
