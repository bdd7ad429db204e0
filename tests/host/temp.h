/* A directory of this test's own, removed with all it holds. */
#ifndef SHOAL_TESTS_HOST_TEMP_H
#define SHOAL_TESTS_HOST_TEMP_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct temp {
	char path[64];
};

static inline struct temp temp_make(void)
{
	struct temp t;

	(void)snprintf(t.path, sizeof(t.path), "/tmp/shoal-test-XXXXXX");
	if (!mkdtemp(t.path))
		abort();
	return t;
}

static inline int temp_remove_one(const char *path, const struct stat *s, int type, struct FTW *at)
{
	(void)s;
	(void)type;
	(void)at;
	return remove(path);
}

static inline void temp_remove(struct temp *t)
{
	(void)nftw(t->path, temp_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
