#include "engine_bench.h"

static struct bench b;

static void begin(const char *test, int retries)
{
	struct bench_order o;

	bench_open(&b, 1);
	(void)bench_pull(&b, "busybox");
	bench_order(&o, "c1", "top");
	if (test) {
		o.config->healthcheck = PB_NEW(&o.memory, health_config);
		PB_APPEND(&o.memory, o.config->healthcheck, test, "CMD");
		PB_APPEND(&o.memory, o.config->healthcheck, test, (char *)test);
		o.config->healthcheck->interval = PB_NEW(&o.memory, duration);
		o.config->healthcheck->interval->seconds = 2;
		o.config->healthcheck->timeout = PB_NEW(&o.memory, duration);
		o.config->healthcheck->timeout->seconds = 1;
		o.config->healthcheck->retries = retries;
	}
	(void)bench_create_order(&b, &o);
	(void)BENCH_ASK(&b, engine_container_start, "c1");
}

static const struct bench_answer *create_exec(const char *program)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__Exec *x = PB_NEW(&a, exec);

	if (program)
		PB_APPEND(&a, x, cmd, (char *)program);
	return BENCH_ASK(&b, engine_exec_create, "c1", x);
}

TEST(an_exec_runs_attached_and_tells_its_exit_code)
{
	struct runtime_attach how = { .want_stdout = true };
	const Pb__Exec *x;
	struct err err;
	char id[80];
	size_t first;

	begin(NULL, 0);
	snprintf(id, sizeof(id), "%s", create_exec("sick")->id);
	first = b.answer_count;
	CHECK(BENCH_ASK(&b, engine_exec_start, id, &how, false, 24, 80)->kind == ENGINE_DONE);
	CHECK(b.answers[first].kind == ENGINE_ENDPOINT && b.answers[first].endpoint != 0);
	x = engine_exec_find(b.engine, id, &err);
	CHECK(x && x->has_exited && !x->running && x->exit_code == 1);
	CHECK(strstr(b.events,
		     "container exec_create: sick;container exec_start: sick;container exec_die;"));
	CHECK(strstr(BENCH_ASK(&b, engine_exec_start, id, &how, false, 0, 0)->text,
		     "has already run"));
	bench_run(&b, 6 * 60000);
	CHECK(!engine_exec_find(b.engine, id, &err));
	bench_close(&b);
}

TEST(an_exec_needs_a_command_and_a_running_container)
{
	char want[256];

	begin(NULL, 0);
	CHECK_STR(create_exec(NULL)->text, "No exec command specified");
	(void)BENCH_ASK(&b, engine_container_pause, "c1");
	CHECK(strstr(create_exec("ls")->text, "is paused, unpause the container before exec"));
	(void)BENCH_ASK(&b, engine_container_kill, "c1", "");
	snprintf(want, sizeof(want), "Container %s is not running", bench_find(&b, "c1")->id);
	CHECK_STR(create_exec("ls")->text, want);
	CHECK_STR(BENCH_ASK(&b, engine_exec_start, "nix", NULL, false, 0, 0)->text,
		  "No such exec instance: nix");
	bench_close(&b);
}

TEST(execs_end_with_their_container)
{
	const Pb__Exec *x;
	struct err err;
	char id[80];

	begin(NULL, 0);
	snprintf(id, sizeof(id), "%s", create_exec("hang")->id);
	(void)BENCH_ASK(&b, engine_exec_start, id, NULL, false, 0, 0);
	CHECK(engine_exec_find(b.engine, id, &err)->running);
	(void)BENCH_ASK(&b, engine_container_kill, "c1", "");
	x = engine_exec_find(b.engine, id, &err);
	CHECK(!x->running && x->exit_code == 137);
	bench_close(&b);
}

TEST(a_check_that_succeeds_makes_it_healthy)
{
	begin("healthy", 3);
	CHECK_STR(bench_find(&b, "c1")->health->status, "starting");
	bench_run(&b, 2100);
	CHECK_STR(bench_find(&b, "c1")->health->status, "healthy");
	CHECK(strstr(b.events, "container health_status: healthy;"));
	CHECK(!strstr(b.events, "exec_start"));
	bench_run(&b, 60000);
	CHECK_INT(bench_find(&b, "c1")->health->n_log, 5);
	CHECK_STR(bench_find(&b, "c1")->health->log[4]->output, "probe says");
	bench_close(&b);
}

TEST(retries_failures_in_a_row_make_it_unhealthy)
{
	begin("sick", 3);
	bench_run(&b, 4500);
	CHECK_STR(bench_find(&b, "c1")->health->status, "starting");
	CHECK_INT(bench_find(&b, "c1")->health->failing_streak, 2);
	bench_run(&b, 2000);
	CHECK_STR(bench_find(&b, "c1")->health->status, "unhealthy");
	bench_close(&b);
}

TEST(a_check_that_hangs_is_killed_and_counts)
{
	begin("hang", 1);
	bench_run(&b, 3100);
	CHECK_STR(bench_find(&b, "c1")->health->status, "unhealthy");
	CHECK_STR(bench_find(&b, "c1")->health->log[0]->output,
		  "Health check exceeded timeout (1s)");
	CHECK_INT(bench_find(&b, "c1")->health->log[0]->exit_code, -1);
	bench_run(&b, 60000);
	CHECK_STR(bench_state(&b, "c1"), "running");
	bench_close(&b);
}

TEST(questions_are_answered_while_it_runs)
{
	struct runtime_logs logs = { .want_stdout = true };
	struct runtime_attach how = { .want_stdout = true };
	const struct bench_answer *a;

	begin(NULL, 0);
	CHECK(BENCH_ASK(&b, engine_container_stats, "c1")->kind == ENGINE_DONE);
	CHECK(BENCH_ASK(&b, engine_container_top, "c1", "")->kind == ENGINE_DONE);
	a = BENCH_ASK(&b, engine_container_logs, "c1", &logs);
	CHECK(a->kind == ENGINE_ENDPOINT && a->endpoint != 0);
	logs.want_stdout = false;
	CHECK_STR(BENCH_ASK(&b, engine_container_logs, "c1", &logs)->text,
		  "Bad parameters: you must choose at least one stream");
	CHECK(BENCH_ASK(&b, engine_container_attach, "c1", &how)->kind == ENGINE_ENDPOINT);
	CHECK(BENCH_ASK(&b, engine_container_resize, "c1", 24, 80)->kind == ENGINE_DONE);
	(void)BENCH_ASK(&b, engine_container_kill, "c1", "");
	CHECK_INT(BENCH_ASK(&b, engine_container_top, "c1", "")->err_kind, ERR_CONFLICT);
	CHECK_INT(BENCH_ASK(&b, engine_container_resize, "c1", 24, 80)->err_kind, ERR_CONFLICT);
	CHECK(BENCH_ASK(&b, engine_container_stats, "c1")->kind == ENGINE_DONE);
	bench_close(&b);
}

TEST(copies_mount_the_root_of_a_stopped_container_for_as_long_as_they_take)
{
	const char *id;

	begin(NULL, 0);
	CHECK(BENCH_ASK(&b, engine_container_archive, "c1", "/etc")->kind == ENGINE_DONE);
	(void)BENCH_ASK(&b, engine_container_kill, "c1", "");
	id = bench_find(&b, "c1")->id;
	CHECK(!machine_container(&b.machine, id)->is_mounted);
	CHECK(BENCH_ASK(&b, engine_container_archive, "c1", "/etc")->kind == ENGINE_DONE);
	CHECK(BENCH_ASK(&b, engine_container_stat, "c1", "/etc")->kind == ENGINE_DONE);
	CHECK(BENCH_ASK(&b, engine_container_put_archive, "c1",
			&(struct content_put){ .path = "/tmp" })
		      ->kind == ENGINE_DONE);
	CHECK_STR(BENCH_ASK(&b, engine_container_archive, "c1", "")->text,
		  "bad parameter: path cannot be empty");
	CHECK(!machine_container(&b.machine, id)->is_mounted);
	CHECK_STR(b.machine.violation, "");
	bench_close(&b);
}

TEST(limits_of_a_running_container_change)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__HostConfig *limits = PB_NEW(&a, host_config);

	begin(NULL, 0);
	limits->memory = 64 << 20;
	CHECK(BENCH_ASK(&b, engine_container_update, "c1", limits)->kind == ENGINE_DONE);
	CHECK_INT(bench_find(&b, "c1")->host_config->memory, 64 << 20);
	limits->memory = 1;
	CHECK_STR(BENCH_ASK(&b, engine_container_update, "c1", limits)->text,
		  "Minimum memory limit allowed is 6MB");
	bench_close(&b);
}

TEST_MAIN()
