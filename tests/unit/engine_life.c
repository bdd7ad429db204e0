#include "engine_bench.h"

static struct bench b;

static void begin(void)
{
	bench_open(&b, 1);
	CHECK(bench_pull(&b, "busybox") && bench_last(&b)->kind == ENGINE_DONE);
}

static void end(void)
{
	CHECK_STR(b.machine.violation, "");
	bench_close(&b);
}

TEST(a_container_is_created_started_waited_for_and_removed)
{
	uint64_t wait;

	begin();
	CHECK(bench_create(&b, "c1", "top")->kind == ENGINE_DONE);
	CHECK_STR(bench_state(&b, "c1"), "created");
	wait = bench_ticket(&b);
	engine_container_wait(b.engine, wait, "c1", "next-exit", b.now);
	CHECK(BENCH_ASK(&b, engine_container_start, "c1")->kind == ENGINE_DONE);
	CHECK_STR(bench_state(&b, "c1"), "running");
	CHECK(!bench_answer(&b, wait));
	CHECK_STR(bench_find(&b, "c1")->endpoints[0]->ip_address, "172.17.0.2");
	CHECK_STR(bench_find(&b, "c1")->endpoints[0]->mac_address, "02:42:ac:11:00:02");

	machine_end(&b.machine, bench_find(&b, "c1")->id, 3);
	(void)bench_settle(&b);
	CHECK_STR(bench_state(&b, "c1"), "exited");
	CHECK_INT(bench_answer(&b, wait)->exit_code, 3);
	CHECK_STR(bench_find(&b, "c1")->endpoints[0]->ip_address, "");
	CHECK_INT(b.machine.sandboxes.count, 0);

	CHECK(BENCH_ASK(&b, engine_container_remove, "c1", ((struct engine_remove){ 0 }))->kind ==
	      ENGINE_DONE);
	CHECK_STR(bench_state(&b, "c1"), "gone");
	CHECK_INT(b.machine.containers.count, 0);
	end();
}

static const struct bench_answer *create_with_folder(const char *name, bool makes_it)
{
	struct bench_order o;
	Pb__Mount *m;

	bench_order(&o, name, "top");
	m = PB_NEW(&o.memory, mount);
	m->source = "/srv/data";
	m->target = "/data";
	m->bind_options = pb_new(&o.memory, &pb__mount__bind_options__descriptor);
	m->bind_options->createmountpoint = makes_it;
	PB_APPEND(&o.memory, o.host, mounts, m);
	return bench_create_order(&b, &o);
}

TEST(a_folder_that_is_missing_is_refused_when_the_container_is_made)
{
	const struct bench_answer *a;

	begin();
	CHECK(create_with_folder("there", false)->kind == ENGINE_DONE);
	(void)snprintf(b.machine.missing_path, sizeof(b.machine.missing_path), "/srv/data");
	a = create_with_folder("missing", false);
	CHECK(a->kind == ENGINE_FAILED);
	CHECK_INT(a->err_kind, ERR_INVALID);
	CHECK_STR(a->text, "bind source path does not exist");
	CHECK_STR(bench_state(&b, "missing"), "gone");
	CHECK(create_with_folder("made", true)->kind == ENGINE_DONE);
	CHECK_INT(b.machine.containers.count, 2);
	end();
}

TEST(run_rm_waits_for_removal_and_hears_the_exit_code)
{
	struct bench_order o;
	uint64_t wait;

	begin();
	bench_order(&o, "once", "exit:7");
	o.host->auto_remove = true;
	(void)bench_create_order(&b, &o);
	wait = bench_ticket(&b);
	engine_container_wait(b.engine, wait, "once", "removed", b.now);
	(void)BENCH_ASK(&b, engine_container_start, "once");

	CHECK_STR(bench_state(&b, "once"), "gone");
	CHECK(bench_answer(&b, wait));
	CHECK_INT(bench_answer(&b, wait)->exit_code, 7);
	CHECK_INT(b.machine.containers.count, 0);
	end();
}

TEST(a_start_that_fails_is_no_exit)
{
	uint64_t next, removed;

	begin();
	(void)bench_create(&b, "c1", "missing");
	next = bench_ticket(&b);
	engine_container_wait(b.engine, next, "c1", "next-exit", b.now);
	removed = bench_ticket(&b);
	engine_container_wait(b.engine, removed, "c1", "removed", b.now);
	CHECK(BENCH_ASK(&b, engine_container_start, "c1")->kind == ENGINE_FAILED);
	CHECK(!bench_answer(&b, next));

	(void)BENCH_ASK(&b, engine_container_remove, "c1", ((struct engine_remove){ 0 }));
	CHECK_INT(bench_answer(&b, next)->exit_code, 127);
	CHECK_INT(bench_answer(&b, removed)->exit_code, 127);
	end();
}

TEST(a_weight_that_the_kernel_lacks_is_discarded_with_a_warning)
{
	struct bench_order o;

	begin();
	bench_order(&o, "heavy", "top");
	o.host->blkio_weight = 300;
	(void)bench_create_order(&b, &o);
	CHECK_INT(bench_find(&b, "heavy")->host_config->blkio_weight, 300);
	b.config.lacks_io_weight = true;
	bench_crash(&b);
	bench_order(&o, "light", "top");
	o.host->blkio_weight = 300;
	CHECK_INT(bench_create_order(&b, &o)->warning_count, 1);
	CHECK_INT(bench_find(&b, "light")->host_config->blkio_weight, 0);
	end();
}

TEST(what_a_container_changed_is_listed)
{
	const struct bench_answer *a;

	begin();
	(void)bench_create(&b, "c1", "top");
	a = BENCH_ASK(&b, engine_container_changes, "c1");
	CHECK_INT(a->line_count, 3);
	CHECK_STR(a->lines, "C /etc;A /etc/new;D /etc/old;");
	end();
}

TEST(a_start_that_fails_of_one_that_goes_by_itself_is_told_when_it_is_gone)
{
	const struct bench_answer *a;
	struct bench_order o;

	begin();
	bench_order(&o, "once", "missing");
	o.host->auto_remove = true;
	(void)bench_create_order(&b, &o);
	a = BENCH_ASK(&b, engine_container_start, "once");
	CHECK(a->kind == ENGINE_FAILED && a->exit_code == 127);
	CHECK_STR(bench_state(&b, "once"), "gone");
	CHECK_STR(b.events + strlen(b.events) - strlen("container destroy;"), "container destroy;");
	end();
}

TEST(events_tell_the_life_of_a_run)
{
	begin();
	b.events[0] = '\0';
	(void)bench_create(&b, "c1", "true");
	(void)BENCH_ASK(&b, engine_container_start, "c1");
	(void)BENCH_ASK(&b, engine_container_remove, "c1", ((struct engine_remove){ 0 }));
	CHECK_STR(
		b.events,
		"container create;network connect;container start;container die;network disconnect;"
		"container destroy;");
	end();
}

TEST(names_conflict_with_dockers_words)
{
	const struct bench_answer *a;
	char want[512];

	begin();
	(void)bench_create(&b, "c1", "top");
	a = bench_create(&b, "c1", "top");
	CHECK_INT(a->err_kind, ERR_CONFLICT);
	snprintf(want, sizeof(want),
		 "Conflict. The container name \"/c1\" is already in use by container \"%s\". You "
		 "have to remove (or rename) "
		 "that container to be able to reuse that name.",
		 bench_find(&b, "c1")->id);
	CHECK_STR(a->text, want);

	a = bench_create(&b, "-x", "top");
	CHECK_INT(a->err_kind, ERR_INVALID);
	CHECK_STR(a->text,
		  "Invalid container name (-x), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed");
	end();
}

TEST(a_missing_image_is_the_404_that_makes_clients_pull)
{
	struct bench_order o;
	const struct bench_answer *a;

	begin();
	bench_order(&o, "c1", "top");
	o.config->image = "nothere";
	a = bench_create_order(&b, &o);
	CHECK_INT(a->err_kind, ERR_NOT_FOUND);
	CHECK_STR(a->text, "No such image: nothere:latest");
	CHECK_INT(b.machine.containers.count, 0);
	end();
}

TEST(a_failed_start_says_why_and_leaves_nothing_behind)
{
	const struct bench_answer *a;

	begin();
	(void)bench_create(&b, "c1", "missing");
	a = BENCH_ASK(&b, engine_container_start, "c1");
	CHECK_INT(a->kind, ENGINE_FAILED);
	CHECK_INT(a->exit_code, 127);
	CHECK_STR(a->text, "exec: \"missing\": executable file not found in $PATH");
	CHECK_STR(bench_state(&b, "c1"), "created");
	CHECK_INT(bench_find(&b, "c1")->exit_code, 127);
	CHECK_INT(b.machine.sandboxes.count, 0);
	CHECK(!machine_container(&b.machine, bench_find(&b, "c1")->id)->is_mounted);
	end();
}

TEST(an_unknown_user_is_found_before_anything_runs)
{
	struct bench_order o;

	begin();
	bench_order(&o, "c1", "top");
	o.config->user = "nobody-knows";
	(void)bench_create_order(&b, &o);
	CHECK_STR(BENCH_ASK(&b, engine_container_start, "c1")->text,
		  "unable to find user nobody-knows: no matching entries in passwd file");
	end();
}

TEST(starting_what_runs_and_stopping_what_does_not_is_no_error)
{
	begin();
	(void)bench_create(&b, "c1", "top");
	(void)BENCH_ASK(&b, engine_container_start, "c1");
	CHECK(BENCH_ASK(&b, engine_container_start, "c1")->was_so_already);
	CHECK(!BENCH_ASK(&b, engine_container_stop, "c1", "", 10)->was_so_already);
	CHECK_INT(bench_find(&b, "c1")->exit_code, 143);
	CHECK(BENCH_ASK(&b, engine_container_stop, "c1", "", 10)->was_so_already);
	end();
}

TEST(what_does_not_hear_the_stop_signal_is_killed_in_time)
{
	uint64_t stop;

	begin();
	(void)bench_create(&b, "c1", "stubborn");
	(void)BENCH_ASK(&b, engine_container_start, "c1");
	stop = bench_ticket(&b);
	engine_container_stop(b.engine, stop, "c1", "", 5, b.now);
	bench_run(&b, 4900);
	CHECK(!bench_answer(&b, stop));
	CHECK_STR(bench_state(&b, "c1"), "running");
	bench_run(&b, 200);
	CHECK(bench_answer(&b, stop)->kind == ENGINE_DONE);
	CHECK_INT(bench_find(&b, "c1")->exit_code, 137);
	end();
}

TEST(kill_refuses_what_does_not_run)
{
	const struct bench_answer *a;
	char want[512];

	begin();
	(void)bench_create(&b, "c1", "top");
	a = BENCH_ASK(&b, engine_container_kill, "c1", "");
	CHECK_INT(a->err_kind, ERR_CONFLICT);
	snprintf(want, sizeof(want), "Cannot kill container: c1: Container %s is not running",
		 bench_find(&b, "c1")->id);
	CHECK_STR(a->text, want);
	(void)BENCH_ASK(&b, engine_container_start, "c1");
	CHECK_STR(BENCH_ASK(&b, engine_container_kill, "c1", "NOPE")->text, "Invalid signal: NOPE");
	CHECK(BENCH_ASK(&b, engine_container_kill, "c1", "SIGUSR1")->kind == ENGINE_DONE);
	CHECK_STR(bench_state(&b, "c1"), "running");
	CHECK(BENCH_ASK(&b, engine_container_kill, "c1", "")->kind == ENGINE_DONE);
	CHECK_STR(bench_state(&b, "c1"), "exited");
	end();
}

TEST(a_paused_container_refuses_and_thaws_for_a_stop)
{
	begin();
	(void)bench_create(&b, "c1", "top");
	(void)BENCH_ASK(&b, engine_container_start, "c1");
	CHECK(BENCH_ASK(&b, engine_container_pause, "c1")->kind == ENGINE_DONE);
	CHECK_STR(bench_state(&b, "c1"), "paused");
	CHECK_INT(BENCH_ASK(&b, engine_container_pause, "c1")->err_kind, ERR_CONFLICT);
	CHECK_STR(BENCH_ASK(&b, engine_container_start, "c1")->text,
		  "cannot start a paused container, try unpause instead");
	CHECK(BENCH_ASK(&b, engine_container_unpause, "c1")->kind == ENGINE_DONE);
	(void)BENCH_ASK(&b, engine_container_pause, "c1");
	CHECK(BENCH_ASK(&b, engine_container_stop, "c1", "", 10)->kind == ENGINE_DONE);
	CHECK_STR(bench_state(&b, "c1"), "exited");
	end();
}

TEST(a_running_container_is_removed_by_force_alone)
{
	const struct bench_answer *a;
	char want[512];

	begin();
	(void)bench_create(&b, "c1", "stubborn");
	(void)BENCH_ASK(&b, engine_container_start, "c1");
	a = BENCH_ASK(&b, engine_container_remove, "c1", ((struct engine_remove){ 0 }));
	CHECK_INT(a->err_kind, ERR_CONFLICT);
	snprintf(want, sizeof(want),
		 "You cannot remove a running container %s. Stop the container before attempting "
		 "removal or force remove",
		 bench_find(&b, "c1")->id);
	CHECK_STR(a->text, want);
	CHECK(BENCH_ASK(&b, engine_container_remove, "c1",
			((struct engine_remove){ .force = true }))
		      ->kind == ENGINE_DONE);
	CHECK_STR(bench_state(&b, "c1"), "gone");
	end();
}

TEST(restart_stops_and_starts_again)
{
	int64_t pid;

	begin();
	(void)bench_create(&b, "c1", "top");
	(void)BENCH_ASK(&b, engine_container_start, "c1");
	pid = bench_find(&b, "c1")->pid;
	CHECK(BENCH_ASK(&b, engine_container_restart, "c1", "", 10)->kind == ENGINE_DONE);
	CHECK_STR(bench_state(&b, "c1"), "running");
	CHECK(bench_find(&b, "c1")->pid != pid);
	end();
}

static void create_with_policy(const char *name, const char *program, const char *policy,
			       int64_t max)
{
	struct bench_order o;

	bench_order(&o, name, program);
	o.host->restart_policy->name = (char *)policy;
	o.host->restart_policy->maximum_retry_count = max;
	(void)bench_create_order(&b, &o);
	(void)BENCH_ASK(&b, engine_container_start, name);
}

TEST(always_restarts_with_a_doubling_pause)
{
	begin();
	create_with_policy("c1", "false", "always", 0);
	CHECK_STR(bench_state(&b, "c1"), "restarting");
	bench_run(&b, 99);
	CHECK_INT(bench_find(&b, "c1")->restart_count, 1);
	bench_run(&b, 2);
	CHECK_INT(bench_find(&b, "c1")->restart_count, 2);
	bench_run(&b, 150);
	CHECK_INT(bench_find(&b, "c1")->restart_count, 2);
	bench_run(&b, 100);
	CHECK_INT(bench_find(&b, "c1")->restart_count, 3);
	bench_run(&b, 10 * 60000);
	CHECK(bench_find(&b, "c1")->restart_count > 15 && bench_find(&b, "c1")->restart_count < 22);
	CHECK(BENCH_ASK(&b, engine_container_stop, "c1", "", 10)->kind == ENGINE_DONE);
	CHECK_STR(bench_state(&b, "c1"), "exited");
	bench_run(&b, 120000);
	CHECK_STR(bench_state(&b, "c1"), "exited");
	end();
}

TEST(on_failure_gives_up_after_its_count_and_never_restarts_success)
{
	begin();
	create_with_policy("bad", "false", "on-failure", 3);
	bench_run(&b, 60000);
	CHECK_STR(bench_state(&b, "bad"), "exited");
	CHECK_INT(bench_find(&b, "bad")->restart_count, 3);
	create_with_policy("good", "true", "on-failure", 3);
	CHECK_STR(bench_state(&b, "good"), "exited");
	CHECK_INT(bench_find(&b, "good")->restart_count, 0);
	end();
}

TEST(a_stopped_container_stays_stopped_whatever_its_policy)
{
	begin();
	create_with_policy("c1", "top", "always", 0);
	(void)BENCH_ASK(&b, engine_container_stop, "c1", "", 10);
	bench_run(&b, 1000);
	CHECK_STR(bench_state(&b, "c1"), "exited");
	end();
}

TEST(who_has_gone_waits_for_nothing)
{
	uint64_t wait;

	begin();
	(void)bench_create(&b, "c1", "top");
	(void)BENCH_ASK(&b, engine_container_start, "c1");
	wait = bench_ticket(&b);
	engine_container_wait(b.engine, wait, "c1", "", b.now);
	engine_forget(b.engine, wait);
	(void)BENCH_ASK(&b, engine_container_kill, "c1", "");
	CHECK(!bench_answer(&b, wait));
	end();
}

TEST(ids_are_found_by_prefix_and_names_with_a_slash)
{
	char prefix[13];

	begin();
	(void)bench_create(&b, "c1", "top");
	snprintf(prefix, sizeof(prefix), "%s", bench_find(&b, "c1")->id);
	CHECK(bench_find(&b, prefix) == bench_find(&b, "/c1"));
	CHECK_STR(BENCH_ASK(&b, engine_container_start, "zz")->text, "No such container: zz");
	end();
}

TEST(rename_gives_the_old_name_back)
{
	begin();
	(void)bench_create(&b, "c1", "top");
	(void)bench_create(&b, "c2", "top");
	CHECK_INT(BENCH_ASK(&b, engine_container_rename, "c1", "c2")->err_kind, ERR_CONFLICT);
	CHECK(BENCH_ASK(&b, engine_container_rename, "c1", "c3")->kind == ENGINE_DONE);
	CHECK_STR(bench_state(&b, "c1"), "gone");
	CHECK_STR(bench_state(&b, "c3"), "created");
	CHECK(bench_create(&b, "c1", "top")->kind == ENGINE_DONE);
	end();
}

TEST(requests_for_one_container_wait_for_each_other)
{
	uint64_t start, remove;

	begin();
	(void)bench_create(&b, "c1", "top");
	start = bench_ticket(&b);
	engine_container_start(b.engine, start, "c1", b.now);
	remove = bench_ticket(&b);
	engine_container_remove(b.engine, remove, "c1", (struct engine_remove){ .force = true },
				b.now);
	(void)bench_settle(&b);
	CHECK(bench_answer(&b, start)->kind == ENGINE_DONE);
	CHECK(bench_answer(&b, remove)->kind == ENGINE_DONE);
	CHECK_STR(bench_state(&b, "c1"), "gone");
	end();
}

TEST(a_broken_journal_ends_all_promises)
{
	begin();
	b.machine.journal_is_broken = true;
	CHECK_INT(bench_create(&b, "c1", "top")->kind, ENGINE_FAILED);
	CHECK_STR(bench_create(&b, "c2", "top")->text,
		  "writing the engine's records: No space left on device");
	end();
}

TEST_MAIN()
