/* Disk truth: what was acknowledged survives a disk that loses, tears and reorders everything that
 * was not synced. `host_journal_torn SEED COUNT` runs those seeds alone. */
#include <stdio.h>

#include "base/prng.h"
#include "journal_user.h"
#include "temp.h"
#include "test.h"
#include "torn_disk.h"

#define LIVES 4
#define SEEDS 150

static struct journal_user u;

/* One life: check what the last one left, write on until the disk dies. */
static const char *live(const char *dir, uint64_t seed, struct prng *chance, uint64_t *raft_acked,
			uint64_t *local_acked)
{
	const char *problem;
	struct err e;

	/* Early deaths hit the creation of the files, later ones commits and checkpoints. */
	torn_die_at(prng_chance(chance, 1, 5) ? prng_below(chance, 40) + 1
					      : prng_below(chance, 1500) + 1);
	if (!user_open(&u, dir, TORN_VFS, 200000, &e))
		return torn_is_dead() ? NULL : "it does not open";
	problem = user_check_history(&u, seed, *raft_acked, *local_acked);
	if (problem && !torn_is_dead()) {
		user_close(&u);
		return problem;
	}
	if (!problem)
		user_write_history(&u, 400);
	user_close(&u);
	if (problem)
		return NULL;
	*raft_acked = u.raft_done;
	*local_acked = u.local_done;
	if (u.out_of_order)
		return "done out of order";
	return u.done_after_failure ? "done after a failure" : NULL;
}

static const char *run_seed(uint64_t seed)
{
	struct temp dir = temp_make();
	uint64_t raft_acked = 0, local_acked = 0;
	const char *problem = NULL;
	struct prng chance;

	prng_seed(&chance, seed);
	torn_erase();
	for (int life = 0; life < LIVES && !problem; life++) {
		problem = live(dir.path, seed, &chance, &raft_acked, &local_acked);
		torn_revive(prng_next(&chance));
	}
	if (!problem) {
		struct err e;

		if (!user_open(&u, dir.path, TORN_VFS, 0, &e)) {
			problem = "it does not open at the end";
		} else {
			problem = user_check_history(&u, seed, raft_acked, local_acked);
			user_close(&u);
		}
	}
	temp_remove(&dir);
	return problem;
}

static uint64_t first_seed = 1, seed_count = SEEDS;

TEST(what_was_acknowledged_survives_a_torn_disk)
{
	int failed = 0;

	for (uint64_t seed = first_seed; seed < first_seed + seed_count; seed++) {
		const char *problem = run_seed(seed);

		if (problem) {
			printf("  seed %llu: %s\n", (unsigned long long)seed, problem);
			failed++;
		}
	}
	CHECK_INT(failed, 0);
}

TEST(a_disk_that_lies_about_syncs_is_caught)
{
	int caught = 0;

	torn_ignore_syncs(true);
	for (uint64_t seed = 1; seed <= 20; seed++)
		caught += run_seed(seed) != NULL;
	torn_ignore_syncs(false);
	CHECK(caught > 10);
}

int main(int argc, char **argv)
{
	torn_register();
	if (argc == 3) {
		first_seed = strtoull(argv[1], NULL, 10);
		seed_count = strtoull(argv[2], NULL, 10);
		argc = 1;
	}
	return test_run_all(argc, argv);
}
