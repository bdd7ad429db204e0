#include "host/run/inside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "file/file.h"

#define DEPTH_MAX       64
#define XATTR_NAMES_MAX (64 << 10)
#define XATTR_VALUE_MAX (64 << 10)
#define LINK_MAX_BYTES  4096
#define COPY_STEP       (64 << 20)

int inside_open(int root, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned)(flags | O_CLOEXEC),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

bool inside_read(int root, const char *path, struct buf *into, struct err *e)
{
	/* Not to be held up by a FIFO, nor to wake a device. */
	AUTO_CLOSE int fd = inside_open(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	char self[32];
	struct stat st;

	if (fd < 0)
		return fail_sys(e, errno, "open %s", path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return fail(e, ERR_INVALID, "%s is not a file", path);
	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	return file_read(self, into, e);
}

/* The folder called `name` in `at`, made if it is missing. */
static int step_into(int root, struct buf *sofar, const char *name, uid_t uid, gid_t gid)
{
	size_t above_len = sofar->len;
	AUTO_CLOSE int above = -1;
	int fd;

	buf_printf(sofar, "/%s", name);
	if (sofar->overflow) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = inside_open(root, sofar->data, O_PATH | O_DIRECTORY);
	if (fd >= 0 || errno != ENOENT)
		return fd;
	sofar->data[above_len] = '\0';
	above = inside_open(root, above_len ? sofar->data : "/", O_PATH | O_DIRECTORY);
	sofar->data[above_len] = '/';
	if (above < 0 || (mkdirat(above, name, 0755) < 0 && errno != EEXIST))
		return -1;
	if (fchownat(above, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fchmodat(above, name, 0755, 0) < 0)
		return -1;
	return inside_open(root, sofar->data, O_PATH | O_DIRECTORY);
}

bool inside_make_folder(int root, const char *path, uid_t uid, gid_t gid, struct err *e)
{
	AUTO_FREE char *copy = xstrdup(path);
	AUTO_BUF struct buf sofar = BUF_MAX(4096);
	char *save = NULL;

	for (char *name = strtok_r(copy, "/", &save); name; name = strtok_r(NULL, "/", &save)) {
		int fd = step_into(root, &sofar, name, uid, gid);

		if (fd < 0)
			return fail_sys(e, errno, "make %s", path);
		(void)close(fd);
	}
	return true;
}

static void copy_xattrs(int from, int to)
{
	AUTO_FREE char *names = xmalloc(XATTR_NAMES_MAX);
	ssize_t len = flistxattr(from, names, XATTR_NAMES_MAX);
	AUTO_FREE char *value = xmalloc(XATTR_VALUE_MAX);

	for (ssize_t at = 0; at < len; at += (ssize_t)strlen(names + at) + 1) {
		ssize_t size = fgetxattr(from, names + at, value, XATTR_VALUE_MAX);

		/* The layer's own marks mean nothing elsewhere; others the file system may not
		 * have. */
		if (size < 0 || strncmp(names + at, "trusted.overlay.", 16) == 0 ||
		    fsetxattr(to, names + at, value, (size_t)size, 0) < 0)
			continue;
	}
}

static bool copy_file(int from_folder, int to_folder, const char *name, struct err *e)
{
	AUTO_CLOSE int from =
		openat(from_folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	AUTO_CLOSE int to = openat(to_folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ssize_t n;

	if (from < 0 || to < 0)
		return fail_sys(e, errno, "copy %s", name);
	while ((n = sendfile(to, from, NULL, COPY_STEP)) > 0)
		;
	if (n < 0)
		return fail_sys(e, errno, "copy %s", name);
	copy_xattrs(from, to);
	return true;
}

static bool copy_link(int from_folder, int to_folder, const char *name, struct err *e)
{
	AUTO_FREE char *target = xmalloc(LINK_MAX_BYTES);
	ssize_t n = readlinkat(from_folder, name, target, LINK_MAX_BYTES - 1);

	if (n < 0)
		return fail_sys(e, errno, "copy %s", name);
	target[n] = '\0';
	if (symlinkat(target, to_folder, name) < 0)
		return fail_sys(e, errno, "copy %s", name);
	return true;
}

static bool copy_folder(int from, int to, int depth, struct err *e);

static bool copy_below(int from_folder, int to_folder, const char *name, int depth, struct err *e)
{
	AUTO_CLOSE int from = -1;
	AUTO_CLOSE int to = -1;

	if (depth >= DEPTH_MAX)
		return fail(e, ERR_EXHAUSTED, "copy %s: folders are nested too deeply", name);
	if (mkdirat(to_folder, name, 0700) < 0)
		return fail_sys(e, errno, "copy %s", name);
	from = openat(from_folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	to = openat(to_folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (from < 0 || to < 0)
		return fail_sys(e, errno, "copy %s", name);
	return copy_folder(from, to, depth + 1, e);
}

static bool copy_entry(int from, int to, const char *name, int depth, struct err *e)
{
	struct timespec times[2];
	struct stat st;
	bool ok;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail_sys(e, errno, "copy %s", name);
	if (S_ISDIR(st.st_mode))
		ok = copy_below(from, to, name, depth, e);
	else if (S_ISLNK(st.st_mode))
		ok = copy_link(from, to, name, e);
	else if (S_ISREG(st.st_mode))
		ok = copy_file(from, to, name, e);
	else
		ok = mknodat(to, name, st.st_mode, st.st_rdev) == 0 ||
		     fail_sys(e, errno, "copy %s", name);
	if (!ok)
		return false;
	if (fchownat(to, name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    (!S_ISLNK(st.st_mode) && fchmodat(to, name, st.st_mode & 07777, 0) < 0))
		return fail_sys(e, errno, "copy %s", name);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	(void)utimensat(to, name, times, AT_SYMLINK_NOFOLLOW);
	return true;
}

static bool copy_folder(int from, int to, int depth, struct err *e)
{
	int copy = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;
	bool ok = true;

	if (!dir)
		return fail_sys(e, errno, "list");
	copy_xattrs(from, to);
	while (ok && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			ok = copy_entry(from, to, entry->d_name, depth, e);
	closedir(dir);
	return ok;
}

bool inside_copy(int from, int to, struct err *e)
{
	struct stat st;

	if (fstat(from, &st) < 0 || fchown(to, st.st_uid, st.st_gid) < 0 ||
	    fchmod(to, st.st_mode & 07777) < 0)
		return fail_sys(e, errno, "copy a folder");
	return copy_folder(from, to, 0, e);
}
