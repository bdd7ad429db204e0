#include "sim/clients.h"
#include "sim/network.h"
#include "sim/run.h"
#include "sim/world.h"

#include "test.h"

TEST(a_seed_replays_to_the_same_trace)
{
	struct run_options o = { .workers = 2 };

	for (uint64_t seed = 1; seed <= 5; seed++)
		CHECK(run_seed(seed, &o).trace == run_seed(seed, &o).trace);
}

TEST(another_seed_is_another_story)
{
	struct run_options o = { 0 };

	CHECK(run_seed(1, &o).trace != run_seed(2, &o).trace);
}

/* Entries in memory after ten minutes of writes and snapshots. */
static uint64_t entries_kept(uint64_t keep_bytes)
{
	struct world w;
	struct clients clients;
	struct raft_status status;

	world_init(&w, &(struct world_config){ .seed = 1,
					       .managers = 1,
					       .snapshot_entries = 5,
					       .snapshot_bytes = 1,
					       .keep_entries = 100,
					       .keep_bytes = keep_bytes });
	clients_begin(&clients, &w, 600000);
	world_run(&w, 600000);
	status = group_status(node_group(w.nodes[0].node));
	world_clear(&w);
	clients_clear(&clients);
	return status.last + 1 - status.first;
}

TEST(what_is_kept_behind_a_snapshot_is_bounded_in_entries_and_in_bytes)
{
	uint64_t by_entries = entries_kept(UINT64_C(1) << 30), by_bytes = entries_kept(1000);

	/* The log since the snapshot is the same in both. */
	CHECK(by_entries >= 100);
	CHECK(by_bytes >= 1 && by_bytes + 80 <= by_entries);
}

/* Turns of a second in which nothing happens, of all nodes. */
static uint64_t turns_at_rest(unsigned managers)
{
	struct world w;
	uint64_t before;

	world_init(&w, &(struct world_config){ .seed = 1, .managers = managers });
	world_run(&w, 60000);
	before = w.turn_count;
	world_run(&w, 120000);
	before = w.turn_count - before;
	world_clear(&w);
	return before / 60;
}

TEST(who_leads_alone_wakes_for_its_agent_and_not_for_ticks)
{
	CHECK(turns_at_rest(1) < 6);
	CHECK(turns_at_rest(3) > 30);
}

/* How often somebody became leader in the second minute of three managers so far apart. */
static uint64_t elections(int64_t min_ms, int64_t max_ms)
{
	uint64_t before;
	struct world w;

	world_init(&w, &(struct world_config){ .seed = 1, .managers = 3 });
	network_set_delay(w.network, min_ms, max_ms);
	world_run(&w, 60000);
	before = group_status(node_group(w.nodes[0].node)).term;
	world_run(&w, 120000);
	CHECK(group_leader(node_group(w.nodes[0].node)));
	before = group_status(node_group(w.nodes[0].node)).term - before;
	world_clear(&w);
	return before;
}

TEST(managers_that_are_far_apart_keep_their_leader)
{
	CHECK_INT(elections(0, 2), 0);
	CHECK_INT(elections(150, 170), 0);
	CHECK_INT(elections(600, 700), 0);
}

TEST_MAIN()
