/* shoal-oci: becomes an OCI runtime, having made the host as that wants it.
 *
 *   shoal-oci [--hide-cgroup2] PROGRAM [ARG...]
 *
 * A container's process is the runtime for a moment, and could write to the program's file through
 * /proc/self/exe; so crun begins by becoming a copy of itself that cannot be written to. Here it
 * is that copy from the outset: a mount of the one file, read-only and in no folder, under which
 * it keeps the host's pages. It believes so because of a variable in its environment together with
 * the read-only mount; a runtime that does not know the variable is none the worse.
 *
 * With --hide-cgroup2 it runs in a mount namespace of its own where the cgroup2 of a hybrid host
 * is not mounted: crun 1.8 takes such a host for one of the second generation.
 *
 * A program of its own, with nothing but the C library, because conmon starts the runtime, and
 * because each thing that a container's start runs is waited for. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#define CGROUP2 "/sys/fs/cgroup/unified"
#define IS_COPY "_LIBCONTAINER_CLONED_BINARY"

static int fail_with(const char *what)
{
	(void)fprintf(stderr, "shoal-oci: %s: %s\n", what, strerror(errno));
	return 127;
}

static bool hide_cgroup2(void)
{
	return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0 &&
	       umount2(CGROUP2, 0) == 0;
}

/* The file on a mount that is read-only; -1 if the kernel cannot do that. */
static int open_copy(const char *program)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	int fd = open_tree(AT_FDCWD, program, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (fd < 0)
		return -1;
	if (mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

int main(int argc, char **argv)
{
	char **args = argv + 1;
	int copy;

	if (args[0] && strcmp(args[0], "--hide-cgroup2") == 0) {
		if (!hide_cgroup2())
			return fail_with("hide " CGROUP2);
		args++;
	}
	if (argc < 2 || !args[0]) {
		(void)fputs("shoal-oci: which program?\n", stderr);
		return 127;
	}

	copy = open_copy(args[0]);
	if (copy >= 0 && setenv(IS_COPY, "1", 1) == 0) {
		(void)execveat(copy, "", args, environ, AT_EMPTY_PATH);
		(void)unsetenv(IS_COPY); /* a script must be named to its interpreter */
	}
	(void)execv(args[0], args);
	return fail_with(args[0]);
}
