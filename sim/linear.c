#include "sim/linear.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/tree.h"

#define WORDS_MAX ((LINEAR_OPERATIONS_MAX + 63) / 64)

void linear_clear(struct linear *l)
{
	free(l->operations);
	*l = (struct linear){ 0 };
}

size_t linear_count(const struct linear *l, unsigned reg)
{
	size_t count = 0;

	for (size_t i = 0; i < l->count; i++)
		count += l->operations[i].reg == reg;
	return count;
}

void linear_add(struct linear *l, const struct linear_operation *operation)
{
	if (l->count == l->capacity) {
		l->capacity = l->capacity ? l->capacity * 2 : 256;
		l->operations = xrealloc(l->operations, l->capacity * sizeof(*l->operations));
	}
	l->operations[l->count++] = *operation;
}

size_t linear_ask(struct linear *l, enum linear_kind kind, unsigned reg, uint64_t expected,
		  uint64_t value)
{
	linear_add(l, &(struct linear_operation){
			      .kind = kind,
			      .reg = reg,
			      .expected = expected,
			      .value = value,
			      .asked = ++l->moment,
		      });
	return l->count - 1;
}

void linear_answer(struct linear *l, size_t operation, enum linear_outcome outcome)
{
	l->operations[operation].outcome = outcome;
	l->operations[operation].answered = ++l->moment;
}

void linear_answer_read(struct linear *l, size_t operation, uint64_t found)
{
	l->operations[operation].value = found;
	linear_answer(l, operation, LINEAR_OK);
}

/* ---- the search ---- */

/* The asking or the answer of an operation, in a list by moments. Those of operations that were
 * given their moment are lifted out of it, and put back where they were. */
struct event {
	struct event *prev, *next;
	struct event *answer; /* of an asking; NULL: open to the end */
	const struct linear_operation *of;
	uint64_t moment;
	size_t number; /* the operation's, among those of its register */
	bool is_answer;
};

/* These operations were given their moments, and this is the value after them. */
struct configuration {
	struct tree_node node;
	uint64_t digest; /* of what follows, to tell most apart at a glance */
	uint64_t value;
	size_t words;
	uint64_t done[];
};

struct step {
	struct event *asked;
	uint64_t value_before;
};

struct search {
	struct event head, *events;
	size_t event_count, must_count; /* how many operations must be passed */
	struct tree seen;               /* struct configuration */
	uint64_t done[WORDS_MAX], digest, value;
	size_t words, passed;
	struct step *steps;
	size_t step_count;
	/* The best order so far, and what it could not pass. */
	size_t best_passed;
	const struct linear_operation *stuck;
	uint64_t stuck_value;
};

static int compare(const void *key, const struct tree_node *node)
{
	const struct configuration *a = key, *b = tree_entry(node, struct configuration, node);

	if (a->digest != b->digest)
		return a->digest < b->digest ? -1 : 1;
	if (a->value != b->value)
		return a->value < b->value ? -1 : 1;
	return memcmp(a->done, b->done, a->words * sizeof(a->done[0]));
}

/* At the same moment the askings come first: what meets there happens at once. */
static int by_moment(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	if (x->moment != y->moment)
		return x->moment < y->moment ? -1 : 1;
	return x->is_answer - y->is_answer;
}

/* What surely failed has no moment, and a read that was not answered says nothing. */
static bool counts(const struct linear_operation *o, unsigned reg)
{
	return o->reg == reg && o->outcome != LINEAR_FAILED &&
	       (o->outcome == LINEAR_OK || o->kind != LINEAR_READ);
}

static void link_events(struct search *s, size_t numbers)
{
	struct event **asked = xcalloc(numbers + 1, sizeof(struct event *));
	struct event *last = &s->head;

	qsort(s->events, s->event_count, sizeof(*s->events), by_moment);
	for (size_t i = 0; i < s->event_count; i++) {
		struct event *it = &s->events[i];

		last->next = it;
		it->prev = last;
		last = it;
		if (it->is_answer)
			asked[it->number]->answer = it;
		else
			asked[it->number] = it;
	}
	free(asked);
}

static void prepare(struct search *s, const struct linear *l, unsigned reg)
{
	size_t number = 0;

	*s = (struct search){ .seen = TREE(compare) };
	s->events = xcalloc(2 * l->count + 1, sizeof(*s->events));
	s->steps = xcalloc(l->count + 1, sizeof(*s->steps));
	for (size_t i = 0; i < l->count; i++) {
		const struct linear_operation *o = &l->operations[i];

		if (!counts(o, reg))
			continue;
		s->events[s->event_count++] =
			(struct event){ .of = o, .moment = o->asked, .number = number };
		if (o->outcome == LINEAR_OK) {
			s->must_count++;
			s->events[s->event_count++] = (struct event){
				.of = o, .moment = o->answered, .number = number, .is_answer = true
			};
		}
		number++;
	}
	s->words = (number + 63) / 64;
	link_events(s, number);
}

static void search_clear(struct search *s)
{
	struct configuration *c;

	tree_each (&s->seen, struct configuration, node, c) {
		tree_remove(&s->seen, &c->node);
		free(c);
	}
	free(s->events);
	free(s->steps);
}

static void lift(struct event *e)
{
	e->prev->next = e->next;
	if (e->next)
		e->next->prev = e->prev;
}

static void put_back(struct event *e)
{
	e->prev->next = e;
	if (e->next)
		e->next->prev = e;
}

/* Does it fit the value that is there, and what does it leave? */
static bool fits(const struct linear_operation *o, uint64_t value, uint64_t *after)
{
	if (o->kind == LINEAR_READ && o->value != value)
		return false;
	if (o->kind == LINEAR_SWAP && o->expected != value)
		return false;
	*after = o->value;
	return true;
}

static uint64_t scatter(uint64_t number)
{
	number = (number + 1) * UINT64_C(0x9e3779b97f4a7c15);
	return (number ^ number >> 32) * UINT64_C(0xd6e8feb86659fd93);
}

static void flip(struct search *s, size_t number)
{
	s->done[number / 64] ^= UINT64_C(1) << number % 64;
	s->digest ^= scatter(number);
}

/* False if this configuration was tried before. */
static bool is_new(struct search *s, uint64_t value)
{
	struct configuration *c = xmalloc(sizeof(*c) + s->words * sizeof(c->done[0]));

	*c = (struct configuration){ .digest = s->digest ^ scatter(value), .value = value };
	c->words = s->words;
	memcpy(c->done, s->done, s->words * sizeof(c->done[0]));
	if (!tree_insert(&s->seen, c, &c->node))
		return true;
	free(c);
	return false;
}

/* Give it its moment now, if that leads to something new. */
static bool try_now(struct search *s, struct event *asked)
{
	uint64_t after;

	if (!fits(asked->of, s->value, &after))
		return false;
	flip(s, asked->number);
	if (!is_new(s, after)) {
		flip(s, asked->number);
		return false;
	}
	s->steps[s->step_count++] = (struct step){ asked, s->value };
	s->value = after;
	s->passed += asked->answer != NULL;
	lift(asked);
	if (asked->answer)
		lift(asked->answer);
	return true;
}

/* Take back the last moment that was given: the asking from which to look on, NULL at the end. */
static struct event *step_back(struct search *s)
{
	struct event *asked;

	if (s->step_count == 0)
		return NULL;
	asked = s->steps[--s->step_count].asked;
	s->value = s->steps[s->step_count].value_before;
	s->passed -= asked->answer != NULL;
	flip(s, asked->number);
	if (asked->answer)
		put_back(asked->answer);
	put_back(asked);
	return asked;
}

static void note_stuck(struct search *s, const struct event *at)
{
	if (s->stuck && s->passed <= s->best_passed)
		return;
	s->best_passed = s->passed;
	s->stuck = at->of;
	s->stuck_value = s->value;
}

static enum linear_verdict search(struct search *s)
{
	struct event *at = s->head.next;

	while (s->passed < s->must_count) {
		/* Up to the first answer that is still here: whatever is asked later must wait. */
		if (!at->is_answer) {
			at = try_now(s, at) ? s->head.next : at->next;
			if (s->seen.count >= LINEAR_CONFIGURATIONS_MAX)
				return LINEAR_TOO_HARD;
			continue;
		}
		note_stuck(s, at);
		at = step_back(s);
		if (!at)
			return LINEAR_BROKEN;
		at = at->next;
	}
	return LINEAR_GOOD;
}

static void describe(const struct search *s, char *text, size_t text_size)
{
	static const char *const verbs[] = { "a read of", "a write of", "a swap to" };
	const struct linear_operation *o = s->stuck;

	if (!o) {
		(void)snprintf(text, text_size, "too much at once");
		return;
	}
	(void)snprintf(text, text_size,
		       "%s %" PRIu64 " (asked at moment %" PRIu64 ", answered at %" PRIu64
		       ") has no place; the value is %" PRIu64 " after %zu of %zu operations",
		       verbs[o->kind], o->value, o->asked, o->answered, s->stuck_value,
		       s->best_passed, s->must_count);
}

enum linear_verdict linear_judge(const struct linear *l, unsigned reg, char *text, size_t text_size)
{
	struct search s;
	enum linear_verdict verdict = LINEAR_TOO_HARD;

	if (linear_count(l, reg) > LINEAR_OPERATIONS_MAX) {
		(void)snprintf(text, text_size, "more than %d operations", LINEAR_OPERATIONS_MAX);
		return verdict;
	}
	prepare(&s, l, reg);
	verdict = search(&s);
	if (verdict != LINEAR_GOOD)
		describe(&s, text, text_size);
	search_clear(&s);
	return verdict;
}
