#include "host/run/conmon.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "file/file.h"
#include "file/folder.h"
#include "host/program.h"

/* A runtime that has not come so far hangs on something; the wait is for slow disks and cold
 * caches. */
#define START_TIMEOUT_MS 120000
#define MESSAGE_MAX      (64 << 10)
#define CMDLINE_MAX      (64 << 10)

struct pipes {
	int sync[2], start[2], attach[2]; /* [0] reads, [1] writes */
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static void pipes_close(struct pipes *p)
{
	for (int i = 0; i < 2; i++) {
		close_fd(&p->sync[i]);
		close_fd(&p->start[i]);
		close_fd(&p->attach[i]);
	}
}

static bool pipes_open(struct pipes *p, bool wants_attach, struct err *e)
{
	*p = (struct pipes){ { -1, -1 }, { -1, -1 }, { -1, -1 } };
	if (pipe2(p->sync, O_CLOEXEC) == 0 && pipe2(p->start, O_CLOEXEC) == 0 &&
	    (!wants_attach || pipe2(p->attach, O_CLOEXEC) == 0))
		return true;
	fail_sys(e, errno, "pipe");
	pipes_close(p);
	return false;
}

static bool read_line(int fd, struct buf *line, struct err *e)
{
	struct pollfd readable = { .fd = fd, .events = POLLIN };
	char c;

	while (true) {
		ssize_t n;

		if (poll(&readable, 1, START_TIMEOUT_MS) == 0)
			return fail(e, ERR_UNAVAILABLE, "the runtime did not answer within %d s",
				    START_TIMEOUT_MS / 1000);
		n = read(fd, &c, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return fail(e, ERR_INTERNAL, "conmon ended without a word");
		if (c == '\n')
			return true;
		if (!buf_append_char(line, c))
			return fail(e, ERR_EXHAUSTED, "conmon talks without end");
	}
}

/* What the user is told by docker: 127 no such program, 126 it cannot be run, 128 anything else. */
static int exit_code_of(const char *message)
{
	static const struct {
		const char *words;
		int code;
	} table[] = {
		{ "executable file", 127 }, { "no such file or directory", 127 },
		{ "open executable", 126 }, { "permission denied", 126 },
		{ "is a directory", 126 },  { "exec format error", 126 },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (strcasestr(message, table[i].words))
			return table[i].code;
	return 128;
}

/* The runtime's words end with the C library's for an error number. Clients look for Go's, which
 * begin with a small letter: "no such file or directory", "permission denied". The latter is also
 * what they expect of a folder. */
static char *as_go_says(struct str words)
{
	char *text, *last;

	if (str_equal_c(words, "open executable: Operation not permitted"))
		return xstrdup("open executable: permission denied");
	text = last = xasprintf("%.*s", STR_FMT(words));
	for (char *colon = text; (colon = strstr(colon, ": ")); colon += 2)
		last = colon + 2;
	if (last != text && last[0] >= 'A' && last[0] <= 'Z' && last[1] >= 'a' && last[1] <= 'z')
		last[0] |= 0x20;
	return text;
}

static bool read_answer(int fd, const char *verb, struct conmon_started *started, struct err *e)
{
	AUTO_BUF struct buf line = BUF_MAX(MESSAGE_MAX);
	json_t *answer;
	json_int_t pid;
	const char *message;

	if (!read_line(fd, &line, e))
		return false;
	answer = json_loadb(line.data, line.len, 0, NULL);
	pid = json_integer_value(json_object_get(answer, "data"));
	message = json_string_value(json_object_get(answer, "message"));
	if (pid > 0) {
		started->pid = (pid_t)pid;
	} else {
		AUTO_FREE char *words =
			as_go_says(str_trim(str_of(message ? message : "it gave no reason")));

		started->exit_code = message ? exit_code_of(message) : 128;
		fail(e, started->exit_code == 128 ? ERR_INTERNAL : ERR_INVALID,
		     "OCI runtime %s failed: %s", verb, words);
	}
	json_decref(answer);
	return pid > 0;
}

static bool say_go(int fd, struct err *e)
{
	if (write(fd, "", 1) != 1)
		return fail_sys(e, errno, "wake conmon");
	return true;
}

static void join_cgroup(const char *cgroup_procs, pid_t pid)
{
	AUTO_CLOSE int fd = open(cgroup_procs, O_WRONLY | O_CLOEXEC);

	/* It runs as well where it is; only who counts its memory differs. */
	if (fd >= 0 && dprintf(fd, "%d", (int)pid) < 0)
		return;
}

/* Its front goes once it has forked itself away, or has failed to. */
static void await_front(pid_t front)
{
	AUTO_CLOSE int pidfd = (int)syscall(SYS_pidfd_open, front, 0);
	struct pollfd ended = { .fd = pidfd, .events = POLLIN };

	while (pidfd >= 0 && poll(&ended, 1, START_TIMEOUT_MS) < 0 && errno == EINTR)
		;
}

/* A cgroup takes a process in after a grace period of the kernel, some 10 ms, unless it has taken
 * in another a moment before. The runtime moves the container's first process as well: both wait
 * for the same grace period if conmon is moved while the runtime is on its way. */
static bool follow_start(const struct conmon *c, pid_t front, struct pipes *p,
			 struct conmon_started *started, struct err *e)
{
	AUTO_BUF struct buf line = BUF_MAX(MESSAGE_MAX);

	if (!say_go(p->start[1], e))
		return false;
	await_front(front);
	started->conmon_pidfd = conmon_find(c->bundle, &started->conmon_pid);
	if (c->is_exec && c->wants_attach &&
	    (!read_line(p->attach[0], &line, e) ||
	     !conmon_connect(c->bundle, &started->attached, e) || !say_go(p->start[1], e)))
		return false;
	if (c->cgroup_procs && started->conmon_pidfd >= 0)
		join_cgroup(c->cgroup_procs, started->conmon_pid);
	if (!read_answer(p->sync[0], c->is_exec ? "exec" : "create", started, e))
		return false;
	if (!c->is_exec && c->wants_attach)
		return conmon_connect(c->bundle, &started->attached, e);
	return true;
}

bool conmon_start(const struct conmon *c, struct conmon_started *started, struct err *e)
{
	AUTO_FREE char *pidfile = xasprintf("%s/pidfile", c->bundle);
	AUTO_FREE char *conmon_pidfile = xasprintf("%s/conmon.pid", c->bundle);
	AUTO_FREE char *exits = xasprintf("%s/exits", c->bundle);
	AUTO_FREE char *log = c->log ? xasprintf("k8s-file:%s", c->log) : xstrdup("none");
	AUTO_FREE char *process = xasprintf("%s/process.json", c->bundle);
	char sync_env[64], start_env[64], attach_env[64];
	const char *env[5] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	};
	/* It leaves a file `oom` in the folder it runs in. */
	struct program p = { .timeout_ms = START_TIMEOUT_MS, .env = env, .folder = c->bundle };
	struct pipes pipes;
	pid_t front;
	bool ok;

	*started = (struct conmon_started){ .conmon_pidfd = -1, .attached = -1, .exit_code = 128 };
	if (!folder_make_as(exits, 0700, e) ||
	    !pipes_open(&pipes, c->is_exec && c->wants_attach, e))
		return false;

	program_args(&p, (const char *[]){ "conmon",
					   "--api-version",
					   "1",
					   "--full-attach",
					   "--no-new-keyring",
					   "--no-sync-log",
					   "--log-level",
					   "error",
					   "-c",
					   c->id,
					   "-u",
					   c->name,
					   "-n",
					   c->name,
					   "-b",
					   c->bundle,
					   "-p",
					   pidfile,
					   "-P",
					   conmon_pidfile,
					   "--exit-dir",
					   exits,
					   "-l",
					   log,
					   "-r",
					   c->oci->front[0],
					   NULL });
	for (const char *const *arg = c->oci->front + 1; *arg; arg++)
		program_args(&p, (const char *[]){ "--runtime-arg", *arg, NULL });
	if (c->tty)
		program_arg(&p, "-t");
	if (c->open_stdin)
		program_arg(&p, "-i");
	if (c->leave_stdin_open)
		program_arg(&p, "--leave-stdin-open");
	if (c->is_exec)
		program_args(&p, (const char *[]){ "-e", "--exec-process-spec", process, NULL });
	if (c->is_exec && c->wants_attach)
		program_arg(&p, "--exec-attach");

	(void)snprintf(sync_env, sizeof(sync_env), "_OCI_SYNCPIPE=%d", pipes.sync[1]);
	(void)snprintf(start_env, sizeof(start_env), "_OCI_STARTPIPE=%d", pipes.start[0]);
	(void)snprintf(attach_env, sizeof(attach_env), "_OCI_ATTACHPIPE=%d", pipes.attach[1]);
	env[1] = sync_env;
	env[2] = start_env;
	p.keep[p.keep_count++] = pipes.sync[1];
	p.keep[p.keep_count++] = pipes.start[0];
	if (pipes.attach[1] >= 0) {
		env[3] = attach_env;
		p.keep[p.keep_count++] = pipes.attach[1];
	}

	ok = program_start(&p, &front, e);
	close_fd(&pipes.sync[1]);
	close_fd(&pipes.start[0]);
	close_fd(&pipes.attach[1]);
	if (ok) {
		ok = follow_start(c, front, &pipes, started, e);
		close_fd(&pipes.start[1]); /* a front that still waits for it ends */
		while (waitpid(front, NULL, 0) < 0 && errno == EINTR)
			;
	}
	pipes_close(&pipes);
	return ok;
}

static pid_t read_pid(const char *bundle, const char *file)
{
	AUTO_FREE char *path = xasprintf("%s/%s", bundle, file);
	AUTO_BUF struct buf text = BUF_MAX(64);
	struct err e;

	if (!file_read(path, &text, &e) || text.len == 0)
		return 0;
	return (pid_t)atoi(text.data);
}

static bool has_argument(struct str cmdline, const char *flag, const char *value)
{
	struct str arg;
	bool is_next = false;

	while (str_cut(cmdline, '\0', &arg, &cmdline)) {
		if (is_next)
			return str_equal_c(arg, value);
		is_next = str_equal_c(arg, flag);
	}
	return false;
}

int conmon_find(const char *bundle, pid_t *pid)
{
	AUTO_BUF struct buf cmdline = BUF_MAX(CMDLINE_MAX);
	char path[64];
	struct err e;
	int fd;

	*pid = read_pid(bundle, "conmon.pid");
	fd = *pid > 0 ? (int)syscall(SYS_pidfd_open, *pid, 0) : -1;
	if (fd < 0)
		return -1;
	/* The pid may be another's by now. Once the pidfd is open it cannot change any more. */
	(void)snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)*pid);
	if (file_read(path, &cmdline, &e) && has_argument(buf_str(&cmdline), "-b", bundle))
		return fd;
	(void)close(fd);
	return -1;
}

pid_t conmon_child(const char *bundle, pid_t conmon_pid)
{
	pid_t pid = read_pid(bundle, "pidfile");
	AUTO_BUF struct buf status = BUF_MAX(16 << 10);
	char path[64];
	const char *parent;
	struct err e;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (pid <= 0 || !file_read(path, &status, &e))
		return 0;
	parent = strstr(status.data, "\nPPid:");
	return parent && atoi(parent + 6) == conmon_pid ? pid : 0;
}

bool conmon_exit_code(const char *bundle, const char *id, int *code, int64_t *at_ns)
{
	AUTO_FREE char *path = xasprintf("%s/exits/%s", bundle, id);
	AUTO_BUF struct buf text = BUF_MAX(64);
	struct stat st;
	struct err e;

	if (stat(path, &st) < 0 || !file_read(path, &text, &e) || text.len == 0)
		return false;
	*code = atoi(text.data);
	*at_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	return true;
}

bool conmon_connect(const char *bundle, int *out, struct err *e)
{
	AUTO_CLOSE int folder = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un name = { .sun_family = AF_UNIX };

	/* A socket's name is at most 107 bytes; the folder's may be longer. */
	(void)snprintf(name.sun_path, sizeof(name.sun_path), "/proc/self/fd/%d/attach", folder);
	if (fd >= 0 && folder >= 0 && connect(fd, (struct sockaddr *)&name, sizeof(name)) == 0) {
		*out = fd;
		return true;
	}
	fail_sys(e, errno, "attach");
	close_fd(&fd);
	return false;
}

static bool control(const char *bundle, const char *line, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/ctl", bundle);
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	size_t len = strlen(line);

	if (fd < 0)
		return fail_sys(e, errno, "reach conmon");
	if (write(fd, line, len) != (ssize_t)len)
		return fail_sys(e, errno, "tell conmon");
	return true;
}

bool conmon_resize(const char *bundle, int32_t height, int32_t width, struct err *e)
{
	char line[64];

	(void)snprintf(line, sizeof(line), "1 %d %d\n", (int)height, (int)width);
	return control(bundle, line, e);
}

bool conmon_reopen_log(const char *bundle, struct err *e)
{
	return control(bundle, "2 0 0\n", e);
}
