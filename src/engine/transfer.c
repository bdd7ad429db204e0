/* Images on their way: pull, push, load, save, import, commit. The bytes are the content seam's
 * business; here is what they mean. */
#include "base/json_write.h"
#include "engine/copy.h"
#include "engine/image.h"
#include "engine/reference.h"

#define CONFIG_JSON_MAX (1 << 20)

/* --- common to all --- */

static void answer_progress(struct engine *e, uint64_t asker, const struct content_progress *from)
{
	struct engine_answer *a = answer_new(e, asker, ENGINE_PROGRESS, false);
	struct content_progress *copy = ARENA_NEW(&e->answer_memory, struct content_progress);

	*copy = *from;
	copy->status = from->status ? arena_strdup(&e->answer_memory, from->status) : NULL;
	copy->id = from->id ? arena_strdup(&e->answer_memory, from->id) : NULL;
	a->progress = copy;
}

/* True when there is nothing more to do for this event. */
static bool is_on_its_way(struct engine *e, uint64_t asker, const struct content_event *event)
{
	if (event->kind == CONTENT_PROGRESS)
		answer_progress(e, asker, &event->progress);
	else if (event->kind == CONTENT_ENDPOINT)
		answer_new(e, asker, ENGINE_ENDPOINT, false)->endpoint = event->endpoint;
	else
		return false;
	return true;
}

static void image_safe(struct engine *e, struct call *call, const struct input *in)
{
	if (e->has_journal_fault)
		answer_fail(e, call->asker, &e->journal_fault);
	else
		answer_id(e, call->asker, call->object);
}

/* --- pull --- */

static void pull_came(struct engine *e, struct call *call, const struct input *in)
{
	AUTO_ARENA struct arena a = { 0 };
	struct reference ref;
	struct image *image;
	struct err err;

	if (is_on_its_way(e, call->asker, &in->content))
		return;
	image = call_failed(in, &err) ? NULL : image_add(e, &in->content.image, &err);
	if (!image)
		image_failed(e, &err);
	image_making(e, -1);
	if (!image) {
		answer_fail(e, call->asker, &err);
		return;
	}
	if (reference_parse(&a, call->object, &ref, &err)) {
		if (!ref.digest[0])
			image_name(e, image, reference_tagged(&a, &ref));
		if (in->content.manifest.digest && reference_is_digest(in->content.manifest.digest))
			image_name(e, image,
				   reference_digested(&a, &ref, in->content.manifest.digest));
	}
	image_event(e, image, "pull", reference_familiar(call->object));
	(void)call_when_safe(e, image_safe, image->record->id, call->asker);
}

static const char *join_reference(struct arena *a, const char *image, const char *tag,
				  struct reference *ref, struct err *err)
{
	const char *text = image;

	if (tag && tag[0])
		text = arena_printf(a, "%s%c%s", image, strncmp(tag, "sha256:", 7) == 0 ? '@' : ':',
				    tag);
	if (!reference_parse(a, text, ref, err))
		return NULL;
	return reference_tagged(a, ref);
}

void engine_image_pull(struct engine *e, uint64_t ticket, const struct engine_pull *what,
		       struct now now)
{
	const struct content *content = e->seams.content;
	AUTO_ARENA struct arena a = { 0 };
	struct content_pull pull = { 0 };
	struct reference ref;
	struct image *have;
	struct err err;

	if (engine_refuses(e, ticket, now))
		return;
	pull.reference = join_reference(&a, what->image, what->tag, &ref, &err);
	if (!pull.reference) {
		answer_fail(e, ticket, &err);
		return;
	}
	have = image_by_name(e, pull.reference);
	pull.platform = what->platform;
	pull.auth = what->auth;
	pull.have = have ? have->record->id : NULL;
	image_making(e, 1);
	content->pull(content->self, call_new(e, pull_came, pull.reference, ticket)->ticket, &pull);
}

/* --- push, and what a registry says --- */

static void event_came(struct engine *e, struct call *call, const struct input *in)
{
	struct engine_answer *a;
	struct err err;

	if (is_on_its_way(e, call->asker, &in->content))
		return;
	if (call_failed(in, &err)) {
		answer_fail(e, call->asker, &err);
		return;
	}
	a = answer_new(e, call->asker, ENGINE_DONE, true);
	a->content = answer_content(e, &in->content);
}

static void push_came(struct engine *e, struct call *call, const struct input *in)
{
	struct image *i;

	if (in->content.kind == CONTENT_DONE && (i = image_by_name(e, call->object)) != NULL) {
		AUTO_ARENA struct arena a = { 0 };
		struct reference ref;
		struct err err;

		if (in->content.manifest.digest &&
		    reference_is_digest(in->content.manifest.digest) &&
		    reference_parse(&a, call->object, &ref, &err))
			image_name(e, i, reference_digested(&a, &ref, in->content.manifest.digest));
		image_event(e, i, "push", reference_familiar(call->object));
	}
	event_came(e, call, in);
}

void engine_image_push(struct engine *e, uint64_t ticket, const char *name, const char *tag,
		       const char *auth, struct now now)
{
	const struct content *content = e->seams.content;
	AUTO_ARENA struct arena a = { 0 };
	struct content_push push = { .auth = auth };
	struct reference ref;
	struct image *image;
	struct err err;

	if (engine_refuses(e, ticket, now))
		return;
	push.reference = join_reference(&a, name, tag, &ref, &err);
	if (!push.reference) {
		answer_fail(e, ticket, &err);
		return;
	}
	image = image_by_name(e, push.reference);
	if (!image) {
		ANSWER_FAIL(e, ticket, ERR_NOT_FOUND,
			    "An image does not exist locally with the tag: %s",
			    reference_familiar(reference_name(&a, &ref)));
		return;
	}
	push.image_id = image->record->id;
	content->push(content->self, call_new(e, push_came, push.reference, ticket)->ticket, &push);
}

void engine_image_inspect_remote(struct engine *e, uint64_t ticket, const char *ref,
				 const char *auth, struct now now)
{
	const struct content *content = e->seams.content;
	struct content_pull what = { .reference = ref, .auth = auth };
	AUTO_ARENA struct arena a = { 0 };
	struct reference parsed;
	struct err err;

	if (engine_refuses(e, ticket, now))
		return;
	if (!reference_parse(&a, ref, &parsed, &err)) {
		answer_fail(e, ticket, &err);
		return;
	}
	content->inspect(content->self, call_new(e, event_came, ref, ticket)->ticket, &what);
}

/* Some repository of the registry at an address, for those who know registries by their images. */
static const char *reference_at(struct arena *a, const char *address)
{
	struct str host = str_of(address), rest;
	bool is_host;

	if (str_starts_with(host, "https://"))
		host = str_bytes(host.ptr + 8, host.len - 8);
	else if (str_starts_with(host, "http://"))
		host = str_bytes(host.ptr + 7, host.len - 7);
	(void)str_cut(host, '/', &host, &rest);
	if (host.len == 0 || str_equal_c(host, "index.docker.io") ||
	    str_equal_c(host, "registry-1.docker.io"))
		host = STR("docker.io");
	/* One word would be a name on the hub. */
	is_host = str_find(host, '.') >= 0 || str_find(host, ':') >= 0 ||
		  str_equal_c(host, "localhost");
	return arena_printf(a, "%.*s%s/library/login", STR_FMT(host), is_host ? "" : ":443");
}

void engine_registry_login(struct engine *e, uint64_t ticket, const char *address, const char *auth,
			   struct now now)
{
	const struct content *content = e->seams.content;
	AUTO_ARENA struct arena a = { 0 };
	struct content_pull what = { .reference = reference_at(&a, address), .auth = auth };
	struct reference parsed;
	struct err err;

	if (engine_refuses(e, ticket, now))
		return;
	if (!reference_parse(&a, what.reference, &parsed, &err)) {
		ANSWER_FAIL(e, ticket, ERR_INVALID, "\"%s\" is no address of a registry", address);
		return;
	}
	content->login(content->self, call_new(e, event_came, "login", ticket)->ticket, &what);
}

/* --- load and save --- */

static void load_came(struct engine *e, struct call *call, const struct input *in)
{
	AUTO_ARENA struct arena a = { 0 };
	const struct content_event *event = &in->content;
	struct engine_answer *answer;
	struct image *image;
	struct err err;

	if (is_on_its_way(e, call->asker, event))
		return;
	if (event->kind != CONTENT_IMAGE) {
		if (call_failed(in, &err)) {
			image_failed(e, &err);
			answer_fail(e, call->asker, &err);
		} else {
			(void)call_when_safe(e, image_safe, "", call->asker);
		}
		image_making(e, -1);
		return;
	}
	image = image_add(e, &event->image, &err);
	if (!image) {
		log_warn(e->config.log, "engine", "loaded image: %s", err.text);
		return;
	}
	answer = answer_new(e, call->asker, ENGINE_IMAGE, false);
	answer->id = arena_strdup(&e->answer_memory, image->record->id);
	answer->lines =
		arena_alloc(&e->answer_memory, (event->tag_count + 1) * sizeof(*answer->lines));
	for (size_t i = 0; i < event->tag_count; i++) {
		struct reference ref;

		if (!reference_parse(&a, event->tags[i], &ref, &err))
			continue;
		image_name(e, image, reference_tagged(&a, &ref));
		((const char **)answer->lines)[answer->line_count++] = arena_strdup(
			&e->answer_memory, reference_familiar(reference_tagged(&a, &ref)));
	}
	image_event(e, image, "load", image->record->id);
}

void engine_image_load(struct engine *e, uint64_t ticket, struct now now)
{
	const struct content *content = e->seams.content;

	if (engine_refuses(e, ticket, now))
		return;
	image_making(e, 1);
	content->load(content->self, call_new(e, load_came, "load", ticket)->ticket);
}

/* A name saves that tag alone, an id all tags of the image. */
static void choose_tags(struct engine *e, struct arena *a, const struct image *image,
			const char *name, struct content_save *save)
{
	const char **tags = arena_alloc(a, (image->record->n_tags + 1) * sizeof(*tags));
	struct reference ref;
	struct err ignored;

	save->tags = tags;
	if (reference_parse(a, name, &ref, &ignored) &&
	    image_by_name(e, reference_tagged(a, &ref)) == image && !ref.digest[0]) {
		tags[save->tag_count++] = reference_familiar(reference_tagged(a, &ref));
		return;
	}
	for (size_t i = 0; i < image->record->n_tags; i++)
		tags[save->tag_count++] = reference_familiar(image->record->tags[i]);
}

void engine_image_save(struct engine *e, uint64_t ticket, const char *const *names, size_t count,
		       struct now now)
{
	const struct content *content = e->seams.content;
	AUTO_ARENA struct arena a = { 0 };
	struct content_save *saves;
	struct err err;

	if (engine_refuses(e, ticket, now))
		return;
	saves = arena_alloc(&a, (count + 1) * sizeof(*saves));
	for (size_t i = 0; i < count; i++) {
		struct image *image = image_lookup(e, names[i], &err);

		if (!image) {
			answer_fail(e, ticket, &err);
			return;
		}
		saves[i].image_id = image->record->id;
		choose_tags(e, &a, image, names[i], &saves[i]);
		image_event(e, image, "save", image->record->id);
	}
	content->save(content->self, call_new(e, event_came, "save", ticket)->ticket, saves, count);
}

/* --- import and commit --- */

static void write_set(struct json *j, const char *key, char *const *items, size_t count)
{
	if (count == 0)
		return;
	json_open_object(j, key);
	for (size_t i = 0; i < count; i++) {
		json_open_object(j, items[i]);
		json_close(j);
	}
	json_close(j);
}

static int64_t span_ns(const Pb__Duration *d)
{
	return d ? d->seconds * 1000000000 + d->nanos : 0;
}

static void write_health(struct json *j, const Pb__HealthConfig *h)
{
	json_open_object(j, "Healthcheck");
	json_strings(j, "Test", (const char *const *)h->test, h->n_test);
	json_int(j, "Interval", span_ns(h->interval));
	json_int(j, "Timeout", span_ns(h->timeout));
	json_int(j, "StartPeriod", span_ns(h->start_period));
	if (h->start_interval)
		json_int(j, "StartInterval", span_ns(h->start_interval));
	json_int(j, "Retries", h->retries);
	json_close(j);
}

/* The Docker "Config" object, for the content seam to put into a new image. */
static void write_config(struct buf *out, const Pb__ContainerConfig *c)
{
	struct json j = json_begin(out);

	json_open_object(&j, NULL);
	json_text(&j, "Hostname", c->hostname);
	json_text(&j, "Domainname", c->domainname);
	json_text(&j, "User", c->user);
	json_bool(&j, "Tty", c->tty);
	json_bool(&j, "OpenStdin", c->open_stdin);
	json_bool(&j, "StdinOnce", c->stdin_once);
	json_strings(&j, "Env", (const char *const *)c->env, c->n_env);
	json_strings(&j, "Cmd", (const char *const *)c->cmd, c->n_cmd);
	if (c->n_entrypoint)
		json_strings(&j, "Entrypoint", (const char *const *)c->entrypoint, c->n_entrypoint);
	json_text(&j, "WorkingDir", c->working_dir);
	write_set(&j, "ExposedPorts", c->exposed_ports, c->n_exposed_ports);
	write_set(&j, "Volumes", c->volumes, c->n_volumes);
	if (c->healthcheck)
		write_health(&j, c->healthcheck);
	if (c->n_shell)
		json_strings(&j, "Shell", (const char *const *)c->shell, c->n_shell);
	if (c->n_on_build)
		json_strings(&j, "OnBuild", (const char *const *)c->on_build, c->n_on_build);
	if (c->stop_signal[0])
		json_text(&j, "StopSignal", c->stop_signal);
	json_open_object(&j, "Labels");
	for (size_t i = 0; i < c->n_labels; i++)
		json_text(&j, c->labels[i]->key, c->labels[i]->value);
	json_close(&j);
	json_close(&j);
}

/* call->object is the canonical name it gets, or "". */
static struct image *made(struct engine *e, struct call *call, const struct input *in,
			  struct err *err)
{
	struct image *image = call_failed(in, err) ? NULL : image_add(e, &in->content.image, err);

	if (!image)
		image_failed(e, err);
	image_making(e, -1);
	if (!image) {
		answer_fail(e, call->asker, err);
		return NULL;
	}
	if (call->text && call->text[0])
		image_name(e, image, call->text);
	(void)call_when_safe(e, image_safe, image->record->id, call->asker);
	return image;
}

static void import_came(struct engine *e, struct call *call, const struct input *in)
{
	struct image *image;
	struct err err;

	if (is_on_its_way(e, call->asker, &in->content))
		return;
	image = made(e, call, in, &err);
	if (image)
		image_event(e, image, "import", image->record->id);
}

static bool choose_name(struct arena *a, const char *repo, const char *tag, const char **name,
			struct err *err)
{
	struct reference ref;

	*name = "";
	if (!repo || !repo[0])
		return true;
	*name = join_reference(a, repo, tag, &ref, err);
	if (*name && ref.digest[0])
		return fail(err, ERR_INVALID, "cannot import digest reference");
	return *name != NULL;
}

void engine_image_import(struct engine *e, uint64_t ticket, const char *repo, const char *tag,
			 const char *message, const Pb__ContainerConfig *config, struct now now)
{
	const struct content *content = e->seams.content;
	AUTO_ARENA struct arena a = { 0 };
	AUTO_BUF struct buf json = BUF_MAX(CONFIG_JSON_MAX);
	struct content_make what = { .comment = message, .wall_ns = now.wall_ns };
	struct call *call;
	const char *name;
	struct err err;

	if (engine_refuses(e, ticket, now))
		return;
	if (!choose_name(&a, repo, tag, &name, &err)) {
		answer_fail(e, ticket, &err);
		return;
	}
	if (config)
		write_config(&json, config);
	what.config = buf_str(&json);
	call = call_new(e, import_came, "import", ticket);
	call->text = xstrdup(name);
	image_making(e, 1);
	content->import(content->self, call->ticket, &what);
}

static void end_commit(struct engine *e, struct container *c)
{
	const struct runtime *runtime = e->seams.runtime;

	if (c->root_uses > 0)
		c->root_uses--;
	if (c->is_paused_for_commit && --c->is_paused_for_commit == 0 &&
	    c->state == PB__CONTAINER__STATE__RUNNING)
		runtime->unpause(runtime->self, call_unheard(e, c->record->id), c->record->id);
	container_release_root(e, c);
}

static void commit_came(struct engine *e, struct call *call, const struct input *in)
{
	struct container *c = container_by_id(e, call->object);
	struct image *image;
	struct err err;

	if (is_on_its_way(e, call->asker, &in->content))
		return;
	image = made(e, call, in, &err);
	if (c)
		end_commit(e, c);
	if (image && c)
		event_container_with(e, c, "commit", "comment", "", "imageID", image->record->id,
				     NULL);
}

void commit_begin(struct engine *e, struct container *c, uint64_t asker,
		  const struct commit_order *order)
{
	const struct content *content = e->seams.content;
	const struct runtime *runtime = e->seams.runtime;
	struct content_make what = { 0 };
	struct call *call = call_new(e, commit_came, c->record->id, asker);

	call->text = xstrdup(order->name);
	what.parent = image_by_id(e, c->record->image_id) ? c->record->image_id : NULL;
	what.config = str_of(order->config);
	what.author = order->author;
	what.comment = order->comment;
	what.created_by = order->created_by;
	what.container_id = c->record->id;
	what.wall_ns = e->now.wall_ns;
	image_making(e, 1);
	if (order->pause && c->state == PB__CONTAINER__STATE__RUNNING &&
	    c->is_paused_for_commit++ == 0)
		runtime->pause(runtime->self, call_unheard(e, c->record->id), c->record->id);
	content->commit(content->self, call->ticket, &what, c->upper);
}

static char *join_program(const Pb__Container *c)
{
	struct buf out = BUF_MAX(1 << 20);

	buf_append_c(&out, c->path);
	for (size_t i = 0; i < c->n_args; i++)
		buf_printf(&out, " %s", c->args[i]);
	return buf_steal(&out);
}

void engine_container_commit(struct engine *e, uint64_t ticket, const char *ref,
			     const struct engine_commit *what, struct now now)
{
	struct container *c = container_for(e, ticket, ref, now);
	AUTO_ARENA struct arena a = { 0 };
	AUTO_BUF struct buf json = BUF_MAX(CONFIG_JSON_MAX);
	struct commit_order order = { 0 };
	AUTO_FREE char *program = NULL;
	struct err err;

	if (!c)
		return;
	if (!choose_name(&a, what->repo, what->tag, &order.name, &err)) {
		answer_fail(e, ticket, &err);
		return;
	}
	write_config(&json, what->config ? what->config : c->record->config);
	program = join_program(c->record);
	order.author = what->author ? what->author : "";
	order.comment = what->comment ? what->comment : "";
	order.config = json.data;
	order.created_by = program;
	order.pause = what->pause;
	copy_commit(e, c, ticket, &order);
}

/* --- who asked is gone --- */

void images_forget(struct engine *e, uint64_t asker)
{
	const struct content *content = e->seams.content;
	struct call *call;

	if (asker == 0)
		return;
	tree_each (&e->calls, struct call, node, call) {
		bool is_pull = call->done == pull_came;

		if (call->asker != asker ||
		    (!is_pull && call->done != push_came && call->done != event_came))
			continue;
		content->cancel(content->self, call->ticket);
		call_drop(e, call);
		if (is_pull)
			image_making(e, -1);
	}
}
