/* What clients did and were told, and whether one order of things explains it.
 *
 * A history is operations on registers, each with a moment at which it was asked for and one at
 * which it was answered. It is linearizable if every operation can be given one moment between the
 * two, so that the registers behave as if nothing ever happened at the same time. An operation
 * whose outcome nobody knows may have its moment any time after it was asked for, or never; one
 * that surely failed has none. Registers do not influence each other: each is judged by itself.
 *
 * The search is that of J. Wing and C. Gong, "Testing and Verifying Concurrent Objects" (1993),
 * with the improvement of G. Lowe, "Testing for Linearizability" (2017): a set of operations that
 * were given their moments, together with the value they lead to, is tried once. The same search
 * is what Knossos and Porcupine made known; this is written from the papers' description. It takes
 * time and memory exponential in what happens at once at the worst, so both have limits here. */
#ifndef SHOAL_SIM_LINEAR_H
#define SHOAL_SIM_LINEAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Operations of one register, and configurations that are remembered while one is judged (at most
 * 320 bytes each). */
#define LINEAR_OPERATIONS_MAX     2000
#define LINEAR_CONFIGURATIONS_MAX 100000

/* A register begins with the value 0. */
enum linear_kind {
	LINEAR_READ,  /* finds `value` */
	LINEAR_WRITE, /* leaves `value` */
	LINEAR_SWAP,  /* finds `expected` and leaves `value`, else fails */
};

enum linear_outcome { LINEAR_UNKNOWN, LINEAR_OK, LINEAR_FAILED };

struct linear_operation {
	enum linear_kind kind;
	enum linear_outcome outcome; /* LINEAR_UNKNOWN until it is told */
	unsigned reg;
	uint64_t expected, value;
	/* Moments, 0 for never. An answer comes later than its asking; an asking and another's
	 * answer at the same moment are at once. */
	uint64_t asked, answered;
};

/* All zeroes is an empty history. */
struct linear {
	struct linear_operation *operations;
	size_t count, capacity;
	uint64_t moment; /* counted up with all that is noted by the functions below */
};

void linear_clear(struct linear *l);
size_t linear_count(const struct linear *l, unsigned reg);

/* Somebody asks; the operation's number. Of a read the value is told at the end. */
size_t linear_ask(struct linear *l, enum linear_kind kind, unsigned reg, uint64_t expected,
		  uint64_t value);
void linear_answer(struct linear *l, size_t operation, enum linear_outcome outcome);
void linear_answer_read(struct linear *l, size_t operation, uint64_t found);

/* The same from a history whose moments were measured elsewhere. */
void linear_add(struct linear *l, const struct linear_operation *operation);

enum linear_verdict {
	LINEAR_GOOD,
	LINEAR_BROKEN,   /* no order explains it */
	LINEAR_TOO_HARD, /* past the limits above: nothing is known */
};

/* Judge one register. When it is not good, `text` says which operation the best order could not
 * pass. */
enum linear_verdict linear_judge(const struct linear *l, unsigned reg, char *text,
				 size_t text_size);

#endif
