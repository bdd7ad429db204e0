#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "bench.h"
#include "file/file.h"
#include "file/folder.h"
#include "host/mountpoint.h"
#include "test.h"

static struct bench b;

static void must_start(const struct fact *f)
{
	if (!f || f->runtime.kind != RUNTIME_STARTED)
		TEST_FAIL("it did not start: %s", f ? f->runtime.text : "no answer");
}

static void must_be_done(const struct fact *f)
{
	if (!f || f->runtime.kind == RUNTIME_FAILED)
		TEST_FAIL("it failed: %s", f ? f->runtime.text : "no answer");
}

static void close_clean(const char *id)
{
	bench_remove(&b, id);
	CHECK_INT(count_mounts(b.root), 0);
	CHECK_INT(count_processes(b.root), 0);
	CHECK_INT(count_cgroups(), 0);
	bench_close(&b);
}

TEST(a_container_starts_and_tells_its_exit_code)
{
	const struct fact *f;

	bench_open(&b);
	f = bench_start(&b, "c1", &(struct recipe){ .script = "exit 7" }, NULL);
	must_start(f);
	CHECK(f->runtime.pid > 0 && f->runtime.at_ns > 0);

	f = bench_fact(&b, RUNTIME_EXITED, "c1");
	CHECK(f);
	CHECK_INT(f->runtime.exit_code, 7);
	CHECK(!f->runtime.oom);
	close_clean("c1");
}

TEST(what_it_wrote_is_there_at_its_next_start)
{
	bench_open(&b);
	CHECK_INT(bench_run(&b, "c1", &(struct recipe){ .script = "echo hi > /note" })
			  ->runtime.exit_code,
		  0);
	CHECK_INT(bench_run(&b, "c1", &(struct recipe){ .script = "test -s /note && exit 3" })
			  ->runtime.exit_code,
		  3);
	b.run.size(b.run.self, 900, "c1");
	const struct fact *f = bench_answer(&b, 900);

	CHECK_INT(f->runtime.size_rw, 3);
	CHECK(f->runtime.size_root > 1000000);
	close_clean("c1");
}

TEST(a_killed_container_exits_with_128_and_the_signal)
{
	const struct fact *f;

	bench_open(&b);
	must_start(bench_start(&b, "c1", &(struct recipe){ .script = "sleep 1000" }, NULL));
	b.run.signal(b.run.self, 900, "c1", SIGKILL);
	CHECK_INT(bench_answer(&b, 900)->runtime.kind, RUNTIME_DONE);

	f = bench_fact(&b, RUNTIME_EXITED, "c1");
	CHECK_INT(f->runtime.exit_code, 128 + SIGKILL);
	b.run.signal(b.run.self, 901, "c1", SIGKILL);
	f = bench_answer(&b, 901);
	CHECK_INT(f->runtime.err_kind, ERR_CONFLICT);
	CHECK_STR(f->runtime.text, "Container c1 is not running");
	close_clean("c1");
}

TEST(want_of_memory_is_told_when_it_happens_and_at_the_end)
{
	const struct fact *f;

	bench_open(&b);
	must_start(bench_start(
		&b, "c1",
		&(struct recipe){
			.script = "sleep 0.1; head -c 60000000 /dev/zero | tail -c 60000000 "
				  "> /dev/null; sleep 1000",
			.linux_extra = ",\"resources\":{\"memory\":{\"limit\":"
				       "16000000,\"swap\":16000000}}" },
		NULL));
	CHECK(bench_fact(&b, RUNTIME_OOM, "c1")); /* it goes on without the one that was killed */
	b.run.signal(b.run.self, 900, "c1", SIGKILL);
	f = bench_fact(&b, RUNTIME_EXITED, "c1");
	CHECK(f && f->runtime.oom);
	close_clean("c1");
}

static void must_fail(const char *runtime, const char *program, int exit_code)
{
	const char *args[] = { program, NULL };
	struct runtime_start what = { .runtime = runtime };
	const struct fact *f = bench_start(&b, "c1", &(struct recipe){ .args = args }, &what);

	CHECK(f);
	CHECK_INT(f->runtime.kind, RUNTIME_FAILED);
	if (f->runtime.exit_code != exit_code)
		TEST_FAIL("%s: %d, not %d: %s", program, f->runtime.exit_code, exit_code,
			  f->runtime.text);
}

TEST(a_start_that_fails_says_how_and_leaves_nothing)
{
	struct runtime_start unknown = { .runtime = "kata" };
	const struct fact *f;
	char path[256];

	bench_open(&b);
	must_fail("crun", "/no/such", 127);
	must_fail("crun", "nosuch", 127);
	must_fail("crun", "/etc/passwd", 126);
	must_fail("runc", "/no/such", 127);
	must_fail("runc", "/etc/passwd", 126);
	f = bench_start(&b, "c1", &(struct recipe){ .script = "true" }, &unknown);
	CHECK_STR(f->runtime.text, "Unknown runtime specified kata");

	(void)snprintf(path, sizeof(path), "%s/bundles/c1", b.exec_root);
	CHECK_INT(count_entries(path), 1); /* the root, which the mind has mounted */
	(void)snprintf(path, sizeof(path), "%s/oci", b.exec_root);
	CHECK_INT(count_entries(path), 0);
	bench_run_ms(&b, 300);
	close_clean("c1");
}

TEST(runc_runs_it_as_well)
{
	struct runtime_start what = { .runtime = "runc" };

	bench_open(&b);
	must_start(bench_start(&b, "c1", &(struct recipe){ .script = "exit 9" }, &what));
	CHECK_INT(bench_fact(&b, RUNTIME_EXITED, "c1")->runtime.exit_code, 9);
	close_clean("c1");
}

TEST(a_paused_container_stands_still_and_can_be_killed)
{
	bench_open(&b);
	must_start(bench_start(&b, "c1", &(struct recipe){ .script = "sleep 1000" }, NULL));
	b.run.pause(b.run.self, 900, "c1");
	must_be_done(bench_answer(&b, 900));
	b.run.unpause(b.run.self, 901, "c1");
	must_be_done(bench_answer(&b, 901));
	b.run.pause(b.run.self, 902, "c1");
	b.run.signal(b.run.self, 903, "c1", SIGKILL);
	must_be_done(bench_answer(&b, 903));
	CHECK_INT(bench_fact(&b, RUNTIME_EXITED, "c1")->runtime.exit_code, 137);
	close_clean("c1");
}

static uint64_t number(const struct runtime_stats *s, const char *name)
{
	for (size_t i = 0; i < s->memory_count; i++)
		if (strcmp(s->memory[i].name, name) == 0)
			return s->memory[i].value;
	return UINT64_MAX;
}

TEST(counters_limits_and_processes_are_those_of_the_container)
{
	const struct runtime_stats *s;
	const struct runtime_top *top;
	const struct fact *f;

	bench_open(&b);
	must_start(bench_start(&b, "c1",
			       &(struct recipe){ .script = "sleep 1000 & sleep 1000",
						 .linux_extra =
							 ",\"resources\":{\"memory\":{\"limit\":"
							 "33554432},\"pids\":{\"limit\":20}}" },
			       NULL));
	/* It takes the shell a moment to start the others. */
	for (int i = 0; i < 100; i++) {
		b.run.stats(b.run.self, ++b.last_ticket, "c1");
		f = bench_answer(&b, b.last_ticket);
		must_be_done(f);
		s = f->runtime.stats;
		if (s->pids >= 2)
			break;
		bench_run_ms(&b, 20);
	}
	CHECK(s->cpu_total_ns > 0 && s->cpu_system_ns > s->cpu_total_ns && s->cpus_online > 0);
	CHECK(s->memory_bytes > 0 && s->memory_bytes < 33554432);
	CHECK_INT(s->memory_limit_bytes, 33554432);
	CHECK_INT(s->pids_limit, 20);
	CHECK_INT(s->pids, 2);
	CHECK(number(s, "rss") != UINT64_MAX || number(s, "anon") != UINT64_MAX);

	b.run.update(b.run.self, 901, "c1", STR("{\"memory\":{\"limit\":50331648}}"));
	must_be_done(bench_answer(&b, 901));
	b.run.stats(b.run.self, 902, "c1");
	CHECK_INT(bench_answer(&b, 902)->runtime.stats->memory_limit_bytes, 50331648);

	b.run.top(b.run.self, 903, "c1", "-o pid,args");
	f = bench_answer(&b, 903);
	must_be_done(f);
	top = f->runtime.top;
	CHECK_INT(top->title_count, 2);
	CHECK_INT(top->row_count, 2);
	CHECK_STR(top->cells[top->row_count * 2 - 1], "sleep 1000");
	b.run.signal(b.run.self, 904, "c1", SIGKILL);
	CHECK(bench_fact(&b, RUNTIME_EXITED, "c1"));
	close_clean("c1");
}

TEST(users_are_those_of_the_root)
{
	static const char *const more[] = { "crew", "3000" };
	const struct fact *f;

	bench_open(&b);
	CHECK(bench_run(&b, "c1", &(struct recipe){ .script = "true" }));
	b.run.resolve(b.run.self, 900, "c1", "ann", NULL, 0);
	f = bench_answer(&b, 900);
	must_be_done(f);
	CHECK_INT(f->runtime.user.uid, 1000);
	CHECK_INT(f->runtime.user.gid, 1001);
	CHECK_STR(f->runtime.user.home, "/home/ann");
	CHECK_INT(f->runtime.user.group_count, 1);
	CHECK_INT(f->runtime.user.groups[0], 2000);

	b.run.resolve(b.run.self, 901, "c1", "4000:crew", more, 2);
	f = bench_answer(&b, 901);
	CHECK_INT(f->runtime.user.uid, 4000);
	CHECK_INT(f->runtime.user.gid, 2000);
	CHECK_INT(f->runtime.user.group_count, 2);
	CHECK_STR(f->runtime.user.home, "/");

	b.run.resolve(b.run.self, 902, "c1", "nobody", NULL, 0);
	CHECK_STR(bench_answer(&b, 902)->runtime.text,
		  "unable to find user nobody: no matching entries in passwd file");
	close_clean("c1");
}

TEST(volumes_folders_secrets_and_the_working_directory_are_made_before_it_starts)
{
	char source[160], missing[160], script[512], extra[256];
	struct runtime_mount mounts[] = {
		{ .volume = { "v1", "", "", "" },
		  .source = source,
		  .destination = "/data",
		  .copy_up = true },
		{ .source = missing, .destination = "/mnt", .make_source = true },
	};
	struct runtime_file file = {
		.name = "key", .data = STR("abc"), .uid = 1000, .gid = 1001, .mode = 0440
	};
	struct runtime_start what = { .mounts = mounts,
				      .mount_count = 2,
				      .files = &file,
				      .file_count = 1,
				      .workdir = "/work/here",
				      .uid = 1000,
				      .gid = 1001,
				      .hosts = STR("127.0.0.1 box\n") };
	const struct fact *f;
	struct stat st;

	bench_open(&b);
	(void)snprintf(source, sizeof(source), "%s/volumes/v1/_data", b.data_root);
	(void)snprintf(missing, sizeof(missing), "%s/new", b.root);
	(void)snprintf(script, sizeof(script),
		       "test \"$(stat -c %%u:%%a /work/here)\" = 1000:755 && exit 5");
	must_start(bench_start(&b, "c1", &(struct recipe){ .script = script }, &what));
	(void)snprintf(extra, sizeof(extra), "%s/files/c1/key", b.exec_root);
	CHECK_INT(bench_fact(&b, RUNTIME_EXITED, "c1")->runtime.exit_code, 5);
	CHECK(stat(extra, &st) < 0); /* the secret is gone with the container */
	(void)snprintf(extra, sizeof(extra), "%s/seed", source);
	CHECK(stat(extra, &st) == 0 && (st.st_mode & 0777) == 0640);
	CHECK(file_exists(missing));
	(void)snprintf(extra, sizeof(extra), "%s/containers/c1/hosts", b.data_root);
	CHECK(file_exists(extra));

	b.run.volume_size(b.run.self, 900, "v1");
	CHECK_INT(bench_answer(&b, 900)->runtime.size_root, 5);
	mounts[1].source = "/no/such/folder";
	mounts[1].make_source = false;
	f = bench_start(&b, "c1", &(struct recipe){ .script = "true" }, &what);
	CHECK_INT(f->runtime.err_kind, ERR_INVALID);
	b.run.look_for(b.run.self, 902, missing);
	must_be_done(bench_answer(&b, 902));
	b.run.look_for(b.run.self, 903, "/no/such/folder");
	CHECK_STR(bench_answer(&b, 903)->runtime.text,
		  "invalid mount config for type \"bind\": bind source path does not exist: "
		  "/no/such/folder");
	b.run.remove_volume(b.run.self, 901, "v1");
	must_be_done(bench_answer(&b, 901));
	CHECK(!file_exists(source));
	close_clean("c1");
}

TEST(devices_of_the_host_are_told_by_path)
{
	const struct fact *f;

	bench_open(&b);
	b.run.devices(b.run.self, 900, "/dev/null");
	f = bench_answer(&b, 900);
	must_be_done(f);
	CHECK_INT(f->runtime.device_count, 1);
	CHECK_INT(f->runtime.devices[0].major, 1);
	CHECK_INT(f->runtime.devices[0].minor, 3);
	CHECK(f->runtime.devices[0].type == 'c');
	b.run.devices(b.run.self, 901, "/dev");
	CHECK(bench_answer(&b, 901)->runtime.device_count > 5);
	b.run.devices(b.run.self, 902, "/etc/passwd");
	CHECK_INT(bench_answer(&b, 902)->runtime.kind, RUNTIME_FAILED);
	bench_close(&b);
}

TEST(a_root_without_layers_has_places_to_mount_on_and_no_more)
{
	const struct fact *f;

	bench_open(&b);
	b.run.make(b.run.self, 900, "c2", NULL, 0);
	b.run.mount(b.run.self, 901, "c2");
	f = bench_answer(&b, 901);
	must_be_done(f);
	CHECK_INT(count_entries(f->runtime.path), 4); /* dev, etc, proc, sys */
	b.run.unmount(b.run.self, 902, "c2");
	must_be_done(bench_answer(&b, 902));
	CHECK(!file_exists(f->runtime.path));
	close_clean("c2");
}

TEST(a_root_of_127_layers_can_be_mounted)
{
	const char *names[128];
	char path[256];
	struct err e;

	bench_open(&b);
	for (int i = 0; i < 128; i++) {
		names[i] = arena_printf(&b.memory, "%064x", i);
		(void)snprintf(path, sizeof(path), "%s/layers/%s/diff", b.data_root, names[i]);
		CHECK(folder_make(path, 0755, &e));
	}
	b.run.make(b.run.self, 900, "c2", names, 127);
	b.run.mount(b.run.self, 901, "c2");
	must_be_done(bench_answer(&b, 901));
	b.run.make(b.run.self, 902, "c3", names, 128);
	CHECK_STR(bench_answer(&b, 902)->runtime.text, "max depth exceeded");
	close_clean("c2");
}

/* A profile that forbids one system call, and the same again. */
#define FORBIDS(call)                                                                                  \
	",\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_X86_64\"]," \
	"\"syscalls\":[{\"names\":[\"" call "\"],\"action\":\"SCMP_ACT_ERRNO\"}]}"

/* It makes a folder if it can, and a link if it can, and stays. */
static int made_by(const char *id, const char *extra)
{
	char path[512];
	int made = 0;

	must_start(bench_start(&b, id,
			       &(struct recipe){ .script = "mkdir /folder; ln -s x /link;"
							   "touch /ready; sleep 1d",
						 .linux_extra = extra },
			       NULL));
	(void)snprintf(path, sizeof(path), "%s/bundles/%s/rootfs/ready", b.exec_root, id);
	for (int i = 0; i < 500 && access(path, F_OK) < 0; i++)
		usleep(10000);
	(void)snprintf(path, sizeof(path), "%s/bundles/%s/rootfs/folder", b.exec_root, id);
	made += access(path, F_OK) == 0;
	(void)snprintf(path, sizeof(path), "%s/bundles/%s/rootfs/link", b.exec_root, id);
	made += 10 * (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0);
	return made;
}

static bool has_filter(const char *id)
{
	AUTO_BUF struct buf config = BUF_MAX(1 << 20);
	char path[512];
	struct err e;

	(void)snprintf(path, sizeof(path), "%s/bundles/%s/config.json", b.exec_root, id);
	CHECK(file_read(path, &config, &e));
	return strstr(config.data, "run.oci.seccomp_bpf_data");
}

TEST(a_filter_is_made_once_and_holds_for_each_container_of_its_profile)
{
	bench_open(&b);
	CHECK_INT(made_by("c1", FORBIDS("mkdir")), 10);
	CHECK(!has_filter("c1"));
	CHECK_INT(made_by("c2", FORBIDS("mkdir")), 10);
	CHECK(has_filter("c2"));

	CHECK_INT(made_by("c3", FORBIDS("symlink")), 1);
	CHECK(!has_filter("c3"));
	CHECK_INT(made_by("c4", NULL), 11);
	CHECK(!has_filter("c4"));
	for (int i = 1; i <= 4; i++) {
		char id[] = { 'c', (char)('0' + i), '\0' };

		b.run.signal(b.run.self, 0, id, SIGKILL);
		CHECK(bench_fact(&b, RUNTIME_EXITED, id));
		bench_remove(&b, id);
	}
	bench_close(&b);
}

int main(int argc, char **argv)
{
	if (!bench_can_run())
		return 0;
	bench_enter();
	return test_run_all(argc, argv);
}
