/* Images that come and go: pull, push, load, save, import. Their progress is a line of JSON each;
 * what fails before the first line is an ordinary refusal, what fails after it is a line too. */
#include "api/changes.h"
#include "api/engine_routes.h"
#include "api/outcome.h"
#include "docker/base64.h"
#include "docker/tables.h"
#include "wire/ref.h"

#define TEXT_MAX (64 << 10)

/* ---- lines ---- */

static void begin(struct call *c)
{
	if (!c->is_open)
		call_open(c, 200, "application/json");
}

static void write_line(struct call *c, struct json *j, struct buf *line)
{
	json_close(j);
	buf_append_c(line, "\r\n");
	begin(c);
	if (!line->overflow)
		call_write(c, buf_str(line));
}

static void say(struct call *c, const char *key, const char *text)
{
	AUTO_BUF struct buf line = BUF_MAX(TEXT_MAX);
	struct json j = json_begin(&line);

	json_open_object(&j, NULL);
	json_text(&j, key, text);
	write_line(c, &j, &line);
}

static void say_progress(struct call *c, const struct content_progress *p)
{
	AUTO_BUF struct buf line = BUF_MAX(TEXT_MAX);
	struct json j = json_begin(&line);
	bool is_sentence = !p->id || p->total < 0;

	json_open_object(&j, NULL);
	json_text(&j, "status", p->status ? p->status : "");
	/* Of a layer there is always a detail, though it may be empty. */
	if (!is_sentence || (p->id && p->current >= 0)) {
		json_open_object(&j, "progressDetail");
		if (p->current >= 0)
			json_int(&j, "current", p->current);
		if (p->total > 0)
			json_int(&j, "total", p->total);
		json_close(&j);
	}
	if (p->id)
		json_text(&j, "id", p->id);
	write_line(c, &j, &line);
}

static void say_failure(struct call *c, const struct engine_answer *a)
{
	AUTO_BUF struct buf line = BUF_MAX(TEXT_MAX);
	struct json j = json_begin(&line);

	if (!c->is_open) {
		call_refuse(c, a->err_kind, "%s", a->text);
		return;
	}
	json_open_object(&j, NULL);
	json_open_object(&j, "errorDetail");
	json_text(&j, "message", a->text);
	json_close(&j);
	json_text(&j, "error", a->text);
	write_line(c, &j, &line);
	call_end(c);
}

/* Common to all that show progress. True when there is nothing more to do for this answer. */
static bool is_shown(struct call *c, const struct engine_answer *a)
{
	if (a->kind == ENGINE_PROGRESS)
		say_progress(c, a->progress);
	else if (a->kind == ENGINE_FAILED)
		say_failure(c, a);
	else
		return false;
	return true;
}

static const char *auth_of(const struct call *c)
{
	const char *auth = call_header(c, "X-Registry-Auth");

	return auth ? auth : "";
}

/* ---- pull ---- */

static void pulled(struct call *c, const struct engine_answer *a)
{
	if (is_shown(c, a) || !a->is_last)
		return;
	begin(c);
	call_end(c);
}

static void pull(struct call *c)
{
	struct engine_pull what = {
		.image = call_query(c, "fromImage"),
		.tag = call_query(c, "tag"),
		.platform = call_query(c, "platform"),
		.auth = auth_of(c),
	};

	engine_image_pull(engine_of(c), call_engine(c, pulled), &what, c->now);
}

/* ---- import ---- */

static void imported(struct call *c, const struct engine_answer *a)
{
	if (a->kind == ENGINE_ENDPOINT) {
		outcome_feed(c, a->endpoint);
		return;
	}
	if (is_shown(c, a) || !a->is_last)
		return;
	say(c, "status", a->id);
	call_end(c);
}

/* "name:tag" in repo, or the two apart. */
static void import(struct call *c)
{
	const char *repo = call_query(c, "repo"), *tag = call_query(c, "tag");
	Pb__ContainerConfig *config = NULL;
	struct ref ref;
	struct err e;
	char name[REF_TEXT_MAX + 1] = "";

	if (strcmp(call_query(c, "fromSrc"), "-") != 0) {
		call_refuse(c, ERR_UNSUPPORTED,
			    "importing from a URL is not available: send the archive");
		return;
	}
	if (call_query(c, "changes")[0])
		config = PB_NEW(&c->arena, container_config);
	if (!changes_apply(c, config))
		return;
	if (repo[0]) {
		if (!ref_parse(str_of(repo), &ref, &e)) {
			call_fail(c, &e);
			return;
		}
		if (ref.tag[0])
			tag = arena_strdup(&c->arena, ref.tag);
		ref_familiar_name(&ref, name);
	}
	engine_image_import(engine_of(c), call_engine(c, imported), name, tag,
			    call_query(c, "message"), config, c->now);
}

void image_create(struct call *c)
{
	if (call_query(c, "fromImage")[0])
		pull(c);
	else if (call_query(c, "fromSrc")[0])
		import(c);
	else
		call_refuse(c, ERR_INVALID, "neither fromImage nor fromSrc is given");
}

/* ---- push ---- */

static void pushed(struct call *c, const struct engine_answer *a)
{
	const struct content_manifest *m;
	AUTO_BUF struct buf line = BUF_MAX(TEXT_MAX);
	struct json j = json_begin(&line);

	if (is_shown(c, a) || !a->is_last)
		return;
	m = &a->content->manifest;
	json_open_object(&j, NULL);
	json_open_object(&j, "progressDetail");
	json_close(&j);
	json_open_object(&j, "aux");
	json_text(&j, "Tag", call_query(c, "tag"));
	json_text(&j, "Digest", m->digest ? m->digest : "");
	json_int(&j, "Size", m->size_bytes);
	json_close(&j);
	write_line(c, &j, &line);
	call_end(c);
}

void image_push(struct call *c)
{
	engine_image_push(engine_of(c), call_engine(c, pushed), c->params[0], call_query(c, "tag"),
			  auth_of(c), c->now);
}

/* ---- load and save ---- */

static void loaded(struct call *c, const struct engine_answer *a)
{
	if (a->kind == ENGINE_ENDPOINT) {
		outcome_feed(c, a->endpoint);
	} else if (a->kind == ENGINE_IMAGE) {
		for (size_t i = 0; i < a->line_count; i++)
			say(c, "stream",
			    arena_printf(&c->arena, "Loaded image: %s\n", a->lines[i]));
		if (a->line_count == 0)
			say(c, "stream", arena_printf(&c->arena, "Loaded image ID: %s\n", a->id));
	} else if (!is_shown(c, a) && a->is_last) {
		begin(c);
		call_end(c);
	}
}

void images_load(struct call *c)
{
	engine_image_load(engine_of(c), call_engine(c, loaded), c->now);
}

static void saved(struct call *c, const struct engine_answer *a)
{
	if (!c->is_open && !outcome_is_failure(c, a) && a->kind == ENGINE_ENDPOINT)
		outcome_stream(c, a->endpoint, STREAM_RAW, NULL, "application/x-tar");
}

void image_save(struct call *c)
{
	engine_image_save(engine_of(c), call_engine(c, saved), &c->params[0], 1, c->now);
}

void images_save(struct call *c)
{
	const char **names = arena_alloc(&c->arena, (c->query.count + 1) * sizeof(*names));
	size_t count = 0;

	for (size_t i = 0; i < c->query.count; i++)
		if (strcmp(c->query.pairs[i].name, "names") == 0)
			names[count++] = c->query.pairs[i].value;
	if (count == 0)
		call_refuse(c, ERR_INVALID, "no images to save are named");
	else
		engine_image_save(engine_of(c), call_engine(c, saved), names, count, c->now);
}

/* ---- what a registry has ---- */

static void inspected(struct call *c, const struct engine_answer *a)
{
	const struct content_event *from = a->content;
	AUTO_BUF struct buf out;
	struct json j = call_json(c, &out);

	if (outcome_is_failure(c, a) || !a->is_last)
		return;
	json_open_object(&j, NULL);
	json_open_object(&j, "Descriptor");
	json_text(&j, "mediaType", from->manifest.media_type ? from->manifest.media_type : "");
	json_text(&j, "digest", from->manifest.digest ? from->manifest.digest : "");
	json_int(&j, "size", from->manifest.size_bytes);
	json_close(&j);
	json_open_list(&j, "Platforms");
	for (size_t i = 0; i < from->platform_count; i++) {
		json_open_object(&j, NULL);
		json_text(&j, "architecture", from->platforms[i].architecture);
		json_text(&j, "os", from->platforms[i].os);
		if (from->platforms[i].variant && from->platforms[i].variant[0])
			json_text(&j, "variant", from->platforms[i].variant);
		json_close(&j);
	}
	json_close(&j);
	json_close(&j);
	call_reply_json(c, 200, &out);
}

void distribution_inspect(struct call *c)
{
	engine_image_inspect_remote(engine_of(c), call_engine(c, inspected), c->params[0],
				    auth_of(c), c->now);
}

/* ---- credentials ---- */

static void logged_in(struct call *c, const struct engine_answer *a)
{
	AUTO_BUF struct buf out;
	struct json j = call_json(c, &out);

	if (outcome_is_failure(c, a) || !a->is_last)
		return;
	json_open_object(&j, NULL);
	json_text(&j, "IdentityToken", "");
	json_text(&j, "Status", "Login Succeeded");
	json_close(&j);
	call_reply_json(c, 200, &out);
}

/* The client keeps them; here they are only tried. */
void registry_login_check(struct call *c)
{
	const Pb__AuthRequest *who = call_body(c, &dialect_auth);
	AUTO_BUF struct buf text = BUF_MAX(TEXT_MAX), auth = BUF_MAX(2 * TEXT_MAX);
	struct json j = json_begin(&text);

	if (!who)
		return;
	dialect_write(&j, NULL, &dialect_auth, who, c->minor);
	if (!json_is_complete(&j) || !base64_write(buf_str(&text), &auth)) {
		call_refuse(c, ERR_INVALID, "credentials of more than %d bytes", TEXT_MAX);
		return;
	}
	engine_registry_login(engine_of(c), call_engine(c, logged_in), who->server_address,
			      auth.data, c->now);
}
