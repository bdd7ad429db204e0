#include "file/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"

#define PIECE_BYTES    (16 << 10)
#define COPY_BYTES_MAX ((size_t)1 << 20)

bool file_write_all(int fd, struct str bytes)
{
	while (bytes.len) {
		ssize_t n = write(fd, bytes.ptr, bytes.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		bytes = str_bytes(bytes.ptr + n, bytes.len - (size_t)n);
	}
	return true;
}

static bool sync_folder_of(const char *path)
{
	AUTO_FREE char *folder = xstrdup(path);
	char *slash = strrchr(folder, '/');
	AUTO_CLOSE int fd = -1;

	if (slash)
		slash[slash == folder] = '\0';
	fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 && fsync(fd) == 0;
}

static bool replace(const char *path, struct str bytes, mode_t mode, bool is_synced, struct err *e)
{
	AUTO_FREE char *fresh = xasprintf("%s.%d.new", path, (int)getpid());
	AUTO_CLOSE int fd =
		open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);

	if (fd < 0)
		return fail_sys(e, errno, "create %s", fresh);
	if (!file_write_all(fd, bytes) || fchmod(fd, mode) < 0 || (is_synced && fsync(fd) < 0) ||
	    rename(fresh, path) < 0) {
		fail_sys(e, errno, "replace %s", path);
		(void)unlink(fresh);
		return false;
	}
	return !is_synced || sync_folder_of(path) ||
	       fail_sys(e, errno, "sync the folder of %s", path);
}

bool file_replace(const char *path, struct str bytes, mode_t mode, struct err *e)
{
	return replace(path, bytes, mode, false, e);
}

bool file_replace_synced(const char *path, struct str bytes, mode_t mode, struct err *e)
{
	return replace(path, bytes, mode, true, e);
}

bool file_copy(const char *from, const char *to, mode_t mode, struct err *e)
{
	AUTO_BUF struct buf bytes = BUF_MAX(COPY_BYTES_MAX);

	return file_read(from, &bytes, e) && file_replace_synced(to, buf_str(&bytes), mode, e);
}

bool file_overwrite(const char *path, struct str bytes, mode_t mode, struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);

	if (fd < 0)
		return fail_sys(e, errno, "open %s", path);
	if (!file_write_all(fd, bytes) || fchmod(fd, mode) < 0)
		return fail_sys(e, errno, "write %s", path);
	return true;
}

enum rest {
	REST_READ,
	REST_FAILED, /* errno */
	REST_TOO_LONG,
};

static enum rest read_rest(int fd, struct buf *into)
{
	char piece[PIECE_BYTES];
	ssize_t n;

	while ((n = read(fd, piece, sizeof(piece))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return REST_FAILED;
		if (!buf_append(into, piece, (size_t)n))
			return REST_TOO_LONG;
	}
	return REST_READ;
}

bool file_read_rest(int fd, struct buf *into)
{
	return read_rest(fd, into) == REST_READ;
}

bool file_read_at(int folder, const char *path, struct buf *into, struct err *e)
{
	AUTO_CLOSE int fd = openat(folder, path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return fail_sys(e, errno, "open %s", path);
	switch (read_rest(fd, into)) {
	case REST_READ:
		return true;
	case REST_FAILED:
		return fail_sys(e, errno, "read %s", path);
	case REST_TOO_LONG:
		break;
	}
	return fail(e, ERR_EXHAUSTED, "%s has more than %zu bytes", path, into->max);
}

bool file_read(const char *path, struct buf *into, struct err *e)
{
	return file_read_at(AT_FDCWD, path, into, e);
}

bool file_exists(const char *path)
{
	return access(path, F_OK) == 0;
}
