#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "bench.h"
#include "test.h"

static struct bench b;
static struct client c;

static bool is_over(struct bench *bench)
{
	(void)bench;
	return c.is_over;
}

static void begin(void)
{
	bench_open(&b);
	CHECK(bench_start(&b, "c1", &(struct recipe){ .script = "sleep 1000" }, NULL)
		      ->runtime.kind == RUNTIME_STARTED);
}

static void end(void)
{
	char path[256];

	b.run.signal(b.run.self, ++b.last_ticket, "c1", SIGKILL);
	CHECK(bench_fact(&b, RUNTIME_EXITED, "c1"));
	bench_remove(&b, "c1");
	bench_run_ms(&b, 100);
	(void)snprintf(path, sizeof(path), "%s/execs", b.exec_root);
	CHECK_INT(count_entries(path), 0);
	CHECK_INT(count_processes(b.root), 0);
	CHECK_INT(b.endpoints.all.count, 0);
	client_clear(&c);
	bench_close(&b);
}

static const struct fact *exec(const char *exec_id, const char *program, const char *script,
			       struct runtime_exec how)
{
	char process[1024];

	(void)snprintf(
		process, sizeof(process),
		"{\"terminal\":%s,\"user\":{\"uid\":0,\"gid\":0},\"args\":[\"%s\",\"-c\",\"%s\"],"
		"\"env\":[\"PATH=/bin\"],\"cwd\":\"/\"}",
		how.tty ? "true" : "false", program, script);
	how.id = exec_id;
	how.process = str_of(process);
	b.run.exec(b.run.self, ++b.last_ticket, "c1", &how);
	return bench_answer(&b, b.last_ticket);
}

static void attach(const char *exec_id)
{
	const struct fact *f;

	b.run.exec_attach(b.run.self, ++b.last_ticket, "c1", exec_id,
			  &(struct runtime_attach){
				  .want_stdin = true, .want_stdout = true, .want_stderr = true });
	f = bench_answer(&b, b.last_ticket);
	CHECK(f && f->runtime.kind == RUNTIME_ENDPOINT);
	client_join(&b, &c, f->runtime.endpoint);
}

static bool has_exited(void)
{
	struct fact *f;

	list_each (&b.facts, struct fact, link, f)
		if (f->kind == INPUT_RUNTIME && f->runtime.kind == RUNTIME_EXEC_EXITED)
			return true;
	return false;
}

TEST(an_attached_exec_gives_all_output_and_its_exit_code)
{
	const struct fact *f;

	begin();
	attach("e1");
	f = exec("e1", "/bin/sh", "echo out; echo err >&2; cat; exit 5",
		 (struct runtime_exec){ .open_stdin = true });
	if (f->runtime.kind != RUNTIME_STARTED)
		TEST_FAIL("%s", f->runtime.text);
	CHECK_STR(f->runtime.exec_id, "e1");
	endpoint_input(c.ep, STR("typed\n"));
	endpoint_end_input(c.ep);
	CHECK(bench_until(&b, is_over));
	CHECK_STR(c.out.data, "out\ntyped\n");
	CHECK_STR(c.err.data, "err\n");
	/* Who asks for the exit code at the end of the stream is told. */
	CHECK(has_exited());
	f = bench_fact(&b, RUNTIME_EXEC_EXITED, "c1");
	CHECK_INT(f->runtime.exit_code, 5);
	CHECK_STR(f->runtime.exec_id, "e1");
	end();
}

TEST(a_health_check_keeps_the_beginning_of_its_output)
{
	const struct fact *f;

	begin();
	CHECK(exec("e1", "/bin/sh", "seq 10000; exit 1", (struct runtime_exec){ .capture_max = 10 })
		      ->runtime.kind == RUNTIME_STARTED);
	f = bench_fact(&b, RUNTIME_EXEC_EXITED, "c1");
	CHECK_INT(f->runtime.exit_code, 1);
	CHECK_STR(f->runtime.output.ptr, "1\n2\n3\n4\n5\n");
	end();
}

TEST(an_exec_without_a_client_runs_and_can_be_killed)
{
	begin();
	CHECK(exec("e1", "/bin/sh", "sleep 1000", (struct runtime_exec){ 0 })->runtime.kind ==
	      RUNTIME_STARTED);
	b.run.exec_signal(b.run.self, 900, "c1", "e1", SIGKILL);
	CHECK_INT(bench_answer(&b, 900)->runtime.kind, RUNTIME_DONE);
	CHECK_INT(bench_fact(&b, RUNTIME_EXEC_EXITED, "c1")->runtime.exit_code, 137);
	b.run.exec_signal(b.run.self, 901, "c1", "e1", SIGKILL);
	CHECK_INT(bench_answer(&b, 901)->runtime.err_kind, ERR_CONFLICT);
	end();
}

TEST(an_exec_of_no_such_program_fails_with_127)
{
	const struct fact *f;

	begin();
	f = exec("e1", "/no/such", "", (struct runtime_exec){ 0 });
	CHECK_INT(f->runtime.kind, RUNTIME_FAILED);
	CHECK_INT(f->runtime.exit_code, 127);
	attach("e2");
	f = exec("e2", "/no/such", "", (struct runtime_exec){ 0 });
	CHECK_INT(f->runtime.exit_code, 127);
	CHECK(bench_until(&b, is_over));
	end();
}

TEST(an_exec_on_a_terminal_has_its_size)
{
	begin();
	attach("e1");
	CHECK(exec("e1", "/bin/sh", "sleep 0.1; stty size",
		   (struct runtime_exec){
			   .tty = true, .open_stdin = true, .height = 12, .width = 34 })
		      ->runtime.kind == RUNTIME_STARTED);
	CHECK(bench_until(&b, is_over));
	CHECK_STR(c.out.data, "12 34\r\n");
	CHECK(bench_fact(&b, RUNTIME_EXEC_EXITED, "c1"));
	end();
}

TEST(execs_end_with_their_container)
{
	begin();
	CHECK(exec("e1", "/bin/sh", "sleep 1000", (struct runtime_exec){ 0 })->runtime.kind ==
	      RUNTIME_STARTED);
	end();
}

TEST(an_exec_in_nothing_that_runs_is_a_conflict)
{
	begin();
	end();
	bench_open(&b);
	CHECK_INT(exec("e1", "/bin/sh", "true", (struct runtime_exec){ 0 })->runtime.err_kind,
		  ERR_CONFLICT);
	bench_close(&b);
}

int main(int argc, char **argv)
{
	if (!bench_can_run())
		return 0;
	bench_enter();
	return test_run_all(argc, argv);
}
