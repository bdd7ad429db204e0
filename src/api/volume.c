/* Volumes of this host. */
#include "api/engine_routes.h"
#include "api/match.h"
#include "api/outcome.h"
#include "docker/tables.h"

void volume_write(struct json *j, struct call *c, const Pb__LocalVolume *v,
		  const struct measured *size)
{
	json_open_object(j, NULL);
	dialect_write_members(j, &dialect_volume, v, c->minor);
	json_text(j, "Mountpoint", engine_volume_path(engine_of(c), &c->arena, v->name));
	if (size) {
		json_open_object(j, "UsageData");
		json_uint(j, "RefCount", engine_volume_users(engine_of(c), v));
		json_int(j, "Size", size->bytes);
		json_close(j);
	}
	json_close(j);
}

static void reply_volume(struct call *c, int status, const char *name)
{
	struct err e;
	const Pb__LocalVolume *v = engine_volume_find(engine_of(c), name, &e);
	AUTO_BUF struct buf out;
	struct json j = call_json(c, &out);

	if (!v) {
		call_fail(c, &e);
		return;
	}
	volume_write(&j, c, v, NULL);
	call_reply_json(c, status, &out);
}

void volume_inspect(struct call *c)
{
	reply_volume(c, 200, c->params[0]);
}

static void created(struct call *c, const struct engine_answer *a)
{
	if (!outcome_is_failure(c, a) && a->is_last)
		reply_volume(c, 201, a->id);
}

void volume_create(struct call *c)
{
	const Pb__LocalVolume *what = call_body(c, &dialect_volume_create);

	if (what)
		engine_volume_create(engine_of(c), call_engine(c, created), what, c->now);
}

void volume_remove(struct call *c)
{
	engine_volume_remove(engine_of(c), call_engine(c, outcome_204), c->params[0],
			     call_flag(c, "force"), c->now);
}

/* ---- list ---- */

struct volume_listing {
	struct list_filters filters;
	bool is_dangling_given, is_dangling;
};

static bool is_wanted(struct call *c, const struct volume_listing *l, const Pb__LocalVolume *v)
{
	if (l->is_dangling_given && l->is_dangling != (engine_volume_users(engine_of(c), v) == 0))
		return false;
	return match_text(&l->filters, "name", v->name) &&
	       list_filters_allow(&l->filters, "driver", v->driver) &&
	       match_labels(&l->filters, v->labels, v->n_labels);
}

void volumes_list(struct call *c)
{
	static const char *const names[] = {
		"dangling", "driver", "label", "label!", "name", NULL
	};
	const struct engine *engine = engine_of(c);
	struct volume_listing l = { 0 };
	AUTO_BUF struct buf out;
	struct json j = call_json(c, &out);
	struct err e;

	if (!call_filters(c, names, &l.filters))
		return;
	l.is_dangling_given = list_filters_has(&l.filters, "dangling");
	if (!match_flag(&l.filters, "dangling", false, &l.is_dangling, &e)) {
		call_fail(c, &e);
		return;
	}
	json_open_object(&j, NULL);
	json_open_list(&j, "Volumes");
	for (const Pb__LocalVolume *v = engine_volume_first(engine); v;
	     v = engine_volume_next(engine, v))
		if (is_wanted(c, &l, v))
			volume_write(&j, c, v, NULL);
	json_close(&j);
	json_none(&j, "Warnings");
	json_close(&j);
	call_reply_json(c, 200, &out);
}

/* ---- prune ---- */

static bool is_prunable(void *self, const void *record)
{
	const struct volume_listing *l = self;
	const Pb__LocalVolume *v = record;

	return match_labels(&l->filters, v->labels, v->n_labels);
}

static void pruned(struct call *c, const struct engine_answer *a)
{
	if (!outcome_is_failure(c, a) && a->is_last)
		outcome_reply_pruned(c, "VolumesDeleted", a->lines, a->line_count, a->size_bytes);
}

/* Before 1.42 named volumes went, too, without being asked for. */
void volumes_prune(struct call *c)
{
	static const char *const names[] = { "all", "label", "label!", NULL };
	struct volume_listing *l = ARENA_NEW(&c->arena, struct volume_listing);
	bool is_all;
	struct err e;

	if (!call_filters(c, names, &l->filters))
		return;
	if (!match_flag(&l->filters, "all", c->minor < 42, &is_all, &e)) {
		call_fail(c, &e);
		return;
	}
	engine_volumes_prune(engine_of(c), call_engine(c, pruned), is_all,
			     (struct engine_filter){ l, is_prunable }, c->now);
}
