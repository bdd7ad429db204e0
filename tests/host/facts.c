/* What the daemon finds out about its host, to say it in /info and /version. */
#include <sys/stat.h>

#include "base/mem.h"
#include "daemon/abilities.h"
#include "daemon/programs.h"
#include "temp.h"
#include "test.h"

static struct temp dir;

static void put(const char *name, const char *text)
{
	AUTO_FREE char *path = xasprintf("%s/%s", dir.path, name);
	FILE *f = fopen(path, "w");

	CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static void folder(const char *name)
{
	AUTO_FREE char *path = xasprintf("%s/%s", dir.path, name);

	CHECK(mkdir(path, 0700) == 0);
}

TEST(a_unified_hierarchy_can_what_its_controllers_can)
{
	const char *missing[API_ABILITIES];
	struct api_abilities a = { 0 };

	dir = temp_make();
	put("cgroup.controllers", "cpuset cpu io pids\n");
	abilities_read(dir.path, &a);
	CHECK(a.is_unified && a.cpuset && a.cpu_quota && a.cpu_shares && a.pids);
	CHECK(!a.memory && !a.swap && !a.oom_kill_disable);
	CHECK_INT(abilities_missing(&a, missing), 2);
	CHECK_STR(missing[0], "WARNING: No memory limit support");
	CHECK_STR(missing[1], "WARNING: No swap limit support");

	put("cgroup.controllers", "cpuset cpu io memory pids\n");
	folder("system.slice");
	put("system.slice/memory.swap.max", "max\n");
	abilities_read(dir.path, &a);
	CHECK_INT(abilities_missing(&a, missing), 0);
	temp_remove(&dir);
}

TEST(a_split_hierarchy_can_what_its_files_can)
{
	const char *missing[API_ABILITIES];
	struct api_abilities a = { 0 };

	dir = temp_make();
	folder("memory");
	put("memory/memory.limit_in_bytes", "1\n");
	put("memory/memory.oom_control", "0\n");
	folder("cpu,cpuacct");
	put("cpu,cpuacct/cpu.shares", "1024\n");
	folder("pids");
	abilities_read(dir.path, &a);
	CHECK(!a.is_unified && a.memory && a.oom_kill_disable && a.cpu_shares && a.pids);
	CHECK_INT(abilities_missing(&a, missing), 4);
	CHECK_STR(missing[0], "WARNING: No swap limit support");
	CHECK_STR(missing[3], "WARNING: No cpuset support");
	temp_remove(&dir);
}

TEST(programs_say_their_versions_in_several_ways)
{
	static const struct {
		const char *said, *version, *commit;
	} rows[] = {
		{ "crun version 1.8.1\ncommit: f8a096be\nspec: 1.0.0\n", "1.8.1", "f8a096be" },
		{ "conmon version 2.1.6\ncommit: unknown\n", "2.1.6", "" },
		{ "runc version 1.1.5+ds1\ncommit: 1.1.5+ds1-1+deb12u1\nspec: 1.0.2-dev\n",
		  "1.1.5+ds1", "1.1.5+ds1-1+deb12u1" },
		{ "tini version 0.19.0 - git.de40ad0\n", "0.19.0", "de40ad0" },
		{ "usage: something else", "", "" },
		{ "", "", "" },
	};
	char version[PROGRAM_WORD_MAX], commit[PROGRAM_WORD_MAX];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		program_read_version(rows[i].said, version, commit);
		CHECK_STR(version, rows[i].version);
		CHECK_STR(commit, rows[i].commit);
	}
}

TEST_MAIN()
