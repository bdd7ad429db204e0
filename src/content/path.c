#include "content/path.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"

int path_open_in_root(int root, const char *path, int flags)
{
	struct open_how how = { .flags = flags | O_CLOEXEC,
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	int fd;

	/* EAGAIN: a rename or a mount went on at the same time; the walk may be unsafe, so again. */
	for (int tries = 0; tries < 100; tries++) {
		fd = syscall(SYS_openat2, root, *path ? path : ".", &how, sizeof(how));
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return fd;
}

bool file_read_all(int fd, struct buf *b)
{
	char piece[64 << 10];

	for (;;) {
		ssize_t n = read(fd, piece, sizeof(piece));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0;
		if (!buf_append(b, piece, n))
			return false;
	}
}

bool file_write_all(int fd, const void *data, size_t size)
{
	const char *at = data;

	while (size > 0) {
		ssize_t n = write(fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		size -= n;
	}
	return true;
}

/* Empty the directory `fd`, which is closed. Depth is bounded by descriptors: a tree deeper than
 * that is flattened, by moving directories up, before it is removed. */
static bool empty_directory(int fd, int top, unsigned depth)
{
	DIR *dir = fdopendir(fd);
	struct dirent *entry;
	bool is_empty = true;

	if (!dir) {
		close(fd);
		return false;
	}
	while ((entry = readdir(dir))) {
		int child;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (unlinkat(dirfd(dir), entry->d_name, 0) == 0)
			continue;
		if (depth == 0) {
			char up[64];
			struct stat st;

			if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
				continue;
			snprintf(up, sizeof(up), ".deep-%llu", (unsigned long long)st.st_ino);
			is_empty &= renameat(dirfd(dir), entry->d_name, top, up) == 0;
			continue;
		}
		child = openat(dirfd(dir), entry->d_name,
			       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (child >= 0)
			is_empty &= empty_directory(child, top, depth - 1);
		is_empty &=
			unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR) == 0 || errno == ENOENT;
	}
	closedir(dir);
	return is_empty;
}

bool path_remove(int parent, const char *name)
{
	for (int rounds = 0; rounds < 1000; rounds++) {
		int top, fd;

		if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
			return true;
		top = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (top < 0)
			return false;
		fd = fcntl(top, F_DUPFD_CLOEXEC, 3);
		if (fd >= 0)
			(void)empty_directory(fd, top, 64);
		close(top);
		if (unlinkat(parent, name, AT_REMOVEDIR) == 0)
			return true;
		if (errno != ENOTEMPTY && errno != EEXIST)
			return errno == ENOENT;
	}
	return false;
}

char *path_clean(const char *name)
{
	char *clean = xmalloc(strlen(name) + 1);
	size_t len = 0;

	while (*name) {
		size_t part = strcspn(name, "/");

		if (part == 2 && name[0] == '.' && name[1] == '.') {
			while (len > 0 && clean[len - 1] != '/')
				len--;
			if (len > 0)
				len--;
		} else if (part > 0 && !(part == 1 && name[0] == '.')) {
			if (len > 0)
				clean[len++] = '/';
			memmove(clean + len, name, part);
			len += part;
		}
		name += part;
		while (*name == '/')
			name++;
	}
	clean[len] = '\0';
	return clean;
}
