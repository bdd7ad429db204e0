#include "host/run/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "file/file.h"

#define TOP "/sys/fs/cgroup"

static bool is_cgroup2(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

bool cgroup_is_v2(void)
{
	return is_cgroup2(TOP);
}

bool cgroup_is_hybrid(void)
{
	return !is_cgroup2(TOP) && is_cgroup2(TOP "/unified");
}

char *cgroup_path(const char *controller, const char *cgroup, const char *file)
{
	const char *below = cgroup[0] == '/' ? cgroup + 1 : cgroup;

	if (cgroup_is_v2())
		return xasprintf(TOP "/%s/%s", below, file);
	return xasprintf(TOP "/%s/%s/%s", controller, below, file);
}

char *cgroup_for_conmon(const char *name)
{
	AUTO_FREE char *folder =
		cgroup_is_v2() ? xasprintf(TOP "/%s", name) : xasprintf(TOP "/systemd/%s", name);

	if (mkdir(folder, 0755) < 0 && errno != EEXIST)
		return NULL;
	return xasprintf("%s/cgroup.procs", folder);
}

void cgroup_read(const char *controller, const char *cgroup, const char *file, struct buf *into)
{
	AUTO_FREE char *path = cgroup_path(controller, cgroup, file);
	struct err e;

	buf_reset(into);
	if (!file_read(path, into, &e))
		buf_reset(into);
}

uint64_t cgroup_keyed(struct str text, const char *key)
{
	struct str line, name, value;
	uint64_t number = 0;

	while (text.len > 0) {
		if (!str_cut(text, '\n', &line, &text))
			text = (struct str){ 0 };
		if (str_cut(line, ' ', &name, &value) && str_equal_c(name, key))
			return str_to_u64(str_trim(value), &number) ? number : 0;
	}
	return 0;
}

void cgroup_remove(const char *cgroup)
{
	DIR *dir = cgroup_is_v2() ? NULL : opendir(TOP);
	struct dirent *entry;

	if (!dir) {
		AUTO_FREE char *only = cgroup_path("", cgroup, "");

		(void)rmdir(only);
		return;
	}
	while ((entry = readdir(dir))) {
		AUTO_FREE char *folder = cgroup_path(entry->d_name, cgroup, "");

		if (entry->d_name[0] != '.')
			(void)rmdir(folder);
	}
	closedir(dir);
}

bool cgroup_is_frozen(const char *cgroup)
{
	AUTO_BUF struct buf text = BUF_MAX(256);

	if (cgroup_is_v2()) {
		cgroup_read("", cgroup, "cgroup.freeze", &text);
		return str_equal(str_trim(buf_str(&text)), STR("1"));
	}
	cgroup_read("freezer", cgroup, "freezer.state", &text);
	return str_starts_with(buf_str(&text), "FR"); /* FROZEN, FREEZING */
}

uint64_t cgroup_oom_kills(const char *cgroup)
{
	AUTO_BUF struct buf text = BUF_MAX(4096);

	cgroup_read("memory", cgroup, cgroup_is_v2() ? "memory.events" : "memory.oom_control",
		    &text);
	return cgroup_keyed(buf_str(&text), "oom_kill");
}

static int watch_v2(const char *cgroup)
{
	AUTO_FREE char *path = cgroup_path("memory", cgroup, "memory.events");
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (fd >= 0 && inotify_add_watch(fd, path, IN_MODIFY) < 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

static int watch_v1(const char *cgroup)
{
	AUTO_FREE char *path = cgroup_path("memory", cgroup, "memory.oom_control");
	AUTO_FREE char *control_path = cgroup_path("memory", cgroup, "cgroup.event_control");
	AUTO_CLOSE int control = open(control_path, O_WRONLY | O_CLOEXEC);
	AUTO_CLOSE int file = open(path, O_RDONLY | O_CLOEXEC);
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd >= 0 && (control < 0 || file < 0 || dprintf(control, "%d %d", fd, file) < 0)) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

int cgroup_oom_watch(const char *cgroup)
{
	return cgroup_is_v2() ? watch_v2(cgroup) : watch_v1(cgroup);
}

static void clear(int fd)
{
	char events[4096];

	while (read(fd, events, sizeof(events)) > 0)
		;
}

/* The first generation tells before it kills, when the number is still the old one. */
enum cgroup_oom cgroup_oom_look(int fd, const char *cgroup, uint64_t *kills)
{
	AUTO_FREE char *folder = cgroup_path("memory", cgroup, "");
	uint64_t before = *kills;

	clear(fd);
	if (!file_exists(folder))
		return CGROUP_OOM_GONE;
	*kills = cgroup_oom_kills(cgroup);
	if (!cgroup_is_v2() && *kills == before)
		++*kills;
	return *kills > before ? CGROUP_OOM_HAPPENED : CGROUP_OOM_NONE;
}
