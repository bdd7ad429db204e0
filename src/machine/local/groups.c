#include "machine/local/groups.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fd.h"
#include "base/mem.h"
#include "file/file.h"

#define TOP             "/sys/fs/cgroup"
#define HIERARCHIES_MAX 32
#define MOUNTINFO_MAX   ((size_t)16 << 20)
#define REMOVE_TRIES    200
#define REMOVE_PAUSE_MS 10

struct hierarchy {
	char path[256];    /* where it is mounted: /sys/fs/cgroup/memory */
	char options[256]; /* of the mount: "memory", "none,name=systemd" */
	bool is_v2;
};

struct hierarchies {
	struct hierarchy items[HIERARCHIES_MAX];
	size_t count;
};

/* "rw,cpu,cpuacct" as "cpu,cpuacct", "rw,xattr,name=systemd" as "none,name=systemd". */
static void keep_controllers(struct str options, char *out, size_t size)
{
	struct str option;
	size_t used = 0;

	out[0] = '\0';
	while (options.len) {
		str_cut(options, ',', &option, &options);
		if (str_equal_c(option, "rw") || str_equal_c(option, "ro") ||
		    str_equal_c(option, "xattr") || str_starts_with(option, "release_agent="))
			continue;
		used += (size_t)snprintf(out + used, size - used, "%s%s%.*s", used ? "," : "",
					 str_starts_with(option, "name=") ? "none," : "",
					 STR_FMT(option));
		if (used >= size)
			return;
	}
}

/* A line: id parent major:minor root PATH options [tags] - TYPE source SUPER-OPTIONS */
static void read_line(struct str line, struct hierarchies *all)
{
	struct str words[5], rest = line, type, source, options;
	struct hierarchy *h = &all->items[all->count];
	const char *dash;

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		str_cut(rest, ' ', &words[i], &rest);
	dash = memmem(rest.ptr, rest.len, " - ", 3);
	if (!dash || all->count == HIERARCHIES_MAX || !str_starts_with(words[4], TOP) ||
	    words[4].len >= sizeof(h->path))
		return;
	rest = str_bytes(dash + 3, rest.len - (size_t)(dash + 3 - rest.ptr));
	str_cut(rest, ' ', &type, &rest);
	str_cut(rest, ' ', &source, &options);
	if (!str_equal_c(type, "cgroup") && !str_equal_c(type, "cgroup2"))
		return;
	*h = (struct hierarchy){ .is_v2 = str_equal_c(type, "cgroup2") };
	(void)snprintf(h->path, sizeof(h->path), "%.*s", STR_FMT(words[4]));
	if (!h->is_v2)
		keep_controllers(options, h->options, sizeof(h->options));
	all->count++;
}

static bool find_hierarchies(struct hierarchies *all, struct err *e)
{
	AUTO_BUF struct buf text = BUF_MAX(MOUNTINFO_MAX);
	struct str rest, line;

	all->count = 0;
	if (!file_read("/proc/self/mountinfo", &text, e))
		return false;
	for (rest = buf_str(&text); rest.len;) {
		str_cut(rest, '\n', &line, &rest);
		read_line(line, all);
	}
	return all->count > 0 || fail(e, ERR_UNAVAILABLE, "no cgroup hierarchy is mounted at " TOP);
}

static bool put(const char *folder, const char *file, const char *value)
{
	AUTO_FREE char *path = xasprintf("%s/%s", folder, file);
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, value, strlen(value)) >= 0;
}

/* A new group of the first generation has no processors and no memory nodes. */
static void inherit_cpuset(const struct hierarchy *h, const char *folder)
{
	static const char *const files[] = { "cpuset.cpus", "cpuset.mems" };

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		AUTO_FREE char *from = xasprintf("%s/%s", h->path, files[i]);
		AUTO_BUF struct buf value = BUF_MAX(65536);
		struct err e;

		if (file_read(from, &value, &e) && value.len)
			(void)put(folder, files[i], value.data);
	}
}

/* As much as this computer lets us: what is missing limits what containers can be limited by. */
static void pass_on_controllers(const char *folder)
{
	static const char *const controllers[] = { "+cpu", "+memory", "+pids", "+io", "+cpuset" };

	for (size_t i = 0; i < ARRAY_LEN(controllers); i++)
		(void)put(folder, "cgroup.subtree_control", controllers[i]);
}

bool groups_enter(const char *id, struct err *e)
{
	struct hierarchies all;

	if (!find_hierarchies(&all, e))
		return false;
	for (size_t i = 0; i < all.count; i++) {
		const struct hierarchy *h = &all.items[i];
		AUTO_FREE char *folder = xasprintf("%s/shoal-machine-%s", h->path, id);

		if (h->is_v2)
			pass_on_controllers(h->path);
		if (mkdir(folder, 0755) < 0 && errno != EEXIST)
			return fail_sys(e, errno, "make control group %s", folder);
		if (!h->is_v2 && strstr(h->options, "cpuset"))
			inherit_cpuset(h, folder);
		if (!put(folder, "cgroup.procs", "0"))
			return fail_sys(e, errno, "enter control group %s", folder);
	}
	return true;
}

bool groups_join(const char *id, struct err *e)
{
	struct hierarchies all;

	if (!find_hierarchies(&all, e))
		return false;
	for (size_t i = 0; i < all.count; i++) {
		const struct hierarchy *h = &all.items[i];
		AUTO_FREE char *folder =
			xasprintf("%s/shoal-machine-%s%s", h->path, id, h->is_v2 ? "/init" : "");

		if (!put(folder, "cgroup.procs", "0"))
			return fail_sys(e, errno, "enter control group %s", folder);
	}
	return true;
}

static bool mount_one(const char *root, const struct hierarchy *h, struct err *e)
{
	AUTO_FREE char *target = xasprintf("%s%s", root, h->path);

	if (mkdir(target, 0755) < 0 && errno != EEXIST)
		return fail_sys(e, errno, "create %s", target);
	return mount("cgroup", target, h->is_v2 ? "cgroup2" : "cgroup",
		     MS_NOSUID | MS_NODEV | MS_NOEXEC, h->options) == 0 ||
	       fail_sys(e, errno, "mount %s (%s)", target, h->options);
}

/* "cpu,cpuacct" is found by both names, too. */
static void link_names(const char *root, const struct hierarchy *h)
{
	const char *base = strrchr(h->path, '/') + 1;
	struct str rest = str_of(base), name;

	if (!strchr(base, ','))
		return;
	while (rest.len) {
		str_cut(rest, ',', &name, &rest);
		AUTO_FREE char *path = xasprintf("%s" TOP "/%.*s", root, STR_FMT(name));

		(void)!symlink(base, path);
	}
}

/* Who is in a group of the second generation cannot pass controllers on: move down, then pass. */
static void settle(const char *root, const struct hierarchy *h)
{
	AUTO_FREE char *top = xasprintf("%s%s", root, h->path), *init = xasprintf("%s/init", top);

	if (mkdir(init, 0755) == 0 || errno == EEXIST)
		(void)put(init, "cgroup.procs", "0");
	pass_on_controllers(top);
}

bool groups_mount(const char *root, struct err *e)
{
	AUTO_FREE char *top = xasprintf("%s" TOP, root);
	struct hierarchies all;

	if (!find_hierarchies(&all, e))
		return false;
	if (strcmp(all.items[0].path, TOP) != 0 &&
	    mount("tmpfs", top, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=755") < 0)
		return fail_sys(e, errno, "mount %s", top);
	for (size_t i = 0; i < all.count; i++) {
		if (!mount_one(root, &all.items[i], e))
			return false;
		link_names(root, &all.items[i]);
		if (all.items[i].is_v2)
			settle(root, &all.items[i]);
	}
	return true;
}

static bool remove_tree(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	if (!dir)
		return errno == ENOENT;
	while ((entry = readdir(dir)))
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.') {
			AUTO_FREE char *below = xasprintf("%s/%s", folder, entry->d_name);

			(void)remove_tree(below);
		}
	closedir(dir);
	return rmdir(folder) == 0 || errno == ENOENT;
}

static bool remove_patiently(const char *folder, struct err *e)
{
	const struct timespec pause = { .tv_nsec = REMOVE_PAUSE_MS * 1000000L };

	for (int i = 0; i < REMOVE_TRIES; i++) {
		if (remove_tree(folder))
			return true;
		(void)nanosleep(&pause, NULL);
	}
	return fail_sys(e, errno, "remove control group %s", folder);
}

bool groups_remove(const char *id, struct err *e)
{
	struct hierarchies all;

	if (!find_hierarchies(&all, e))
		return false;
	for (size_t i = 0; i < all.count; i++) {
		AUTO_FREE char *folder = xasprintf("%s/shoal-machine-%s", all.items[i].path, id);

		if (!remove_patiently(folder, e))
			return false;
	}
	return true;
}
