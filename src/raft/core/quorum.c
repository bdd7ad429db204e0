#include "raft/core/quorum.h"

#include <stdlib.h>

static int descending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? 1 : x > y ? -1 : 0;
}

/* The value that a majority has reached: the middle one, rounded towards the lower. */
static uint64_t reached_by_majority(uint64_t *values, unsigned count)
{
	if (count == 0)
		return 0;
	qsort(values, count, sizeof(values[0]), descending);
	return values[count / 2];
}

uint64_t quorum_matched(const struct progress *peers, unsigned count)
{
	uint64_t values[RAFT_MEMBERS_MAX];
	unsigned voters = 0;

	for (unsigned i = 0; i < count; i++)
		if (!peers[i].is_learner)
			values[voters++] = peers[i].match;
	return reached_by_majority(values, voters);
}

uint64_t quorum_confirmed(const struct progress *peers, unsigned count)
{
	uint64_t values[RAFT_MEMBERS_MAX];
	unsigned voters = 0;

	for (unsigned i = 0; i < count; i++)
		if (!peers[i].is_learner)
			values[voters++] = peers[i].confirmed_round;
	return reached_by_majority(values, voters);
}

bool quorum_is_active(const struct progress *peers, unsigned count)
{
	unsigned voters = 0, active = 0;

	for (unsigned i = 0; i < count; i++) {
		if (peers[i].is_learner)
			continue;
		voters++;
		active += peers[i].is_active;
	}
	return active > voters / 2;
}

enum outcome quorum_vote(const struct progress *peers, unsigned count)
{
	unsigned voters = 0, granted = 0, refused = 0;

	for (unsigned i = 0; i < count; i++) {
		if (peers[i].is_learner)
			continue;
		voters++;
		granted += peers[i].ballot == GRANTED;
		refused += peers[i].ballot == REFUSED;
	}
	if (granted > voters / 2)
		return WON;
	/* Even all the silent ones would not make a majority. */
	return voters - refused > voters / 2 ? UNDECIDED : LOST;
}
