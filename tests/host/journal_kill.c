/* kill -9 in a loop: a child writes and says through a pipe what was acknowledged to it; after
 * each kill all of that is there, of the rest a prefix, and nothing in part. */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/prng.h"
#include "journal_user.h"
#include "temp.h"
#include "test.h"

#define KILLS 60
#define SEED  7

struct acked {
	uint64_t raft, local;
};

static struct journal_user u;

static void say(struct journal_user *user, uint64_t ticket)
{
	int fd = *(int *)user->on_done_self;

	if (write(fd, &ticket, sizeof(ticket)) != sizeof(ticket))
		_exit(3);
}

/* Never returns: it is killed. */
static void child(const char *dir, int fd)
{
	struct err e;

	if (!user_open(&u, dir, NULL, 100000, &e) || user_check_history(&u, SEED, 0, 0) != NULL)
		_exit(2);
	u.on_done = say;
	u.on_done_self = &fd;
	user_write_history(&u, 1000000);
	_exit(2);
}

static void read_acks(int fd, struct acked *acked)
{
	uint64_t ticket;

	while (read(fd, &ticket, sizeof(ticket)) == sizeof(ticket)) {
		if (ticket > LOCAL)
			acked->local = ticket - LOCAL;
		else
			acked->raft = ticket;
	}
}

static bool run_and_kill(const char *dir, int64_t after_us, struct acked *acked)
{
	int fds[2], status;
	pid_t pid;

	if (pipe(fds) != 0)
		return false;
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		child(dir, fds[1]);
	}
	close(fds[1]);
	usleep((useconds_t)after_us);
	kill(pid, SIGKILL);
	read_acks(fds[0], acked);
	close(fds[0]);
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

TEST(what_was_acknowledged_survives_kill_9)
{
	struct temp dir = temp_make();
	struct acked acked = { 0 };
	struct prng chance;

	prng_seed(&chance, SEED);
	for (int i = 0; i < KILLS && acked.raft < 3000; i++) {
		struct err e;

		CHECK(run_and_kill(dir.path, prng_between(&chance, 500, 60000), &acked));
		CHECK(user_open(&u, dir.path, NULL, 0, &e));
		CHECK_STR(user_check_history(&u, SEED, acked.raft, acked.local) ?: "fine", "fine");
		user_close(&u);
	}
	CHECK(acked.raft > 20 && acked.local > 20);
	temp_remove(&dir);
}

TEST_MAIN()
