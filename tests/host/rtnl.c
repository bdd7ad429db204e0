#include "netlink/rtnl.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "test.h"

#define BRIDGES 100 /* more than one piece of a listing holds */
#define LISTS   300

static struct rtnl *here;
static atomic_bool is_over;

static void open_own_network(void)
{
	struct err e;

	if (getuid() != 0 || unshare(CLONE_NEWNET) != 0) {
		printf("skipped: needs root and a network namespace\n");
		exit(0);
	}
	if (!rtnl_open(-1, &here, &e))
		TEST_FAIL("%s", e.text);
}

/* Links come and go, as those of containers do. */
static void *come_and_go(void *unused)
{
	struct rtnl *own;
	struct err e;

	(void)unused;
	if (!rtnl_open(-1, &own, &e))
		TEST_FAIL("%s", e.text);
	while (!is_over)
		if (!link_add_bridge(own, "passing", 1500, &e) || !link_delete(own, "passing", &e))
			TEST_FAIL("%s", e.text);
	rtnl_close(own);
	return NULL;
}

static void see(void *self, const struct link *l)
{
	int *times_seen = self;
	int n;

	if (sscanf(l->name, "kept%d", &n) == 1)
		times_seen[n]++;
}

TEST(links_are_listed_once_each_while_others_come_and_go)
{
	pthread_t other;
	char name[16];
	struct err e;

	open_own_network();
	for (int i = 0; i < BRIDGES; i++) {
		(void)snprintf(name, sizeof(name), "kept%d", i);
		if (!link_add_bridge(here, name, 1500, &e))
			TEST_FAIL("%s", e.text);
	}
	CHECK(pthread_create(&other, NULL, come_and_go, NULL) == 0);
	for (int i = 0; i < LISTS; i++) {
		int times_seen[BRIDGES] = { 0 };

		if (!link_each(here, times_seen, see, &e))
			TEST_FAIL("%s", e.text);
		for (int n = 0; n < BRIDGES; n++)
			CHECK_INT(times_seen[n], 1);
	}
	is_over = true;
	CHECK(pthread_join(other, NULL) == 0);
	rtnl_close(here);
}

TEST_MAIN()
