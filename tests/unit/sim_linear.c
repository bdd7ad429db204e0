#include "sim/linear.h"

#include "test.h"

static char text[256];

/* One operation after the other, all of register 0. */
static void read_of(struct linear *l, uint64_t value)
{
	linear_answer_read(l, linear_ask(l, LINEAR_READ, 0, 0, 0), value);
}

static void write_of(struct linear *l, uint64_t value, enum linear_outcome outcome)
{
	linear_answer(l, linear_ask(l, LINEAR_WRITE, 0, 0, value), outcome);
}

static void swap_of(struct linear *l, uint64_t expected, uint64_t value,
		    enum linear_outcome outcome)
{
	linear_answer(l, linear_ask(l, LINEAR_SWAP, 0, expected, value), outcome);
}

static enum linear_verdict verdict(struct linear *l)
{
	enum linear_verdict v = linear_judge(l, 0, text, sizeof(text));

	linear_clear(l);
	return v;
}

TEST(an_empty_history_is_good)
{
	struct linear l = { 0 };

	CHECK_INT(verdict(&l), LINEAR_GOOD);
}

TEST(one_thing_after_the_other_is_good)
{
	struct linear l = { 0 };

	read_of(&l, 0);
	write_of(&l, 1, LINEAR_OK);
	read_of(&l, 1);
	swap_of(&l, 1, 2, LINEAR_OK);
	read_of(&l, 2);

	CHECK_INT(verdict(&l), LINEAR_GOOD);
}

TEST(a_read_of_what_was_before_an_acknowledged_write_is_stale)
{
	struct linear l = { 0 };

	write_of(&l, 1, LINEAR_OK);
	write_of(&l, 2, LINEAR_OK);
	read_of(&l, 1);

	CHECK_INT(verdict(&l), LINEAR_BROKEN);
	CHECK(strstr(text, "a read of 1"));
	CHECK(strstr(text, "the value is 2 after 2 of 3"));
}

TEST(a_read_of_what_nobody_wrote_is_wrong)
{
	struct linear l = { 0 };

	write_of(&l, 1, LINEAR_OK);
	read_of(&l, 7);

	CHECK_INT(verdict(&l), LINEAR_BROKEN);
}

TEST(reads_during_a_write_find_the_old_value_and_then_the_new)
{
	struct linear l = { 0 };
	size_t write = linear_ask(&l, LINEAR_WRITE, 0, 0, 1);

	read_of(&l, 0);
	read_of(&l, 1);
	linear_answer(&l, write, LINEAR_OK);

	CHECK_INT(verdict(&l), LINEAR_GOOD);
}

TEST(once_the_new_value_was_read_the_old_one_does_not_come_back)
{
	struct linear l = { 0 };
	size_t write = linear_ask(&l, LINEAR_WRITE, 0, 0, 1);

	read_of(&l, 1);
	read_of(&l, 0);
	linear_answer(&l, write, LINEAR_OK);

	CHECK_INT(verdict(&l), LINEAR_BROKEN);
}

TEST(overlapping_writes_may_be_in_any_order_but_in_one)
{
	struct linear l = { 0 };
	size_t a = linear_ask(&l, LINEAR_WRITE, 0, 0, 1);
	size_t b = linear_ask(&l, LINEAR_WRITE, 0, 0, 2);

	linear_answer(&l, a, LINEAR_OK);
	linear_answer(&l, b, LINEAR_OK);
	read_of(&l, 1);
	CHECK_INT(linear_judge(&l, 0, text, sizeof(text)), LINEAR_GOOD);

	read_of(&l, 2);
	CHECK_INT(verdict(&l), LINEAR_BROKEN);
}

TEST(a_write_of_unknown_outcome_may_have_been)
{
	struct linear l = { 0 };

	write_of(&l, 1, LINEAR_UNKNOWN);
	read_of(&l, 1);

	CHECK_INT(verdict(&l), LINEAR_GOOD);
}

TEST(a_write_of_unknown_outcome_may_never_be)
{
	struct linear l = { 0 };

	write_of(&l, 1, LINEAR_UNKNOWN);
	read_of(&l, 0);
	read_of(&l, 0);

	CHECK_INT(verdict(&l), LINEAR_GOOD);
}

TEST(a_write_of_unknown_outcome_may_come_late)
{
	struct linear l = { 0 };

	write_of(&l, 1, LINEAR_UNKNOWN);
	write_of(&l, 2, LINEAR_OK);
	read_of(&l, 2);
	read_of(&l, 1);

	CHECK_INT(verdict(&l), LINEAR_GOOD);
}

TEST(a_write_of_unknown_outcome_comes_once)
{
	struct linear l = { 0 };

	write_of(&l, 1, LINEAR_UNKNOWN);
	read_of(&l, 1);
	write_of(&l, 2, LINEAR_OK);
	read_of(&l, 1);

	CHECK_INT(verdict(&l), LINEAR_BROKEN);
}

TEST(a_write_that_failed_for_certain_must_not_be_seen)
{
	struct linear l = { 0 };

	write_of(&l, 1, LINEAR_FAILED);
	read_of(&l, 0);
	CHECK_INT(linear_judge(&l, 0, text, sizeof(text)), LINEAR_GOOD);

	read_of(&l, 1);
	CHECK_INT(verdict(&l), LINEAR_BROKEN);
}

TEST(of_two_swaps_from_one_value_only_one_can_succeed)
{
	struct linear l = { 0 };
	size_t a = linear_ask(&l, LINEAR_SWAP, 0, 0, 1);
	size_t b = linear_ask(&l, LINEAR_SWAP, 0, 0, 2);

	linear_answer(&l, a, LINEAR_OK);
	linear_answer(&l, b, LINEAR_OK);

	CHECK_INT(verdict(&l), LINEAR_BROKEN);
}

TEST(an_unknown_swap_explains_the_one_that_follows_it)
{
	struct linear l = { 0 };

	swap_of(&l, 0, 1, LINEAR_UNKNOWN);
	swap_of(&l, 1, 2, LINEAR_OK);
	read_of(&l, 2);
	CHECK_INT(linear_judge(&l, 0, text, sizeof(text)), LINEAR_GOOD);

	read_of(&l, 1);
	CHECK_INT(verdict(&l), LINEAR_BROKEN);
}

TEST(an_operation_that_was_never_answered_is_unknown)
{
	struct linear l = { 0 };

	(void)linear_ask(&l, LINEAR_WRITE, 0, 0, 1);
	(void)linear_ask(&l, LINEAR_READ, 0, 0, 0);
	read_of(&l, 0);
	read_of(&l, 1);

	CHECK_INT(verdict(&l), LINEAR_GOOD);
}

/* Asked for at 1 and 3, answered at 3 and 5. */
TEST(an_answer_and_an_asking_at_the_same_moment_are_at_once)
{
	struct linear l = { 0 };
	struct linear_operation write = {
		.kind = LINEAR_WRITE, .outcome = LINEAR_OK, .value = 1, .asked = 1, .answered = 3
	};
	struct linear_operation read = {
		.kind = LINEAR_READ, .outcome = LINEAR_OK, .value = 0, .asked = 3, .answered = 5
	};

	linear_add(&l, &write);
	linear_add(&l, &read);
	CHECK_INT(linear_judge(&l, 0, text, sizeof(text)), LINEAR_GOOD);

	l.operations[1].asked = 4;
	CHECK_INT(verdict(&l), LINEAR_BROKEN);
}

TEST(registers_are_judged_one_by_one)
{
	struct linear l = { 0 };

	write_of(&l, 1, LINEAR_OK);
	linear_answer_read(&l, linear_ask(&l, LINEAR_READ, 1, 0, 0), 1);

	CHECK_INT(linear_judge(&l, 1, text, sizeof(text)), LINEAR_BROKEN);
	CHECK_INT(verdict(&l), LINEAR_GOOD);
}

/* The wrong order is tried first, and found wrong at the end only. */
TEST(a_search_takes_back_what_leads_nowhere)
{
	struct linear l = { 0 };
	size_t a = linear_ask(&l, LINEAR_WRITE, 0, 0, 1);
	size_t b = linear_ask(&l, LINEAR_WRITE, 0, 0, 2);
	size_t c = linear_ask(&l, LINEAR_WRITE, 0, 0, 3);
	size_t read = linear_ask(&l, LINEAR_READ, 0, 0, 0);

	linear_answer(&l, c, LINEAR_OK);
	linear_answer(&l, b, LINEAR_OK);
	linear_answer(&l, a, LINEAR_OK);
	linear_answer_read(&l, read, 3);
	read_of(&l, 1);

	CHECK_INT(verdict(&l), LINEAR_GOOD);
}

TEST(a_full_window_with_unknown_outcomes_is_judged)
{
	struct linear l = { 0 };
	uint64_t value = 0;

	for (uint64_t i = 1; i <= LINEAR_OPERATIONS_MAX / 2; i++) {
		if (i % 10 == 0) {
			swap_of(&l, value, i, LINEAR_UNKNOWN);
		} else {
			swap_of(&l, value, i, LINEAR_OK);
			value = i;
		}
		read_of(&l, value);
	}
	CHECK_INT((long long)linear_count(&l, 0), LINEAR_OPERATIONS_MAX);
	CHECK_INT(linear_judge(&l, 0, text, sizeof(text)), LINEAR_GOOD);

	read_of(&l, value);
	CHECK_INT(verdict(&l), LINEAR_TOO_HARD);
}

/* Twenty writes at once, of which nobody knows anything, and a read that none explains. */
TEST(what_is_too_hard_is_said_to_be)
{
	struct linear l = { 0 };

	for (uint64_t i = 1; i <= 20; i++)
		(void)linear_ask(&l, LINEAR_WRITE, 0, 0, i);
	read_of(&l, 99);

	CHECK_INT(verdict(&l), LINEAR_TOO_HARD);
}

TEST_MAIN()
