#include "machine/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/mem.h"

#define COPY_BYTES_MAX ((size_t)1 << 20)
#define DEPTH_MAX      128 /* what lies deeper is first moved up: descriptors are not endless */

static bool write_all(int fd, struct str bytes)
{
	while (bytes.len) {
		ssize_t n = write(fd, bytes.ptr, bytes.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		bytes.ptr += n;
		bytes.len -= (size_t)n;
	}
	return true;
}

static void sync_folder_of(const char *path)
{
	AUTO_FREE char *folder = xstrdup(path);
	char *slash = strrchr(folder, '/');
	AUTO_CLOSE int fd = -1;

	if (!slash)
		return;
	*slash = '\0';
	fd = open(*folder ? folder : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		(void)fsync(fd);
}

bool file_replace(const char *path, struct str bytes, mode_t mode, struct err *e)
{
	AUTO_FREE char *fresh = xasprintf("%s.%d.new", path, (int)getpid());
	AUTO_CLOSE int fd =
		open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);

	if (fd < 0)
		return fail_sys(e, errno, "create %s", fresh);
	if (!write_all(fd, bytes) || fchmod(fd, mode) < 0 || fsync(fd) < 0 ||
	    rename(fresh, path) < 0) {
		fail_sys(e, errno, "replace %s", path);
		(void)unlink(fresh);
		return false;
	}
	sync_folder_of(path);
	return true;
}

bool file_read(const char *path, struct buf *into, struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	char piece[8192];
	ssize_t n;

	if (fd < 0)
		return fail_sys(e, errno, "open %s", path);
	while ((n = read(fd, piece, sizeof(piece))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_sys(e, errno, "read %s", path);
		if (!buf_append(into, piece, (size_t)n))
			return fail(e, ERR_EXHAUSTED, "%s has more than %zu bytes", path,
				    into->max);
	}
	return true;
}

bool file_copy(const char *from, const char *to, mode_t mode, struct err *e)
{
	AUTO_BUF struct buf bytes = BUF_MAX(COPY_BYTES_MAX);

	return file_read(from, &bytes, e) && file_replace(to, buf_str(&bytes), mode, e);
}

bool folder_make(const char *path, mode_t mode, struct err *e)
{
	AUTO_FREE char *part = xstrdup(path);

	for (char *at = part + 1; *at; at++) {
		if (*at != '/')
			continue;
		*at = '\0';
		if (mkdir(part, mode | 0700) < 0 && errno != EEXIST)
			return fail_sys(e, errno, "create folder %s", part);
		*at = '/';
	}
	if (mkdir(path, mode) < 0 && errno != EEXIST)
		return fail_sys(e, errno, "create folder %s", path);
	return true;
}

struct removal {
	int top;
	dev_t device;
	unsigned moved;
};

static bool empty_folder(struct removal *r, int fd, int depth, struct err *e);

static bool move_up(struct removal *r, int folder, const char *name, struct err *e)
{
	char fresh[32];

	(void)snprintf(fresh, sizeof(fresh), ".deep-%u", r->moved++);
	return renameat(folder, name, r->top, fresh) == 0 || fail_sys(e, errno, "move up %s", name);
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
	if (fd < 0 || fstat(fd, &st) < 0)
		return fail_sys(e, errno, "open %s", name);
	if (st.st_dev != r->device)
		return fail(e, ERR_IN_USE, "%s is a mount point", name);
	if (!empty_folder(r, fd, depth + 1, e))
		return while_doing(e, "%s", name);
	return unlinkat(folder, name, AT_REMOVEDIR) == 0 || errno == ENOENT ||
	       fail_sys(e, errno, "remove %s", name);
}

static bool empty_folder(struct removal *r, int fd, int depth, struct err *e)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;
	bool ok = true;

	if (!dir)
		return fail_sys(e, errno, "list a folder");
	while (ok && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			ok = remove_entry(r, fd, entry->d_name, depth, e);
	closedir(dir);
	return ok;
}

bool folder_remove(const char *path, struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct removal r = { .top = fd };
	struct stat st;
	unsigned moved;

	if (fd < 0 && errno == ENOENT)
		return true;
	if (fd < 0 || fstat(fd, &st) < 0)
		return fail_sys(e, errno, "open %s", path);
	r.device = st.st_dev;
	do {
		moved = r.moved;
		if (!empty_folder(&r, fd, 0, e))
			return while_doing(e, "removing %s", path);
	} while (r.moved != moved);
	return rmdir(path) == 0 || errno == ENOENT || fail_sys(e, errno, "remove %s", path);
}
