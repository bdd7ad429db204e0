/* Images: which there are, what they are called, and when one may go.
 *
 * A name (tag or digest) belongs to one image at a time; to give it to another takes it from the
 * first. */
#include <stdio.h>

#include "engine/inside.h"
#include "engine/image.h"
#include "engine/reference.h"

#define ID_PREFIX "sha256:"

/* --- objects --- */

static struct image *image_new(struct engine *e, const Pb__LocalImage *record)
{
	struct image *i = NEW(struct image);

	i->record = pb_dup(&i->memory, record);
	tree_insert(&e->images, i->record->id, &i->by_id);
	return i;
}

void image_load_record(struct engine *e, const Pb__LocalImage *record)
{
	(void)image_new(e, record);
}

void image_free(struct engine *e, struct image *i)
{
	tree_remove(&e->images, &i->by_id);
	arena_clear(&i->memory);
	free(i);
}

void images_clear(struct engine *e)
{
	struct image *i;
	struct removal *r;

	tree_each (&e->images, struct image, by_id, i)
		image_free(e, i);
	list_each (&e->image_removals, struct removal, link, r) {
		free(r->id);
		free(r);
	}
}

static void image_save(struct engine *e, struct image *i)
{
	record_put(e, TABLE_IMAGES, i->record->id, i->record);
	i->record = record_compact(&i->memory, i->record);
}

struct image *image_by_id(const struct engine *e, const char *id)
{
	return tree_entry(tree_find(&e->images, id), struct image, by_id);
}

static bool has_name(char *const *list, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i], name) == 0)
			return true;
	return false;
}

struct image *image_by_name(const struct engine *e, const char *canonical)
{
	struct image *i;

	tree_each (&e->images, struct image, by_id, i)
		if (has_name(i->record->tags, i->record->n_tags, canonical) ||
		    has_name(i->record->digests, i->record->n_digests, canonical))
			return i;
	return NULL;
}

static bool is_hex(const char *text)
{
	return text[0] && strspn(text, "0123456789abcdef") == strlen(text) &&
	       strlen(text) <= HEX_ID_LEN;
}

static struct image *image_by_prefix(const struct engine *e, const char *ref, struct err *err)
{
	char prefix[sizeof(ID_PREFIX) + HEX_ID_LEN];
	struct image *i, *next;

	if (str_starts_with(str_of(ref), ID_PREFIX))
		ref += strlen(ID_PREFIX);
	if (!is_hex(ref))
		return NULL;
	snprintf(prefix, sizeof(prefix), ID_PREFIX "%s", ref);
	i = tree_entry(tree_at_or_after(&e->images, prefix), struct image, by_id);
	if (!i || !str_starts_with(str_of(i->record->id), prefix))
		return NULL;
	next = tree_entry(tree_next(&i->by_id), struct image, by_id);
	if (next && str_starts_with(str_of(next->record->id), prefix)) {
		(void)fail(err, ERR_INVALID,
			   "No such image: %s: multiple IDs found with provided prefix", ref);
		return NULL;
	}
	return i;
}

struct image *image_lookup(const struct engine *e, const char *ref, struct err *err)
{
	AUTO_ARENA struct arena a = { 0 };
	struct image *i = image_by_id(e, ref);
	struct reference parsed;
	const char *name = ref;

	err->kind = ERR_NONE;
	if (i)
		return i;
	if (reference_parse(&a, ref, &parsed, err)) {
		err->kind = ERR_NONE;
		name = reference_tagged(&a, &parsed);
		i = image_by_name(e, parsed.digest[0]
					     ? reference_digested(&a, &parsed, parsed.digest)
					     : name);
		name = reference_familiar(name);
	}
	if (!i)
		i = image_by_prefix(e, ref, err);
	if (!i && err->kind == ERR_NONE)
		(void)fail(err, ERR_NOT_FOUND, "No such image: %s", name);
	return i;
}

const Pb__LocalImage *engine_image_find(const struct engine *e, const char *ref, struct err *err)
{
	struct image *i = image_lookup(e, ref, err);

	return i ? i->record : NULL;
}

const Pb__LocalImage *engine_image_first(const struct engine *e)
{
	struct image *i = tree_entry(tree_first(&e->images), struct image, by_id);

	return i ? i->record : NULL;
}

const Pb__LocalImage *engine_image_next(const struct engine *e, const Pb__LocalImage *record)
{
	struct image *i = image_by_id(e, record->id);

	i = i ? tree_entry(tree_next(&i->by_id), struct image, by_id) : NULL;
	return i ? i->record : NULL;
}

size_t engine_image_users(const struct engine *e, const Pb__LocalImage *image)
{
	struct container *c;
	size_t count = 0;

	tree_each (&e->containers, struct container, by_id, c)
		count += strcmp(c->record->image_id, image->id) == 0;
	return count;
}

const char *engine_familiar(const char *canonical)
{
	return reference_familiar(canonical);
}

/* --- names --- */

static bool drop_name(char **list, size_t *count, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < *count; i++)
		if (strcmp(list[i], name) != 0)
			list[kept++] = list[i];
	if (kept == *count)
		return false;
	*count = kept;
	return true;
}

void image_name(struct engine *e, struct image *i, const char *canonical)
{
	struct image *owner = image_by_name(e, canonical);
	bool is_digest = strchr(canonical, '@') != NULL;

	if (owner == i)
		return;
	if (owner) {
		(void)drop_name(owner->record->tags, &owner->record->n_tags, canonical);
		(void)drop_name(owner->record->digests, &owner->record->n_digests, canonical);
		image_save(e, owner);
	}
	if (is_digest)
		PB_APPEND(&i->memory, i->record, digests, arena_strdup(&i->memory, canonical));
	else
		PB_APPEND(&i->memory, i->record, tags, arena_strdup(&i->memory, canonical));
	i->record->tagged_ns = e->now.wall_ns;
	image_save(e, i);
}

/* What each step of the history added: one layer, or nothing. */
static void measure_history(Pb__LocalImage *record)
{
	size_t layer = 0;

	for (size_t i = 0; i < record->n_history && layer < record->n_layers; i++)
		if (!record->history[i]->empty_layer)
			record->history[i]->size_bytes = record->layers[layer++]->size_bytes;
}

struct image *image_add(struct engine *e, const struct content_image *what, struct err *err)
{
	struct image *i = image_by_id(e, what->image_id);
	AUTO_ARENA struct arena a = { 0 };
	Pb__LocalImage *record;

	if (i)
		return i;
	if (e->images.count >= IMAGES_MAX) {
		(void)fail(err, ERR_EXHAUSTED, "this engine holds %d images at most", IMAGES_MAX);
		return NULL;
	}
	record = PB_NEW(&a, local_image);
	if (!e->config.read_image(&a, what->config, record, err)) {
		(void)while_doing(err, "image %s", what->image_id);
		return NULL;
	}
	record->id = arena_strdup(&a, what->image_id);
	record->size_bytes = what->size_bytes;
	record->n_layers = 0;
	for (size_t k = 0; k < what->layer_count; k++) {
		Pb__ImageLayer *layer = PB_NEW(&a, image_layer);

		layer->diff_id = arena_strdup(&a, what->layers[k].diff_id);
		layer->size_bytes = what->layers[k].size_bytes;
		PB_APPEND(&a, record, layers, layer);
	}
	measure_history(record);
	i = image_new(e, record);
	image_save(e, i);
	return i;
}

void image_event(struct engine *e, const struct image *i, const char *action, const char *name)
{
	event_tell(e, "image", action, i->record->id, "name", name, NULL);
}

static void named(struct engine *e, struct call *call, const struct input *in)
{
	if (e->has_journal_fault)
		answer_fail(e, call->asker, &e->journal_fault);
	else
		answer_done(e, call->asker);
}

void engine_image_tag(struct engine *e, uint64_t ticket, const char *ref, const char *repo,
		      const char *tag, struct now now)
{
	AUTO_ARENA struct arena a = { 0 };
	struct reference parsed;
	struct image *i;
	struct err err;
	const char *name;

	if (engine_refuses(e, ticket, now))
		return;
	i = image_lookup(e, ref, &err);
	if (!i || !reference_parse(&a, repo, &parsed, &err)) {
		answer_fail(e, ticket, &err);
		return;
	}
	if (parsed.digest[0]) {
		ANSWER_FAIL(e, ticket, ERR_INVALID,
			    "refusing to create a tag with a digest reference");
		return;
	}
	if (tag && tag[0])
		parsed.tag = tag;
	name = reference_tagged(&a, &parsed);
	if (!reference_parse(&a, name, &parsed, &err)) {
		answer_fail(e, ticket, &err);
		return;
	}
	image_name(e, i, name);
	image_event(e, i, "tag", reference_familiar(name));
	(void)call_when_safe(e, named, i->record->id, ticket);
}

/* --- removal at the content seam: one at a time, and never while an image is being made --- */

static void next_removal(struct engine *e);

/* Of containers: an image may go before what was made from it. */
static const char **layers_in_use(struct engine *e, struct arena *a, size_t *count)
{
	const char **layers;
	struct container *c;
	size_t room = 0;

	*count = 0;
	tree_each (&e->containers, struct container, by_id, c)
		room += c->record->n_layers;
	layers = arena_alloc(a, (room + 1) * sizeof(*layers));
	tree_each (&e->containers, struct container, by_id, c)
		for (size_t k = 0; k < c->record->n_layers; k++)
			layers[(*count)++] = c->record->layers[k];
	return layers;
}

static void content_removed(struct engine *e, struct call *call, const struct input *in)
{
	struct err err;

	if (in->content.kind != CONTENT_DONE && in->content.kind != CONTENT_FAILED)
		return;
	if (call_failed(in, &err))
		log_warn(e->config.log, "engine", "removing image %s: %s", call->object, err.text);
	e->is_removing_image = false;
	next_removal(e);
}

static void next_removal(struct engine *e)
{
	const struct content *content = e->seams.content;
	AUTO_ARENA struct arena a = { 0 };
	const char **layers;
	struct removal *r;
	size_t count;

	if (e->is_removing_image || e->making_images > 0)
		return;
	if (e->is_crowded) {
		e->is_crowded = false;
		images_collect_garbage(e);
		return;
	}
	if (list_is_empty(&e->image_removals))
		return;
	r = list_first(&e->image_removals, struct removal, link);
	list_remove(&r->link);
	layers = layers_in_use(e, &a, &count);
	/* It may have been pulled again while this waited. */
	if (!image_by_id(e, r->id)) {
		e->is_removing_image = true;
		content->remove(content->self, call_new(e, content_removed, r->id, 0)->ticket,
				r->id, layers, count);
	}
	free(r->id);
	free(r);
	if (!e->is_removing_image)
		next_removal(e);
}

void images_collect_garbage(struct engine *e)
{
	const struct content *content = e->seams.content;
	AUTO_ARENA struct arena a = { 0 };
	const char **images = arena_alloc(&a, (e->images.count + 1) * sizeof(*images));
	const char **layers;
	struct image *i;
	size_t image_count = 0, layer_count;

	tree_each (&e->images, struct image, by_id, i)
		images[image_count++] = i->record->id;
	layers = layers_in_use(e, &a, &layer_count);
	e->is_removing_image = true;
	content->gc(content->self, call_new(e, content_removed, "garbage", 0)->ticket, images,
		    image_count, layers, layer_count);
}

void image_making(struct engine *e, int change)
{
	e->making_images += change;
	next_removal(e);
}

/* Layers that came whole before an image failed are kept for the next try, but not on a disk that
 * is full. */
void image_failed(struct engine *e, const struct err *err)
{
	e->is_crowded |= err->kind == ERR_EXHAUSTED;
}

static void record_removed(struct engine *e, struct call *call, const struct input *in)
{
	struct removal *r;

	if (e->has_journal_fault)
		return;
	r = NEW(struct removal);
	r->id = xstrdup(call->object);
	list_push_back(&e->image_removals, &r->link);
	next_removal(e);
}

/* --- removal --- */

struct lines {
	struct arena *memory;
	const char **items;
	size_t count;
};

static void add_line(struct lines *lines, const char *what, const char *name)
{
	lines->items[lines->count++] = arena_printf(lines->memory, "%s: %s", what, name);
}

static void untag(struct engine *e, struct image *i, const char *canonical, struct lines *lines)
{
	AUTO_FREE char *name = xstrdup(canonical);

	(void)drop_name(i->record->tags, &i->record->n_tags, name);
	(void)drop_name(i->record->digests, &i->record->n_digests, name);
	add_line(lines, "Untagged", reference_familiar(name));
	image_event(e, i, "untag", i->record->id);
}

static void untag_all(struct engine *e, struct image *i, struct lines *lines)
{
	while (i->record->n_tags > 0)
		untag(e, i, i->record->tags[0], lines);
	while (i->record->n_digests > 0)
		untag(e, i, i->record->digests[0], lines);
}

static void drop_image(struct engine *e, struct image *i, struct lines *lines)
{
	untag_all(e, i, lines);
	add_line(lines, "Deleted", i->record->id);
	image_event(e, i, "delete", i->record->id);
	record_delete(e, TABLE_IMAGES, i->record->id);
	(void)call_when_safe(e, record_removed, i->record->id, 0);
	image_free(e, i);
}

static const char *short_id(const struct image *i)
{
	return i->record->id + strlen(ID_PREFIX);
}

static struct container *user_of(const struct engine *e, const struct image *i, bool running_only)
{
	struct container *c;

	tree_each (&e->containers, struct container, by_id, c)
		if (strcmp(c->record->image_id, i->record->id) == 0 &&
		    (!running_only || container_is_running(c)))
			return c;
	return NULL;
}

/* All names are of one repository, and there is one tag at the most. */
static bool is_single_name(const struct image *i)
{
	return i->record->n_tags <= 1;
}

static bool may_delete(struct engine *e, struct image *i, bool force, struct err *err)
{
	struct container *running = user_of(e, i, true), *any = user_of(e, i, false);

	if (running)
		return fail(err, ERR_CONFLICT,
			    "conflict: unable to delete %.12s (cannot be forced) - image is being "
			    "used by running container %.12s",
			    short_id(i), running->record->id);
	if (!force && !is_single_name(i))
		return fail(err, ERR_CONFLICT,
			    "conflict: unable to delete %.12s (must be forced) - image is "
			    "referenced in multiple repositories",
			    short_id(i));
	if (!force && any)
		return fail(err, ERR_CONFLICT,
			    "conflict: unable to delete %.12s (must be forced) - image is being "
			    "used by stopped container %.12s",
			    short_id(i), any->record->id);
	return true;
}

static bool has_tag_of(const struct image *i, const char *repository)
{
	for (size_t k = 0; k < i->record->n_tags; k++) {
		const char *colon = strrchr(i->record->tags[k], ':');

		if (strncmp(i->record->tags[k], repository, strlen(repository)) == 0 &&
		    colon == i->record->tags[k] + strlen(repository))
			return true;
	}
	return false;
}

/* Digests of a repository mean nothing once its last tag is gone. */
static void untag_digests_of(struct engine *e, struct image *i, const char *repository,
			     struct lines *lines)
{
	size_t len = strlen(repository);

	for (size_t k = 0; k < i->record->n_digests;) {
		if (strncmp(i->record->digests[k], repository, len) == 0 &&
		    i->record->digests[k][len] == '@')
			untag(e, i, i->record->digests[k], lines);
		else
			k++;
	}
}

static bool remove_by_name(struct engine *e, struct image *i, const char *written,
			   const struct reference *ref, bool force, struct lines *lines,
			   struct err *err)
{
	AUTO_ARENA struct arena a = { 0 };
	struct container *user = user_of(e, i, false);
	const char *repository = reference_name(&a, ref);
	const char *name = ref->digest[0] ? reference_digested(&a, ref, ref->digest)
					  : reference_tagged(&a, ref);

	if (!force && is_single_name(i) && user)
		return fail(err, ERR_CONFLICT,
			    "conflict: unable to remove repository reference \"%s\" (must force) - "
			    "container %.12s is using "
			    "its referenced image %.12s",
			    written, user->record->id, short_id(i));
	untag(e, i, name, lines);
	if (!ref->digest[0] && !has_tag_of(i, repository))
		untag_digests_of(e, i, repository, lines);
	if (i->record->n_tags + i->record->n_digests > 0 || user)
		image_save(e, i);
	else
		drop_image(e, i, lines);
	return true;
}

static bool remove_image(struct engine *e, const char *ref, bool force, struct lines *lines,
			 struct err *err)
{
	AUTO_ARENA struct arena a = { 0 };
	struct image *i = image_lookup(e, ref, err);
	struct reference parsed;
	struct err ignored;

	if (!i)
		return false;
	lines->items = arena_alloc(lines->memory, (i->record->n_tags + i->record->n_digests + 2) *
							  sizeof(*lines->items));
	if (reference_parse(&a, ref, &parsed, &ignored) &&
	    image_by_name(e, parsed.digest[0] ? reference_digested(&a, &parsed, parsed.digest)
					      : reference_tagged(&a, &parsed)) == i)
		return remove_by_name(e, i, ref, &parsed, force, lines, err);
	if (!may_delete(e, i, force, err))
		return false;
	drop_image(e, i, lines);
	return true;
}

static void lines_safe(struct engine *e, struct call *call, const struct input *in)
{
	struct engine_answer *a;
	struct str rest = str_of(call->text), line;
	bool more = rest.len > 0;
	const char **lines;

	if (e->has_journal_fault) {
		answer_fail(e, call->asker, &e->journal_fault);
		return;
	}
	a = answer_new(e, call->asker, ENGINE_DONE, true);
	lines = arena_alloc(&e->answer_memory, (rest.len / 2 + 1) * sizeof(*lines));
	while (more) {
		more = str_cut(rest, '\n', &line, &rest);
		lines[a->line_count++] = arena_str(&e->answer_memory, line);
	}
	a->lines = lines;
	a->size_bytes = call->number;
}

static void answer_lines(struct engine *e, uint64_t ticket, const struct lines *lines,
			 int64_t bytes)
{
	AUTO_BUF struct buf text = BUF_MAX(RECORD_MAX);
	struct call *call = call_when_safe(e, lines_safe, "", ticket);

	for (size_t i = 0; i < lines->count; i++)
		buf_printf(&text, "%s%s", i ? "\n" : "", lines->items[i]);
	call->text = text.len ? buf_steal(&text) : xstrdup("");
	call->number = bytes;
}

void engine_image_remove(struct engine *e, uint64_t ticket, const char *ref, bool force,
			 struct now now)
{
	AUTO_ARENA struct arena a = { 0 };
	struct lines lines = { .memory = &a };
	struct err err;

	if (engine_refuses(e, ticket, now))
		return;
	if (remove_image(e, ref, force, &lines, &err))
		answer_lines(e, ticket, &lines, 0);
	else
		answer_fail(e, ticket, &err);
}

void engine_images_prune(struct engine *e, uint64_t ticket, bool all, struct engine_filter filter,
			 struct now now)
{
	AUTO_ARENA struct arena a = { 0 };
	struct lines lines = { .memory = &a };
	struct image *i;
	size_t room = 0;
	int64_t bytes = 0;

	if (engine_refuses(e, ticket, now))
		return;
	tree_each (&e->images, struct image, by_id, i)
		room += i->record->n_tags + i->record->n_digests + 1;
	lines.items = arena_alloc(&a, (room + 1) * sizeof(*lines.items));
	tree_each (&e->images, struct image, by_id, i) {
		if ((!all && i->record->n_tags > 0) || user_of(e, i, false))
			continue;
		if (filter.matches && !filter.matches(filter.self, i->record))
			continue;
		bytes += i->record->size_bytes;
		drop_image(e, i, &lines);
	}
	answer_lines(e, ticket, &lines, bytes);
}
