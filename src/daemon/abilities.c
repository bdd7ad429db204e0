#include "daemon/abilities.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

#define WORDS_MAX 1024

static bool exists(const char *root, const char *file)
{
	AUTO_FREE char *path = xasprintf("%s/%s", root, file);

	return access(path, F_OK) == 0;
}

/* The group at the top has no limits; those below it have, or none has. */
static bool any_group_has(const char *root, const char *file)
{
	AUTO_FREE char *pattern = xasprintf("%s/*/%s", root, file);
	glob_t found = { 0 };
	bool any = glob(pattern, GLOB_NOSORT, NULL, &found) == 0;

	globfree(&found);
	return any || exists(root, file);
}

static bool has_controller(const char *words, const char *name)
{
	struct str rest = str_of(words), word;
	bool more = true;

	while (more) {
		more = str_cut(rest, ' ', &word, &rest);
		if (str_equal_c(str_trim(word), name))
			return true;
	}
	return false;
}

static void read_unified(const char *root, struct api_abilities *a)
{
	AUTO_FREE char *path = xasprintf("%s/cgroup.controllers", root);
	char words[WORDS_MAX] = "";
	FILE *f = fopen(path, "re");

	if (f) {
		size_t got = fread(words, 1, sizeof(words) - 1, f);

		words[got] = '\0';
		(void)fclose(f);
	}
	a->memory = has_controller(words, "memory");
	a->swap = any_group_has(root, "memory.swap.max");
	a->cpu_quota = a->cpu_period = a->cpu_shares = has_controller(words, "cpu");
	a->cpuset = has_controller(words, "cpuset");
	a->pids = has_controller(words, "pids");
	a->oom_kill_disable = false;
}

static void read_split(const char *root, struct api_abilities *a)
{
	a->memory = exists(root, "memory/memory.limit_in_bytes");
	a->swap = exists(root, "memory/memory.memsw.limit_in_bytes");
	a->oom_kill_disable = exists(root, "memory/memory.oom_control");
	a->cpu_quota = any_group_has(root, "cpu.cfs_quota_us");
	a->cpu_period = any_group_has(root, "cpu.cfs_period_us");
	a->cpu_shares = any_group_has(root, "cpu.shares");
	a->cpuset = exists(root, "cpuset");
	a->pids = exists(root, "pids");
}

void abilities_read(const char *root, struct api_abilities *a)
{
	if (exists(root, "cgroup.controllers"))
		read_unified(root, a);
	else
		read_split(root, a);
	a->is_unified = exists(root, "cgroup.controllers");
}

unsigned abilities_missing(const struct api_abilities *a, const char **warnings)
{
	const struct {
		bool is_there;
		const char *warning;
	} all[API_ABILITIES] = {
		{ a->memory, "WARNING: No memory limit support" },
		{ a->swap, "WARNING: No swap limit support" },
		{ a->oom_kill_disable || a->is_unified, "WARNING: No oom kill disable support" },
		{ a->cpu_quota, "WARNING: No cpu cfs quota support" },
		{ a->cpu_period, "WARNING: No cpu cfs period support" },
		{ a->cpu_shares, "WARNING: No cpu shares support" },
		{ a->cpuset, "WARNING: No cpuset support" },
		{ a->pids, "WARNING: No pids limit support" },
	};
	unsigned count = 0;

	for (unsigned i = 0; i < API_ABILITIES; i++)
		if (!all[i].is_there)
			warnings[count++] = all[i].warning;
	return count;
}
