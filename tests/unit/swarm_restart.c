#include "swarm_drive.h"

#define ANY        PB__RESTART_POLICY__RESTART_CONDITION__ANY
#define ON_FAILURE PB__RESTART_POLICY__RESTART_CONDITION__ON_FAILURE
#define NONE       PB__RESTART_POLICY__RESTART_CONDITION__NONE

TEST(a_failed_task_is_replaced_after_the_delay)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *spec = replicated(d, "web", "fail:100", 1);
	const Pb__Task *next;
	const char *web;

	add_workers(d, 1);
	policy(d, spec, ANY, 2000, 0, 0);
	web = create(d, spec);
	run(d, 500);
	CHECK_INT(count_tasks(d, web), 2);
	CHECK_INT(a_task(d, web, PB__TASK_STATE__FAILED)->desired_state, PB__TASK_STATE__SHUTDOWN);
	/* The new one is placed and prepared meanwhile. */
	next = a_task(d, web, PB__TASK_STATE__READY);
	CHECK(next && next->desired_state == PB__TASK_STATE__READY && next->slot == 1);

	run(d, 1500);
	CHECK(!a_task(d, web, PB__TASK_STATE__RUNNING));
	run(d, 200);
	CHECK(a_task(d, web, PB__TASK_STATE__RUNNING));
	drive_free(d);
}

TEST(the_default_delay_is_five_seconds)
{
	struct drive *d = drive_new(1);
	const char *web;

	add_workers(d, 1);
	web = create(d, replicated(d, "web", "fail:100", 1));
	run(d, 4900);
	CHECK(!a_task(d, web, PB__TASK_STATE__RUNNING));
	run(d, 350);
	CHECK(a_task(d, web, PB__TASK_STATE__RUNNING));
	drive_free(d);
}

TEST(conditions_say_which_ends_are_followed_by_a_restart)
{
	static const struct {
		Pb__RestartPolicy__RestartCondition condition;
		const char *image;
		bool is_replaced;
	} rows[] = {
		{ ANY, "fail:10", true },        { ANY, "done:10", true },
		{ ON_FAILURE, "fail:10", true }, { ON_FAILURE, "done:10", false },
		{ ON_FAILURE, "reject", true },  { NONE, "fail:10", false },
		{ NONE, "done:10", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct drive *d = drive_new(1);
		Pb__ServiceSpec *spec = replicated(d, "web", rows[i].image, 1);
		const char *web;

		add_workers(d, 1);
		policy(d, spec, rows[i].condition, 100, 0, 0);
		web = create(d, spec);
		run(d, 1000);
		CHECK((count_tasks(d, web) > 1) == rows[i].is_replaced);
		drive_free(d);
	}
}

TEST(attempts_are_limited)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *spec = replicated(d, "web", "fail:10", 1);
	const char *web;

	add_workers(d, 1);
	policy(d, spec, ANY, 100, 3, 0);
	web = create(d, spec);
	run(d, 20000);
	CHECK_INT(count_state(d, web, PB__TASK_STATE__FAILED), 4);
	CHECK_INT(count_tasks(d, web), 4);
	CHECK_INT(drive_deadline(d), NEVER_MS);

	/* Another spec begins to count anew. */
	spec->task->force_update++;
	update(d, web, spec);
	run(d, 20000);
	CHECK_INT(count_state(d, web, PB__TASK_STATE__FAILED), 4);
	CHECK(version_index(a_task(d, web, PB__TASK_STATE__FAILED)->spec_version) > 0);
	drive_free(d);
}

TEST(a_new_leader_remembers_the_attempts)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *spec = replicated(d, "web", "fail:10", 1);
	const char *web;

	add_workers(d, 1);
	policy(d, spec, ANY, 100, 3, 0);
	web = create(d, spec);
	run(d, 300);
	new_leader(d);
	run(d, 20000);
	CHECK_INT(count_state(d, web, PB__TASK_STATE__FAILED), 4);
	drive_free(d);
}

TEST(a_window_forgets_old_attempts)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *often = replicated(d, "often", "fail:10", 1);
	Pb__ServiceSpec *seldom = replicated(d, "seldom", "fail:3000", 1);
	const char *first, *second;

	add_workers(d, 1);
	policy(d, often, ANY, 100, 2, 5000);
	policy(d, seldom, ANY, 100, 2, 5000);
	first = create(d, often);
	second = create(d, seldom);
	run(d, 60000);
	CHECK_INT(running(d, first), 0);
	CHECK(running(d, second) + count_state(d, second, PB__TASK_STATE__READY) == 1);
	drive_free(d);
}

TEST(a_successor_waits_for_its_predecessor_but_not_for_ever)
{
	struct drive *d = drive_new(1);
	const Pb__Task *old;
	const char *web;

	add_workers(d, 2);
	web = create(d, replicated(d, "web", "stubborn", 2));
	run(d, 1000);
	old = pb_dup(&d->arena, a_task(d, web, PB__TASK_STATE__RUNNING));
	/* Drained, but the container does not stop. */
	set_availability(d, old->node_id, PB__NODE_SPEC__AVAILABILITY__DRAIN);
	run(d, 50000);
	CHECK_INT(running(d, web), 2);
	CHECK_INT(count_state(d, web, PB__TASK_STATE__READY), 1);
	run(d, 15000);
	CHECK_INT(running(d, web), 3);
	CHECK_INT(count_state(d, web, PB__TASK_STATE__READY), 0);
	drive_free(d);
}

TEST(a_dead_node_is_not_waited_for)
{
	struct drive *d = drive_new(1);
	const char *web;

	add_workers(d, 2);
	web = create(d, replicated(d, "web", "stubborn", 2));
	run(d, 1000);
	set_availability(d, "worker1", PB__NODE_SPEC__AVAILABILITY__DRAIN);
	run(d, 1000);
	CHECK_INT(count_state(d, web, PB__TASK_STATE__READY), 1);
	set_node_state(d, "worker1", PB__NODE_STATUS__STATE__DOWN);
	run(d, 100);
	CHECK_INT(running_on(d, web, "worker2"), 2);
	drive_free(d);
}

TEST(failing_while_it_prepares_does_not_shorten_the_delay)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *spec = replicated(d, "web", "reject", 1);
	const char *web;

	add_workers(d, 1);
	policy(d, spec, ANY, 10000, 0, 0);
	web = create(d, spec);
	run(d, 9000);
	CHECK_INT(count_tasks(d, web), 2);
	run(d, 2000);
	CHECK_INT(count_tasks(d, web), 3);
	drive_free(d);
}

TEST(a_new_leader_keeps_what_is_left_of_a_delay)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *spec = replicated(d, "web", "fail:1000", 1);
	const char *web;

	add_workers(d, 1);
	policy(d, spec, ANY, 10000, 0, 0);
	web = create(d, spec);
	run(d, 5000);
	new_leader(d);
	run(d, 4500);
	CHECK_INT(count_state(d, web, PB__TASK_STATE__READY), 1);
	run(d, 2000);
	CHECK_INT(running(d, web), 1);
	drive_free(d);
}

TEST(removed_nodes_leave_orphans_that_are_replaced)
{
	struct drive *d = drive_new(1);
	Pb__RemoveNodeRequest *request = PB_NEW(&d->arena, remove_node_request);
	const char *web;
	struct err e;

	add_workers(d, 2);
	web = create(d, replicated(d, "web", "web", 600));
	run(d, 3000);
	request->node_id = "worker2";
	CHECK(!ask(d, "RemoveNode", request, &e));
	CHECK_STR(e.text, "node worker2 is not down and can't be removed");
	set_node_state(d, "worker2", PB__NODE_STATUS__STATE__DOWN);
	CHECK(ask(d, "RemoveNode", request, &e));
	run(d, 20000);
	CHECK_INT(running_on(d, web, "worker1"), 600);
	CHECK_INT(count_state(d, web, PB__TASK_STATE__ORPHANED), 300);
	drive_free(d);
}

TEST_MAIN()
