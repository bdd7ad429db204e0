/* The devices of the host at a path, or below it. */
#include "host/run/hands.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/mem.h"

#define DEVICES_MAX 4096
#define DEPTH_MAX   8

struct found {
	struct runtime_device *devices;
	size_t count;
};

static void add(struct op *op, struct found *found, const char *path, const struct stat *st)
{
	if (found->count == DEVICES_MAX)
		return;
	found->devices[found->count++] = (struct runtime_device){
		.path = arena_strdup(&op->memory, path),
		.type = S_ISCHR(st->st_mode)   ? 'c'
			: S_ISBLK(st->st_mode) ? 'b'
					       : 'p',
		.major = major(st->st_rdev),
		.minor = minor(st->st_rdev),
		.mode = st->st_mode & 0777,
		.uid = st->st_uid,
		.gid = st->st_gid,
	};
}

/* What a container has of its own, and what is no device node anyhow. */
static bool is_left_out(const char *name)
{
	static const char *const names[] = { ".",      "..",      "pts",  "shm",         "fd",
					     "mqueue", "console", ".lxc", ".lxd-mounts", ".udev" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static void walk(struct op *op, struct found *found, const char *path, int depth)
{
	DIR *dir = depth < DEPTH_MAX ? opendir(path) : NULL;
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		AUTO_FREE char *below = xasprintf("%s/%s", path, entry->d_name);
		struct stat st;

		if (is_left_out(entry->d_name) || lstat(below, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode))
			walk(op, found, below, depth + 1);
		else if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
			add(op, found, below, &st);
	}
	if (dir)
		closedir(dir);
}

static void work_devices(struct op *op)
{
	const char *path = op->args;
	struct found found = { .devices = arena_alloc(&op->memory,
						      DEVICES_MAX * sizeof(*found.devices)) };
	struct stat st;

	if (stat(path, &st) < 0) {
		fail_sys(&op->err, errno,
			 "error gathering device information while adding custom "
			 "device \"%s\"",
			 path);
		return;
	}
	if (S_ISDIR(st.st_mode))
		walk(op, &found, path, 0);
	else if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode) || S_ISFIFO(st.st_mode))
		add(op, &found, path, &st);
	if (found.count == 0 && !S_ISDIR(st.st_mode)) {
		fail(&op->err, ERR_INVALID,
		     "error gathering device information while adding custom "
		     "device \"%s\": not a device node",
		     path);
		return;
	}
	op->ok = true;
	op->event.kind = RUNTIME_DEVICES;
	op->event.devices = found.devices;
	op->event.device_count = found.count;
}

void runtime_devices(void *self, uint64_t ticket, const char *path)
{
	struct op *op = op_new_loose(self, ticket, CREW_START, work_devices);

	op->args = arena_strdup(&op->memory, path);
	op_submit(op);
}
