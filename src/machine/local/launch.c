#include "machine/local/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "base/fd.h"
#include "base/mem.h"
#include "file/file.h"
#include "file/folder.h"
#include "machine/local/groups.h"
#include "machine/local/init.h"
#include "machine/local/network.h"

#define NAMESPACES                                                                                 \
	(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWCGROUP)
#define END_IN_ORDER_MS 10000
#define END_MS          5000
#define WORDS_BYTES_MAX ((size_t)1 << 20)

char *own_folder(void)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	path[n > 0 ? n : 0] = '\0';
	slash = strrchr(path, '/');
	if (slash)
		*slash = '\0';
	return xstrdup(path);
}

/* ---- its first process ---- */

/* When it began, in the kernel's ticks: with its number a name for a process that is never given
 * out twice. 0: there is none, or it is dead and only waits to be collected. */
static unsigned long long started_at(pid_t pid)
{
	AUTO_FREE char *path = xasprintf("/proc/%d/stat", (int)pid);
	AUTO_BUF struct buf text = BUF_MAX(4096);
	unsigned long long start = 0;
	const char *behind_name;
	char state;
	struct err e;

	if (!file_read(path, &text, &e) || !text.data)
		return 0;
	behind_name = strrchr(text.data, ')');
	if (!behind_name || sscanf(behind_name + 1,
				   " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d "
				   "%*d %*d %*d %*d %llu",
				   &state, &start) != 2)
		return 0;
	return state == 'Z' || state == 'X' ? 0 : start;
}

pid_t host_pid(const char *id)
{
	AUTO_FREE char *path = host_run_path(id, "pid");
	AUTO_BUF struct buf text = BUF_MAX(64);
	unsigned long long start;
	struct err e;
	int pid;

	if (!file_read(path, &text, &e) || !text.data ||
	    sscanf(text.data, "%d %llu", &pid, &start) != 2 || pid <= 1)
		return 0;
	return started_at(pid) == start && start ? pid : 0;
}

static bool write_pid(const char *id, pid_t pid, struct err *e)
{
	AUTO_FREE char *path = host_run_path(id, "pid");
	AUTO_FREE char *text = xasprintf("%d %llu\n", (int)pid, started_at(pid));

	return file_replace_synced(path, str_of(text), 0600, e);
}

/* The host's first process waits here until its link is there; nobody to say so is the end. */
static _Noreturn void become_init(const char *program, const char *id, int go, int log)
{
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	char byte;

	if (read(go, &byte, 1) != 1 || dup2(nothing, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
		_exit(1);
	(void)close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
	execl(program, "shoal-machine", INIT_COMMAND, id, NULL);
	perror(program);
	_exit(127);
}

/* In a child: enter the host's control groups, make its namespaces, fork its first process and tell
 * its number, or what went wrong. Only the caller keeps the end of the gate that says go: when it
 * dies, the host notices. */
static _Noreturn void prepare(const char *id, const int gate[2], int tell, int log)
{
	AUTO_FREE char *folder = own_folder(), *program = xasprintf("%s/shoal-machine", folder);
	struct {
		pid_t pid;
		struct err e;
	} said = { 0 };

	(void)close(gate[1]);
	(void)setsid();
	if (groups_enter(id, &said.e)) {
		if (unshare(NAMESPACES) < 0)
			fail_sys(&said.e, errno, "make namespaces");
		else if ((said.pid = fork()) == 0)
			become_init(program, id, gate[0], log);
		else if (said.pid < 0)
			fail_sys(&said.e, errno, "fork");
	}
	_exit(write(tell, &said, sizeof(said)) == sizeof(said) ? 0 : 1);
}

static bool hear(int from, pid_t *pid, struct err *e)
{
	struct {
		pid_t pid;
		struct err e;
	} said;

	if (read(from, &said, sizeof(said)) != sizeof(said))
		return fail(e, ERR_INTERNAL, "the host's first process did not start");
	if (said.pid <= 0) {
		*e = said.e;
		return false;
	}
	*pid = said.pid;
	return true;
}

static bool start_first(const struct host *h, const int gate[2], int log, pid_t *pid, struct err *e)
{
	int ends[2];
	pid_t child;
	bool ok;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail_sys(e, errno, "make a pipe");
	child = fork();
	if (child == 0)
		prepare(h->id, gate, ends[1], log);
	(void)close(ends[1]);
	ok = child > 0 ? hear(ends[0], pid, e) : fail_sys(e, errno, "fork");
	(void)close(ends[0]);
	while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	return ok;
}

bool host_launch(const struct host *h, struct err *e)
{
	AUTO_FREE char *run = host_run_path(h->id, "root"), *log_path = host_path(h->id, "log");
	AUTO_CLOSE int log = -1, go = -1, wait = -1;
	int gate[2];
	pid_t pid;

	if (host_pid(h->id))
		return true;
	if (!folder_make(run, 0711, e))
		return false;
	log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (log < 0)
		return fail_sys(e, errno, "open %s", log_path);
	if (pipe2(gate, O_CLOEXEC) < 0)
		return fail_sys(e, errno, "make a pipe");
	wait = gate[0];
	go = gate[1];
	(void)fflush(NULL);
	if (!start_first(h, gate, log, &pid, e))
		return false;
	if (!write_pid(h->id, pid, e) || !network_plug(h, pid, e) || write(go, "g", 1) != 1) {
		(void)kill(pid, SIGKILL);
		return false;
	}
	return true;
}

/* ---- its end ---- */

static bool wait_for_end(pid_t pid, int timeout_ms)
{
	AUTO_CLOSE int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return fd < 0 || poll(&p, 1, timeout_ms) != 0;
}

static bool end_process(pid_t pid, bool in_order, struct err *e)
{
	if (in_order && kill(pid, SIGTERM) == 0 && wait_for_end(pid, END_IN_ORDER_MS))
		return true;
	if (kill(pid, SIGKILL) < 0 && errno != ESRCH)
		return fail_sys(e, errno, "end process %d", (int)pid);
	return wait_for_end(pid, END_MS) ||
	       fail(e, ERR_INTERNAL, "process %d does not end", (int)pid);
}

bool host_end(const char *id, bool in_order, struct err *e)
{
	AUTO_FREE char *run = host_run_path(id, "");
	pid_t pid = host_pid(id);

	if (pid && !end_process(pid, in_order, e))
		return false;
	return network_unplug(id, e) && groups_remove(id, e) && folder_remove(run, e);
}

/* ---- visits ---- */

static bool join_namespaces(pid_t pid, struct err *e)
{
	static const char *const kinds[] = { "cgroup", "ipc", "uts", "net", "pid", "mnt" };
	AUTO_FREE char *root_path = xasprintf("/proc/%d/root", (int)pid);
	AUTO_CLOSE int root = open(root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fds[ARRAY_LEN(kinds)];
	bool ok = root >= 0;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		AUTO_FREE char *path = xasprintf("/proc/%d/ns/%s", (int)pid, kinds[i]);

		fds[i] = open(path, O_RDONLY | O_CLOEXEC);
		ok = ok && fds[i] >= 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		ok = ok && setns(fds[i], 0) == 0;
		if (fds[i] >= 0)
			(void)close(fds[i]);
	}
	/* A mount namespace is entered at its very root: the host's view lies deeper. */
	ok = ok && fchdir(root) == 0 && chroot(".") == 0;
	return ok || fail_sys(e, errno, "enter the host");
}

static void set_environment(const struct host *h, const char *folder)
{
	AUTO_FREE char *path = xasprintf(
		"%s:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", folder);
	static const char *const kept[] = { "TERM", "LANG", "LC_ALL", "COLORTERM" };
	char *values[ARRAY_LEN(kept)];

	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		values[i] = getenv(kept[i]);
	(void)clearenv();
	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		if (values[i])
			(void)setenv(kept[i], values[i], 1);
	(void)setenv("PATH", path, 1);
	(void)setenv("HOME", "/root", 1);
	(void)setenv("USER", "root", 1);
	(void)setenv("HOSTNAME", h->name, 1);
	(void)setenv("SHELL", access("/bin/bash", X_OK) == 0 ? "/bin/bash" : "/bin/sh", 1);
}

/* As over SSH: words become one line for the shell. */
static _Noreturn void run_shell(const struct host *h, const char *folder, const char *const *words,
				size_t count)
{
	AUTO_BUF struct buf line = BUF_MAX(WORDS_BYTES_MAX);
	const char *shell;

	set_environment(h, folder);
	shell = getenv("SHELL");
	if (chdir("/root") < 0)
		(void)!chdir("/");
	for (size_t i = 0; i < count; i++)
		buf_printf(&line, "%s%s", i ? " " : "", words[i]);
	if (count)
		execl(shell, shell, "-c", line.data, NULL);
	else
		execl(shell, strcmp(shell, "/bin/bash") == 0 ? "-bash" : "-sh", NULL);
	perror(shell);
	_exit(127);
}

/* In a child, as it leaves the caller's namespaces: it also waits for the shell, which must be
 * forked to be in the host's process namespace. */
static _Noreturn void visit(const struct host *h, pid_t pid, const char *const *words, size_t count)
{
	int status = 0;
	struct err e;
	AUTO_FREE char *folder = own_folder();
	pid_t shell;

	if (!groups_join(h->id, &e) || !join_namespaces(pid, &e)) {
		fprintf(stderr, "%s\n", e.text);
		_exit(255);
	}
	shell = fork();
	if (shell == 0) {
		(void)signal(SIGINT, SIG_DFL);
		(void)signal(SIGQUIT, SIG_DFL);
		run_shell(h, folder, words, count);
	}
	while (waitpid(shell, &status, 0) < 0 && errno == EINTR)
		;
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

bool host_enter(const struct host *h, const char *const *words, size_t count, int *status,
		struct err *e)
{
	pid_t pid = host_pid(h->id), child;
	int ended = 0;

	if (!pid)
		return fail(e, ERR_UNAVAILABLE, "Host is not running");
	(void)fflush(NULL);
	/* Interrupts from the terminal are for the shell. */
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGQUIT, SIG_IGN);
	child = fork();
	if (child < 0)
		return fail_sys(e, errno, "fork");
	if (child == 0)
		visit(h, pid, words, count);
	while (waitpid(child, &ended, 0) < 0 && errno == EINTR)
		;
	*status = WIFEXITED(ended) ? WEXITSTATUS(ended) : 128 + WTERMSIG(ended);
	return true;
}
