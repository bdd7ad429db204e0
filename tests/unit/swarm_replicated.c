#include "swarm_drive.h"

TEST(a_service_gets_its_tasks_spread_over_the_nodes)
{
	struct drive *d = drive_new(1);
	const char *web;

	add_workers(d, 4);
	web = create(d, replicated(d, "web", "web", 8));
	run(d, 1000);

	CHECK_INT(running(d, web), 8);
	for (int i = 1; i <= 4; i++)
		CHECK_INT(running_on(d, web, arena_printf(&d->arena, "worker%d", i)), 2);
	CHECK_INT(running_on(d, web, "manager"), 0);
	drive_free(d);
}

TEST(one_commit_brings_a_service_from_the_request_to_assigned_tasks)
{
	struct drive *d = drive_new(1);
	const char *web;
	uint64_t before;

	add_workers(d, 4);
	settle(d);
	before = d->commits;
	web = create(d, replicated(d, "web", "web", 8));

	CHECK_INT(d->commits - before, 1);
	CHECK_INT(count_state(d, web, PB__TASK_STATE__ASSIGNED), 8);
	drive_free(d);
}

TEST(tasks_carry_what_the_service_says)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *spec = replicated(d, "web", "web", 1);
	const Pb__Task *task;
	const char *web;

	add_workers(d, 1);
	PB_MAP_SET(&d->arena, spec->annotations, labels, "tier", "front");
	spec->endpoint = PB_NEW(&d->arena, endpoint_spec);
	web = create(d, spec);

	task = a_task(d, web, PB__TASK_STATE__ASSIGNED);
	CHECK(task);
	CHECK_INT(task->slot, 1);
	CHECK_INT(task->desired_state, PB__TASK_STATE__RUNNING);
	CHECK_STR(task->service_annotations->name, "web");
	CHECK_STR(task->status->message, "scheduler assigned task to node");
	CHECK_STR(task->status->err, "");
	CHECK(task->spec_version && task->spec_version->index == 0);
	CHECK(task->endpoint && pb_equal(task->endpoint->spec, spec->endpoint));
	CHECK(pb_equal(task->spec, spec->task));
	drive_free(d);
}

TEST(scaling_up_fills_the_lowest_slots)
{
	struct drive *d = drive_new(1);
	struct objects tasks;
	const char *web;

	add_workers(d, 2);
	web = create(d, replicated(d, "web", "web", 2));
	run(d, 1000);
	scale(d, web, 5);
	run(d, 1000);

	tasks = tasks_of(d, web);
	CHECK_INT(tasks.count, 5);
	for (size_t i = 0; i < tasks.count; i++)
		CHECK_INT(((const Pb__Task *)tasks.items[i])->slot, i + 1);
	drive_free(d);
}

TEST(scaling_down_keeps_one_task_a_node)
{
	struct drive *d = drive_new(1);
	const char *web;

	add_workers(d, 3);
	web = create(d, replicated(d, "web", "web", 9));
	run(d, 1000);
	scale(d, web, 3);
	run(d, 1000);

	CHECK_INT(count_tasks(d, web), 3);
	for (int i = 1; i <= 3; i++)
		CHECK_INT(running_on(d, web, arena_printf(&d->arena, "worker%d", i)), 1);
	drive_free(d);
}

TEST(scaling_down_keeps_what_runs)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *spec = replicated(d, "web", "web", 2);
	const char *web;

	add_node(d, "small", 1);
	spec->task->resources = PB_NEW(&d->arena, resource_requirements);
	spec->task->resources->reservations = PB_NEW(&d->arena, resources);
	spec->task->resources->reservations->nano_cpus = 600000000;
	web = create(d, spec);
	run(d, 1000);
	CHECK_INT(running(d, web), 1);
	CHECK_INT(count_state(d, web, PB__TASK_STATE__PENDING), 1);
	scale(d, web, 1);
	run(d, 1000);

	CHECK_INT(running(d, web), 1);
	CHECK_INT(count_tasks(d, web), 1);
	drive_free(d);
}

TEST(removed_tasks_are_deleted_only_after_they_stopped)
{
	struct drive *d = drive_new(1);
	const char *web;

	add_workers(d, 2);
	web = create(d, replicated(d, "web", "stubborn", 2));
	run(d, 1000);
	remove_it(d, web);
	run(d, 60000);

	CHECK_INT(count_tasks(d, web), 2);
	CHECK_INT(running(d, web), 2);
	CHECK_INT(a_task(d, web, PB__TASK_STATE__RUNNING)->desired_state, PB__TASK_STATE__REMOVE);
	drive_free(d);
}

TEST(a_removed_service_leaves_nothing)
{
	struct drive *d = drive_new(1);
	const char *web;

	add_workers(d, 2);
	web = create(d, replicated(d, "web", "web", 4));
	run(d, 1000);
	remove_it(d, web);
	run(d, 1000);

	CHECK_INT(count_tasks(d, web), 0);
	CHECK_INT(drive_deadline(d), NEVER_MS);
	drive_free(d);
}

TEST(tasks_of_a_dead_node_run_elsewhere)
{
	struct drive *d = drive_new(1);
	const char *web;

	add_workers(d, 2);
	web = create(d, replicated(d, "web", "web", 4));
	run(d, 1000);
	set_node_state(d, "worker2", PB__NODE_STATUS__STATE__DOWN);
	run(d, 6000);

	CHECK_INT(running_on(d, web, "worker1"), 4);
	drive_free(d);
}

TEST(a_drained_node_is_left_at_once_and_a_paused_one_keeps_its_tasks)
{
	struct drive *d = drive_new(1);
	const char *web;

	add_workers(d, 3);
	web = create(d, replicated(d, "web", "web", 6));
	run(d, 1000);
	set_availability(d, "worker1", PB__NODE_SPEC__AVAILABILITY__PAUSE);
	set_availability(d, "worker2", PB__NODE_SPEC__AVAILABILITY__DRAIN);
	run(d, 500);

	CHECK_INT(running_on(d, web, "worker1"), 2);
	CHECK_INT(running_on(d, web, "worker2"), 0);
	CHECK_INT(running_on(d, web, "worker3"), 4);
	drive_free(d);
}

TEST(a_task_that_the_user_removed_is_replaced)
{
	struct drive *d = drive_new(1);
	Pb__RemoveTaskRequest *request = PB_NEW(&d->arena, remove_task_request);
	const char *web;
	struct err e;

	add_workers(d, 1);
	web = create(d, replicated(d, "web", "web", 2));
	run(d, 1000);
	d->user_removes_tasks = true;
	request->task_id = arena_strdup(&d->arena, a_task(d, web, PB__TASK_STATE__RUNNING)->id);
	CHECK(ask(d, "RemoveTask", request, &e));
	run(d, 1000);

	CHECK_INT(running(d, web), 2);
	drive_free(d);
}

TEST(a_service_may_be_larger_than_a_transaction)
{
	struct drive *d = drive_new(1);
	const char *web;

	add_workers(d, 3);
	web = create(d, replicated(d, "web", "web", 1000));
	run(d, 2000);
	CHECK_INT(running(d, web), 1000);

	scale(d, web, 10);
	run(d, 2000);
	CHECK_INT(running(d, web), 10);
	CHECK_INT(count_tasks(d, web), 10);
	drive_free(d);
}

TEST(a_new_leader_goes_on_where_the_old_one_was)
{
	struct drive *d = drive_new(1);
	const char *web, *gone;

	add_workers(d, 2);
	web = create(d, replicated(d, "web", "web", 600));
	gone = create(d, replicated(d, "gone", "web", 3));
	remove_it(d, gone);
	new_leader(d);
	run(d, 2000);

	CHECK_INT(running(d, web), 600);
	CHECK_INT(count_tasks(d, gone), 0);
	drive_free(d);
}

TEST_MAIN()
