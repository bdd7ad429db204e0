#include "swarm_drive.h"

static Pb__ServiceSpec *job(struct drive *d, const char *image, uint64_t at_once, uint64_t times)
{
	Pb__ServiceSpec *spec = spec_of(d, "job", image);

	spec->mode_case = PB__SERVICE_SPEC__MODE_REPLICATED_JOB;
	spec->replicated_job = PB_NEW(&d->arena, replicated_job);
	spec->replicated_job->max_concurrent = at_once;
	spec->replicated_job->total_completions = times;
	return spec;
}

static Pb__ServiceSpec *global_job(struct drive *d, const char *image)
{
	Pb__ServiceSpec *spec = spec_of(d, "job", image);

	spec->mode_case = PB__SERVICE_SPEC__MODE_GLOBAL_JOB;
	spec->global_job = PB_NEW(&d->arena, global_job);
	return spec;
}

TEST(a_global_service_runs_once_on_every_active_node)
{
	struct drive *d = drive_new(1);
	const char *agent;
	const Pb__Task *task;

	add_workers(d, 3);
	agent = create(d, global(d, "agent", "web"));
	run(d, 1000);
	CHECK_INT(running(d, agent), 3);
	for (int i = 1; i <= 3; i++)
		CHECK_INT(running_on(d, agent, arena_printf(&d->arena, "worker%d", i)), 1);
	task = a_task(d, agent, PB__TASK_STATE__RUNNING);
	CHECK_INT(task->slot, 0);
	drive_free(d);
}

TEST(a_node_that_joins_gets_its_task)
{
	struct drive *d = drive_new(1);
	const char *agent;

	add_workers(d, 1);
	agent = create(d, global(d, "agent", "web"));
	run(d, 1000);
	add_node(d, "late", 1);
	run(d, 1000);
	CHECK_INT(running_on(d, agent, "late"), 1);
	CHECK_INT(running(d, agent), 2);
	drive_free(d);
}

TEST(draining_ends_the_task_and_activating_brings_another)
{
	struct drive *d = drive_new(1);
	const char *agent;

	add_workers(d, 2);
	agent = create(d, global(d, "agent", "web"));
	run(d, 1000);
	set_availability(d, "worker1", PB__NODE_SPEC__AVAILABILITY__DRAIN);
	run(d, 10000);
	CHECK_INT(running(d, agent), 1);
	CHECK_INT(count_state(d, agent, PB__TASK_STATE__SHUTDOWN), 1);
	set_availability(d, "worker1", PB__NODE_SPEC__AVAILABILITY__ACTIVE);
	run(d, 1000);
	CHECK_INT(running(d, agent), 2);
	drive_free(d);
}

TEST(constraints_choose_the_nodes_of_a_global_service)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *spec = global(d, "agent", "web");
	const char *agent;

	add_workers(d, 3);
	label_node(d, "worker2", "gpu", "yes");
	spec->task->placement = PB_NEW(&d->arena, placement);
	PB_APPEND(&d->arena, spec->task->placement, constraints, "node.labels.gpu == yes");
	agent = create(d, spec);
	run(d, 1000);
	CHECK_INT(running(d, agent), 1);
	CHECK_INT(running_on(d, agent, "worker2"), 1);

	label_node(d, "worker3", "gpu", "yes");
	label_node(d, "worker2", "gpu", "no");
	run(d, 1000);
	CHECK_INT(running(d, agent), 1);
	CHECK_INT(running_on(d, agent, "worker3"), 1);
	drive_free(d);
}

TEST(a_finished_task_of_a_global_service_follows_the_policy_on_its_node)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *spec = global(d, "agent", "done:100");
	const char *agent;

	add_workers(d, 2);
	policy(d, spec, PB__RESTART_POLICY__RESTART_CONDITION__NONE, 0, 0, 0);
	agent = create(d, spec);
	run(d, 10000);
	CHECK_INT(count_tasks(d, agent), 2);
	CHECK_INT(count_state(d, agent, PB__TASK_STATE__COMPLETE), 2);
	/* Looking at it again brings nothing new. */
	new_leader(d);
	run(d, 10000);
	CHECK_INT(count_tasks(d, agent), 2);

	spec = pb_dup(&d->arena, spec);
	policy(d, spec, PB__RESTART_POLICY__RESTART_CONDITION__ANY, 500, 0, 0);
	update(d, agent, spec);
	run(d, 10000);
	CHECK(count_tasks(d, agent) > 4);
	drive_free(d);
}

TEST(a_task_that_came_with_its_node_waits_for_it)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *spec = global(d, "agent", "web");
	const Pb__Task *task;
	const char *agent;

	add_workers(d, 1);
	spec->task->resources = PB_NEW(&d->arena, resource_requirements);
	spec->task->resources->reservations = PB_NEW(&d->arena, resources);
	spec->task->resources->reservations->nano_cpus = INT64_C(8000000000);
	agent = create(d, spec);
	settle(d);
	task = a_task(d, agent, PB__TASK_STATE__PENDING);
	CHECK(task);
	CHECK_STR(task->status->err, "insufficient resources on 1 node");
	CHECK_STR(task->node_id, "worker1");
	drive_free(d);
}

/* ---- jobs ---- */

TEST(a_job_runs_so_many_times_and_so_many_at_once)
{
	struct drive *d = drive_new(1);
	const char *id;
	int most = 0;

	add_workers(d, 2);
	id = create(d, job(d, "done:200", 3, 10));
	for (int i = 0; i < 500; i++) {
		int n;

		run(d, STEP_MS);
		n = running(d, id);
		most = n > most ? n : most;
	}
	CHECK_INT(most, 3);
	CHECK_INT(count_state(d, id, PB__TASK_STATE__COMPLETE), 10);
	CHECK_INT(count_tasks(d, id), 10);
	CHECK_INT(a_task(d, id, PB__TASK_STATE__COMPLETE)->desired_state, PB__TASK_STATE__COMPLETE);
	CHECK_INT(drive_deadline(d), NEVER_MS);
	drive_free(d);
}

TEST(slots_of_jobs_begin_with_zero)
{
	struct drive *d = drive_new(1);
	struct objects tasks;
	const char *id;

	add_workers(d, 1);
	id = create(d, job(d, "done:10", 3, 3));
	run(d, 1000);
	tasks = tasks_of(d, id);
	CHECK_INT(tasks.count, 3);
	for (size_t i = 0; i < 3; i++)
		CHECK_INT(((const Pb__Task *)tasks.items[i])->slot, i);
	drive_free(d);
}

TEST(an_update_of_a_job_runs_it_again)
{
	struct drive *d = drive_new(1);
	const char *id;
	Pb__ServiceSpec *spec = job(d, "done:1000", 2, 4);

	add_workers(d, 1);
	id = create(d, spec);
	CHECK_INT(service(d, id)->job_status->job_iteration->index, 0);
	run(d, 500);
	update(d, id, spec);
	CHECK_INT(service(d, id)->job_status->job_iteration->index, 1);
	run(d, 5000);
	CHECK_INT(count_state(d, id, PB__TASK_STATE__COMPLETE), 4);
	CHECK_INT(a_task(d, id, PB__TASK_STATE__COMPLETE)->job_iteration->index, 1);
	drive_free(d);
}

TEST(a_failed_task_of_a_job_is_tried_again)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *spec = job(d, "fail:10", 1, 1);
	const char *id;

	add_workers(d, 1);
	policy(d, spec, PB__RESTART_POLICY__RESTART_CONDITION__ANY, 100, 2, 0);
	id = create(d, spec);
	run(d, 10000);
	CHECK_INT(count_state(d, id, PB__TASK_STATE__FAILED), 3);
	drive_free(d);
}

TEST(a_global_job_runs_once_on_each_node)
{
	struct drive *d = drive_new(1);
	const char *id;

	add_workers(d, 3);
	set_availability(d, "worker3", PB__NODE_SPEC__AVAILABILITY__PAUSE);
	id = create(d, global_job(d, "done:100"));
	run(d, 5000);
	CHECK_INT(count_state(d, id, PB__TASK_STATE__COMPLETE), 2);
	CHECK_INT(count_tasks(d, id), 2);
	set_availability(d, "worker3", PB__NODE_SPEC__AVAILABILITY__ACTIVE);
	run(d, 5000);
	CHECK_INT(count_state(d, id, PB__TASK_STATE__COMPLETE), 3);
	drive_free(d);
}

TEST_MAIN()
