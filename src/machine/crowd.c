#include "machine/crowd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "machine/cli.h"

static void wait_for_one(struct cli *c)
{
	int status = 0, worth;

	while (wait(&status) < 0 && errno == EINTR)
		;
	worth = WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_FAILURE;
	if (worth > c->status)
		c->status = worth;
}

bool crowd_run(struct cli *c, size_t count,
	       bool (*one)(struct cli *c, size_t i, void *arg, struct err *e), void *arg,
	       struct err *e)
{
	size_t running = 0;
	struct err why;

	if (count == 1) {
		if (!one(c, 0, arg, &why))
			complain(c, &why);
		return true;
	}
	(void)fflush(NULL);
	for (size_t i = 0; i < count; i++) {
		pid_t child;

		if (running == CROWD_AT_ONCE) {
			wait_for_one(c);
			running--;
		}
		child = fork();
		if (child == 0) {
			c->status = 0;
			if (!one(c, i, arg, &why))
				complain(c, &why);
			(void)fflush(NULL);
			_exit(c->status);
		}
		if (child < 0) {
			fail_sys(&why, errno, "fork");
			complain(c, &why);
			break;
		}
		running++;
	}
	while (running--)
		wait_for_one(c);
	return true;
}
