/* A history of registers in a file, judged: is there one order of things that explains it?
 *
 *     judge FILE
 *
 * An operation a line, its seven fields separated by single spaces:
 *
 *     REGISTER KIND OUTCOME ASKED ANSWERED FOUND LEFT
 *     0 swap ok 1000 1350 - 17
 *     0 read ok 1200 1480 17 -
 *     0 swap unknown 1500 - 17 18
 *
 * KIND is read, write (leaves LEFT) or swap (finds FOUND and leaves LEFT, else fails); OUTCOME is
 * ok, refused (for certain) or unknown. ASKED and ANSWERED are moments of one clock that never goes
 * back, from 1; only what is unknown may lack an answer. Values are numbers from 1, `-` stands for
 * none: a register begins with none. Lines may come in any order. What else there is on a line is
 * an error, for a history that is read wrongly proves nothing.
 *
 * Ends with 0 and "N operations of M registers: one order explains each"; with 1 and the operation
 * that has no place for each register without such an order; with 2 when nothing can be said: a
 * line makes no sense, or a register is past the limits of sim/linear.h. */
#include <stdio.h>

#include "base/mem.h"
#include "base/str.h"
#include "sim/linear.h"

#define REGISTERS_MAX 10000
#define LINE_MAX_SIZE 256

enum field {
	FIELD_REGISTER,
	FIELD_KIND,
	FIELD_OUTCOME,
	FIELD_ASKED,
	FIELD_ANSWERED,
	FIELD_FOUND,
	FIELD_LEFT,
	FIELDS
};

static const char *const kinds[] = { "read", "write", "swap" };
static const char *const outcomes[] = { "unknown", "ok", "refused" };

static bool split(struct str line, struct str fields[FIELDS], struct err *e)
{
	for (int i = 0; i < FIELDS; i++)
		if (str_cut(line, ' ', &fields[i], &line) != (i < FIELDS - 1))
			return fail(e, ERR_INVALID, "not %d fields", FIELDS);
	return true;
}

/* The place of a word among `words`. */
static bool word(struct str field, const char *const *words, size_t count, unsigned *place,
		 struct err *e)
{
	for (*place = 0; *place < count; ++*place)
		if (str_equal_c(field, words[*place]))
			return true;
	return fail(e, ERR_INVALID, "\"%.*s\" is not known", STR_FMT(field));
}

/* 0 for `-`. */
static bool number(struct str field, uint64_t *value, struct err *e)
{
	*value = 0;
	if (str_equal_c(field, "-") || (str_to_u64(field, value) && *value > 0))
		return true;
	return fail(e, ERR_INVALID, "\"%.*s\" is neither a number from 1 nor -", STR_FMT(field));
}

static bool has_sense(const struct linear_operation *o, uint64_t found, uint64_t left,
		      struct err *e)
{
	bool is_answered = o->answered > 0;

	if (o->asked == 0)
		return fail(e, ERR_INVALID, "it was never asked for");
	if (!is_answered && o->outcome != LINEAR_UNKNOWN)
		return fail(e, ERR_INVALID, "its outcome is known without an answer");
	if (is_answered && o->answered <= o->asked)
		return fail(e, ERR_INVALID, "it was answered before it was asked for");
	if (o->kind == LINEAR_READ ? left > 0 : left == 0)
		return fail(e, ERR_INVALID,
			    "a read leaves nothing, and what writes leaves a value");
	if (found > 0 &&
	    (o->kind == LINEAR_WRITE || (o->kind == LINEAR_READ && o->outcome != LINEAR_OK)))
		return fail(e, ERR_INVALID, "it cannot have found anything");
	return true;
}

static bool parse(struct str line, struct linear_operation *o, struct err *e)
{
	struct str fields[FIELDS];
	unsigned kind, outcome;
	uint64_t reg, found, left;

	*o = (struct linear_operation){ 0 };
	if (!split(line, fields, e) ||
	    !word(fields[FIELD_KIND], kinds, ARRAY_LEN(kinds), &kind, e) ||
	    !word(fields[FIELD_OUTCOME], outcomes, ARRAY_LEN(outcomes), &outcome, e) ||
	    !number(fields[FIELD_ASKED], &o->asked, e) ||
	    !number(fields[FIELD_ANSWERED], &o->answered, e) ||
	    !number(fields[FIELD_FOUND], &found, e) || !number(fields[FIELD_LEFT], &left, e))
		return false;
	if (!str_to_u64(fields[FIELD_REGISTER], &reg) || reg >= REGISTERS_MAX)
		return fail(e, ERR_INVALID, "a register is a number below %d", REGISTERS_MAX);
	o->reg = (unsigned)reg;
	o->kind = (enum linear_kind)kind;
	o->outcome = (enum linear_outcome)outcome;
	o->expected = found;
	o->value = o->kind == LINEAR_READ ? found : left;
	return has_sense(o, found, left, e);
}

static bool read_line(struct linear *l, char *text, struct err *e)
{
	struct str line = str_of(text);
	struct linear_operation o;

	if (!str_ends_with(line, "\n"))
		return fail(e, ERR_INVALID, "it does not end, or is too long");
	line.len--;
	if (!parse(line, &o, e))
		return false;
	linear_add(l, &o);
	return true;
}

static bool read_history(struct linear *l, FILE *f, struct err *e)
{
	char text[LINE_MAX_SIZE];

	for (size_t number_of = 1; fgets(text, sizeof(text), f); number_of++)
		if (!read_line(l, text, e))
			return while_doing(e, "line %zu", number_of);
	if (ferror(f))
		return fail(e, ERR_INTERNAL, "it cannot be read");
	return true;
}

/* The worst of all registers; what is not good is printed. */
static enum linear_verdict judge(const struct linear *l, unsigned *registers)
{
	enum linear_verdict worst = LINEAR_GOOD;
	char text[256];

	*registers = 0;
	for (unsigned reg = 0; reg < REGISTERS_MAX; reg++) {
		enum linear_verdict verdict;

		if (linear_count(l, reg) == 0)
			continue;
		++*registers;
		verdict = linear_judge(l, reg, text, sizeof(text));
		if (verdict == LINEAR_BROKEN)
			printf("no order explains register %u: %s\n", reg, text);
		if (verdict == LINEAR_TOO_HARD)
			printf("register %u cannot be judged: %s\n", reg, text);
		/* Broken is certain, whatever the others are. */
		if (verdict != LINEAR_GOOD && worst != LINEAR_BROKEN)
			worst = verdict;
	}
	return worst;
}

static int judge_file(struct linear *l, FILE *f)
{
	unsigned registers;
	struct err e;

	if (!read_history(l, f, &e)) {
		printf("no history: %s\n", e.text);
		return 2;
	}
	switch (judge(l, &registers)) {
	case LINEAR_BROKEN:
		return 1;
	case LINEAR_TOO_HARD:
		return 2;
	default:
		printf("%zu operations of %u registers: one order explains each\n", l->count,
		       registers);
		return 0;
	}
}

int main(int argc, char **argv)
{
	FILE *f = argc == 2 ? fopen(argv[1], "r") : NULL;
	struct linear l = { 0 };
	int status;

	if (!f) {
		(void)fprintf(stderr, argc == 2 ? "judge: no such file\n" : "usage: judge FILE\n");
		return 2;
	}
	status = judge_file(&l, f);
	linear_clear(&l);
	(void)fclose(f);
	return status;
}
