#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

static bool copy(struct stream *s, int fd, struct err *e)
{
	char bytes[65536];
	ssize_t n;

	while ((n = stream_read(s, bytes, sizeof(bytes), e)) > 0) {
		const char *at = bytes;

		while (n > 0) {
			ssize_t done = write(fd, at, (size_t)n);

			if (done < 0 && errno == EINTR)
				continue;
			if (done < 0)
				return fail_sys(e, errno, "write the output");
			at += done;
			n -= done;
		}
	}
	return n == 0;
}

bool output_save(struct cli *c, const struct request *r, const char *path, const char *what,
		 struct err *e)
{
	AUTO_FREE char *temporary = *path ? xasprintf("%s.%ld", path, (long)getpid()) : NULL;
	struct stream *s;
	bool ok;
	int fd;

	if (!*path && c->out_is_tty)
		return fail(e, ERR_INVALID,
			    "cowardly refusing to %s to a terminal. Use the -o flag or redirect",
			    what);
	s = client_open(c->client, r, e);
	if (!s)
		return false;
	fd = temporary ? open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : dup(1);
	if (fd < 0) {
		stream_free(s);
		return fail_sys(e, errno, "create %s", temporary ? temporary : "standard output");
	}
	ok = copy(s, fd, e);
	if (close(fd) < 0 && ok)
		ok = fail_sys(e, errno, "write %s", path);
	if (ok && temporary && rename(temporary, path) < 0)
		ok = fail_sys(e, errno, "rename %s", temporary);
	if (!ok && temporary)
		(void)unlink(temporary);
	stream_free(s);
	return ok;
}
