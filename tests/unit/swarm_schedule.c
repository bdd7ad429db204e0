#include "swarm/schedule/schedule.h"

#include "swarm_drive.h"

static void reserve(struct drive *d, Pb__ServiceSpec *spec, int64_t nano_cpus, int64_t memory)
{
	spec->task->resources = PB_NEW(&d->arena, resource_requirements);
	spec->task->resources->reservations = PB_NEW(&d->arena, resources);
	spec->task->resources->reservations->nano_cpus = nano_cpus;
	spec->task->resources->reservations->memory_bytes = memory;
}

static Pb__Placement *placement(struct drive *d, Pb__ServiceSpec *spec)
{
	if (!spec->task->placement)
		spec->task->placement = PB_NEW(&d->arena, placement);
	return spec->task->placement;
}

static void spread_over(struct drive *d, Pb__ServiceSpec *spec, const char *descriptor)
{
	Pb__PlacementPreference *p = PB_NEW(&d->arena, placement_preference);

	p->preference_case = PB__PLACEMENT_PREFERENCE__PREFERENCE_SPREAD;
	p->spread = PB_NEW(&d->arena, spread_over);
	p->spread->spread_descriptor = (char *)descriptor;
	PB_APPEND(&d->arena, placement(d, spec), preferences, p);
}

static void publish_host_port(struct drive *d, Pb__ServiceSpec *spec, uint32_t number)
{
	Pb__PortConfig *p = PB_NEW(&d->arena, port_config);

	p->publish_mode = PB__PORT_CONFIG__PUBLISH_MODE__HOST;
	p->published_port = number;
	p->target_port = 80;
	spec->endpoint = PB_NEW(&d->arena, endpoint_spec);
	PB_APPEND(&d->arena, spec->endpoint, ports, p);
}

static const char *why(struct drive *d, const char *service_id)
{
	const Pb__Task *task = a_task(d, service_id, PB__TASK_STATE__PENDING);

	return task ? task->status->err : "(none pending)";
}

TEST(without_a_node_a_task_says_why)
{
	struct drive *d = drive_new(1);
	const char *web = create(d, replicated(d, "web", "web", 1));

	settle(d);
	CHECK_STR(why(d, web), "no suitable node (1 node not available for new tasks)");
	CHECK_STR(a_task(d, web, PB__TASK_STATE__PENDING)->status->message,
		  "pending task scheduling");

	add_node(d, "late", 1);
	run(d, 1000);
	CHECK_INT(running_on(d, web, "late"), 1);
	drive_free(d);
}

TEST(the_most_frequent_reason_comes_first)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *spec = replicated(d, "web", "web", 1);
	const char *web;

	add_workers(d, 2);
	reserve(d, spec, INT64_C(64000000000), 0);
	web = create(d, spec);
	settle(d);
	CHECK_STR(why(d, web), "no suitable node (insufficient resources on 2 nodes; 1 node not "
			       "available for new tasks)");
	drive_free(d);
}

TEST(reservations_are_kept_free_and_given_back)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *spec = replicated(d, "web", "web", 5);
	const char *web, *other;

	add_node(d, "n1", 4);
	reserve(d, spec, 1000000000, INT64_C(1) << 30);
	web = create(d, spec);
	run(d, 1000);
	CHECK_INT(running(d, web), 4);
	CHECK_STR(why(d, web), "no suitable node (1 node not available for new tasks; insufficient "
			       "resources on 1 node)");

	spec = replicated(d, "other", "web", 1);
	reserve(d, spec, 1000000000, 0);
	other = create(d, spec);
	run(d, 1000);
	CHECK_INT(running(d, other), 0);
	remove_it(d, web);
	run(d, 1000);
	CHECK_INT(running(d, other), 1);
	drive_free(d);
}

TEST(constraints_and_platforms_choose_nodes)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *spec = replicated(d, "db", "db", 2);
	Pb__Platform *arm = PB_NEW(&d->arena, platform);
	const char *db, *on_arm;

	add_workers(d, 3);
	label_node(d, "worker2", "disk", "ssd");
	PB_APPEND(&d->arena, placement(d, spec), constraints, "node.labels.disk == ssd");
	db = create(d, spec);
	run(d, 1000);
	CHECK_INT(running_on(d, db, "worker2"), 2);

	spec = replicated(d, "arm", "web", 1);
	arm->architecture = "arm64";
	arm->os = "linux";
	PB_APPEND(&d->arena, placement(d, spec), platforms, arm);
	on_arm = create(d, spec);
	settle(d);
	CHECK_STR(why(d, on_arm),
		  "no suitable node (unsupported platform on 3 nodes; 1 node not available "
		  "for new tasks)");
	arm->architecture = "amd64";
	update(d, on_arm, spec);
	run(d, 1000);
	CHECK_INT(running(d, on_arm), 1);
	drive_free(d);
}

TEST(a_constraint_that_nobody_meets_is_named)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *spec = replicated(d, "db", "db", 1);
	const char *db;

	add_workers(d, 2);
	PB_APPEND(&d->arena, placement(d, spec), constraints, "node.labels.disk == ssd");
	db = create(d, spec);
	settle(d);
	CHECK_STR(why(d, db),
		  "no suitable node (scheduling constraints not satisfied on 2 nodes; 1 node "
		  "not available for new tasks)");
	label_node(d, "worker1", "disk", "ssd");
	run(d, 1000);
	CHECK_INT(running_on(d, db, "worker1"), 1);
	drive_free(d);
}

TEST(replicas_per_node_can_be_limited)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *spec = replicated(d, "web", "web", 5);
	const char *web;

	add_workers(d, 2);
	placement(d, spec)->max_replicas = 2;
	web = create(d, spec);
	run(d, 1000);
	CHECK_INT(running(d, web), 4);
	CHECK_STR(why(d, web),
		  "no suitable node (max replicas per node limit exceed; 1 node not available "
		  "for new tasks)");
	drive_free(d);
}

TEST(a_host_port_is_used_once_a_node)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *spec = replicated(d, "web", "web", 3);
	const char *web;

	add_workers(d, 2);
	publish_host_port(d, spec, 8080);
	web = create(d, spec);
	run(d, 1000);
	CHECK_INT(running_on(d, web, "worker1"), 1);
	CHECK_INT(running_on(d, web, "worker2"), 1);
	CHECK_STR(why(d, web),
		  "no suitable node (host-mode port already in use on 2 nodes; 1 node not "
		  "available for new tasks)");
	drive_free(d);
}

TEST(a_plugin_must_be_there)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *spec = replicated(d, "web", "web", 1);
	Pb__PluginDescription *plugin = PB_NEW(&d->arena, plugin_description);
	Pb__Node *node;
	struct txn *t;
	const char *web;

	add_workers(d, 1);
	t = begin(d);
	node = txn_edit_node(t, "worker1");
	node->description->engine = PB_NEW(txn_arena(t), engine_description);
	plugin->type = "Log";
	plugin->name = "json-file";
	PB_APPEND(txn_arena(t), node->description->engine, plugins, plugin);
	txn_put(t, node);
	finish(d, t);

	spec->task->log_driver = PB_NEW(&d->arena, driver);
	spec->task->log_driver->name = "fluentd";
	web = create(d, spec);
	settle(d);
	CHECK_STR(
		why(d, web),
		"no suitable node (1 node not available for new tasks; missing plugin on 1 node)");
	spec->task->log_driver->name = "json-file";
	update(d, web, spec);
	run(d, 1000);
	CHECK_INT(running(d, web), 1);
	drive_free(d);
}

TEST(preferences_spread_over_the_values_of_a_label)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *spec = replicated(d, "web", "web", 12);
	const char *web;

	/* One node in the east, three in the west. */
	add_workers(d, 4);
	label_node(d, "worker1", "zone", "east");
	for (int i = 2; i <= 4; i++)
		label_node(d, arena_printf(&d->arena, "worker%d", i), "zone", "west");
	spread_over(d, spec, "node.labels.zone");
	web = create(d, spec);
	run(d, 1000);

	CHECK_INT(running_on(d, web, "worker1"), 6);
	for (int i = 2; i <= 4; i++)
		CHECK_INT(running_on(d, web, arena_printf(&d->arena, "worker%d", i)), 2);
	drive_free(d);
}

TEST(what_other_services_run_decides_between_equals)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *spec = replicated(d, "first", "web", 3);
	const char *second;

	add_workers(d, 2);
	PB_APPEND(&d->arena, placement(d, spec), constraints, "node.hostname == worker1");
	create(d, spec);
	run(d, 1000);
	second = create(d, replicated(d, "second", "web", 1));
	run(d, 1000);
	CHECK_INT(running_on(d, second, "worker2"), 1);
	drive_free(d);
}

TEST(a_service_is_spread_even_where_others_weigh_unevenly)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *spec = replicated(d, "load", "web", 6);
	const char *web;

	add_workers(d, 2);
	PB_APPEND(&d->arena, placement(d, spec), constraints, "node.hostname == worker1");
	create(d, spec);
	run(d, 1000);
	web = create(d, replicated(d, "web", "web", 4));
	run(d, 1000);
	CHECK_INT(running_on(d, web, "worker1"), 2);
	CHECK_INT(running_on(d, web, "worker2"), 2);
	drive_free(d);
}

TEST(a_node_where_the_service_fails_is_avoided)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *spec = replicated(d, "bad", "fail:10", 1);
	const char *bad;
	struct objects tasks;

	add_workers(d, 2);
	policy(d, spec, PB__RESTART_POLICY__RESTART_CONDITION__ANY, 0, 0, 0);
	/* worker2 is the busier one: all tries would go to worker1. */
	{
		Pb__ServiceSpec *load = replicated(d, "load", "web", 3);

		PB_APPEND(&d->arena, placement(d, load), constraints, "node.hostname == worker2");
		create(d, load);
		run(d, 1000);
	}
	bad = create(d, spec);
	run(d, 300);
	tasks = tasks_of(d, bad);
	CHECK(tasks.count >= 3);
	run(d, 600);
	CHECK(a_task(d, bad, PB__TASK_STATE__FAILED));
	{
		const Pb__Task *task;
		int there = 0;

		tasks = tasks_of(d, bad);
		objects_each (tasks, Pb__Task, task)
			there += strcmp(task->node_id, "worker2") == 0;
		CHECK(there >= 1);
	}
	drive_free(d);
}

TEST(generic_resources_are_claimed_by_name)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *spec = replicated(d, "ml", "web", 3);
	Pb__GenericResource *want = PB_NEW(&d->arena, generic_resource);
	const Pb__Task *task;
	struct objects tasks;
	const char *ml;
	Pb__Node *node;
	struct txn *t;
	int gpus[3] = { 0 };

	add_workers(d, 1);
	t = begin(d);
	node = txn_edit_node(t, "worker1");
	for (int i = 0; i < 3; i++) {
		Pb__GenericResource *g = PB_NEW(txn_arena(t), generic_resource);

		g->resource_case = PB__GENERIC_RESOURCE__RESOURCE_NAMED_RESOURCE_SPEC;
		g->named_resource_spec = PB_NEW(txn_arena(t), named_generic_resource);
		g->named_resource_spec->kind = "gpu";
		g->named_resource_spec->value = arena_printf(txn_arena(t), "%d", i);
		PB_APPEND(txn_arena(t), node->description->resources, generic, g);
	}
	txn_put(t, node);
	finish(d, t);

	reserve(d, spec, 0, 0);
	want->resource_case = PB__GENERIC_RESOURCE__RESOURCE_DISCRETE_RESOURCE_SPEC;
	want->discrete_resource_spec = PB_NEW(&d->arena, discrete_generic_resource);
	want->discrete_resource_spec->kind = "gpu";
	want->discrete_resource_spec->value = 1;
	PB_APPEND(&d->arena, spec->task->resources->reservations, generic, want);
	ml = create(d, spec);
	run(d, 1000);
	CHECK_INT(running(d, ml), 3);
	tasks = tasks_of(d, ml);
	objects_each (tasks, Pb__Task, task) {
		CHECK_INT(task->n_assigned_generic_resources, 1);
		gpus[atoi(task->assigned_generic_resources[0]->named_resource_spec->value)]++;
	}
	CHECK(gpus[0] == 1 && gpus[1] == 1 && gpus[2] == 1);

	scale(d, ml, 4);
	settle(d);
	CHECK_STR(why(d, ml), "no suitable node (1 node not available for new tasks; insufficient "
			      "resources on 1 node)");
	drive_free(d);
}

TEST(a_stop_first_update_stays_on_its_node_with_its_host_port)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *spec = replicated(d, "web", "web", 2);
	const char *web;

	add_workers(d, 2);
	publish_host_port(d, spec, 8080);
	web = create(d, spec);
	run(d, 1000);
	spec->task->container->image = "web2";
	update(d, web, spec);
	run(d, 20000);
	CHECK_INT(running_image(d, web, "web2"), 2);
	CHECK_INT(running_on(d, web, "worker1"), 1);
	drive_free(d);
}

TEST(predefined_networks_come_with_the_task)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *spec = replicated(d, "web", "web", 1);
	Pb__NetworkAttachmentConfig *at = PB_NEW(&d->arena, network_attachment_config);
	const Pb__Network *bridge = view_by_name(store_view(d->store), OBJECT_NETWORK, "bridge");
	const Pb__Task *task;
	const char *web;

	add_workers(d, 1);
	at->target = bridge->id;
	PB_APPEND(&d->arena, at, aliases, "www");
	PB_APPEND(&d->arena, spec->task, networks, at);
	web = create(d, spec);
	run(d, 1000);

	task = a_task(d, web, PB__TASK_STATE__RUNNING);
	CHECK(task && task->n_networks == 1);
	CHECK_STR(task->networks[0]->network->spec->annotations->name, "bridge");
	CHECK_STR(task->networks[0]->network->driver_state->name, "bridge");
	CHECK(task->networks[0]->network->ipam->driver);
	CHECK_STR(task->networks[0]->aliases[0], "www");
	drive_free(d);
}

/* ---- cost ---- */

TEST(placing_many_tasks_looks_at_each_node_once_a_transaction)
{
	struct drive *d = drive_new(1);
	uint64_t before;
	const char *web;

	for (int i = 0; i < 500; i++)
		add_node(d, arena_printf(&d->arena, "n%03d", i), 64);
	settle(d);
	before = schedule_looks(d->controllers.schedule);
	web = create(d, replicated(d, "web", "web", 4000));
	settle(d);
	CHECK_INT(count_state(d, web, PB__TASK_STATE__ASSIGNED), 4000);
	/* 4,000 tasks in transactions of 200. */
	CHECK(schedule_looks(d->controllers.schedule) - before <= 501 * 22);
	drive_free(d);
}

TEST(a_single_task_on_many_nodes_looks_at_few)
{
	struct drive *d = drive_new(1);
	uint64_t before;

	for (int i = 0; i < 500; i++)
		add_node(d, arena_printf(&d->arena, "n%03d", i), 64);
	settle(d);
	before = schedule_looks(d->controllers.schedule);
	for (int i = 0; i < 20; i++)
		create(d, replicated(d, arena_printf(&d->arena, "s%d", i), "web", 1));
	settle(d);
	CHECK(schedule_looks(d->controllers.schedule) - before <= 20 * 30);
	drive_free(d);
}

TEST_MAIN()
