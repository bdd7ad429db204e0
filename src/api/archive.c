/* Files of containers: cp, export, commit. */
#include "api/changes.h"
#include "api/engine_routes.h"
#include "api/outcome.h"
#include "docker/base64.h"
#include "docker/tables.h"

#define STAT_MAX (64 << 10)

/* ---- what lies at a path, in a header: base64 of JSON ---- */

static void write_moment(struct json *j, const char *key, int64_t ns)
{
	const struct dialect_field fields[] = { { key, "created_ns", DIALECT_TIME_NS }, { NULL } };
	const struct dialect moment = { &pb__local_volume__descriptor, fields };
	AUTO_ARENA struct arena a = { 0 };
	Pb__LocalVolume *when = PB_NEW(&a, local_volume);

	when->created_ns = ns;
	dialect_write_members(j, &moment, when, API_MINOR);
}

static struct stream_header stat_header(struct call *c, const struct content_stat *s)
{
	AUTO_BUF struct buf text = BUF_MAX(STAT_MAX);
	AUTO_BUF struct buf encoded = BUF_MAX(2 * STAT_MAX);
	struct json j = json_begin(&text);

	json_open_object(&j, NULL);
	json_text(&j, "name", s->name);
	json_int(&j, "size", s->size_bytes);
	json_uint(&j, "mode", s->mode);
	write_moment(&j, "mtime", s->mtime_ns);
	json_text(&j, "linkTarget", s->link_target ? s->link_target : "");
	json_close(&j);
	(void)base64_write(buf_str(&text), &encoded);
	return (struct stream_header){ "X-Docker-Container-Path-Stat",
				       arena_str(&c->arena, buf_str(&encoded)) };
}

static bool has_path(struct call *c)
{
	if (call_query(c, "path")[0])
		return true;
	call_refuse(c, ERR_INVALID, "bad parameter: path cannot be empty");
	return false;
}

/* ---- HEAD ---- */

static void stat_came(struct call *c, const struct engine_answer *a)
{
	const struct stream *s = c->api->config.stream;
	struct stream_header headers[CALL_HEADERS_MAX];
	size_t count;

	if (outcome_is_failure(c, a) || !a->is_last)
		return;
	count = call_headers(c, headers, NULL);
	headers[count++] = stat_header(c, &a->content->stat);
	s->reply(s->self, c->exchange, 200, headers, count, STR(""));
	c->is_done = true;
}

void container_stat_path(struct call *c)
{
	if (has_path(c))
		engine_container_stat(engine_of(c), call_engine(c, stat_came), c->params[0],
				      call_query(c, "path"), c->now);
}

/* ---- GET ---- */

/* The stream itself tells when it has ended; what the engine says after that is of no interest. */
static void archive_came(struct call *c, const struct engine_answer *a)
{
	struct stream_header about;

	if (c->is_open || outcome_is_failure(c, a) || a->kind != ENGINE_ENDPOINT)
		return;
	about = stat_header(c, &a->content->stat);
	outcome_stream(c, a->endpoint, STREAM_RAW, &about, "application/x-tar");
}

void container_get_archive(struct call *c)
{
	if (has_path(c))
		engine_container_archive(engine_of(c), call_engine(c, archive_came), c->params[0],
					 call_query(c, "path"), c->now);
}

static void export_came(struct call *c, const struct engine_answer *a)
{
	if (!c->is_open && !outcome_is_failure(c, a) && a->kind == ENGINE_ENDPOINT)
		outcome_stream(c, a->endpoint, STREAM_RAW, NULL, "application/octet-stream");
}

void container_export(struct call *c)
{
	engine_container_export(engine_of(c), call_engine(c, export_came), c->params[0], c->now);
}

/* ---- PUT: the body is a tar ---- */

static void put_came(struct call *c, const struct engine_answer *a)
{
	if (a->kind == ENGINE_ENDPOINT)
		outcome_feed(c, a->endpoint);
	else
		outcome_200(c, a);
}

void container_put_archive(struct call *c)
{
	struct content_put how = {
		.path = call_query(c, "path"),
		.keep_types = call_flag(c, "noOverwriteDirNonDir"),
	};

	if (has_path(c))
		engine_container_put_archive(engine_of(c), call_engine(c, put_came), c->params[0],
					     &how, c->now);
}

/* ---- commit ---- */

/* What the container was made with, to be changed; NULL if there is none: the engine says so. */
static Pb__ContainerConfig *config_of(struct call *c)
{
	struct err missing;
	const Pb__Container *k =
		engine_container_find(engine_of(c), call_query(c, "container"), &missing);

	return k ? pb_dup(&c->arena, k->config) : NULL;
}

void container_commit(struct call *c)
{
	struct engine_commit what = {
		.repo = call_query(c, "repo"),
		.tag = call_query(c, "tag"),
		.author = call_query(c, "author"),
		.comment = call_query(c, "comment"),
		.pause = query_flag(&c->query, "pause", true),
	};
	struct str body = str_trim(c->body);

	Pb__ContainerConfig *config = NULL;

	if (body.len > 0 && !str_equal_c(body, "null")) {
		config = call_body(c, &dialect_container_config);
		if (!config)
			return;
	}
	if (!config && call_query(c, "changes")[0])
		config = config_of(c);
	if (!changes_apply(c, config))
		return;
	what.config = config;
	engine_container_commit(engine_of(c), call_engine(c, outcome_created),
				call_query(c, "container"), &what, c->now);
}
