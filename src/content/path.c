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
