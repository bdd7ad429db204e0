/* The raft log under a key of its own: taken, replaced, missing, wiped. */
#include <dirent.h>
#include <stdlib.h>

#include "base/mem.h"
#include "journal_user.h"
#include "temp.h"
#include "test.h"

static const uint8_t first[SEAL_KEY_LEN] = "the first key of the raft log...";
static const uint8_t second[SEAL_KEY_LEN] = "the second, another one of those";
static const uint8_t foreign[SEAL_KEY_LEN] = "a key that belongs to nobody ...";

static struct temp dir;
static struct journal_user u;
static struct err e;

struct taking {
	bool is_over, is_good;
	struct err why;
};

static void taken(void *self, bool is_good, const struct err *why)
{
	struct taking *t = self;

	t->is_over = true;
	t->is_good = is_good;
	t->why = *why;
	loop_stop(u.loop);
}

static bool take(const uint8_t *key, const uint8_t *older)
{
	struct taking t = { 0 };

	journal_disk_take_key(u.disk, key, older, &t, taken);
	while (!t.is_over)
		loop_run(u.loop);
	e = t.why;
	return t.is_good;
}

static void again(void)
{
	user_close(&u);
	CHECK(user_open(&u, dir.path, NULL, 0, &e));
}

static void write_entry(uint64_t ticket, uint64_t index, const char *text)
{
	struct journal_entry entry = { .index = index, .term = 1, .data = str_of(text) };

	u.seam.write_raft(u.seam.self, ticket,
			  &(struct journal_raft_write){ .entries = &entry,
							.entry_count = 1,
							.has_hard_state = true,
							.hard_state = { 1, 2, index } });
}

/* Entries 1 to 4 of which 2 are in a snapshot, and a record. */
static void begin(void)
{
	struct journal_manifest m = { .index = 2, .term = 1, .metadata = STR("meta") };

	dir = temp_make();
	CHECK(user_open(&u, dir.path, NULL, 0, &e));
	for (uint64_t i = 1; i <= 4; i++)
		write_entry(i, i, "x");
	CHECK(user_save_snapshot(&u, &m, STR("state")));
	u.seam.write_raft(u.seam.self, 5,
			  &(struct journal_raft_write){ .snapshot = &m, .keep = 1 });
	u.seam.write_local(u.seam.self, LOCAL + 1, &(struct journal_record){ "t", "a", STR("1") },
			   1);
	user_wait_done(&u, 5, 1);
}

static void end(void)
{
	user_close(&u);
	temp_remove(&dir);
}

static const char *describe(struct journal_user *user, const struct journal_image *image)
{
	struct buf *text = user->on_image_self;

	if (image->is_raft_shut)
		buf_append_c(text, "shut");
	for (size_t i = 0; i < image->entry_count; i++)
		buf_printf(text, "%d=%.*s ", (int)image->entries[i].index,
			   STR_FMT(image->entries[i].data));
	if (image->has_snapshot)
		buf_printf(text, "snap %d=%.*s commit %d", (int)image->snapshot.index,
			   STR_FMT(image->snapshot_content), (int)image->hard_state.commit);
	buf_printf(text, " %zu record", image->record_count);
	return NULL;
}

static const char *whole(void)
{
	static struct buf text = { .max = 1 << 20 };
	const char *problem;

	buf_reset(&text);
	problem = user_load(&u, describe, &text);
	return problem ? problem : text.data;
}

#define WHOLE "3=x 4=x snap 2=state commit 4 1 record"
#define SHUT  "shut 1 record"

TEST(a_log_with_a_key_of_its_own_is_shut_until_that_is_here)
{
	begin();
	CHECK(take(first, NULL));
	CHECK_STR(whole(), WHOLE);
	again();

	CHECK_STR(whole(), SHUT);
	CHECK(take(first, NULL));
	CHECK_STR(whole(), WHOLE);
	write_entry(1, 5, "y");
	user_wait_done(&u, 1, 0);
	CHECK_STR(whole(), "3=x 4=x 5=y snap 2=state commit 5 1 record");
	end();
}

TEST(a_replaced_key_opens_nothing_any_more)
{
	begin();
	CHECK(take(first, NULL) && take(second, first));
	CHECK_STR(whole(), WHOLE);
	again();

	CHECK(!take(first, NULL));
	CHECK_INT(e.kind, ERR_DENIED);
	CHECK_STR(whole(), SHUT);
	CHECK(take(second, NULL));
	CHECK_STR(whole(), WHOLE);
	end();
}

TEST(a_key_that_does_not_fit_changes_nothing)
{
	begin();
	CHECK(take(first, NULL));
	again();

	CHECK(!take(foreign, second));
	CHECK_INT(e.kind, ERR_DENIED);
	CHECK_STR(whole(), SHUT);
	CHECK(take(first, NULL));
	CHECK_STR(whole(), WHOLE);
	end();
}

TEST(what_is_shut_is_not_written_to)
{
	begin();
	CHECK(take(first, NULL));
	again();

	write_entry(1, 5, "y");
	user_wait_done(&u, 1, 0);
	CHECK(u.raft_failed && strstr(u.failure, "the key that it is sealed with is not here"));
	again();
	CHECK(take(first, NULL));
	CHECK_STR(whole(), WHOLE);
	end();
}

static void copy(const char *from, const char *to)
{
	AUTO_FREE char *command =
		xasprintf("cd %s && mkdir -p %s && cp -a %s/raft.db* %s/", dir.path, to, from, to);

	CHECK(system(command) == 0);
}

TEST(a_crash_between_the_snapshots_and_the_log_leaves_both_keys_in_use_and_all_there)
{
	begin();
	CHECK(take(first, NULL));
	user_close(&u);
	copy(".", "before");
	CHECK(user_open(&u, dir.path, NULL, 0, &e));
	CHECK(take(second, first));
	user_close(&u);
	/* The snapshot is sealed anew, and the log is not. */
	copy("before", ".");
	CHECK(user_open(&u, dir.path, NULL, 0, &e));

	CHECK(take(second, first));
	CHECK_STR(whole(), WHOLE);
	again();
	CHECK(take(second, NULL));
	CHECK_STR(whole(), WHOLE);
	end();
}

TEST(a_snapshot_on_its_way_when_the_key_comes_is_readable_afterwards)
{
	struct journal_manifest m = { .index = 4, .term = 1, .metadata = STR("meta") };

	begin();
	CHECK(take(first, NULL));
	CHECK(user_save_snapshot(&u, &m, STR("later")));
	CHECK(take(second, first)); /* saved, and not yet named by the log */
	u.seam.write_raft(u.seam.self, 6, &(struct journal_raft_write){ .snapshot = &m });
	user_wait_done(&u, 6, 0);
	again();

	CHECK(take(second, NULL));
	CHECK_STR(whole(), "snap 4=later commit 4 1 record");
	end();
}

TEST(wiping_needs_no_key_and_goes_back_to_the_data_key)
{
	begin();
	CHECK(take(first, NULL));
	again();

	u.seam.wipe_raft(u.seam.self, OTHER);
	user_wait_other(&u);
	CHECK(u.other_ok);
	CHECK_STR(whole(), " 1 record");
	write_entry(1, 1, "new");
	user_wait_done(&u, 1, 0);
	again();
	CHECK_STR(whole(), "1=new  1 record");
	CHECK(take(second, NULL));
	CHECK_STR(whole(), "1=new  1 record");
	end();
}

TEST_MAIN()
