#include "file/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/tree.h"

bool folder_make(const char *path, mode_t mode, struct err *e)
{
	AUTO_FREE char *part = xstrdup(path);

	for (char *at = part + 1; *at; at++) {
		if (*at != '/')
			continue;
		*at = '\0';
		if (mkdir(part, (mode & 0755) | 0700) < 0 && errno != EEXIST)
			return fail_sys(e, errno, "create folder %s", part);
		*at = '/';
	}
	if (mkdir(path, mode) == 0 ? chmod(path, mode) < 0 : errno != EEXIST)
		return fail_sys(e, errno, "create folder %s", path);
	return true;
}

bool folder_make_as(const char *path, mode_t mode, struct err *e)
{
	if (!folder_make(path, mode, e))
		return false;
	return chmod(path, mode) == 0 || fail_sys(e, errno, "create folder %s", path);
}

/* Each level holds a descriptor. What lies deeper than this is moved up to the top first:
 * a container can nest folders without end. */
#define DEPTH_MAX 64

struct removal {
	int top;
	dev_t device;
	unsigned moved;
};

static bool empty_folder(struct removal *r, int fd, int depth, struct err *e);

static bool move_up(struct removal *r, int folder, const char *name, struct err *e)
{
	char up[32];

	do {
		(void)snprintf(up, sizeof(up), ".deep-%u", r->moved++);
		if (renameat2(folder, name, r->top, up, RENAME_NOREPLACE) == 0)
			return true;
	} while (errno == EEXIST);
	return fail_sys(e, errno, "move %s", name);
}

static bool remove_entry(struct removal *r, int folder, const char *name, int depth, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	struct stat st;

	if (unlinkat(folder, name, 0) == 0 || errno == ENOENT)
		return true;
	if (errno != EISDIR && errno != EPERM)
		return fail_sys(e, errno, "remove %s", name);
	if (depth >= DEPTH_MAX)
		return move_up(r, folder, name, e);
	fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail_sys(e, errno, "open %s", name);
	if (fstat(fd, &st) < 0 || st.st_dev != r->device)
		return fail(e, ERR_IN_USE, "%s is a mount point", name);
	if (!empty_folder(r, fd, depth + 1, e))
		return while_doing(e, "%s", name);
	if (unlinkat(folder, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return fail_sys(e, errno, "remove %s", name);
	return true;
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static bool empty_folder(struct removal *r, int fd, int depth, struct err *e)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;
	bool ok = true;

	if (!dir)
		return fail_sys(e, errno, "list");
	while (ok && (entry = readdir(dir)))
		ok = is_dots(entry->d_name) || remove_entry(r, fd, entry->d_name, depth, e);
	closedir(dir);
	return ok;
}

bool folder_remove_at(int parent, const char *name, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	struct removal r;
	struct stat st;
	unsigned moved;

	if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
		return true;
	if (errno != EISDIR && errno != EPERM)
		return fail_sys(e, errno, "remove %s", name);
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return fail_sys(e, errno, "remove %s", name);
	r = (struct removal){ .top = fd, .device = st.st_dev };
	do {
		moved = r.moved;
		if (!empty_folder(&r, fd, 0, e))
			return while_doing(e, "remove %s", name);
	} while (r.moved != moved);
	return unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT ||
	       fail_sys(e, errno, "remove %s", name);
}

bool folder_remove(const char *path, struct err *e)
{
	return folder_remove_at(AT_FDCWD, path, e);
}

struct seen_file {
	struct tree_node by_number;
	ino_t number;
};

static int compare_number(const void *key, const struct tree_node *member)
{
	ino_t a = *(const ino_t *)key,
	      b = container_of(member, struct seen_file, by_number)->number;

	return a < b ? -1 : a > b;
}

static bool is_seen(struct tree *seen, ino_t number)
{
	struct seen_file *file = NEW(struct seen_file);

	file->number = number;
	if (!tree_insert(seen, &number, &file->by_number))
		return false;
	free(file);
	return true;
}

static int64_t size_below(int fd, dev_t device, struct tree *seen, int depth)
{
	DIR *dir = fdopendir(fd);
	struct dirent *entry;
	int64_t total = 0;

	if (!dir) {
		(void)close(fd);
		return 0;
	}
	while ((entry = readdir(dir))) {
		struct stat st;
		int below;

		if (is_dots(entry->d_name) ||
		    fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    st.st_dev != device)
			continue;
		if (!S_ISDIR(st.st_mode)) {
			if (st.st_nlink == 1 || !is_seen(seen, st.st_ino))
				total += st.st_size;
			continue;
		}
		if (depth >= DEPTH_MAX)
			continue;
		below = openat(dirfd(dir), entry->d_name,
			       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (below >= 0)
			total += size_below(below, device, seen, depth + 1);
	}
	closedir(dir);
	return total;
}

int64_t folder_size(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct tree seen = TREE(compare_number);
	struct seen_file *file;
	struct stat st;
	int64_t total;

	if (fd < 0 || fstat(fd, &st) < 0) {
		if (fd >= 0)
			(void)close(fd);
		return 0;
	}
	total = size_below(fd, st.st_dev, &seen, 0);
	tree_each (&seen, struct seen_file, by_number, file) {
		tree_remove(&seen, &file->by_number);
		free(file);
	}
	return total;
}

bool folder_is_empty(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	bool is_empty = true;

	if (!dir)
		return errno == ENOENT;
	while (is_empty && (entry = readdir(dir)))
		is_empty = is_dots(entry->d_name);
	closedir(dir);
	return is_empty;
}

