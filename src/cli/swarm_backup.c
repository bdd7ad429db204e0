/* `swarm backup` and `swarm restore`: the swarm's state as a file (docs/managers.md). */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/output.h"
#include "cli/swarm.h"
#include "template/field.h"

#define PIECE_BYTES (2 << 20)

const struct option swarm_restore_options[] = {
	{ 0, "advertise-addr", OPT_TEXT,
	  "the address others reach this node at: IP or interface[:PORT]" },
	{ 0, "listen-addr", OPT_TEXT, "the address managers listen at: IP or interface[:PORT]",
	  .fallback = "0.0.0.0:2377" },
	{ 0 },
};

bool swarm_backup(struct cli *c, const struct args *a, struct err *e)
{
	struct request r = { .method = "GET", .path = "/swarm/backup" };
	struct stat s;

	if (!output_save(c, &r, a->words[0], "write a backup", e))
		return false;
	if (stat(a->words[0], &s) == 0)
		printf("%s holds the swarm's state (%lld bytes), and all its keys and secrets: keep "
		       "it where nobody reads it.\n",
		       a->words[0], (long long)s.st_size);
	return true;
}

/* A piece of the file as the body of a call. */
static bool send_piece(struct cli *c, const struct args *a, const char *bytes, size_t size,
		       int64_t at, int64_t of, json_t **answer, struct err *e)
{
	int fd = memfd_create("backup", MFD_CLOEXEC);
	AUTO_QUERY struct query q = QUERY;
	struct request r = { .method = "POST",
			     .path = "/swarm/restore",
			     .query = &q,
			     .body_fd = fd,
			     .content_type = "application/octet-stream" };
	bool ok;

	query_add_int(&q, "at", at);
	query_add_int(&q, "of", of);
	query_add(&q, "listenAddr", args_text(a, "listen-addr"));
	query_add(&q, "advertiseAddr", args_text(a, "advertise-addr"));
	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) != 0) {
		if (fd >= 0)
			close(fd);
		return fail_sys(e, errno, "pass on a piece of the backup");
	}
	ok = client_call(c->client, &r, answer, e);
	close(fd);
	return ok;
}

static bool send_file(struct cli *c, const struct args *a, int fd, int64_t size, json_t **answer,
		      struct err *e)
{
	AUTO_FREE char *bytes = xmalloc(PIECE_BYTES);
	int64_t at = 0;

	while (at < size) {
		ssize_t n = read(fd, bytes, PIECE_BYTES);

		if (n <= 0)
			return fail_sys(e, n < 0 ? errno : EIO, "read %s", a->words[0]);
		json_decref(*answer);
		*answer = NULL;
		if (!send_piece(c, a, bytes, (size_t)n, at, size, answer, e))
			return false;
		at += n;
	}
	return true;
}

bool swarm_restore(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_JSON json_t *answer = NULL;
	struct stat s;
	int fd = open(a->words[0], O_RDONLY | O_CLOEXEC);
	bool ok;

	if (fd < 0 || fstat(fd, &s) != 0) {
		fail_sys(e, errno, "open %s", a->words[0]);
		if (fd >= 0)
			close(fd);
		return false;
	}
	ok = s.st_size > 0 ? send_file(c, a, fd, s.st_size, &answer, e)
			   : fail(e, ERR_INVALID, "%s is empty", a->words[0]);
	close(fd);
	if (!ok)
		return false;
	printf("Swarm restored: current node (%s) is its only manager.\n\n"
	       "The other managers are in `shoal node ls` as they were. Those that are gone for good:\n"
	       "shoal node rm --force NODE. How it stands: shoal swarm status\n",
	       field_text(answer, ""));
	return true;
}
