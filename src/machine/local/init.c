#include "machine/local/init.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "file/file.h"
#include "file/folder.h"
#include "machine/local/groups.h"
#include "machine/local/launch.h"

#define ENGINE_ENDS_WITHIN_MS 3000
#define REST_ENDS_WITHIN_MS   1500
#define RESTART_PAUSE_MS      1000
#define FIRST_START_MS        2000
#define RESOLV_MAX            65536

/* ---- its view of files ---- */

/* Mounts of this namespace are made not to show in the one it was copied from. Inside of a chroot
 * the mount that holds our root may be out of reach: go to the namespace's very root and come back.
 */
static bool cut_mounts_loose(struct err *e)
{
	AUTO_CLOSE int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int own = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);

	if (root < 0 || own < 0 || setns(own, CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 || fchdir(root) < 0 ||
	    chroot(".") < 0)
		return fail_sys(e, errno, "cut mounts loose");
	return true;
}

static bool mount_at(const char *root, const char *where, const char *type, const char *options,
		     struct err *e)
{
	AUTO_FREE char *target = xasprintf("%s%s", root, where);

	return mount(type, target, type, MS_NOSUID | MS_NODEV, options) == 0 ||
	       fail_sys(e, errno, "mount %s", target);
}

void resolvers_for_host(struct str ours, struct buf *out)
{
	struct str line;

	while (ours.len) {
		str_cut(ours, '\n', &line, &ours);
		line = str_trim(line);
		/* What listens on our loopback does not on the host's. */
		if (str_starts_with(line, "nameserver 127.") ||
		    str_starts_with(line, "nameserver ::1") || line.len == 0 || line.ptr[0] == '#')
			continue;
		buf_append_str(out, line);
		buf_append_char(out, '\n');
	}
}

static void read_resolvers(struct buf *out)
{
	static const char *const files[] = { "/etc/resolv.conf",
					     "/run/systemd/resolve/resolv.conf" };

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		AUTO_BUF struct buf text = BUF_MAX(RESOLV_MAX);
		struct err e;

		if (file_read(files[i], &text, &e))
			resolvers_for_host(buf_str(&text), out);
		if (memmem(buf_str(out).ptr, out->len, "nameserver", 10))
			return;
		buf_reset(out);
	}
}

static bool give_file(const char *etc, const char *name, const struct buf *text, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/%s", etc, name);

	return file_replace_synced(path, buf_str(text), 0644, e);
}

/* The host's /etc is this computer's with a layer of its own above: three files to begin with. */
static bool give_etc(const struct host *h, const char *root, struct err *e)
{
	AUTO_FREE char *etc = host_path(h->id, "etc"), *work = host_path(h->id, "etc-work"),
		       *target = xasprintf("%s/etc", root), *options = NULL;
	AUTO_BUF struct buf hosts = BUF_MAX(4096), name = BUF_MAX(4096),
			    resolvers = BUF_MAX(RESOLV_MAX);
	char own[16], gateway[16];

	read_resolvers(&resolvers);
	buf_printf(&name, "%s\n", h->name);
	buf_printf(&hosts,
		   "127.0.0.1\tlocalhost\n::1\tlocalhost\n%s\t%s\n%s\thost.shoal.internal\n",
		   address_text(h->address, own), h->name, address_text(h->network | 1, gateway));
	if (!folder_make(etc, 0755, e) || !folder_make(work, 0700, e) ||
	    !give_file(etc, "hostname", &name, e) || !give_file(etc, "hosts", &hosts, e) ||
	    !give_file(etc, "resolv.conf", &resolvers, e))
		return false;
	options = xasprintf("lowerdir=/etc,upperdir=%s,workdir=%s", etc, work);
	return mount("overlay", target, "overlay", 0, options) == 0 ||
	       fail_sys(e, errno, "mount %s", target);
}

static bool make_view(const struct host *h, struct err *e)
{
	AUTO_FREE char *root = host_run_path(h->id, "root");
	static const char *const folders[] = { "/run/lock", "/run/netns", "/run/shm" };

	if (!cut_mounts_loose(e))
		return false;
	if (mount("/", root, NULL, MS_BIND | MS_REC, NULL) < 0 ||
	    mount(NULL, root, NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return fail_sys(e, errno, "mount %s", root);
	if (!mount_at(root, "/proc", "proc", NULL, e) ||
	    !mount_at(root, "/sys", "sysfs", NULL, e) || !groups_mount(root, e) ||
	    !mount_at(root, "/run", "tmpfs", "mode=755", e))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		AUTO_FREE char *path = xasprintf("%s%s", root, folders[i]);

		if (!folder_make(path, 0755, e))
			return false;
	}
	if (!give_etc(h, root, e))
		return false;
	return (chroot(root) == 0 && chdir("/") == 0 &&
		sethostname(h->name, strlen(h->name)) == 0) ||
	       fail_sys(e, errno, "enter %s", root);
}

/* ---- the engine ---- */

static char *find_engine(const char *folder)
{
	char *found = xasprintf("%s/shoald", folder);

	if (access(found, X_OK) == 0)
		return found;
	free(found);
	found = xasprintf("%s/../sbin/shoald", folder);
	if (access(found, X_OK) == 0)
		return found;
	free(found);
	return xstrdup("shoald");
}

static pid_t start_engine(const struct host *h, const char *path)
{
	size_t count = 0;
	sigset_t none;
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	while (h->engine[count])
		count++;
	char **argv = xcalloc(count + 2, sizeof(*argv));

	argv[0] = (char *)path;
	memcpy(argv + 1, h->engine, count * sizeof(*argv));
	for (char **w = h->environment; *w; w++)
		(void)putenv(*w);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(path, argv);
	perror(path);
	_exit(127);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Collect what died. True if `pid` was among it, with its status; *any says whether somebody is
 * left. */
static bool collect(pid_t pid, int *status, bool *any)
{
	bool found = false;
	int how;
	pid_t dead;

	while ((dead = waitpid(-1, &how, WNOHANG)) > 0) {
		if (dead != pid)
			continue;
		*status = how;
		found = true;
	}
	*any = dead == 0;
	return found;
}

/* Wait until `pid` (-1: everybody) has ended, or the time is over. */
static void wait_for(const sigset_t *signals, pid_t pid, int64_t timeout_ms)
{
	int64_t end_ms = now_ms() + timeout_ms, left_ms;
	int status;
	bool any;

	for (;;) {
		if (collect(pid, &status, &any) || !any)
			return;
		left_ms = end_ms - now_ms();
		if (left_ms <= 0)
			return;
		(void)sigtimedwait(signals, NULL,
				   &(struct timespec){ left_ms / 1000, left_ms % 1000 * 1000000 });
	}
}

static void shut_down(const sigset_t *signals, pid_t engine)
{
	if (engine > 0 && kill(engine, SIGTERM) == 0)
		wait_for(signals, engine, ENGINE_ENDS_WITHIN_MS);
	if (kill(-1, SIGTERM) == 0)
		wait_for(signals, -1, REST_ENDS_WITHIN_MS);
}

/* Are we told to end within this time? */
static bool is_ended_within(int64_t ms)
{
	sigset_t term;

	(void)sigemptyset(&term);
	(void)sigaddset(&term, SIGTERM);
	return sigtimedwait(&term, NULL, &(struct timespec){ ms / 1000, ms % 1000 * 1000000 }) ==
	       SIGTERM;
}

static int supervise(const struct host *h, const char *folder)
{
	AUTO_FREE char *path = find_engine(folder);
	int64_t begun_ms = now_ms();
	sigset_t signals;
	pid_t engine;
	int status = 0;
	bool any;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL);
	engine = start_engine(h, path);
	for (;;) {
		int got = sigwaitinfo(&signals, NULL);

		if (got == SIGTERM) {
			shut_down(&signals, engine);
			return 0;
		}
		if (!collect(engine, &status, &any))
			continue;
		/* It says why in the log; a host whose engine does not start is none. */
		if (WIFEXITED(status) && WEXITSTATUS(status) &&
		    now_ms() - begun_ms < FIRST_START_MS)
			return 1;
		fprintf(stderr, "shoal-machine: the engine has ended; it is started again\n");
		if (is_ended_within(RESTART_PAUSE_MS)) {
			shut_down(&signals, 0);
			return 0;
		}
		engine = start_engine(h, path);
	}
}

static void set_path(const char *folder)
{
	AUTO_FREE char *path = xasprintf(
		"%s:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", folder);

	(void)clearenv();
	(void)setenv("PATH", path, 1);
	(void)setenv("HOME", "/root", 1);
}

int host_init(const char *id)
{
	AUTO_FREE char *folder = own_folder();
	struct host h;
	struct err e;
	int status;

	(void)umask(022);
	(void)signal(SIGPIPE, SIG_IGN);
	set_path(folder);
	if (!host_id_is_valid(id) || !host_read(id, &h, &e) || !make_view(&h, &e)) {
		fprintf(stderr, "shoal-machine: %s\n",
			host_id_is_valid(id) ? e.text : "no such host");
		return 1;
	}
	status = supervise(&h, folder);
	host_clear(&h);
	return status;
}
