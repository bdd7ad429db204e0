#include "host/journal.h"

#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "journal_user.h"
#include "temp.h"
#include "test.h"

static struct temp dir;
static struct journal_user u;
static struct err e;

static void begin(void)
{
	dir = temp_make();
	CHECK(user_open(&u, dir.path, NULL, 0, &e));
}

static void again(void)
{
	user_close(&u);
	CHECK(user_open(&u, dir.path, NULL, 0, &e));
}

static void end(void)
{
	user_close(&u);
	temp_remove(&dir);
}

static void write_entry(uint64_t ticket, uint64_t index, uint64_t term, const char *text)
{
	struct journal_entry entry = {
		.index = index, .term = term, .type = 1, .data = str_of(text)
	};

	u.seam.write_raft(u.seam.self, ticket,
			  &(struct journal_raft_write){ .entries = &entry, .entry_count = 1 });
}

/* "index/term=data ..." of the entries, " snap index=content", " table.key=value" of the records.
 */
static const char *describe(struct journal_user *user, const struct journal_image *image)
{
	struct buf *text = user->on_image_self;

	for (size_t i = 0; i < image->entry_count; i++)
		buf_printf(text, "%s%d/%d=%.*s", i ? " " : "", (int)image->entries[i].index,
			   (int)image->entries[i].term, STR_FMT(image->entries[i].data));
	if (image->has_snapshot)
		buf_printf(text, " snap %d=%.*s", (int)image->snapshot.index,
			   STR_FMT(image->snapshot_content));
	for (size_t i = 0; i < image->record_count; i++)
		buf_printf(text, " %s.%s=%.*s", image->records[i].table, image->records[i].key,
			   STR_FMT(image->records[i].value));
	return NULL;
}

static const char *whole(void)
{
	static struct buf text = { .max = 1 << 20 };
	const char *problem;

	buf_reset(&text);
	buf_append_c(&text, "");
	problem = user_load(&u, describe, &text);
	return problem ? problem : text.len ? text.data : "";
}

TEST(a_new_journal_is_empty)
{
	begin();
	CHECK_STR(whole(), "");
	again();
	CHECK_STR(whole(), "");
	end();
}

TEST(what_was_written_is_read_back_by_the_next_life)
{
	begin();
	write_entry(1, 1, 1, "a");
	write_entry(2, 2, 1, "b");
	u.seam.write_local(u.seam.self, LOCAL + 1,
			   (struct journal_record[]){ { "net", "b", STR("2") },
						      { "net", "a", STR("1") },
						      { "ctr", "z", STR("") } },
			   3);
	user_wait_done(&u, 2, 1);
	again();

	CHECK_STR(whole(), "1/1=a 2/1=b ctr.z= net.a=1 net.b=2");
	end();
}

TEST(entries_replace_what_the_log_held_there_and_after)
{
	begin();
	for (int i = 1; i <= 5; i++)
		write_entry(i, i, 1, "old");
	write_entry(6, 3, 2, "new");
	user_wait_done(&u, 6, 0);
	again();

	CHECK_STR(whole(), "1/1=old 2/1=old 3/2=new");
	write_entry(1, 4, 2, "next");
	user_wait_done(&u, 1, 0);
	CHECK_STR(whole(), "1/1=old 2/1=old 3/2=new 4/2=next");
	end();
}

TEST(a_record_is_overwritten_and_deleted)
{
	begin();
	u.seam.write_local(
		u.seam.self, LOCAL + 1,
		(struct journal_record[]){ { "t", "a", STR("1") }, { "t", "b", STR("2") } }, 2);
	u.seam.write_local(u.seam.self, LOCAL + 2,
			   (struct journal_record[]){ { "t", "a", STR("3") }, { "t", "b", { 0 } } },
			   2);
	user_wait_done(&u, 0, 2);
	again();

	CHECK_STR(whole(), " t.a=3");
	end();
}

static void write_snapshot(uint64_t ticket, uint64_t index, uint64_t term, const char *content,
			   uint64_t keep)
{
	struct journal_manifest m = { .index = index, .term = term, .metadata = STR("meta") };

	CHECK(user_save_snapshot(&u, &m, str_of(content)));
	u.seam.write_raft(u.seam.self, ticket,
			  &(struct journal_raft_write){ .snapshot = &m, .keep = keep });
}

static int snapshot_files(void)
{
	AUTO_FREE char *path = xasprintf("%s/snapshots", dir.path);
	DIR *d = opendir(path);
	int count = 0;

	for (struct dirent *entry; (entry = readdir(d));)
		count += entry->d_name[0] != '.';
	closedir(d);
	return count;
}

TEST(a_snapshot_taken_here_shortens_the_log)
{
	begin();
	for (int i = 1; i <= 5; i++)
		write_entry(i, i, 1, "x");
	write_snapshot(6, 3, 1, "state", 1);
	user_wait_done(&u, 6, 0);
	again();

	CHECK_STR(whole(), "4/1=x 5/1=x snap 3=state");
	write_snapshot(1, 5, 1, "later", 0);
	write_entry(2, 6, 1, "y");
	user_wait_done(&u, 2, 0);
	CHECK_STR(whole(), "6/1=y snap 5=later");
	CHECK_INT(snapshot_files(), 1);
	end();
}

TEST(old_snapshots_stay_as_many_as_were_asked_for)
{
	begin();
	for (int i = 1; i <= 6; i++)
		write_entry(i, i, 1, "x");
	for (uint64_t i = 1; i <= 5; i++) {
		struct journal_manifest m = { .index = i, .term = 1, .metadata = STR("meta") };

		CHECK(user_save_snapshot(&u, &m, STR("state")));
		u.seam.write_raft(
			u.seam.self, 6 + i,
			&(struct journal_raft_write){ .snapshot = &m, .old_snapshots = 2 });
		user_wait_done(&u, 6 + i, 0);
	}
	CHECK_STR(whole(), "6/1=x snap 5=state");
	CHECK_INT(snapshot_files(), 3);
	again();
	CHECK_INT(snapshot_files(), 3);

	write_snapshot(1, 6, 1, "state", 0);
	user_wait_done(&u, 1, 0);
	CHECK_STR(whole(), " snap 6=state");
	CHECK_INT(snapshot_files(), 1);
	end();
}

TEST(a_received_snapshot_replaces_a_log_that_disagrees)
{
	begin();
	for (int i = 1; i <= 5; i++)
		write_entry(i, i, 1, "x");
	write_snapshot(6, 3, 2, "theirs", 2);
	write_entry(7, 4, 2, "theirs too");
	user_wait_done(&u, 7, 0);
	again();

	CHECK_STR(whole(), "4/2=theirs too snap 3=theirs");
	end();
}

TEST(a_received_snapshot_beyond_the_log_replaces_it)
{
	begin();
	write_entry(1, 1, 1, "x");
	write_snapshot(2, 9, 2, "far", 0);
	write_entry(3, 10, 2, "y");
	user_wait_done(&u, 3, 0);
	again();

	CHECK_STR(whole(), "10/2=y snap 9=far");
	end();
}

TEST(a_large_snapshot_comes_back_whole)
{
	size_t size = 5 * 1000 * 1000;
	AUTO_FREE char *content = xmalloc(size + 1);

	for (size_t i = 0; i < size; i++)
		content[i] = (char)('a' + i * 7 % 26);
	content[size] = '\0';
	begin();
	write_snapshot(1, 1, 1, content, 0);
	user_wait_done(&u, 1, 0);
	again();

	static struct buf text;
	text = BUF_MAX(6 * 1000 * 1000);
	CHECK(!user_load(&u, describe, &text));
	CHECK(text.len > size && memcmp(text.data + strlen(" snap 1="), content, size) == 0);
	buf_clear(&text);
	end();
}

TEST(a_snapshot_that_was_never_named_is_gone_after_a_restart)
{
	begin();
	CHECK(user_save_snapshot(&u, &(struct journal_manifest){ .index = 7, .term = 1 },
				 STR("unnamed")));
	CHECK_INT(snapshot_files(), 1);
	again();

	CHECK_INT(snapshot_files(), 0);
	end();
}

static bool fail_to_read(void *self, struct buf *chunk, bool *done, struct err *err)
{
	(void)self;
	(void)chunk;
	*done = false;
	return fail(err, ERR_INTERNAL, "the source broke");
}

TEST(a_snapshot_that_fails_fails_alone)
{
	struct journal_manifest m = { .index = 1, .term = 1 };

	begin();
	u.seam.save_snapshot(u.seam.self, OTHER, &m,
			     (struct journal_source){ .next = fail_to_read });
	user_wait_other(&u);
	CHECK(!u.other_ok && strstr(u.failure, "the source broke"));
	CHECK_INT(snapshot_files(), 0);

	write_entry(1, 1, 1, "x");
	user_wait_done(&u, 1, 0);
	CHECK(!u.has_failed);
	end();
}

TEST(after_a_failed_write_nothing_is_done_until_the_next_life)
{
	begin();
	write_entry(1, 1, 1, "a");
	user_wait_done(&u, 1, 0);
	write_entry(2, 3, 1, "leaves a gap");
	while (!u.has_failed)
		loop_run(u.loop);
	CHECK(strstr(u.failure, "would leave a gap"));

	write_entry(3, 2, 1, "would be fine");
	u.failure[0] = '\0';
	while (!u.failure[0])
		loop_run(u.loop);
	CHECK(strstr(u.failure, "would leave a gap"));
	CHECK(!u.done_after_failure);

	again();
	CHECK_STR(whole(), "1/1=a");
	end();
}

TEST(a_snapshot_that_was_not_saved_cannot_be_named)
{
	struct journal_manifest m = { .index = 4, .term = 1 };

	begin();
	u.seam.write_raft(u.seam.self, 1, &(struct journal_raft_write){ .snapshot = &m });
	while (!u.has_failed)
		loop_run(u.loop);
	CHECK(strstr(u.failure, "was not saved"));
	end();
}

TEST(wiping_forgets_the_log_and_keeps_the_records)
{
	begin();
	write_entry(1, 1, 1, "a");
	write_snapshot(2, 1, 1, "state", 0);
	u.seam.write_local(u.seam.self, LOCAL + 1, &(struct journal_record){ "t", "k", STR("v") },
			   1);
	u.seam.wipe_raft(u.seam.self, 3);
	user_wait_done(&u, 3, 1);
	CHECK_INT(snapshot_files(), 0);
	write_entry(4, 1, 9, "anew");
	user_wait_done(&u, 4, 1);
	again();

	CHECK_STR(whole(), "1/9=anew t.k=v");
	end();
}

TEST(writes_are_done_in_the_order_given)
{
	begin();
	for (uint64_t i = 1; i <= 2000; i++) {
		write_entry(i, i, 1, "x");
		u.seam.write_local(u.seam.self, LOCAL + i,
				   &(struct journal_record){ "t", "k", STR("v") }, 1);
	}
	user_wait_done(&u, 2000, 2000);
	CHECK(!u.out_of_order && !u.has_failed);
	end();
}

static size_t file_size(const char *name)
{
	AUTO_FREE char *path = xasprintf("%s/%s", dir.path, name);
	struct stat s;

	return stat(path, &s) == 0 ? (size_t)s.st_size : 0;
}

static void write_large(uint64_t ticket, uint64_t index, size_t size)
{
	AUTO_FREE char *text = xcalloc(1, size + 1);

	memset(text, 'x', size);
	write_entry(ticket, index, 1, text);
}

/* What was written is in the file itself, not only in its log. */
static bool is_moved(const char *name, size_t grown_to)
{
	for (int i = 0; i < 200; i++, usleep(10000))
		if (file_size(name) >= grown_to)
			return true;
	return false;
}

TEST(an_idle_journal_moves_its_log_into_the_file)
{
	begin();
	write_large(1, 1, 200000);
	user_wait_done(&u, 1, 0);
	CHECK(is_moved("raft.db", 200000));
	end();
}

TEST(a_log_that_was_moved_is_written_again_and_not_longer)
{
	size_t log;

	begin();
	write_large(1, 1, 200000);
	user_wait_done(&u, 1, 0);
	CHECK(is_moved("raft.db", 200000));
	log = file_size("raft.db-wal");
	CHECK(log > 200000);

	for (uint64_t i = 2; i <= 20; i++) {
		write_entry(i, i, 1, "x");
		user_wait_done(&u, i, 0);
	}
	CHECK_INT(file_size("raft.db-wal"), log);
	again();
	CHECK(strstr(whole(), " 20/1=x"));
	end();
}

TEST(a_log_that_grew_large_is_cut_when_it_is_written_again)
{
	begin();
	for (uint64_t i = 1; i <= 4; i++)
		write_large(i, i, 3 << 20);
	user_wait_done(&u, 4, 0);
	CHECK(is_moved("raft.db", 12 << 20));
	write_entry(5, 5, 1, "x");
	user_wait_done(&u, 5, 0);
	CHECK(file_size("raft.db-wal") <= 4 << 20);
	end();
}

static void flip_byte(const char *name, size_t at)
{
	AUTO_FREE char *path = xasprintf("%s/%s", dir.path, name);
	int fd = open(path, O_RDWR);
	char byte;

	CHECK(fd >= 0 && pread(fd, &byte, 1, (off_t)at) == 1);
	byte ^= 1;
	CHECK(pwrite(fd, &byte, 1, (off_t)at) == 1);
	close(fd);
}

static void run_sql(const char *name, const char *sql)
{
	AUTO_FREE char *path = xasprintf("%s/%s", dir.path, name);
	sqlite3 *db;

	CHECK(sqlite3_open(path, &db) == SQLITE_OK);
	CHECK(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
	sqlite3_close(db);
}

TEST(a_changed_entry_is_noticed)
{
	begin();
	write_entry(1, 1, 1, "x");
	write_entry(2, 2, 1, "y");
	user_wait_done(&u, 2, 0);
	user_close(&u);
	run_sql("raft.db",
		"UPDATE entry SET sealed = (SELECT sealed FROM entry WHERE idx = 1) WHERE idx = 2");

	CHECK(user_open(&u, dir.path, NULL, 0, &e));
	CHECK(strstr(whole(), "entry 2: sealed text does not open"));
	end();
}

TEST(a_changed_or_shortened_snapshot_is_noticed)
{
	begin();
	write_snapshot(1, 1, 1, "state", 0);
	user_wait_done(&u, 1, 0);
	flip_byte("snapshots/0000000000000001-0000000000000001", 45);
	CHECK(strstr(whole(), "sealed text does not open"));
	flip_byte("snapshots/0000000000000001-0000000000000001", 45);
	again();
	CHECK_STR(whole(), " snap 1=state");

	AUTO_FREE char *path =
		xasprintf("%s/snapshots/%s", dir.path, "0000000000000001-0000000000000001");
	CHECK(truncate(path,
		       (off_t)file_size("snapshots/0000000000000001-0000000000000001") - 45) == 0);
	CHECK(strstr(whole(), "it is cut short"));
	end();
}

TEST(another_data_key_is_refused)
{
	struct journal_disk_config c = { .key = "another key of thirty-two bytes" };
	struct journal_disk *disk;

	begin();
	user_close(&u);
	c.dir = dir.path;
	CHECK(!journal_disk_open(&c, &disk, &e));
	CHECK(e.kind == ERR_DENIED && strstr(e.text, "local.db: the data key does not open it"));

	CHECK(user_open(&u, dir.path, NULL, 0, &e));
	end();
}

TEST(a_newer_format_is_refused)
{
	begin();
	user_close(&u);
	run_sql("local.db", "PRAGMA user_version = 2");
	CHECK(!user_open(&u, dir.path, NULL, 0, &e));
	CHECK(e.kind == ERR_UNSUPPORTED &&
	      strstr(e.text, "local.db has format 2, of a newer shoald"));
	temp_remove(&dir);
}

TEST(a_second_daemon_on_the_same_root_is_refused)
{
	static struct journal_user second;

	begin();
	CHECK(!user_open(&second, dir.path, NULL, 0, &e));
	CHECK(e.kind == ERR_IN_USE && strstr(e.text, "another shoald uses it"));
	end();
}

static bool file_holds(const char *path, const char *text)
{
	AUTO_BUF struct buf all = BUF_MAX(16 << 20);
	FILE *f = fopen(path, "r");
	char *room;
	size_t n;

	while (f && (room = buf_extend(&all, 4096)) && (n = fread(room, 1, 4096, f)) > 0)
		;
	if (f)
		fclose(f);
	return all.len && memmem(all.data, all.len, text, strlen(text));
}

static const char *canary = "canary-5d1f";
static bool canary_found;

static int look_for_canary(const char *path, const struct stat *s, int type, struct FTW *at)
{
	(void)s;
	(void)at;
	if (type == FTW_F && file_holds(path, canary))
		canary_found = true;
	return 0;
}

TEST(nothing_lies_on_disk_in_the_clear)
{
	begin();
	write_entry(1, 1, 1, canary);
	write_snapshot(2, 1, 1, canary, 1);
	u.seam.write_local(u.seam.self, LOCAL + 1,
			   &(struct journal_record){ "t", canary, str_of(canary) }, 1);
	u.seam.write_local(u.seam.self, LOCAL + 2,
			   &(struct journal_record){ canary, "k", STR("v") }, 1);
	user_wait_done(&u, 2, 2);
	CHECK(file_size("raft.db-wal") > 0 || file_size("raft.db") > 8192);

	nftw(dir.path, look_for_canary, 16, FTW_PHYS);
	CHECK(!canary_found);
	end();
}

TEST(a_large_write_and_a_history_come_back)
{
	begin();
	u.raft.seed = u.local.seed = 42;
	user_write_history(&u, 300);
	user_wait_done(&u, u.raft.count, u.local.count);
	again();

	CHECK_STR(user_check_history(&u, 42, 300, 300) ?: "fine", "fine");
	CHECK_INT(u.raft.count, 300);
	CHECK_INT(u.local.count, 300);
	end();
}

TEST_MAIN()
