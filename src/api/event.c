/* The stream of what happens on this host, and on a manager to the swarm's objects. */
#include "api/engine_routes.h"
#include "api/match.h"
#include "api/moment.h"
#include "api/outcome.h"

#define RECORD_MAX (64 << 10)

static const char *attribute(const struct engine_event *e, const char *key)
{
	for (size_t i = 0; i < e->attribute_count; i++)
		if (strcmp(e->attributes[2 * i], key) == 0)
			return e->attributes[2 * i + 1];
	return NULL;
}

static const char *scope_of(const struct engine_event *e)
{
	return e->is_of_swarm ? "swarm" : "local";
}

/* ---- filters ---- */

/* "exec_create: ls" is an "exec_create". */
static bool matches_action(const struct list_filters *f, const struct engine_event *e)
{
	for (size_t i = 0; i < f->count; i++) {
		struct str rest;

		if (strcmp(f->pairs[i].name, "event") != 0)
			continue;
		rest = str_of(e->action);
		if (strcmp(f->pairs[i].value, e->action) == 0 ||
		    (str_starts_with(rest, f->pairs[i].value) &&
		     rest.ptr[strlen(f->pairs[i].value)] == ':'))
			return true;
	}
	return !list_filters_has(f, "event");
}

/* A filter by the name of a type takes the object's id, its beginning, or its name. */
static bool matches_object(const struct list_filters *f, const struct engine_event *e,
			   const char *type)
{
	const char *name = attribute(e, "name");
	bool is_of_type = strcmp(e->type, type) == 0;

	for (size_t i = 0; i < f->count; i++) {
		const char *wanted = f->pairs[i].value;

		if (strcmp(f->pairs[i].name, type) != 0 || !is_of_type)
			continue;
		if (str_starts_with(str_of(e->id), wanted) || (name && strcmp(name, wanted) == 0))
			return true;
	}
	return !list_filters_has(f, type);
}

static bool has_label(const struct engine_event *e, const char *wanted)
{
	struct str key, value = STR("");
	bool has_value = str_cut(str_of(wanted), '=', &key, &value);

	for (size_t i = 0; i < e->attribute_count; i++)
		if (str_equal_c(key, e->attributes[2 * i]))
			return !has_value || str_equal_c(value, e->attributes[2 * i + 1]);
	return false;
}

/* An image is meant by the events of its containers, too. */
static bool matches_image(const struct list_filters *f, const struct engine_event *e)
{
	const char *image =
		strcmp(e->type, "image") == 0 ? attribute(e, "name") : attribute(e, "image");

	for (size_t i = 0; image && i < f->count; i++) {
		const char *wanted = f->pairs[i].value;
		size_t len = strlen(wanted);

		if (strcmp(f->pairs[i].name, "image") == 0 && strncmp(image, wanted, len) == 0 &&
		    (image[len] == '\0' || image[len] == ':' || image[len] == '@'))
			return true;
	}
	return !list_filters_has(f, "image");
}

static bool is_wanted(const struct list_filters *f, const struct engine_event *e)
{
	static const char *const types[] = { "config", "container", "daemon",  "network", "node",
					     "plugin", "secret",    "service", "volume" };

	for (size_t i = 0; i < f->count; i++)
		if (strcmp(f->pairs[i].name, "label") == 0 && !has_label(e, f->pairs[i].value))
			return false;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (!matches_object(f, e, types[i]))
			return false;
	return list_filters_allow(f, "type", e->type) &&
	       list_filters_allow(f, "scope", scope_of(e)) && matches_action(f, e) &&
	       matches_image(f, e);
}

/* ---- writing ---- */

static void write_event(struct json *j, const struct engine_event *e)
{
	const char *image = attribute(e, "image");

	json_open_object(j, NULL);
	if (strcmp(e->type, "container") == 0 || strcmp(e->type, "image") == 0) {
		json_text(j, "status", e->action);
		json_text(j, "id", e->id);
		if (image && strcmp(e->type, "container") == 0)
			json_text(j, "from", image);
	}
	json_text(j, "Type", e->type);
	json_text(j, "Action", e->action);
	json_open_object(j, "Actor");
	json_text(j, "ID", e->id);
	json_open_object(j, "Attributes");
	for (size_t i = 0; i < e->attribute_count; i++)
		json_text(j, e->attributes[2 * i], e->attributes[2 * i + 1]);
	json_close(j);
	json_close(j);
	json_text(j, "scope", scope_of(e));
	json_int(j, "time", e->wall_ns / 1000000000);
	json_int(j, "timeNano", e->wall_ns);
	json_close(j);
}

static void happened(struct call *c, const struct engine_answer *a)
{
	AUTO_BUF struct buf line = BUF_MAX(RECORD_MAX);
	struct json j = json_begin(&line);

	if (a->is_last && a->kind != ENGINE_EVENT) {
		call_end(c);
		return;
	}
	if (is_wanted(c->state, a->event)) {
		write_event(&j, a->event);
		buf_append_char(&line, '\n');
		if (!line.overflow)
			call_write(c, buf_str(&line));
	}
	if (a->is_last)
		call_end(c);
}

void system_events(struct call *c)
{
	static const char *const names[] = { "config", "container", "daemon", "event",  "image",
					     "label",  "network",   "node",   "plugin", "scope",
					     "secret", "service",   "type",   "volume", NULL };
	struct list_filters *f = ARENA_NEW(&c->arena, struct list_filters);
	int64_t since_ns, until_ns;
	struct err e;

	if (!call_filters(c, names, f))
		return;
	if (!moment_read(call_query(c, "since"), c->now.wall_ns, &since_ns, &e) ||
	    !moment_read(call_query(c, "until"), c->now.wall_ns, &until_ns, &e)) {
		call_fail(c, &e);
		return;
	}
	c->state = f;
	call_open(c, 200, "application/json");
	engine_events(engine_of(c), call_engine(c, happened), since_ns, until_ns, c->now);
}
