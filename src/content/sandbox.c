#include "content/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <locale.h>
#include <netdb.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <curl/curl.h>
#include <jansson.h>
#include <openssl/ssl.h>

#include "base/fd.h"
#include "base/mem.h"
#include "content/filter.h"
#include "content/path.h"
#include "file/file.h"

#define WORKER_MEMORY_MAX (768ul << 20)
#define RESOLVER_FILE_MAX (1u << 20)

/* What a resolver reads. They are copied, so nothing of /etc is visible to the worker. */
static const char *const resolver_files[] = { "/etc/resolv.conf", "/etc/hosts",
					      "/etc/nsswitch.conf", "/etc/gai.conf",
					      "/etc/services" };

void sandbox_prepare(void)
{
	struct addrinfo *found = NULL;

	/* Names in archives are bytes or UTF-8; in the C locale libarchive would drop the latter. */
	(void)setlocale(LC_CTYPE, "C.UTF-8");
	json_object_seed(0);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
		abort();
	(void)OPENSSL_init_ssl(0, NULL);
	SSL_CTX_free(SSL_CTX_new(TLS_client_method()));
	if (getaddrinfo("localhost", "443", NULL, &found) == 0)
		freeaddrinfo(found);
}

/* -- files -- */

static bool copy_file(const char *from, const char *to)
{
	AUTO_BUF struct buf text = BUF_MAX(RESOLVER_FILE_MAX);
	AUTO_CLOSE int in = open(from, O_RDONLY | O_CLOEXEC);
	AUTO_CLOSE int out = -1;

	if (in < 0 || !file_read_rest(in, &text))
		return false;
	out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	return out >= 0 && write(out, text.data ? text.data : "", text.len) == (ssize_t)text.len &&
	       fchmod(out, 0644) == 0;
}

/* An empty file system in memory, mounted on a directory that every system has. */
static bool make_empty_root(bool with_resolver, struct err *e)
{
	if (mount("none", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=755,size=8m") <
	    0)
		return fail_sys(e, errno, "mount an empty root");
	if (!with_resolver)
		return true;
	if (mkdir("/tmp/etc", 0755) < 0 || chmod("/tmp/etc", 0755) < 0)
		return fail_sys(e, errno, "make a directory");
	for (size_t i = 0; i < ARRAY_LEN(resolver_files); i++) {
		AUTO_FREE char *to = xasprintf("/tmp%s", resolver_files[i]);

		(void)copy_file(resolver_files[i], to); /* what the host lacks, the worker lacks */
	}
	return true;
}

/* Put one mount over the tree at `root`. The way to its place is walked inside the tree, so that no
 * link in it leads out; source and place are held by descriptors. */
static bool add_mount(int root, const struct sandbox_mount *m, struct err *e)
{
	AUTO_CLOSE int tree = syscall(SYS_open_tree, AT_FDCWD, m->source,
				      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	AUTO_CLOSE int place = path_open_in_root(root, m->destination, O_PATH);
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
					       MOUNT_ATTR_NOEXEC |
					       (m->is_read_only ? MOUNT_ATTR_RDONLY : 0) };

	if (tree < 0)
		return fail_sys(e, errno, "open %s", m->source);
	if (place < 0)
		return fail_sys(e, errno, "find %s", m->destination);
	if (syscall(SYS_move_mount, tree, "", place, "",
		    MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return fail_sys(e, errno, "mount over %s", m->destination);
	if (mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0)
		return fail_sys(e, errno, "restrict what is mounted over %s", m->destination);
	return true;
}

static bool make_tree_root(const struct sandbox *s, struct err *e)
{
	unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | (s->is_read_only ? MS_RDONLY : 0);
	AUTO_CLOSE int root = -1;

	if (mount(s->root, s->root, NULL, MS_BIND, NULL) < 0 ||
	    mount(NULL, s->root, NULL, MS_BIND | MS_REMOUNT | flags, NULL) < 0)
		return fail_sys(e, errno, "mount %s", s->root);
	root = open(s->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return fail_sys(e, errno, "open %s", s->root);
	for (size_t i = 0; i < s->mount_count; i++)
		if (!add_mount(root, &s->mounts[i], e))
			return false;
	return true;
}

static bool enter_root(const char *root, struct err *e)
{
	if (chdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return fail_sys(e, errno, "make %s the root", root);
	return true;
}

/* -- rights -- */

#define CAP_BIT(cap) (UINT64_C(1) << (cap))

static const uint64_t tree_caps = CAP_BIT(CAP_CHOWN) | CAP_BIT(CAP_DAC_OVERRIDE) |
				  CAP_BIT(CAP_FOWNER) | CAP_BIT(CAP_FSETID) | CAP_BIT(CAP_MKNOD) |
				  CAP_BIT(CAP_SETFCAP);

/* For good: what is not in the bounding set cannot come back. Takes SETPCAP. */
static bool bound_caps(uint64_t caps, struct err *e)
{
	for (int cap = 0; cap < 64; cap++)
		if (!(caps & CAP_BIT(cap)) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 &&
		    errno != EINVAL)
			return fail_sys(e, errno, "drop a capability");
	return true;
}

static bool set_caps(uint64_t caps, struct err *e)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {
		{ .effective = (uint32_t)caps, .permitted = (uint32_t)caps },
		{ .effective = (uint32_t)(caps >> 32), .permitted = (uint32_t)(caps >> 32) },
	};

	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capset, &head, data) < 0)
		return fail_sys(e, errno, "set capabilities");
	return true;
}

static bool drop_rights(const struct sandbox *s, struct err *e)
{
	if (setgroups(0, NULL) < 0)
		return fail_sys(e, errno, "drop groups");
	if (s->kind == SANDBOX_TREE)
		return bound_caps(tree_caps, e) && set_caps(tree_caps, e);

	/* Capabilities go with the uid, so the bounding set is emptied before. */
	if (!bound_caps(0, e))
		return false;
	if (setresgid(s->uid, s->uid, s->uid) < 0 || setresuid(s->uid, s->uid, s->uid) < 0)
		return fail_sys(e, errno, "become uid %u", s->uid);
	return set_caps(0, e);
}

static bool set_limits(void)
{
	struct rlimit no_core = { 0, 0 }, files = { 256, 256 };

#if !defined(__SANITIZE_ADDRESS__)
	struct rlimit memory = { WORKER_MEMORY_MAX, WORKER_MEMORY_MAX };

	if (setrlimit(RLIMIT_AS, &memory) < 0)
		return false;
#endif
	return setrlimit(RLIMIT_CORE, &no_core) == 0 && setrlimit(RLIMIT_NOFILE, &files) == 0;
}

static bool confine(const struct sandbox *s, pid_t parent, struct err *e)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return fail_sys(e, errno, "make a mount namespace");
	if (s->kind == SANDBOX_TREE) {
		if (!make_tree_root(s, e) || !enter_root(s->root, e))
			return false;
	} else if (!make_empty_root(s->kind == SANDBOX_NET, e) || !enter_root("/tmp", e)) {
		return false;
	}
	if (!drop_rights(s, e))
		return false;
	/* After the uid changed, which clears it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    !set_limits())
		return fail_sys(e, errno, "confine a worker");
	if (getppid() != parent)
		return fail(e, ERR_INTERNAL, "whoever started the worker is gone");
	return filter_install(s->kind, e);
}

/* -- descriptors -- */

static int compare_ints(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Close all above 2 but these. */
static void close_others(const int *keep, size_t count)
{
	int sorted[CHANNEL_FDS_MAX + 1];
	unsigned from = 3;

	memcpy(sorted, keep, count * sizeof(*keep));
	qsort(sorted, count, sizeof(*sorted), compare_ints);
	for (size_t i = 0; i < count; i++) {
		if ((unsigned)sorted[i] > from)
			(void)close_range(from, sorted[i] - 1, 0);
		if (sorted[i] >= (int)from)
			from = sorted[i] + 1;
	}
	(void)close_range(from, ~0u, 0);
}

__attribute__((noreturn)) static void live(const struct sandbox *s, pid_t parent, int up_fd,
					   worker_run *run, void *arg, const int *fds,
					   size_t fd_count)
{
	int keep[CHANNEL_FDS_MAX + 1];
	struct channel up;
	struct err e = { 0 };
	bool is_well;

	(void)signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < fd_count; i++)
		keep[i] = fds[i];
	keep[fd_count] = up_fd;
	close_others(keep, fd_count + 1);
	channel_init(&up, up_fd);
	is_well = confine(s, parent, &e);
	if (!is_well)
		e.kind =
			ERR_INTERNAL; /* whatever the system call said, nobody was denied anything */
	is_well = is_well && run(&up, arg, &e);
	if (!is_well)
		channel_send_failure(&up, &e);
	_exit(is_well ? 0 : 1);
}

bool worker_start(struct worker *w, const struct sandbox *s, worker_run *run, void *arg,
		  const int *fds, size_t fd_count, struct err *e)
{
	pid_t parent = getpid();
	int pair[2];

	if (fd_count > CHANNEL_FDS_MAX)
		return fail(e, ERR_EXHAUSTED, "a worker with more than %d descriptors",
			    CHANNEL_FDS_MAX);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return fail_sys(e, errno, "make a channel");
	w->pid = fork();
	if (w->pid < 0) {
		w->pid = 0;
		close(pair[0]);
		close(pair[1]);
		return fail_sys(e, errno, "start a worker");
	}
	if (w->pid == 0)
		live(s, parent, pair[1], run, arg, fds, fd_count);
	close(pair[1]);
	channel_init(&w->channel, pair[0]);
	return true;
}

bool worker_gone(struct worker *w, const char *what, struct err *e)
{
	int status = 0;
	pid_t pid = w->pid;

	w->pid = 0;
	channel_clear(&w->channel);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status))
		return fail(e, ERR_INTERNAL, "the worker that was %s died of signal %d (%s)", what,
			    WTERMSIG(status), strsignal(WTERMSIG(status)));
	return fail(e, ERR_INTERNAL, "the worker that was %s ended too early (status %d)", what,
		    WEXITSTATUS(status));
}

bool worker_receive(struct worker *w, const char *what, struct record *r, struct err *e)
{
	struct err why;

	if (!channel_receive(&w->channel, r, &why)) {
		if (why.kind == ERR_UNAVAILABLE)
			return worker_gone(w, what, e);
		*e = why;
		return while_doing(e, "%s", what);
	}
	if (str_equal_c(record_get(r, "event"), "failed"))
		return record_failure(r, e);
	return true;
}

bool worker_finish(struct worker *w, const char *what, struct err *e)
{
	int status = 0;
	pid_t pid = w->pid;

	w->pid = 0;
	channel_clear(&w->channel);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	if (WIFSIGNALED(status))
		return fail(e, ERR_INTERNAL, "the worker that was %s died of signal %d (%s)", what,
			    WTERMSIG(status), strsignal(WTERMSIG(status)));
	return fail(e, ERR_INTERNAL, "the worker that was %s failed", what);
}

void worker_end(struct worker *w)
{
	if (w->pid > 0) {
		(void)kill(w->pid, SIGKILL);
		while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	w->pid = 0;
	if (w->channel.in.max)
		channel_clear(&w->channel);
}
