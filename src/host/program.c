#include "host/program.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"

#define ERRORS_MAX 4096

static const char *const default_env[] = {
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL
};

char *program_beside_us(const char *name, struct err *e)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	if (n < 0) {
		(void)fail_sys(e, errno, "find our own program");
		return NULL;
	}
	path[n] = '\0';
	slash = strrchr(path, '/');
	return xasprintf("%.*s/%s", slash ? (int)(slash - path) : 0, path, name);
}

void program_arg(struct program *p, const char *arg)
{
	assert(p->arg_count < PROGRAM_ARGS_MAX);
	p->args[p->arg_count++] = arg;
}

void program_args(struct program *p, const char *const *args)
{
	for (; *args; args++)
		program_arg(p, *args);
}

struct stdio {
	int child[3];
	int ours[3];
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static void stdio_close(struct stdio *io)
{
	for (int i = 0; i < 3; i++) {
		close_fd(&io->child[i]);
		close_fd(&io->ours[i]);
	}
}

static bool stdio_open(struct stdio *io, const bool is_piped[3], struct err *e)
{
	*io = (struct stdio){ { -1, -1, -1 }, { -1, -1, -1 } };
	for (int i = 0; i < 3; i++) {
		int ends[2];

		if (!is_piped[i]) {
			io->child[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
			if (io->child[i] < 0)
				goto failed;
			continue;
		}
		if (pipe2(ends, O_CLOEXEC) < 0)
			goto failed;
		io->child[i] = ends[i == 0 ? 0 : 1];
		io->ours[i] = ends[i == 0 ? 1 : 0];
		if (fcntl(io->ours[i], F_SETFL, O_NONBLOCK) < 0)
			goto failed;
	}
	return true;
failed:
	fail_sys(e, errno, "pipe");
	stdio_close(io);
	return false;
}

static bool spawn(const struct program *p, const struct stdio *io, pid_t *pid, struct err *e)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int highest = 2, status;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

	posix_spawn_file_actions_init(&actions);
	for (int i = 0; i < 3; i++)
		posix_spawn_file_actions_adddup2(&actions, io->child[i], i);
	for (size_t i = 0; i < p->keep_count; i++) {
		/* Onto itself: takes the close-on-exec mark off, in the child only. */
		posix_spawn_file_actions_adddup2(&actions, p->keep[i], p->keep[i]);
		if (p->keep[i] > highest)
			highest = p->keep[i];
	}
	posix_spawn_file_actions_addclosefrom_np(&actions, highest + 1);
	if (p->folder)
		posix_spawn_file_actions_addchdir_np(&actions, p->folder);

	status = posix_spawnp(pid, p->args[0], &actions, &attr, (char *const *)p->args,
			      (char *const *)(p->env ? p->env : default_env));
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	if (status != 0)
		return fail_sys(e, status, "run %s", p->args[0]);
	if (p->pid)
		*p->pid = *pid;
	return true;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void write_some(int *fd, struct str *input)
{
	ssize_t n = input->len ? write(*fd, input->ptr, input->len) : 0;

	if (n > 0) {
		input->ptr += n;
		input->len -= (size_t)n;
	}
	if (input->len == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		close_fd(fd);
}

static void read_some(int *fd, struct buf *into)
{
	char chunk[16384];
	ssize_t n;

	while ((n = read(*fd, chunk, sizeof(chunk))) > 0) {
		size_t room = into->max - into->len;

		buf_append(into, chunk, (size_t)n < room ? (size_t)n : room);
	}
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		close_fd(fd);
}

/* Until the program itself has ended: what it left behind may hold the pipes open for ever. */
static bool converse(struct stdio *io, int pidfd, struct str input, struct buf *output,
		     struct buf *errors, int64_t deadline_ms)
{
	while (true) {
		int64_t left_ms = deadline_ms - now_ms();
		struct pollfd fds[4] = {
			{ .fd = io->ours[0], .events = POLLOUT },
			{ .fd = io->ours[1], .events = POLLIN },
			{ .fd = io->ours[2], .events = POLLIN },
			{ .fd = pidfd, .events = POLLIN },
		};

		if (left_ms <= 0)
			return false;
		if (poll(fds, 4, (int)left_ms) < 0 && errno != EINTR)
			return false;
		if (fds[0].revents)
			write_some(&io->ours[0], &input);
		if (fds[1].revents)
			read_some(&io->ours[1], output);
		if (fds[2].revents)
			read_some(&io->ours[2], errors);
		if (fds[3].revents) {
			if (io->ours[1] >= 0)
				read_some(&io->ours[1], output);
			if (io->ours[2] >= 0)
				read_some(&io->ours[2], errors);
			return true;
		}
	}
}

static int reap(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

bool program_run(const struct program *p, struct buf *output, struct buf *errors, int *exit_code,
		 struct err *e)
{
	const bool is_piped[3] = { p->input.len > 0, output != NULL, errors != NULL };
	struct stdio io;
	AUTO_CLOSE int pidfd = -1;
	bool in_time;
	pid_t pid;

	if (!stdio_open(&io, is_piped, e))
		return false;
	if (!spawn(p, &io, &pid, e)) {
		stdio_close(&io);
		return false;
	}
	for (int i = 0; i < 3; i++)
		close_fd(&io.child[i]);
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	in_time = pidfd >= 0 &&
		  converse(&io, pidfd, p->input, output, errors, now_ms() + p->timeout_ms);
	if (!in_time)
		(void)kill(pid, SIGKILL);
	*exit_code = reap(pid);
	stdio_close(&io);
	if (!in_time)
		return fail(e, ERR_UNAVAILABLE, "%s did not end within %d ms", p->args[0],
			    p->timeout_ms);
	return true;
}

bool program_must(const struct program *p, struct buf *output, struct err *e)
{
	AUTO_BUF struct buf errors = BUF_MAX(ERRORS_MAX);
	struct str words;
	int exit_code;

	if (!program_run(p, output, &errors, &exit_code, e))
		return false;
	if (exit_code == 0)
		return true;
	words = str_trim(buf_str(&errors));
	if (words.len == 0)
		return fail(e, ERR_INTERNAL, "%s: exit code %d", p->args[0], exit_code);
	return fail(e, ERR_INTERNAL, "%s: %.*s", p->args[0], STR_FMT(words));
}

bool program_start(const struct program *p, pid_t *pid, struct err *e)
{
	const bool is_piped[3] = { false, false, false };
	struct stdio io;
	bool ok;

	if (!stdio_open(&io, is_piped, e))
		return false;
	ok = spawn(p, &io, pid, e);
	stdio_close(&io);
	return ok;
}
