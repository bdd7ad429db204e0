#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "bench.h"
#include "host/run/conmon.h"
#include "test.h"

static struct bench b;

/* LISTED of this container, or NULL when it is not listed. */
static const struct runtime_listed *listed(const char *id)
{
	uint64_t ticket = ++b.last_ticket;
	const struct runtime_listed *found = NULL;
	const struct fact *f;

	b.run.list(b.run.self, ticket);
	while ((f = bench_answer(&b, ticket)) && f->runtime.kind != RUNTIME_LIST_END)
		if (f->runtime.kind == RUNTIME_LISTED && strcmp(f->runtime.id, id) == 0)
			found = &f->runtime.listed;
	CHECK(f);
	return found;
}

static pid_t conmon_of(const char *id)
{
	char bundle[200];
	pid_t pid;
	int fd;

	(void)snprintf(bundle, sizeof(bundle), "%s/bundles/%s", b.exec_root, id);
	fd = conmon_find(bundle, &pid);
	CHECK(fd >= 0);
	close(fd);
	return pid;
}

static void close_clean(const char *id)
{
	bench_remove(&b, id);
	CHECK_INT(count_mounts(b.root), 0);
	CHECK_INT(count_processes(b.root), 0);
	CHECK_INT(count_cgroups(), 0);
	bench_close(&b);
}

TEST(what_runs_is_found_again_and_its_end_is_told)
{
	const struct runtime_listed *l;
	const struct fact *f;
	pid_t pid;

	bench_open(&b);
	pid = (pid_t)bench_start(&b, "c1", &(struct recipe){ .script = "sleep 0.5; exit 8" }, NULL)
		      ->runtime.pid;
	bench_reopen(&b);
	l = listed("c1");
	CHECK(l && l->is_running && l->has_layer && l->is_mounted && !l->has_exited &&
	      !l->is_paused);
	CHECK_INT(l->pid, pid);
	CHECK(l->started_ns > 0);
	f = bench_fact(&b, RUNTIME_EXITED, "c1");
	CHECK_INT(f->runtime.exit_code, 8);
	l = listed("c1");
	CHECK(l && !l->is_running && l->has_exited && l->exit_code == 8);
	close_clean("c1");
}

TEST(what_ended_meanwhile_is_listed_with_its_exit_code)
{
	const struct runtime_listed *l;
	int64_t started_ns;

	bench_open(&b);
	started_ns = bench_start(&b, "c1", &(struct recipe){ .script = "sleep 0.2; exit 8" }, NULL)
			     ->runtime.at_ns;
	bench_stop(&b);
	usleep(400000);
	bench_begin(&b);
	l = listed("c1");
	CHECK(l && !l->is_running && l->has_exited);
	CHECK_INT(l->exit_code, 8);
	CHECK(l->ended_ns >= started_ns + 150000000 && l->ended_ns <= started_ns + 400000000);
	CHECK_INT(count_processes(b.root), 0);
	close_clean("c1");
}

TEST(a_paused_container_is_found_paused)
{
	bench_open(&b);
	bench_start(&b, "c1", &(struct recipe){ .script = "sleep 1000" }, NULL);
	b.run.pause(b.run.self, ++b.last_ticket, "c1");
	CHECK(bench_answer(&b, b.last_ticket));
	bench_reopen(&b);
	CHECK(listed("c1")->is_paused);
	b.run.signal(b.run.self, ++b.last_ticket, "c1", SIGKILL);
	CHECK(bench_fact(&b, RUNTIME_EXITED, "c1"));
	close_clean("c1");
}

TEST(a_container_whose_conmon_is_killed_ends_with_137)
{
	bench_open(&b);
	bench_start(&b, "c1", &(struct recipe){ .script = "sleep 1000" }, NULL);
	CHECK(kill(conmon_of("c1"), SIGKILL) == 0);
	CHECK_INT(bench_fact(&b, RUNTIME_EXITED, "c1")->runtime.exit_code, 137);
	close_clean("c1");
}

TEST(calls_made_before_it_is_known_what_runs_wait_for_that)
{
	bench_open(&b);
	bench_start(&b, "c1", &(struct recipe){ .script = "sleep 1000" }, NULL);
	bench_reopen(&b);
	b.run.signal(b.run.self, 900, "c1", SIGKILL);
	CHECK_INT(bench_answer(&b, 900)->runtime.kind, RUNTIME_DONE);
	CHECK(bench_fact(&b, RUNTIME_EXITED, "c1"));
	close_clean("c1");
}

TEST(a_daemon_that_is_killed_while_it_starts_containers_finds_all_of_them)
{
	enum { COUNT = 6 };
	int running = 0, started[2];
	pid_t child;
	char byte;

	CHECK(pipe(started) == 0);
	bench_open(&b);
	bench_stop(&b);
	child = fork();
	if (child == 0) {
		/* Killed when two of its starts are through. */
		bench_begin(&b);
		for (int i = 0; i < COUNT; i++) {
			char id[8];

			(void)snprintf(id, sizeof(id), "c%d", i);
			bench_start(&b, id, &(struct recipe){ .script = "sleep 1000" }, NULL);
			CHECK(write(started[1], "", 1) == 1);
		}
		pause();
	}
	for (int i = 0; i < 2; i++)
		CHECK(read(started[0], &byte, 1) == 1);
	usleep(15000); /* the third is under way */
	kill(child, SIGKILL);
	close(started[0]);
	close(started[1]);
	waitpid(child, NULL, 0);
	usleep(200000); /* what it had begun settles */

	bench_begin(&b);
	for (int i = 0; i < COUNT; i++) {
		const struct runtime_listed *l;
		const struct fact *f;
		char id[8];

		(void)snprintf(id, sizeof(id), "c%d", i);
		l = listed(id);
		running += l && l->is_running;
		if (l && l->is_running) {
			b.run.signal(b.run.self, ++b.last_ticket, id, SIGKILL);
			CHECK(bench_fact(&b, RUNTIME_EXITED, id));
		}
		b.run.remove(b.run.self, ++b.last_ticket, id);
		f = bench_answer(&b, b.last_ticket);
		CHECK(f && f->runtime.kind == RUNTIME_DONE);
	}
	CHECK(running >= 2);
	CHECK_INT(count_processes(b.root), 0);
	CHECK_INT(count_mounts(b.root), 0);
	CHECK_INT(count_cgroups(), 0);
	bench_close(&b);
}

int main(int argc, char **argv)
{
	if (!bench_can_run())
		return 0;
	bench_enter();
	return test_run_all(argc, argv);
}
