/* Images of this host: shown, named and removed. */
#include <fnmatch.h>

#include "api/engine_routes.h"
#include "api/match.h"
#include "api/outcome.h"
#include "docker/tables.h"

static const Pb__LocalImage *find(struct call *c)
{
	struct err e;
	const Pb__LocalImage *image = engine_image_find(engine_of(c), c->params[0], &e);

	if (!image)
		call_fail(c, &e);
	return image;
}

void image_inspect(struct call *c)
{
	const Pb__LocalImage *image = find(c);
	AUTO_BUF struct buf out;
	struct json j = call_json(c, &out);

	if (!image)
		return;
	dialect_write(&j, NULL, &dialect_image, image, c->minor);
	call_reply_json(c, 200, &out);
}

/* Newest step first; only it is an image with a name here. */
void image_history(struct call *c)
{
	const Pb__LocalImage *image = find(c);
	AUTO_BUF struct buf out;
	struct json j = call_json(c, &out);

	if (!image)
		return;
	json_open_list(&j, NULL);
	for (size_t i = image->n_history; i > 0; i--) {
		bool is_newest = i == image->n_history;

		json_open_object(&j, NULL);
		json_text(&j, "Id", is_newest ? image->id : "<missing>");
		if (is_newest && image->n_tags > 0) {
			json_open_list(&j, "Tags");
			for (size_t k = 0; k < image->n_tags; k++)
				json_text(&j, NULL, engine_familiar(image->tags[k]));
			json_close(&j);
		} else {
			json_none(&j, "Tags");
		}
		dialect_write_members(&j, &dialect_image_step, image->history[i - 1], c->minor);
		json_close(&j);
	}
	json_close(&j);
	call_reply_json(c, 200, &out);
}

/* ---- list ---- */

struct image_listing {
	struct list_filters filters;
	bool is_dangling_given, is_dangling;
	int64_t before_ns, since_ns, until_ns;
};

/* "busybox", "busybox:1", "team/app:*". */
static bool matches_pattern(const char *pattern, const char *text)
{
	return fnmatch(pattern, text, FNM_PATHNAME) == 0;
}

static bool has_reference(const Pb__LocalImage *image, const char *pattern, struct arena *a)
{
	for (size_t i = 0; i < image->n_tags; i++) {
		const char *name = engine_familiar(image->tags[i]);
		const char *colon = strrchr(name, ':');

		if (matches_pattern(pattern, name) || matches_pattern(pattern, image->tags[i]) ||
		    matches_pattern(pattern, arena_str(a, str_bytes(name, (size_t)(colon - name)))))
			return true;
	}
	for (size_t i = 0; i < image->n_digests; i++)
		if (matches_pattern(pattern, engine_familiar(image->digests[i])))
			return true;
	return false;
}

static bool matches_reference(const struct list_filters *f, const Pb__LocalImage *image,
			      struct arena *a)
{
	for (size_t i = 0; i < f->count; i++)
		if (strcmp(f->pairs[i].name, "reference") == 0 &&
		    has_reference(image, f->pairs[i].value, a))
			return true;
	return !list_filters_has(f, "reference");
}

static bool is_wanted(struct call *c, const struct image_listing *l, const Pb__LocalImage *image)
{
	if (l->is_dangling_given && l->is_dangling != (image->n_tags == 0))
		return false;
	if (image->created_ns >= l->before_ns || image->created_ns <= l->since_ns ||
	    image->created_ns >= l->until_ns)
		return false;
	return matches_reference(&l->filters, image, &c->arena) &&
	       match_labels(&l->filters, image->config->labels, image->config->n_labels);
}

static bool read_bound(const struct engine *e, const struct list_filters *f, const char *name,
		       int64_t *ns, struct err *err)
{
	const char *ref = match_value(f, name);
	const Pb__LocalImage *image = ref ? engine_image_find(e, ref, err) : NULL;

	if (image)
		*ns = image->created_ns;
	return image || !ref;
}

static int newest_first(const void *a, const void *b)
{
	const Pb__LocalImage *x = *(const Pb__LocalImage *const *)a;
	const Pb__LocalImage *y = *(const Pb__LocalImage *const *)b;

	if (x->created_ns != y->created_ns)
		return x->created_ns < y->created_ns ? 1 : -1;
	return strcmp(x->id, y->id);
}

void image_write_listed(struct json *j, struct call *c, const Pb__LocalImage *image, int64_t users)
{
	json_open_object(j, NULL);
	dialect_write_members(j, &dialect_image_listed, image, c->minor);
	json_int(j, "Containers", users);
	json_int(j, "SharedSize", users < 0 ? -1 : 0);
	json_close(j);
}

static bool read_listing(struct call *c, struct image_listing *l, struct err *e)
{
	const struct list_filters *f = &l->filters;

	l->before_ns = INT64_MAX;
	l->since_ns = INT64_MIN;
	l->is_dangling_given = list_filters_has(f, "dangling");
	return match_flag(f, "dangling", false, &l->is_dangling, e) &&
	       match_until(f, c->now.wall_ns, &l->until_ns, e) &&
	       read_bound(engine_of(c), f, "before", &l->before_ns, e) &&
	       read_bound(engine_of(c), f, "since", &l->since_ns, e);
}

void images_list(struct call *c)
{
	static const char *const names[] = { "before",    "dangling", "label", "label!",
					     "reference", "since",    "until", NULL };
	const struct engine *engine = engine_of(c);
	struct image_listing l = { 0 };
	const Pb__LocalImage **found;
	size_t count = 0;
	AUTO_BUF struct buf out;
	struct json j = call_json(c, &out);
	struct err e;

	if (!call_filters(c, names, &l.filters))
		return;
	if (c->minor < 25 && !list_filters_has(&l.filters, "reference") &&
	    call_query(c, "filter")[0])
		list_filters_add(&c->arena, &l.filters, "reference", call_query(c, "filter"));
	if (!read_listing(c, &l, &e)) {
		call_fail(c, &e);
		return;
	}
	for (const Pb__LocalImage *i = engine_image_first(engine); i;
	     i = engine_image_next(engine, i))
		count++;
	found = arena_alloc(&c->arena, (count + 1) * sizeof(*found));
	count = 0;
	for (const Pb__LocalImage *i = engine_image_first(engine); i;
	     i = engine_image_next(engine, i))
		if (is_wanted(c, &l, i))
			found[count++] = i;
	qsort(found, count, sizeof(*found), newest_first);
	json_open_list(&j, NULL);
	for (size_t i = 0; i < count; i++)
		image_write_listed(&j, c, found[i], -1);
	json_close(&j);
	call_reply_json(c, 200, &out);
}

/* ---- names ---- */

void image_tag(struct call *c)
{
	engine_image_tag(engine_of(c), call_engine(c, outcome_201), c->params[0],
			 call_query(c, "repo"), call_query(c, "tag"), c->now);
}

/* "Untagged: x" as {"Untagged":"x"}. */
static void write_removed(struct json *j, const char *key, const struct engine_answer *a,
			  struct arena *m)
{
	json_open_list(j, key);
	for (size_t i = 0; i < a->line_count; i++) {
		struct str what, name;

		str_cut(str_of(a->lines[i]), ':', &what, &name);
		json_open_object(j, NULL);
		json_str(j, arena_str(m, what), str_trim(name));
		json_close(j);
	}
	json_close(j);
}

static void removed(struct call *c, const struct engine_answer *a)
{
	AUTO_BUF struct buf out;
	struct json j = call_json(c, &out);

	if (outcome_is_failure(c, a) || !a->is_last)
		return;
	write_removed(&j, NULL, a, &c->arena);
	call_reply_json(c, 200, &out);
}

void image_remove(struct call *c)
{
	engine_image_remove(engine_of(c), call_engine(c, removed), c->params[0],
			    call_flag(c, "force"), c->now);
}

/* ---- prune ---- */

static bool is_prunable(void *self, const void *record)
{
	const struct image_listing *l = self;
	const Pb__LocalImage *image = record;

	return image->created_ns < l->until_ns &&
	       match_labels(&l->filters, image->config->labels, image->config->n_labels);
}

static void pruned(struct call *c, const struct engine_answer *a)
{
	AUTO_BUF struct buf out;
	struct json j = call_json(c, &out);

	if (outcome_is_failure(c, a) || !a->is_last)
		return;
	json_open_object(&j, NULL);
	if (a->line_count > 0)
		write_removed(&j, "ImagesDeleted", a, &c->arena);
	else
		json_none(&j, "ImagesDeleted");
	json_int(&j, "SpaceReclaimed", a->size_bytes);
	json_close(&j);
	call_reply_json(c, 200, &out);
}

void images_prune(struct call *c)
{
	static const char *const names[] = { "dangling", "label", "label!", "until", NULL };
	struct image_listing *l = ARENA_NEW(&c->arena, struct image_listing);
	bool is_dangling;
	struct err e;

	if (!call_filters(c, names, &l->filters))
		return;
	if (!match_flag(&l->filters, "dangling", true, &is_dangling, &e) ||
	    !match_until(&l->filters, c->now.wall_ns, &l->until_ns, &e)) {
		call_fail(c, &e);
		return;
	}
	engine_images_prune(engine_of(c), call_engine(c, pruned), !is_dangling,
			    (struct engine_filter){ l, is_prunable }, c->now);
}
