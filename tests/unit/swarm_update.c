#include "swarm_drive.h"

static Pb__UpdateConfig *config(struct drive *d, Pb__ServiceSpec *spec, uint64_t parallelism,
				int64_t delay_ms)
{
	Pb__UpdateConfig *u = spec->update = PB_NEW(&d->arena, update_config);

	u->parallelism = parallelism;
	u->delay = span(&d->arena, delay_ms);
	u->monitor = span(&d->arena, 1000);
	return u;
}

static void change_image(struct drive *d, const char *id, const char *image)
{
	Pb__ServiceSpec *spec = pb_dup(&d->arena, service(d, id)->spec);

	spec->task->container->image = (char *)image;
	update(d, id, spec);
}

static Pb__UpdateStatus__UpdateState state(struct drive *d, const char *id)
{
	const Pb__UpdateStatus *status = service(d, id)->update_status;

	return status ? status->state : PB__UPDATE_STATUS__UPDATE_STATE__UNKNOWN;
}

static const char *message(struct drive *d, const char *id)
{
	const Pb__UpdateStatus *status = service(d, id)->update_status;

	return status ? status->message : "(none)";
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* Runs in small steps and returns the least and the most tasks that ran at one time. */
static void watch(struct drive *d, const char *id, int64_t ms, int *least, int *most)
{
	*least = 1000000;
	*most = 0;
	for (int64_t i = 0; i < ms; i += STEP_MS) {
		int n;

		run(d, STEP_MS);
		n = running(d, id);
		*least = n < *least ? n : *least;
		*most = n > *most ? n : *most;
	}
}

TEST(a_new_service_has_no_update_status)
{
	struct drive *d = drive_new(1);
	const char *web;

	add_workers(d, 2);
	web = create(d, replicated(d, "web", "web", 4));
	run(d, 10000);
	CHECK(!service(d, web)->update_status);
	drive_free(d);
}

TEST(stop_first_updates_one_after_the_other)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *spec = replicated(d, "web", "web", 4);
	const char *web;
	int least, most;

	add_workers(d, 2);
	config(d, spec, 1, 500);
	web = create(d, spec);
	run(d, 1000);
	change_image(d, web, "web2");
	CHECK_INT(state(d, web), PB__UPDATE_STATUS__UPDATE_STATE__UPDATING);
	CHECK_STR(message(d, web), "update in progress");

	watch(d, web, 500, &least, &most);
	CHECK_INT(least, 3);
	CHECK_INT(most, 4);
	CHECK_INT(running_image(d, web, "web2"), 1);
	watch(d, web, 4000, &least, &most);
	CHECK_INT(least, 3);
	CHECK_INT(running_image(d, web, "web2"), 4);
	run(d, 2000);
	CHECK_STR(message(d, web), "update completed");
	CHECK(service(d, web)->update_status->completed_at);
	CHECK_INT(running_on(d, web, "worker1"), 2);
	CHECK_INT(drive_deadline(d), NEVER_MS);
	drive_free(d);
}

TEST(start_first_never_has_less)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *spec = replicated(d, "web", "web", 4);
	const char *web;
	int least, most;

	add_workers(d, 2);
	config(d, spec, 2, 0)->order = PB__UPDATE_CONFIG__UPDATE_ORDER__START_FIRST;
	web = create(d, spec);
	run(d, 1000);
	change_image(d, web, "web2");
	watch(d, web, 3000, &least, &most);
	CHECK_INT(least, 4);
	CHECK(most > 4 && most <= 6);
	CHECK_INT(running_image(d, web, "web2"), 4);
	CHECK_INT(running(d, web), 4);
	drive_free(d);
}

TEST(no_parallelism_is_all_at_once)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *spec = replicated(d, "web", "web", 300);
	const char *web;

	add_workers(d, 2);
	config(d, spec, 0, 60000);
	web = create(d, spec);
	run(d, 2000);
	change_image(d, web, "web2");
	run(d, 1000);
	CHECK_INT(running_image(d, web, "web2"), 300);
	drive_free(d);
}

TEST(an_update_that_fails_is_paused)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *spec = replicated(d, "web", "web", 4);
	const char *web;

	add_workers(d, 2);
	config(d, spec, 1, 100);
	web = create(d, spec);
	run(d, 1000);
	change_image(d, web, "fail:50");
	run(d, 10000);
	CHECK_INT(state(d, web), PB__UPDATE_STATUS__UPDATE_STATE__PAUSED);
	CHECK(begins(message(d, web),
		     "update paused due to failure or early termination of task "));
	CHECK(running_image(d, web, "web") >= 2);

	/* Nothing goes on by itself; another update does. */
	run(d, 60000);
	CHECK(running_image(d, web, "web") >= 2);
	change_image(d, web, "web3");
	run(d, 20000);
	CHECK_INT(running_image(d, web, "web3"), 4);
	CHECK_INT(state(d, web), PB__UPDATE_STATUS__UPDATE_STATE__COMPLETED);
	drive_free(d);
}

TEST(an_update_that_fails_is_rolled_back_when_asked_so)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *spec = replicated(d, "web", "web", 4);
	const char *web;

	add_workers(d, 2);
	config(d, spec, 1, 100)->failure_action = PB__UPDATE_CONFIG__FAILURE_ACTION__ROLLBACK;
	spec->rollback = pb_dup(&d->arena, spec->update);
	web = create(d, spec);
	run(d, 1000);
	change_image(d, web, "fail:50");
	run(d, 1000);
	CHECK_INT(state(d, web), PB__UPDATE_STATUS__UPDATE_STATE__ROLLBACK_STARTED);
	CHECK(begins(message(d, web),
		     "update rolled back due to failure or early termination of task "));
	CHECK(!service(d, web)->previous_spec);
	run(d, 20000);
	CHECK_INT(running_image(d, web, "web"), 4);
	CHECK_STR(message(d, web), "rollback completed");
	CHECK_STR(service(d, web)->spec->task->container->image, "web");
	drive_free(d);
}

TEST(a_rollback_that_fails_is_paused)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *spec = replicated(d, "web", "fail:100000", 2);
	const char *web;

	add_workers(d, 2);
	config(d, spec, 1, 100)->failure_action = PB__UPDATE_CONFIG__FAILURE_ACTION__ROLLBACK;
	spec->update->monitor = span(&d->arena, 200000);
	spec->rollback = pb_dup(&d->arena, spec->update);
	web = create(d, spec);
	run(d, 1000);
	change_image(d, web, "reject");
	run(d, 500000);
	CHECK_INT(state(d, web), PB__UPDATE_STATUS__UPDATE_STATE__ROLLBACK_PAUSED);
	CHECK(begins(message(d, web),
		     "rollback paused due to failure or early termination of task "));
	drive_free(d);
}

TEST(some_failures_may_be_allowed)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *spec = replicated(d, "web", "web", 4);
	const char *web;

	add_workers(d, 2);
	config(d, spec, 1, 100)->failure_action = PB__UPDATE_CONFIG__FAILURE_ACTION__CONTINUE;
	web = create(d, spec);
	run(d, 1000);
	change_image(d, web, "fail:50");
	run(d, 5000);
	CHECK_STR(message(d, web), "update completed");
	CHECK_INT(running_image(d, web, "web"), 0);
	drive_free(d);
}

TEST(a_user_may_ask_for_the_spec_before)
{
	struct drive *d = drive_new(1);
	Pb__UpdateServiceRequest *request = PB_NEW(&d->arena, update_service_request);
	Pb__ServiceSpec *spec = replicated(d, "web", "web", 2);
	const char *web;
	struct err e;

	add_workers(d, 2);
	config(d, spec, 0, 0);
	web = create(d, spec);
	run(d, 1000);
	request->service_id = (char *)web;
	request->spec = spec;
	request->rollback = PB__UPDATE_SERVICE_REQUEST__ROLLBACK__PREVIOUS;
	request->service_version = pb_dup(&d->arena, service(d, web)->meta->version);
	CHECK(!ask(d, "UpdateService", request, &e));
	CHECK_INT(e.kind, ERR_IN_USE);
	CHECK_STR(e.text, arena_printf(&d->arena, "service %s does not have a previous spec", web));

	change_image(d, web, "web2");
	run(d, 5000);
	request->service_version = pb_dup(&d->arena, service(d, web)->meta->version);
	CHECK(ask(d, "UpdateService", request, &e));
	CHECK_STR(message(d, web), "manually requested rollback");
	run(d, 10000);
	CHECK_STR(message(d, web), "rollback completed");
	CHECK_INT(running_image(d, web, "web"), 2);
	/* The two specs changed places. */
	CHECK_STR(service(d, web)->previous_spec->task->container->image, "web2");
	drive_free(d);
}

TEST(an_update_replaces_the_one_that_is_going_on)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *spec = replicated(d, "web", "web", 6);
	const char *web;

	add_workers(d, 3);
	config(d, spec, 1, 1000);
	web = create(d, spec);
	run(d, 1000);
	change_image(d, web, "web2");
	run(d, 2500);
	CHECK(running_image(d, web, "web2") >= 2);
	change_image(d, web, "web3");
	run(d, 20000);
	CHECK_INT(running_image(d, web, "web3"), 6);
	CHECK_INT(running(d, web), 6);
	CHECK_STR(message(d, web), "update completed");
	drive_free(d);
}

TEST(a_new_leader_finishes_the_update)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *spec = replicated(d, "web", "web", 6);
	const char *web;
	int least, most;

	add_workers(d, 3);
	config(d, spec, 2, 500);
	web = create(d, spec);
	run(d, 1000);
	change_image(d, web, "web2");
	for (int i = 0; i < 20; i++) {
		watch(d, web, 130, &least, &most);
		CHECK(least >= 2);
		new_leader(d);
	}
	run(d, 30000);
	CHECK_INT(running_image(d, web, "web2"), 6);
	CHECK_STR(message(d, web), "update completed");
	drive_free(d);
}

TEST(scaling_is_no_update)
{
	struct drive *d = drive_new(1);
	const char *web;

	add_workers(d, 3);
	web = create(d, replicated(d, "web", "web", 3));
	run(d, 1000);
	scale(d, web, 5);
	run(d, 10000);
	CHECK(!service(d, web)->update_status);
	CHECK_INT(running(d, web), 5);
	CHECK_INT(count_tasks(d, web), 5);
	drive_free(d);
}

TEST(global_services_are_updated_node_by_node)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *spec = global(d, "agent", "web");
	const char *agent;
	int least, most;

	add_workers(d, 4);
	config(d, spec, 1, 200);
	agent = create(d, spec);
	run(d, 1000);
	CHECK_INT(running(d, agent), 4);
	change_image(d, agent, "web2");
	watch(d, agent, 5000, &least, &most);
	CHECK_INT(least, 3);
	CHECK_INT(running_image(d, agent, "web2"), 4);
	for (int i = 1; i <= 4; i++)
		CHECK_INT(running_on(d, agent, arena_printf(&d->arena, "worker%d", i)), 1);
	CHECK_STR(message(d, agent), "update completed");
	drive_free(d);
}

TEST_MAIN()
