#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "bench.h"
#include "file/file.h"
#include "test.h"

static struct bench b;
static struct client c;

static bool is_over(struct bench *bench)
{
	(void)bench;
	return c.is_over;
}

static void join_logs(const char *id, const struct runtime_logs *how)
{
	const struct fact *f;

	client_clear(&c);
	b.run.logs(b.run.self, ++b.last_ticket, id, how);
	f = bench_answer(&b, b.last_ticket);
	CHECK(f && f->runtime.kind == RUNTIME_ENDPOINT);
	client_join(&b, &c, f->runtime.endpoint);
}

static const char *logs_of(const char *id, const struct runtime_logs *how)
{
	join_logs(id, how);
	CHECK(bench_until(&b, is_over));
	return c.out.data ? c.out.data : "";
}

static void close_bench(const char *id)
{
	bench_remove(&b, id);
	client_clear(&c);
	CHECK_INT(b.endpoints.all.count, 0);
	bench_close(&b);
}

#define BOTH .want_stdout = true, .want_stderr = true

TEST(streams_tail_and_times_are_chosen)
{
	bench_open(&b);
	bench_run(&b, "c1",
		  &(struct recipe){ .script = "for i in 1 2 3 4 5; do echo out$i; sleep 0.01; "
					      "echo err$i >&2; sleep 0.01; done; printf end" });

	CHECK_STR(logs_of("c1", &(struct runtime_logs){ .want_stdout = true, .tail = -1 }),
		  "out1\nout2\nout3\nout4\nout5\nend");
	CHECK_STR(logs_of("c1", &(struct runtime_logs){ BOTH, .tail = 2 }), "end");
	CHECK_STR(c.err.data, "err5\n");
	CHECK_STR(logs_of("c1", &(struct runtime_logs){ .want_stderr = true, .tail = 3 }), "");
	CHECK_STR(c.err.data, "err3\nerr4\nerr5\n");
	CHECK_STR(logs_of("c1", &(struct runtime_logs){ BOTH, .tail = 0 }), "");
	logs_of("c1", &(struct runtime_logs){ .want_stdout = true, .tail = 3, .timestamps = true });
	CHECK(c.out.len == 2 * (30 + 1 + 5) + 30 + 1 + 3 && c.out.data[19] == '.' &&
	      c.out.data[29] == 'Z' && c.out.data[30] == ' ');
	close_bench("c1");
}

TEST(since_and_until_bound_what_is_shown)
{
	const struct fact *f;
	int64_t start_ns, end_ns;

	bench_open(&b);
	f = bench_start(
		&b, "c1",
		&(struct recipe){ .script = "echo a; sleep 0.3; echo b; sleep 0.3; echo c" }, NULL);
	start_ns = f->runtime.at_ns;
	CHECK(bench_fact(&b, RUNTIME_EXITED, "c1"));
	end_ns = start_ns + 150000000;
	CHECK_STR(logs_of("c1", &(struct runtime_logs){ BOTH, .tail = -1, .since_ns = end_ns }),
		  "b\nc\n");
	CHECK_STR(logs_of("c1", &(struct runtime_logs){ BOTH, .tail = -1, .until_ns = end_ns }),
		  "a\n");
	CHECK_STR(logs_of("c1", &(struct runtime_logs){ BOTH, .tail = -1, .since_ns = end_ns,
							.until_ns = end_ns + 300000000 }),
		  "b\n");
	close_bench("c1");
}

TEST(details_come_before_each_line)
{
	struct runtime_start what = { .log = { .attributes = "env=prod,tier=web" } };

	bench_open(&b);
	bench_start(&b, "c1", &(struct recipe){ .script = "echo a; echo b" }, &what);
	CHECK(bench_fact(&b, RUNTIME_EXITED, "c1"));
	CHECK_STR(logs_of("c1", &(struct runtime_logs){ BOTH, .tail = -1, .details = true }),
		  "env=prod,tier=web a\nenv=prod,tier=web b\n");
	close_bench("c1");
}

TEST(a_line_longer_than_conmons_buffer_comes_out_whole_with_one_time)
{
	bench_open(&b);
	bench_run(&b, "c1",
		  &(struct recipe){ .script = "head -c 50000 /dev/zero | tr '\\0' x; echo" });
	logs_of("c1", &(struct runtime_logs){ BOTH, .tail = -1, .timestamps = true });
	CHECK_INT(c.out.len, 31 + 50001);
	logs_of("c1", &(struct runtime_logs){ BOTH, .tail = 1 });
	CHECK_INT(c.out.len, 50001);
	close_bench("c1");
}

TEST(following_ends_with_the_container)
{
	bench_open(&b);
	bench_start(&b, "c1",
		    &(struct recipe){ .script = "echo a; sleep 0.2; echo b; sleep 0.2; echo c" },
		    NULL);
	CHECK_STR(logs_of("c1", &(struct runtime_logs){ BOTH, .tail = -1, .follow = true }),
		  "a\nb\nc\n");
	CHECK(bench_fact(&b, RUNTIME_EXITED, "c1"));
	CHECK_STR(logs_of("c1", &(struct runtime_logs){ BOTH, .tail = 1, .follow = true }), "c\n");
	close_bench("c1");
}

static const struct runtime_start rotated = {
	.log = { .file_size_max = 20000, .files_max = 3 },
};

/* Every line of the numbers 1..n once, in order. */
static void must_be_seq(const char *text, int n)
{
	int expected = 1;

	for (const char *at = text; *at; at = strchr(at, '\n') + 1)
		if (atoi(at) != expected++)
			TEST_FAIL("%d follows %d", atoi(at), expected - 2);
	CHECK_INT(expected, n + 1);
}

TEST(a_follower_reads_across_rotations_without_a_gap)
{
	char path[256];

	bench_open(&b);
	bench_start(
		&b, "c1",
		&(struct recipe){ .script = "n=0; for i in 1 2 3 4 5; do for j in $(seq 1000); do "
					    "n=$((n+1)); echo $n; done; sleep 0.7; done" },
		&rotated);
	must_be_seq(logs_of("c1", &(struct runtime_logs){ BOTH, .tail = -1, .follow = true }),
		    5000);
	CHECK(bench_fact(&b, RUNTIME_EXITED, "c1"));
	(void)snprintf(path, sizeof(path), "%s/containers/c1/c1-json.log.1", b.data_root);
	CHECK(file_exists(path));
	(void)snprintf(path, sizeof(path), "%s/containers/c1/c1-json.log.3", b.data_root);
	CHECK(!file_exists(path));
	logs_of("c1", &(struct runtime_logs){ BOTH, .tail = 1500 });
	CHECK(strncmp(c.out.data, "3501\n", 5) == 0);
	close_bench("c1");
}

TEST(a_reader_that_pauses_goes_on_where_it_was)
{
	bench_open(&b);
	bench_run(&b, "c1", &(struct recipe){ .script = "seq 60000" });
	c.stalls = true;
	join_logs("c1", &(struct runtime_logs){ BOTH, .tail = -1 });
	bench_run_ms(&b, 100);
	CHECK(c.out.len > 0 && c.out.len <= 256 << 10 && !c.is_over);
	c.stalls = false;
	endpoint_flow(c.ep, true);
	CHECK(bench_until(&b, is_over));
	must_be_seq(c.out.data, 60000);
	close_bench("c1");
}

TEST(without_a_log_there_is_nothing_to_read)
{
	struct runtime_start what = { .log = { .driver = RUNTIME_LOG_NONE } };

	bench_open(&b);
	bench_start(&b, "c1", &(struct recipe){ .script = "echo a" }, &what);
	CHECK(bench_fact(&b, RUNTIME_EXITED, "c1"));
	CHECK_STR(logs_of("c1", &(struct runtime_logs){ BOTH, .tail = -1 }), "");
	close_bench("c1");
}

int main(int argc, char **argv)
{
	if (!bench_can_run())
		return 0;
	bench_enter();
	return test_run_all(argc, argv);
}
