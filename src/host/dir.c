#include "host/dir.h"

#include <errno.h>
#include <fcntl.h>

#include "base/fd.h"

bool dir_sync(const char *path, struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) != 0)
		return fail_sys(e, errno, "sync %s", path);
	return true;
}
