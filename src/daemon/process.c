#include "daemon/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

#define FIRST_PASSED_FD 3

static unsigned first_foreign_fd(void)
{
	uint64_t passed;
	const char *count = getenv("LISTEN_FDS");

	if (count && str_to_u64(str_of(count), &passed) && passed < 1024)
		return FIRST_PASSED_FD + (unsigned)passed;
	return FIRST_PASSED_FD;
}

static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

void process_harden(void)
{
	(void)umask(077);
	(void)close_range(first_foreign_fd(), ~0u, CLOSE_RANGE_CLOEXEC);
	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)signal(SIGPIPE, SIG_IGN);
	raise_descriptor_limit();
}

static void describe_owner(int fd, char *text, size_t size)
{
	ssize_t n = pread(fd, text, size - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
}

/* A lock of the process, not of the open file: a program that we start has it open until it
 * executes, and would hold it for us when we are killed meanwhile. */
bool pidfile_take(const char *path, int *out, struct err *e)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char text[32];
	int fd, n;

	*out = -1;
	if (!path[0])
		return true;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return fail_sys(e, errno, "pid file %s", path);
	if (fcntl(fd, F_SETLK, &lock) != 0) {
		describe_owner(fd, text, sizeof(text));
		close(fd);
		return fail(e, ERR_IN_USE,
			    "pid file %s is held by process %s: another shoald is running", path,
			    text);
	}
	n = snprintf(text, sizeof(text), "%d\n", getpid());
	if (ftruncate(fd, 0) != 0 || fchmod(fd, 0644) != 0 || pwrite(fd, text, (size_t)n, 0) != n) {
		fail_sys(e, errno, "write pid file %s", path);
		close(fd);
		return false;
	}
	*out = fd;
	return true;
}

void pidfile_drop(const char *path, int fd)
{
	if (fd < 0)
		return;
	(void)unlink(path);
	close(fd);
}

void notify_service_manager(const char *state)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	size_t length = path ? strlen(path) : 0;
	int fd;

	if (length < 2 || length >= sizeof(to.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(to.sun_path, path, length);
	if (path[0] == '@')
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to,
		     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
	close(fd);
}

void process_set_oom_score(int64_t adjust, const struct log *log)
{
	int fd, n;
	char text[32];

	if (adjust == 0)
		return;
	n = snprintf(text, sizeof(text), "%lld", (long long)adjust);
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, (size_t)n) != n)
		log_warn(log, "daemon", "--oom-score-adjust: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
}

static void end_now(int signum)
{
	(void)signum;
	_exit(0);
}

void process_end_within(int ms)
{
	struct itimerval after = { .it_value = { ms / 1000, ms % 1000 * 1000 } };
	struct sigaction act = { .sa_handler = end_now };

	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &after, NULL);
}

uint64_t process_seed(void)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		abort();
	return seed;
}
