#include "netlink/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"

#define OWN "/proc/thread-self/ns/net"

bool sysctl_write(const char *name, const char *value, struct err *e)
{
	AUTO_FREE char *path = xasprintf("/proc/sys/net/%s", name);
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		return fail_sys(e, errno, "set %s", path);
	return true;
}

bool sysctl_no_ipv6(const char *link, struct err *e)
{
	AUTO_FREE char *name = xasprintf("ipv6/conf/%s/disable_ipv6", link);

	return access("/proc/sys/net/ipv6", F_OK) < 0 || sysctl_write(name, "1", e);
}

int netns_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct statfs fs;

	if (fd < 0 || (fstatfs(fd, &fs) == 0 && fs.f_type == NSFS_MAGIC))
		return fd;
	(void)close(fd);
	return -1;
}

static int own_namespace(void)
{
	int fd = open(OWN, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		abort();
	return fd;
}

static void come_back(int home)
{
	if (setns(home, CLONE_NEWNET) < 0)
		abort();
	(void)close(home);
}

bool netns_visit(int netns, void *self, bool (*visit)(void *self, struct err *e), struct err *e)
{
	int home = own_namespace();
	bool ok;

	if (setns(netns, CLONE_NEWNET) < 0) {
		fail_sys(e, errno, "enter a network namespace");
		(void)close(home);
		return false;
	}
	ok = visit(self, e);
	come_back(home);
	return ok;
}

static bool keep_new(const char *path, struct err *e)
{
	int home = own_namespace();
	bool ok = false;

	if (unshare(CLONE_NEWNET) < 0) {
		fail_sys(e, errno, "make a network namespace");
		(void)close(home);
		return false;
	}
	if (mount(OWN, path, NULL, MS_BIND, NULL) < 0)
		fail_sys(e, errno, "keep a network namespace at %s", path);
	else
		ok = sysctl_no_ipv6("all", e) && sysctl_no_ipv6("default", e);
	come_back(home);
	return ok;
}

bool netns_make(const char *path, struct err *e)
{
	int fd = netns_open(path);

	if (fd >= 0) {
		(void)close(fd);
		return true;
	}
	fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fail_sys(e, errno, "create %s", path);
	(void)close(fd);
	if (keep_new(path, e))
		return true;
	(void)umount2(path, MNT_DETACH);
	(void)unlink(path);
	return false;
}

bool netns_remove(const char *path, struct err *e)
{
	if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL && errno != ENOENT)
		return fail_sys(e, errno, "unmount %s", path);
	if (unlink(path) < 0 && errno != ENOENT)
		return fail_sys(e, errno, "remove %s", path);
	return true;
}
