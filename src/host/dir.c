#include "host/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/mem.h"

/* Modes are set by fchmod, so that the umask has no say. */
static bool set_mode(const char *path, mode_t mode, struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct stat s;

	if (fd < 0 || fstat(fd, &s) != 0)
		return fail_sys(e, errno, "open %s", path);
	if (s.st_uid != geteuid())
		return fail(e, ERR_DENIED, "%s belongs to user %u", path, s.st_uid);
	if ((s.st_mode & 07777) != mode && fchmod(fd, mode) != 0)
		return fail_sys(e, errno, "chmod %s", path);
	return true;
}

static bool make_parents(const char *path, struct err *e)
{
	AUTO_FREE char *part = xstrdup(path);

	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, 0755) == 0) {
			if (!set_mode(part, 0755, e))
				return false;
		} else if (errno != EEXIST) {
			return fail_sys(e, errno, "make %s", part);
		}
		*slash = '/';
	}
	return true;
}

bool dir_make(const char *path, mode_t mode, struct err *e)
{
	if (!make_parents(path, e))
		return false;
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return fail_sys(e, errno, "make %s", path);
	return set_mode(path, mode, e);
}

bool dir_sync(const char *path, struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) != 0)
		return fail_sys(e, errno, "sync %s", path);
	return true;
}
