/* What a runtime called through shoal-oci finds. */
#include <unistd.h>

#include "base/mem.h"
#include "file/file.h"
#include "host/program.h"
#include "host/run/cgroup.h"
#include "temp.h"
#include "test.h"

struct outcome {
	int exit_code;
	char said[512];
};

/* What a program says that is called through it; `args` begin with its options, if any. */
static struct outcome call(const char *const *args)
{
	AUTO_BUF struct buf said = BUF_MAX(500);
	struct program p = { .timeout_ms = 10000 };
	struct outcome o = { -1, "" };
	struct err e;
	AUTO_FREE char *front = program_beside_us("../../shoal-oci", &e);

	CHECK(front);
	program_arg(&p, front);
	program_args(&p, args);
	CHECK(program_run(&p, NULL, &said, &o.exit_code, &e));
	(void)snprintf(o.said, sizeof(o.said), "%s", said.len ? said.data : "");
	return o;
}

/* A shell of this test's own: what is tried on it must not harm the host's. */
static char *copy_shell(const struct temp *t)
{
	AUTO_BUF struct buf shell = BUF_MAX(4 << 20);
	char *path = xasprintf("%s/sh", t->path);
	struct err e;

	CHECK(file_read("/bin/sh", &shell, &e));
	CHECK(file_replace(path, buf_str(&shell), 0700, &e));
	return path;
}

TEST(a_runtime_can_not_be_written_to_and_knows_it)
{
	struct temp t = temp_make();
	AUTO_FREE char *shell = copy_shell(&t);
	struct outcome o = call((const char *[]){ shell, "-c",
						  "echo ${_LIBCONTAINER_CLONED_BINARY-none} $1 >&2;"
						  ": >/proc/$$/exe",
						  "sh", "word", NULL });

	CHECK(o.exit_code != 0);
	CHECK(strncmp(o.said, "1 word\n", 7) == 0);
	CHECK(strstr(o.said, "Read-only file system"));

	temp_remove(&t);
}

TEST(the_second_generation_of_cgroups_is_hidden_from_the_runtime_alone)
{
	struct outcome o = call((const char *[]){
		"--hide-cgroup2", "/bin/sh", "-c",
		"ls -d /sys/fs/cgroup/unified/cgroup.procs >&2; ls -d /sys/fs/cgroup >&2", NULL });

	if (!cgroup_is_hybrid()) {
		CHECK_INT(o.exit_code, 127);
		CHECK(strstr(o.said, "shoal-oci: hide /sys/fs/cgroup/unified: "));
		return;
	}
	CHECK_INT(o.exit_code, 0);
	CHECK(strstr(o.said, "cgroup.procs': No such file or directory"));
	CHECK(strstr(o.said, "\n/sys/fs/cgroup\n"));
	CHECK(access("/sys/fs/cgroup/unified/cgroup.procs", F_OK) == 0);
}

TEST(a_script_is_run_by_its_name)
{
	struct temp t = temp_make();
	AUTO_FREE char *path = xasprintf("%s/script", t.path);
	struct outcome o;
	struct err e;

	CHECK(file_replace(path,
			   STR("#!/bin/sh\n"
			       "echo ${_LIBCONTAINER_CLONED_BINARY-none} ${0##*/} $1 >&2\n"
			       "exit 7\n"),
			   0700, &e));
	o = call((const char *[]){ path, "word", NULL });

	CHECK_INT(o.exit_code, 7);
	CHECK_STR(o.said, "none script word\n");
	temp_remove(&t);
}

TEST(a_program_that_is_not_there_is_named)
{
	struct outcome o = call((const char *[]){ "/nowhere/crun", "list", NULL });

	CHECK_INT(o.exit_code, 127);
	CHECK_STR(o.said, "shoal-oci: /nowhere/crun: No such file or directory\n");
	o = call((const char *[]){ NULL });
	CHECK_INT(o.exit_code, 127);
	CHECK_STR(o.said, "shoal-oci: which program?\n");
}

int main(int argc, char **argv)
{
	if (geteuid() != 0) {
		puts("skipped: not root");
		return 0;
	}
	return test_run_all(argc, argv);
}
