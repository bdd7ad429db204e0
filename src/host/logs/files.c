#include "host/logs/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "file/file.h"
#include "host/logs/line.h"

#define BLOCK (64 << 10)
#define HEAD  64 /* of a line: its time, stream and tag */

char *log_file_path(const char *path, int n)
{
	return n == 0 ? xstrdup(path) : xasprintf("%s.%d", path, n);
}

int log_file_oldest(const char *path)
{
	int n;

	for (n = 1; n < LOG_FILES_MAX; n++) {
		AUTO_FREE char *older = log_file_path(path, n);

		if (!file_exists(older))
			break;
	}
	/* Between two names while it is shifted, the newest may be missing. */
	return n > 1 || file_exists(path) ? n - 1 : -1;
}

int log_file_number(const char *path, int fd)
{
	struct stat open_one, named;

	if (fstat(fd, &open_one) < 0 || open_one.st_nlink == 0)
		return -1;
	for (int n = 0; n < LOG_FILES_MAX; n++) {
		AUTO_FREE char *name = log_file_path(path, n);

		if (stat(name, &named) == 0 && named.st_ino == open_one.st_ino &&
		    named.st_dev == open_one.st_dev)
			return n;
		if (n > 0 && !file_exists(name))
			break;
	}
	return -1;
}

static int open_number(const char *path, int n)
{
	AUTO_FREE char *name = log_file_path(path, n);

	return open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

/* A part of a line counts with its end, or if it is the end of the log. */
static bool is_wanted(int fd, off_t line_at, bool is_last, bool want_stdout, bool want_stderr)
{
	char head[HEAD];
	ssize_t n = pread(fd, head, sizeof(head), line_at);
	struct log_line line;
	char *end = n > 0 ? memchr(head, '\n', (size_t)n) : NULL;
	size_t len = end ? (size_t)(end - head) : n > 0 ? (size_t)n : 0;

	return log_line_parse(str_bytes(head, len), &line) && (is_last || !line.is_partial) &&
	       (line.is_stderr ? want_stderr : want_stdout);
}

/* Walk backward over whole lines; *count goes down for each wanted one. True when it fell below
 * zero: *at is the end of the line that is one too many. */
static bool tail_of_file(int fd, bool is_newest, int64_t *count, bool want_stdout, bool want_stderr,
			 off_t *at)
{
	AUTO_FREE char *block = xmalloc(BLOCK);
	off_t size = lseek(fd, 0, SEEK_END), line_end = size, block_at = size;

	while (block_at > 0) {
		size_t len = block_at < BLOCK ? (size_t)block_at : BLOCK;

		block_at -= (off_t)len;
		if (pread(fd, block, len, block_at) != (ssize_t)len)
			return false;
		for (size_t i = len; i-- > 0;) {
			off_t line_at = block_at + (off_t)i + 1;

			if (block[i] != '\n' || line_at >= line_end)
				continue;
			if (is_wanted(fd, line_at, is_newest && line_end == size, want_stdout,
				      want_stderr) &&
			    --*count < 0) {
				*at = line_end;
				return true;
			}
			line_end = line_at;
		}
	}
	if (line_end > 0 &&
	    is_wanted(fd, 0, is_newest && line_end == size, want_stdout, want_stderr) &&
	    --*count < 0) {
		*at = line_end;
		return true;
	}
	return false;
}

void log_find_tail(const char *path, int64_t count, bool want_stdout, bool want_stderr,
		   struct log_place *place)
{
	int oldest = log_file_oldest(path);

	*place = (struct log_place){ .fd = -1 };
	for (int n = 0; n <= oldest; n++) {
		int fd;

		if (count < 0 && n < oldest)
			continue; /* all of it: begin with the oldest */
		fd = open_number(path, n);
		if (fd < 0)
			continue;
		if (place->fd >= 0)
			(void)close(place->fd);
		place->fd = fd;
		place->at = 0;
		place->is_newest = n == 0;
		if (count >= 0 &&
		    tail_of_file(fd, n == 0, &count, want_stdout, want_stderr, &place->at))
			return;
	}
}

bool log_next_file(const char *path, struct log_place *place)
{
	int n = place->fd >= 0 ? log_file_number(path, place->fd) : -1;
	int fd;

	if (n == 0)
		return false;
	if (n < 0)
		n = log_file_oldest(path) + 1; /* it was removed: so were all before it */
	if (n <= 0)
		return false;
	fd = open_number(path, n - 1);
	if (fd < 0)
		return false;
	if (place->fd >= 0)
		(void)close(place->fd);
	*place = (struct log_place){ .fd = fd, .is_newest = n == 1 };
	return true;
}

bool log_shift(const char *path, int files_max, struct err *e)
{
	for (int n = log_file_oldest(path); n >= 0; n--) {
		AUTO_FREE char *from = log_file_path(path, n);
		AUTO_FREE char *to = log_file_path(path, n + 1);

		if (n > 0 && n + 1 >= files_max) {
			(void)unlink(from);
			continue;
		}
		if (rename(from, to) < 0 && errno != ENOENT)
			return fail_sys(e, errno, "rotate %s", path);
	}
	return true;
}

void log_trim(const char *path, int files_max)
{
	for (int n = log_file_oldest(path); n > 0 && n >= files_max; n--) {
		AUTO_FREE char *name = log_file_path(path, n);

		(void)unlink(name);
	}
}
