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
