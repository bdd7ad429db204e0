/* What the program says, as facts. */
#include "host/content/inside.h"

#include <assert.h>

#include "base/mem.h"
#include "host/loop.h"
#include "seam/input.h"
#include "wire/digest.h"

struct content_event *content_tell(struct request *r, enum content_event_kind kind)
{
	struct input *in;

	assert(!loop_is_in_turn(r->hands->loop));
	in = inbox_add(loop_inbox(r->hands->loop), INPUT_CONTENT, r->ticket);
	in->content.kind = kind;
	return &in->content;
}

static struct arena *memory_of(const struct request *r)
{
	return &loop_inbox(r->hands->loop)->memory;
}

void content_tell_endpoint(struct request *r, const struct content_stat *stat)
{
	struct content_event *event;

	if (r->is_announced || !r->pipe)
		return;
	r->is_announced = true;
	event = content_tell(r, CONTENT_ENDPOINT);
	event->endpoint = pipe_announce(r->pipe);
	if (stat)
		event->stat = *stat;
}

void content_tell_failure(struct request *r, const struct err *why)
{
	struct content_event *event = content_tell(r, CONTENT_FAILED);

	event->err_kind = why->kind;
	event->text = arena_strdup(memory_of(r), why->text);
	request_free(r, why->text);
}

/* ---- parts of events ---- */

/* NULL when it is absent; false when it is no text. */
static bool get_text(const struct record *said, const char *name, struct arena *a,
		     const char **text)
{
	struct str value = record_get(said, name);

	*text = NULL;
	if (!value.ptr)
		return true;
	if (memchr(value.ptr, 0, value.len))
		return false;
	*text = arena_str(a, value);
	return true;
}

static bool is_id(struct str s)
{
	struct err ignored;

	return s.len == DIGEST_SHA256_LEN && str_starts_with(s, "sha256:") &&
	       digest_check(s, &ignored);
}

static bool get_layers(const struct record *said, struct arena *a, struct content_image *image)
{
	size_t layer_at = 0, size_at = 0;
	struct str id, size;
	uint64_t bytes;

	image->layer_count = record_count(said, "layer");
	image->layers = arena_alloc(a, (image->layer_count + 1) * sizeof(*image->layers));
	for (size_t i = 0; i < image->layer_count; i++) {
		if (!record_each(said, "layer", &layer_at, &id) || !is_id(id) ||
		    !record_each(said, "layer_size", &size_at, &size) ||
		    !str_to_u64(size, &bytes) || bytes > INT64_MAX)
			return false;
		image->layers[i] = (struct content_layer){ arena_str(a, id), (int64_t)bytes };
	}
	return true;
}

/* The ids become names of folders: they are what they must be, or the answer is not believed. */
static bool get_image(const struct record *said, struct arena *a, struct content_image *image)
{
	struct str id = record_get(said, "image"), config = record_get(said, "config");

	if (!is_id(id))
		return false;
	image->image_id = arena_str(a, id);
	image->config =
		str_bytes(arena_copy(a, config.ptr ? config.ptr : "", config.len), config.len);
	image->size_bytes = record_get_i64(said, "size", 0);
	return image->size_bytes >= 0 && get_layers(said, a, image);
}

static bool get_manifest(const struct record *said, struct arena *a, struct content_manifest *m)
{
	m->size_bytes = record_get_i64(said, "manifest_bytes", 0);
	return m->size_bytes >= 0 && get_text(said, "digest", a, &m->digest) &&
	       get_text(said, "media_type", a, &m->media_type) && m->digest;
}

static bool get_platforms(const struct record *said, struct arena *a, struct content_event *event)
{
	struct str value, os, architecture, variant;
	size_t at = 0;

	event->platforms =
		arena_alloc(a, (record_count(said, "platform") + 1) * sizeof(*event->platforms));
	while (record_each(said, "platform", &at, &value)) {
		if (memchr(value.ptr, 0, value.len) || !str_cut(value, '/', &os, &value) ||
		    !str_cut(value, '/', &architecture, &variant))
			return false;
		event->platforms[event->platform_count++] =
			(struct content_platform){ arena_str(a, os), arena_str(a, architecture),
						   arena_str(a, variant) };
	}
	return true;
}

static bool get_tags(const struct record *said, struct arena *a, struct content_event *event)
{
	const char **tags = arena_alloc(a, (record_count(said, "tag") + 1) * sizeof(*tags));
	struct str value;
	size_t at = 0;

	event->tags = tags;
	while (record_each(said, "tag", &at, &value)) {
		if (memchr(value.ptr, 0, value.len))
			return false;
		tags[event->tag_count++] = arena_str(a, value);
	}
	return true;
}

static bool get_stat(const struct record *said, struct arena *a, struct content_stat *stat)
{
	int64_t mode = record_get_i64(said, "mode", -1);

	stat->size_bytes = record_get_i64(said, "size", -1);
	stat->mtime_ns = record_get_i64(said, "mtime_ns", 0);
	stat->mode = (uint32_t)mode;
	return mode >= 0 && mode <= UINT32_MAX && stat->size_bytes >= 0 &&
	       get_text(said, "name", a, &stat->name) && stat->name &&
	       get_text(said, "link_target", a, &stat->link_target);
}

/* ---- events ---- */

static bool tell_progress(struct request *r, const struct record *said)
{
	struct content_progress p = { .current = record_get_i64(said, "current", -1),
				      .total = record_get_i64(said, "total", 0) };

	if (!get_text(said, "status", memory_of(r), &p.status) || !p.status ||
	    !get_text(said, "id", memory_of(r), &p.id))
		return false;
	if (p.current < 0)
		p.total = -1;
	content_tell(r, CONTENT_PROGRESS)->progress = p;
	return true;
}

static bool tell_stat(struct request *r, const struct record *said)
{
	struct content_stat stat = { 0 };

	if (r->op == OP_STAT) {
		r->stat = ARENA_NEW(&r->memory, struct content_stat);
		return get_stat(said, &r->memory, r->stat);
	}
	if (r->op != OP_ARCHIVE || !get_stat(said, memory_of(r), &stat))
		return false;
	content_tell_endpoint(r, &stat);
	return true;
}

static bool tell_image(struct request *r, const struct record *said)
{
	struct content_event event = { .kind = CONTENT_IMAGE };

	if (r->op != OP_LOAD || !get_image(said, memory_of(r), &event.image) ||
	    !get_tags(said, memory_of(r), &event))
		return false;
	*content_tell(r, CONTENT_IMAGE) = event;
	return true;
}

static struct content_stat stat_for_turn(struct request *r)
{
	struct arena *a = memory_of(r);
	struct content_stat stat = *r->stat;

	stat.name = arena_strdup(a, stat.name);
	stat.link_target = stat.link_target ? arena_strdup(a, stat.link_target) : NULL;
	return stat;
}

/* What must be in the answer to each operation. */
static bool get_outcome(struct request *r, const struct record *said, struct content_event *event)
{
	struct arena *a = memory_of(r);

	switch (r->op) {
	case OP_PULL:
		return get_image(said, a, &event->image) && get_manifest(said, a, &event->manifest);
	case OP_PUSH:
		return get_manifest(said, a, &event->manifest);
	case OP_INSPECT:
		return get_manifest(said, a, &event->manifest) && get_platforms(said, a, event);
	case OP_IMPORT:
	case OP_COMMIT:
		return get_image(said, a, &event->image);
	case OP_STAT:
		if (r->stat)
			event->stat = stat_for_turn(r);
		return r->stat != NULL;
	case OP_ARCHIVE:
		return r->is_announced || !r->pipe;
	case OP_REMOVE:
	case OP_GC:
		event->freed_bytes = record_get_i64(said, "freed", -1);
		return event->freed_bytes >= 0;
	case OP_LOAD:
	case OP_SAVE:
	case OP_EXPORT:
	case OP_PUT_ARCHIVE:
	case OP_LOGIN:
		return true;
	}
	return false;
}

static bool tell_done(struct request *r, const struct record *said)
{
	struct content_event event = { .kind = CONTENT_DONE };

	if (!get_outcome(r, said, &event))
		return false;
	content_tell_endpoint(r, NULL); /* of bytes so few that none has arrived yet */
	*content_tell(r, CONTENT_DONE) = event;
	request_free(r, NULL);
	return true;
}

static bool tell_failed(struct request *r, const struct record *said)
{
	int64_t kind = record_get_i64(said, "kind", ERR_INTERNAL);
	struct str text = record_get(said, "text");
	struct err why;

	if (kind <= ERR_NONE || kind >= ERR_KINDS)
		kind = ERR_INTERNAL;
	(void)fail(&why, (enum err_kind)kind, "%.*s", (int)text.len, text.ptr ? text.ptr : "");
	content_tell_failure(r, &why);
	return true;
}

static const struct {
	const char *event;
	bool (*tell)(struct request *r, const struct record *said);
} events[] = {
	{ "progress", tell_progress }, { "stat", tell_stat },     { "image", tell_image },
	{ "done", tell_done },         { "failed", tell_failed },
};

void content_pass_on(struct request *r, const struct record *said)
{
	struct str event = record_get(said, "event");
	struct err why;

	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		if (str_equal_c(event, events[i].event) && events[i].tell(r, said))
			return;
		else if (str_equal_c(event, events[i].event))
			break;
	(void)fail(&why, ERR_INTERNAL, "shoal-content gave an answer that makes no sense (%.*s)",
		   (int)(event.len < 32 ? event.len : 32), event.ptr ? event.ptr : "");
	content_tell_failure(r, &why);
}
