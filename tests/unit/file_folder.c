#include "file/folder.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "file/file.h"
#include "test.h"

static char place[64];

static void begin(void)
{
	(void)strcpy(place, "/tmp/shoal-file-XXXXXX");
	CHECK(mkdtemp(place));
}

static char *in(const char *name)
{
	return xasprintf("%s/%s", place, name);
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	CHECK(lstat(path, &st) == 0);
	return st.st_mode & 07777;
}

TEST(a_folder_is_made_with_those_above_it_and_one_that_is_there_is_left_alone)
{
	AUTO_FREE char *above = NULL, *path = NULL;
	struct err e;

	begin();
	above = in("a"), path = in("a/b");
	CHECK(folder_make(path, 0711, &e));
	CHECK_INT(mode_of(above), 0711);
	CHECK_INT(mode_of(path), 0711);
	CHECK(folder_make(path, 0700, &e));
	CHECK_INT(mode_of(path), 0711);
	CHECK(folder_make_as(path, 0700, &e));
	CHECK_INT(mode_of(path), 0700);
	CHECK(folder_remove(place, &e));
}

TEST(a_file_is_replaced_with_its_mode_and_a_link_is_not_followed)
{
	AUTO_FREE char *path = NULL, *other = NULL;
	AUTO_BUF struct buf b = BUF_MAX(16);
	struct err e;

	begin();
	path = in("f"), other = in("other");
	CHECK(file_replace(other, str_of("old"), 0600, &e) && symlink(other, path) == 0);
	CHECK(file_replace_synced(path, str_of("new"), 0640, &e));
	CHECK_INT(mode_of(path), 0640);
	CHECK(file_read(other, &b, &e) && str_equal_c(buf_str(&b), "old"));
	buf_reset(&b);
	CHECK(file_read(path, &b, &e) && str_equal_c(buf_str(&b), "new"));
	CHECK(folder_remove(place, &e));
}

TEST(a_file_that_is_too_long_or_not_there_is_told_by_name)
{
	AUTO_FREE char *path = NULL;
	AUTO_BUF struct buf b = BUF_MAX(4);
	struct err e;

	begin();
	path = in("f");
	CHECK(!file_read(path, &b, &e) && e.kind == ERR_NOT_FOUND && strstr(e.text, path));
	CHECK(file_replace(path, str_of("12345"), 0600, &e));
	CHECK(!file_read(path, &b, &e) && e.kind == ERR_EXHAUSTED && strstr(e.text, path));
	CHECK(folder_remove(place, &e));
}

TEST(removing_a_link_leaves_what_it_points_at)
{
	AUTO_FREE char *kept = NULL, *gone = NULL, *link = NULL;
	struct err e;

	begin();
	kept = in("kept/f"), gone = in("gone"), link = in("gone/link");
	CHECK(folder_make(kept, 0700, &e) && folder_make(gone, 0700, &e));
	CHECK(symlink("../kept", link) == 0);
	CHECK(folder_remove(gone, &e));
	CHECK(!file_exists(gone) && file_exists(kept));
	CHECK(folder_remove(gone, &e)); /* missing is fine */
	CHECK(folder_remove(place, &e));
}

TEST_MAIN()
