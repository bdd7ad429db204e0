#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "bench.h"
#include "test.h"

static struct bench b, b2;

#define CYCLES_DEFAULT 30

static int cycles(void)
{
	const char *wanted = getenv("SHOAL_CYCLES");

	return wanted ? atoi(wanted) : CYCLES_DEFAULT;
}

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void cycle(void)
{
	static const char process[] = "{\"user\":{\"uid\":0,\"gid\":0},\"args\":[\"/bin/true\"],"
				      "\"env\":[\"PATH=/bin\"],\"cwd\":\"/\"}";
	struct runtime_exec exec = { .id = "e1", .process = str_of(process), .capture_max = 100 };
	struct client c = { 0 };
	const struct fact *f;

	b.run.attach(b.run.self, ++b.last_ticket, "c1",
		     &(struct runtime_attach){ .want_stdout = true });
	f = bench_answer(&b, b.last_ticket);
	client_join(&b, &c, f->runtime.endpoint);
	f = bench_start(&b, "c1", &(struct recipe){ .script = "echo hi; sleep 1000" }, NULL);
	CHECK_INT(f->runtime.kind, RUNTIME_STARTED);
	b.run.exec(b.run.self, ++b.last_ticket, "c1", &exec);
	CHECK_INT(bench_answer(&b, b.last_ticket)->runtime.kind, RUNTIME_STARTED);
	CHECK_INT(bench_fact(&b, RUNTIME_EXEC_EXITED, "c1")->runtime.exit_code, 0);
	b.run.signal(b.run.self, ++b.last_ticket, "c1", SIGKILL);
	CHECK(bench_fact(&b, RUNTIME_EXITED, "c1"));
	bench_remove(&b, "c1");
	bench_run_ms(&b, 1);
	CHECK(c.is_over);
	CHECK_STR(c.out.data, "hi\n");
	client_clear(&c);
}

TEST(cycles_of_start_attach_exec_and_remove_leave_nothing)
{
	int descriptors, count = cycles();
	size_t memory;

	bench_open(&b);
	for (int i = 0; i < 3; i++)
		cycle();
	list_init(&b.facts);
	arena_clear(&b.memory);
	descriptors = count_descriptors();
	memory = mallinfo2().uordblks;
	for (int i = 0; i < count; i++)
		cycle();
	list_init(&b.facts);
	arena_clear(&b.memory);
	printf("  %d cycles; %d descriptors, %+ld bytes\n", count,
	       count_descriptors() - descriptors, (long)(mallinfo2().uordblks - memory));
	CHECK_INT(count_descriptors(), descriptors);
	CHECK(mallinfo2().uordblks < memory + (64 << 10));
	CHECK_INT(count_mounts(b.root), 0);
	CHECK_INT(count_processes(b.root), 0);
	CHECK_INT(count_cgroups(), 0);
	bench_close(&b);
}

static int compare_times(const void *a, const void *b_)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b_;

	return x < y ? -1 : x > y;
}

/* A number for the records, not a limit: machines differ. */
TEST(a_start_takes_some_milliseconds)
{
	enum { COUNT = 20 };
	int64_t took_us[COUNT], began_us;
	const char *args[] = { "/bin/true", NULL };

	bench_open(&b);
	for (int i = 0; i < COUNT; i++) {
		began_us = now_us();
		CHECK_INT(
			bench_start(&b, "c1", &(struct recipe){ .args = args }, NULL)->runtime.kind,
			RUNTIME_STARTED);
		took_us[i] = now_us() - began_us;
		CHECK(bench_fact(&b, RUNTIME_EXITED, "c1"));
	}
	qsort(took_us, COUNT, sizeof(took_us[0]), compare_times);
	printf("  create and start of /bin/true: median %.1f ms, worst %.1f ms\n",
	       (double)took_us[COUNT / 2] / 1000, (double)took_us[COUNT - 1] / 1000);
	bench_remove(&b, "c1");
	bench_close(&b);
}

TEST(two_roots_side_by_side_know_nothing_of_each_other)
{
	bench_open(&b);
	bench_open(&b2);
	CHECK_INT(bench_start(&b, "c1", &(struct recipe){ .script = "sleep 1000" }, NULL)
			  ->runtime.kind,
		  RUNTIME_STARTED);
	b2.run.signal(b2.run.self, 900, "c1", SIGKILL);
	CHECK_INT(bench_answer(&b2, 900)->runtime.err_kind, ERR_CONFLICT);
	CHECK_INT(
		bench_start(&b2, "c2", &(struct recipe){ .script = "exit 3" }, NULL)->runtime.kind,
		RUNTIME_STARTED);
	CHECK_INT(bench_fact(&b2, RUNTIME_EXITED, "c2")->runtime.exit_code, 3);
	bench_remove(&b2, "c2");
	bench_close(&b2);

	b.run.signal(b.run.self, ++b.last_ticket, "c1", SIGKILL);
	CHECK(bench_fact(&b, RUNTIME_EXITED, "c1"));
	bench_remove(&b, "c1");
	bench_close(&b);
}

TEST(the_first_process_has_no_descriptor_of_ours)
{
	struct client c = { 0 };
	const struct fact *f;

	bench_open(&b);
	b.run.attach(b.run.self, ++b.last_ticket, "c1",
		     &(struct runtime_attach){ .want_stdout = true });
	f = bench_answer(&b, b.last_ticket);
	client_join(&b, &c, f->runtime.endpoint);
	bench_run(&b, "c1", &(struct recipe){ .script = "echo /proc/$$/fd/*" });
	bench_run_ms(&b, 20);
	/* The shell itself opens the folder to list it. */
	CHECK(strncmp(c.out.data, "/proc/1/fd/0 /proc/1/fd/1 /proc/1/fd/2", 38) == 0);
	CHECK(c.out.len <= 38 + 14);
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
