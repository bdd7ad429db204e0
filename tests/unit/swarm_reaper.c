#include "swarm_drive.h"

static void set_history_limit(struct drive *d, int64_t limit)
{
	struct txn *t = begin(d);
	Pb__Cluster *cluster = txn_edit(t, OBJECT_CLUSTER, "cluster");

	cluster->spec->orchestration->task_history_retention_limit = limit;
	txn_put(t, cluster);
	finish(d, t);
}

static const char *failing(struct drive *d, uint64_t max_attempts)
{
	Pb__ServiceSpec *spec = replicated(d, "web", "fail:10", 1);

	add_workers(d, 1);
	policy(d, spec, PB__RESTART_POLICY__RESTART_CONDITION__ANY, 100, max_attempts, 0);
	return create(d, spec);
}

TEST(a_slot_keeps_five_tasks)
{
	struct drive *d = drive_new(1);
	const char *web = failing(d, 0);

	run(d, 10000);
	CHECK_INT(count_tasks(d, web), 5);
	drive_free(d);
}

TEST(the_cluster_says_how_many)
{
	struct drive *d = drive_new(1);
	const char *web;

	set_history_limit(d, 2);
	web = failing(d, 0);
	run(d, 10000);
	CHECK_INT(count_tasks(d, web), 2);
	drive_free(d);
}

TEST(a_negative_limit_keeps_all)
{
	struct drive *d = drive_new(1);
	const char *web;

	set_history_limit(d, -1);
	web = failing(d, 0);
	run(d, 10000);
	CHECK(count_tasks(d, web) > 20);
	drive_free(d);
}

TEST(a_limit_of_attempts_keeps_as_many)
{
	struct drive *d = drive_new(1);
	const char *web = failing(d, 9);

	run(d, 10000);
	CHECK_INT(count_tasks(d, web), 10);
	drive_free(d);
}

TEST(no_history_does_not_make_a_finished_slot_run_again)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *spec = replicated(d, "web", "done:10", 1);
	const char *web, *id;

	add_workers(d, 1);
	set_history_limit(d, 0);
	policy(d, spec, PB__RESTART_POLICY__RESTART_CONDITION__NONE, 0, 0, 0);
	web = create(d, spec);
	run(d, 1000);
	id = arena_strdup(&d->arena, a_task(d, web, PB__TASK_STATE__COMPLETE)->id);
	new_leader(d);
	run(d, 10000);
	CHECK_INT(count_tasks(d, web), 1);
	CHECK_STR(a_task(d, web, PB__TASK_STATE__COMPLETE)->id, id);
	drive_free(d);
}

TEST(tasks_that_never_found_a_node_go_at_once)
{
	struct drive *d = drive_new(1);
	const char *web = create(d, replicated(d, "web", "web", 300));

	settle(d);
	CHECK_INT(count_state(d, web, PB__TASK_STATE__PENDING), 300);
	remove_it(d, web);
	settle(d);
	CHECK_INT(count_tasks(d, web), 0);
	drive_free(d);
}

/* ---- the enforcer ---- */

TEST(a_node_that_loses_its_label_loses_its_tasks)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *spec = replicated(d, "db", "db", 2);
	const Pb__Task *rejected;
	const char *db;

	add_workers(d, 2);
	label_node(d, "worker1", "disk", "ssd");
	label_node(d, "worker2", "disk", "ssd");
	spec->task->placement = PB_NEW(&d->arena, placement);
	PB_APPEND(&d->arena, spec->task->placement, constraints, "node.labels.disk == ssd");
	db = create(d, spec);
	run(d, 1000);
	CHECK_INT(running_on(d, db, "worker2"), 1);
	label_node(d, "worker2", "disk", "hdd");
	run(d, 10000);

	CHECK_INT(running_on(d, db, "worker1"), 2);
	rejected = a_task(d, db, PB__TASK_STATE__REJECTED);
	CHECK(rejected);
	CHECK_STR(rejected->status->message, "task rejected by constraint enforcer");
	CHECK_STR(rejected->status->err, "assigned node no longer meets constraints");
	drive_free(d);
}

TEST(a_node_that_shrinks_keeps_what_fits)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *spec = replicated(d, "web", "web", 4);
	const char *web;
	Pb__Node *node;
	struct txn *t;

	add_node(d, "n1", 4);
	spec->task->resources = PB_NEW(&d->arena, resource_requirements);
	spec->task->resources->reservations = PB_NEW(&d->arena, resources);
	spec->task->resources->reservations->nano_cpus = 1000000000;
	web = create(d, spec);
	run(d, 1000);
	CHECK_INT(running(d, web), 4);
	t = begin(d);
	node = txn_edit_node(t, "n1");
	node->description->resources->nano_cpus = 2000000000;
	txn_put(t, node);
	finish(d, t);
	run(d, 10000);
	CHECK_INT(running(d, web), 2);
	CHECK_INT(count_state(d, web, PB__TASK_STATE__PENDING), 2);
	drive_free(d);
}

TEST_MAIN()
