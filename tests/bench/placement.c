/* How fast a leader places tasks: a service of so many tasks on a hundred nodes, from its creation
 * until each task is ASSIGNED, in CPU time. All of the leader's work is in it: controllers,
 * allocation, scheduling, the log entries' encoding and decoding, and the store. */
#include <time.h>

#include "../unit/swarm_drive.h"

#define NODES 100

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void place(int tasks)
{
	struct drive *d = drive_new(1);
	const char *id;
	double took;

	for (int i = 1; i <= NODES; i++)
		add_node(d, arena_printf(&d->arena, "worker%d", i), 1000);

	took = cpu_s();
	id = create(d, replicated(d, "web", "web", (uint64_t)tasks));
	settle(d);
	took = cpu_s() - took;

	CHECK(count_state(d, id, PB__TASK_STATE__ASSIGNED) == tasks);
	printf("%d tasks: %.0f placements a second\n", tasks, tasks / took);
	drive_free(d);
}

TEST(two_thousand)
{
	place(2000);
}

TEST(twenty_thousand)
{
	place(20000);
}

TEST_MAIN()
