#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "bench.h"
#include "test.h"

static struct bench b;
static struct client c, c2;

static uint64_t attach(const char *id, const struct runtime_attach *how)
{
	const struct fact *f;

	b.run.attach(b.run.self, ++b.last_ticket, id, how);
	f = bench_answer(&b, b.last_ticket);
	CHECK(f && f->runtime.kind == RUNTIME_ENDPOINT);
	return f->runtime.endpoint;
}

static bool is_over(struct bench *bench)
{
	(void)bench;
	return c.is_over;
}

static bool has_output(struct bench *bench)
{
	(void)bench;
	return c.out.len > 0;
}

static bool has_again(struct bench *bench)
{
	(void)bench;
	return c.out.data && strstr(c.out.data, "again");
}

static const struct runtime_attach all = { .want_stdin = true,
					   .want_stdout = true,
					   .want_stderr = true };

static void kill_and_close(const char *id)
{
	b.run.signal(b.run.self, ++b.last_ticket, id, SIGKILL);
	CHECK(bench_fact(&b, RUNTIME_EXITED, id));
	bench_remove(&b, id);
	client_clear(&c);
	client_clear(&c2);
	bench_close(&b);
}

static void end_and_close(const char *id, int exit_code)
{
	const struct fact *f = bench_fact(&b, RUNTIME_EXITED, id);

	CHECK(f);
	CHECK_INT(f->runtime.exit_code, exit_code);
	bench_remove(&b, id);
	client_clear(&c);
	client_clear(&c2);
	CHECK_INT(b.endpoints.all.count, 0);
	bench_close(&b);
}

TEST(who_attached_before_the_start_misses_nothing_and_half_closes)
{
	struct runtime_start what = { .open_stdin = true, .stdin_once = true };

	bench_open(&b);
	client_join(&b, &c, attach("c1", &all));
	CHECK(endpoint_input(c.ep, STR("one\n")));
	CHECK(bench_start(&b, "c1",
			  &(struct recipe){
				  .script = "echo first; echo oops >&2; cat; echo last; exit 3" },
			  &what)
		      ->runtime.kind == RUNTIME_STARTED);
	endpoint_input(c.ep, STR("two\n"));
	endpoint_end_input(c.ep);
	CHECK(bench_until(&b, is_over));

	CHECK_STR(c.out.data, "first\none\ntwo\nlast\n");
	CHECK_STR(c.err.data, "oops\n");
	CHECK_STR(c.reason, "");
	end_and_close("c1", 3);
}

TEST(a_terminal_has_one_stream_a_size_and_keys_to_leave_it)
{
	struct runtime_start what = { .open_stdin = true, .height = 33, .width = 44 };
	struct runtime_attach how = all;

	bench_open(&b);
	how.detach_keys = "\x10\x11";
	how.detach_key_count = 2;
	client_join(&b, &c, attach("c1", &how));
	CHECK(bench_start(&b, "c1", &(struct recipe){ .script = "stty size; cat", .tty = true },
			  &what)
		      ->runtime.kind == RUNTIME_STARTED);
	CHECK(bench_until(&b, has_output));
	CHECK_STR(c.out.data, "33 44\r\n");

	endpoint_input(c.ep, STR("a\x10"));
	endpoint_input(c.ep, STR("\x11 rest"));
	CHECK(bench_fact(&b, RUNTIME_DETACHED, "c1"));
	CHECK(bench_until(&b, is_over));
	CHECK(!strstr(c.out.data, "rest"));
	client_clear(&c);

	client_join(&b, &c, attach("c1", &all)); /* it goes on, and so may another */
	b.run.resize(b.run.self, ++b.last_ticket, "c1", 10, 20);
	CHECK(bench_answer(&b, b.last_ticket)->runtime.kind == RUNTIME_DONE);
	endpoint_input(c.ep, STR("again\n"));
	CHECK(bench_until(&b, has_again));
	endpoint_leave(c.ep);
	kill_and_close("c1");
}

TEST(two_clients_see_the_same_and_one_may_go)
{
	struct runtime_start what = { .open_stdin = true };

	bench_open(&b);
	client_join(&b, &c, attach("c1", &all));
	client_join(&b, &c2, attach("c1", &(struct runtime_attach){ .want_stdout = true }));
	bench_start(&b, "c1", &(struct recipe){ .script = "cat; cat" }, &what);
	endpoint_input(c.ep, STR("hello\n"));
	CHECK(bench_until(&b, has_output));
	bench_run_ms(&b, 50);
	CHECK_STR(c2.out.data, "hello\n");
	endpoint_end_input(c.ep); /* nothing: input stays open without stdin_once */
	endpoint_leave(c2.ep);
	buf_reset(&c.out);
	endpoint_input(c.ep, STR("more\n"));
	CHECK(bench_until(&b, has_output));
	CHECK_STR(c.out.data, "more\n");
	endpoint_leave(c.ep);
	kill_and_close("c1");
}

static bool has_stalled(struct bench *bench)
{
	(void)bench;
	return c.out.len > 0;
}

TEST(a_client_that_does_not_read_loses_nothing_and_delays_no_exit)
{
	bench_open(&b);
	c.stalls = true;
	client_join(&b, &c, attach("c1", &(struct runtime_attach){ .want_stdout = true }));
	bench_start(&b, "c1", &(struct recipe){ .script = "sleep 0.2; seq 20000; exit 6" }, NULL);
	CHECK(bench_until(&b, has_stalled));
	CHECK_INT(bench_fact(&b, RUNTIME_EXITED, "c1")->runtime.exit_code, 6);
	CHECK(!c.is_over && c.out.len < 100000);

	c.stalls = false;
	endpoint_flow(c.ep, true);
	CHECK(bench_until(&b, is_over));
	CHECK_INT(c.out.len, 108894); /* of `seq 20000` */
	bench_remove(&b, "c1");
	client_clear(&c);
	bench_close(&b);
}

TEST(much_input_reaches_a_slow_process_whole)
{
	struct runtime_start what = { .open_stdin = true, .stdin_once = true };
	AUTO_BUF struct buf input = BUF_MAX(1 << 20);

	bench_open(&b);
	buf_extend(&input, 1 << 20);
	memset(input.data, 'x', input.len);
	client_join(&b, &c, attach("c1", &all));
	bench_start(&b, "c1", &(struct recipe){ .script = "sleep 0.2; wc -c" }, &what);
	CHECK(!endpoint_input(c.ep, buf_str(&input)));
	endpoint_end_input(c.ep);
	CHECK(bench_until(&b, is_over));
	CHECK_STR(c.out.data, "1048576\n");
	end_and_close("c1", 0);
}

TEST(attaching_with_replay_has_no_gap_and_no_double)
{
	bench_open(&b);
	bench_start(&b, "c1",
		    &(struct recipe){ .script =
					      "i=0; while [ $i -lt 200 ]; do echo $i; i=$((i+1)); "
					      "[ $i != 100 ] || sleep 0.1; done" },
		    &(struct runtime_start){ 0 });
	client_join(&b, &c,
		    attach("c1", &(struct runtime_attach){ .want_stdout = true, .replay = true }));
	CHECK(bench_until(&b, is_over));
	CHECK_INT(c.out.len, 10 * 2 + 90 * 3 + 100 * 4);
	end_and_close("c1", 0);
}

TEST(an_endpoint_of_a_container_that_never_starts_can_be_dropped)
{
	uint64_t endpoint;

	bench_open(&b);
	endpoint = attach("c9", &all);
	b.run.drop_endpoint(b.run.self, endpoint);
	bench_run_ms(&b, 20);
	CHECK_INT(b.endpoints.all.count, 0);
	bench_close(&b);
}

TEST(a_client_of_a_start_that_fails_is_told_why)
{
	const char *args[] = { "/no/such", NULL };

	bench_open(&b);
	client_join(&b, &c, attach("c1", &all));
	bench_start(&b, "c1", &(struct recipe){ .args = args }, NULL);
	CHECK(bench_until(&b, is_over));
	CHECK(strstr(c.reason, "OCI runtime create failed"));
	bench_remove(&b, "c1");
	client_clear(&c);
	bench_close(&b);
}

TEST(detaching_at_the_end_of_the_daemon_leaves_the_container_alone)
{
	bench_open(&b);
	client_join(&b, &c, attach("c1", &all));
	bench_start(&b, "c1", &(struct recipe){ .script = "sleep 0.3; exit 2" }, NULL);
	bench_reopen(&b);
	CHECK(c.is_over);
	CHECK_STR(c.reason, "the daemon is going down");
	CHECK_INT(bench_fact(&b, RUNTIME_EXITED, "c1")->runtime.exit_code, 2);
	bench_remove(&b, "c1");
	client_clear(&c);
	bench_close(&b);
}

int main(int argc, char **argv)
{
	if (!bench_can_run())
		return 0;
	bench_enter();
	return test_run_all(argc, argv);
}
