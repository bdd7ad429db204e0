/* What became of requests, in order, until somebody takes it. */
#include "engine/inside.h"

struct engine_answer *answer_new(struct engine *e, uint64_t ticket, enum engine_answer_kind kind,
				 bool is_last)
{
	struct answer *a;

	if (e->answers_are_drained) {
		arena_reset(&e->answer_memory);
		e->answers_are_drained = false;
	}
	a = ARENA_NEW(&e->answer_memory, struct answer);
	a->answer = (struct engine_answer){ .ticket = ticket, .kind = kind, .is_last = is_last };
	/* Nobody's answer is made, so that callers need not ask, and never seen. */
	list_init(&a->link);
	if (ticket != 0)
		list_push_back(&e->answers, &a->link);
	return &a->answer;
}

void answer_done(struct engine *e, uint64_t ticket)
{
	answer_new(e, ticket, ENGINE_DONE, true);
}

void answer_id(struct engine *e, uint64_t ticket, const char *id)
{
	struct engine_answer *a = answer_new(e, ticket, ENGINE_DONE, true);

	a->id = arena_strdup(&e->answer_memory, id);
}

void answer_warn(struct engine *e, const char *text)
{
	struct engine_answer *a = &container_of(e->answers.prev, struct answer, link)->answer;
	const char **warnings = arena_alloc(&e->answer_memory, sizeof(*warnings));

	warnings[0] = text;
	a->warnings = warnings;
	a->warning_count = 1;
}

void answer_already(struct engine *e, uint64_t ticket)
{
	answer_new(e, ticket, ENGINE_DONE, true)->was_so_already = true;
}

void answer_fail(struct engine *e, uint64_t ticket, const struct err *err)
{
	struct engine_answer *a = answer_new(e, ticket, ENGINE_FAILED, true);

	a->err_kind = err->kind;
	a->text = arena_strdup(&e->answer_memory, err->text);
}

/* ---- copies ---- */

static const char *copy_text(struct engine *e, const char *text)
{
	return text ? arena_strdup(&e->answer_memory, text) : NULL;
}

struct runtime_stats *answer_stats(struct engine *e, const struct runtime_stats *stats)
{
	struct arena *a = &e->answer_memory;
	struct runtime_number *memory;
	struct runtime_link_counters *links;
	struct runtime_stats *copy;

	if (!stats)
		return NULL;
	copy = arena_copy(a, stats, sizeof(*stats));
	memory = arena_copy(a, stats->memory, stats->memory_count * sizeof(*memory));
	links = arena_copy(a, stats->links, stats->link_count * sizeof(*links));
	for (size_t i = 0; i < stats->memory_count; i++)
		memory[i].name = copy_text(e, memory[i].name);
	for (size_t i = 0; i < stats->link_count; i++)
		links[i].name = copy_text(e, links[i].name);
	copy->memory = memory;
	copy->links = links;
	copy->io = arena_copy(a, stats->io, stats->io_count * sizeof(*stats->io));
	return copy;
}

const char *const *answer_texts(struct engine *e, const char *const *texts, size_t count)
{
	const char **copy = arena_alloc(&e->answer_memory, (count + 1) * sizeof(*copy));

	for (size_t i = 0; i < count; i++)
		copy[i] = copy_text(e, texts[i]);
	return copy;
}

struct runtime_top *answer_top(struct engine *e, const struct runtime_top *top)
{
	struct runtime_top *copy;

	if (!top)
		return NULL;
	copy = arena_copy(&e->answer_memory, top, sizeof(*top));
	copy->titles = answer_texts(e, top->titles, top->title_count);
	copy->cells = answer_texts(e, top->cells, top->title_count * top->row_count);
	return copy;
}

struct content_event *answer_content(struct engine *e, const struct content_event *event)
{
	struct content_event *copy = arena_copy(&e->answer_memory, event, sizeof(*event));

	copy->progress = (struct content_progress){ 0 };
	copy->image = (struct content_image){ .image_id = copy_text(e, event->image.image_id),
					      .size_bytes = event->image.size_bytes };
	copy->manifest.digest = copy_text(e, event->manifest.digest);
	copy->manifest.media_type = copy_text(e, event->manifest.media_type);
	copy->platforms = arena_copy(&e->answer_memory, event->platforms,
				     event->platform_count * sizeof(*event->platforms));
	for (size_t i = 0; i < event->platform_count; i++) {
		copy->platforms[i].os = copy_text(e, event->platforms[i].os);
		copy->platforms[i].architecture = copy_text(e, event->platforms[i].architecture);
		copy->platforms[i].variant = copy_text(e, event->platforms[i].variant);
	}
	copy->stat.name = copy_text(e, event->stat.name);
	copy->stat.link_target = copy_text(e, event->stat.link_target);
	copy->tags = answer_texts(e, event->tags, event->tag_count);
	copy->text = copy_text(e, event->text);
	return copy;
}

bool engine_refuses(struct engine *e, uint64_t ticket, struct now now)
{
	e->now = now;
	if (e->has_journal_fault)
		answer_fail(e, ticket, &e->journal_fault);
	else if (!e->is_ready)
		ANSWER_FAIL(e, ticket, ERR_UNAVAILABLE,
			    "the engine is still finding out what exists; try again");
	else
		return false;
	return true;
}

bool engine_next_answer(struct engine *e, struct engine_answer *answer)
{
	struct answer *a;

	if (list_is_empty(&e->answers)) {
		e->answers_are_drained = true;
		return false;
	}
	a = list_first(&e->answers, struct answer, link);
	list_remove(&a->link);
	*answer = a->answer;
	return true;
}

void engine_forget(struct engine *e, uint64_t ticket)
{
	struct answer *a;

	list_each (&e->answers, struct answer, link, a)
		if (a->answer.ticket == ticket)
			list_remove(&a->link);
	images_forget(e, ticket);
	call_forget(e, ticket);
	subscribers_forget(e, ticket);
	containers_forget(e, ticket);
}
