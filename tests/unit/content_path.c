#include "content/path.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "file/folder.h"
#include "test.h"

TEST(a_clean_name_never_leads_up)
{
	static const char *const cases[][2] = {
		{ "a/b", "a/b" },   { "/a//b/", "a/b" },      { "./a/./b/.", "a/b" },
		{ "../../a", "a" }, { "a/../../b", "b" },     { "..", "" },
		{ "", "" },         { "a/b/../c", "a/c" },    { "a/..", "" },
		{ "...", "..." },   { "a/..b/c", "a/..b/c" }, { "/../../../etc", "etc" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_FREE char *clean = path_clean(cases[i][0]);

		CHECK_STR(clean, cases[i][1]);
	}
}

TEST(links_are_resolved_inside_the_root)
{
	char place[] = "/tmp/shoal-path-XXXXXX";
	AUTO_CLOSE int root = -1;
	struct err e;
	int fd;

	CHECK(mkdtemp(place));
	root = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(mkdirat(root, "in", 0700) == 0 && symlinkat("/in", root, "abs") == 0);
	CHECK(symlinkat("../../../../../in", root, "up") == 0 &&
	      symlinkat("/proc", root, "out") == 0);

	fd = path_open_in_root(root, "abs", O_RDONLY | O_DIRECTORY);
	CHECK(fd >= 0 && close(fd) == 0);
	fd = path_open_in_root(root, "up", O_RDONLY | O_DIRECTORY);
	CHECK(fd >= 0 && close(fd) == 0);
	CHECK(path_open_in_root(root, "out", O_RDONLY | O_DIRECTORY) < 0);
	CHECK(folder_remove(place, &e));
}

TEST(a_tree_deeper_than_any_limit_is_removed)
{
	char place[] = "/tmp/shoal-path-XXXXXX";
	AUTO_CLOSE int at = -1;
	struct err e;

	CHECK(mkdtemp(place));
	at = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 800; i++) {
		int next;

		CHECK(mkdirat(at, "d", 0700) == 0);
		next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(at);
		at = next;
	}
	CHECK(folder_remove(place, &e));
	CHECK(access(place, F_OK) < 0);
}

TEST_MAIN()
