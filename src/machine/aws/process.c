/* credential_process: keys that a program of the user prints. */
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "base/str.h"
#include "machine/aws/credentials.h"
#include "template/field.h"

#define OUTPUT_MAX ((size_t)64 << 10)

static bool read_all(FILE *from, struct buf *out)
{
	char piece[4096];
	size_t n;

	while ((n = fread(piece, 1, sizeof(piece), from)) > 0)
		if (!buf_append(out, piece, n))
			return false;
	return true;
}

bool credentials_by_process(const char *command, struct credentials *c, struct err *e)
{
	AUTO_BUF struct buf out = BUF_MAX(OUTPUT_MAX);
	AUTO_JSON json_t *said = NULL;
	FILE *from;
	bool whole;
	int status;

	(void)fflush(NULL);
	from = popen(command, "re");
	if (!from)
		return fail_sys(e, errno, "credential_process");
	whole = read_all(from, &out);
	status = pclose(from);
	if (!whole || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return fail(e, ERR_UNAUTHENTICATED, "credential_process `%.200s` failed", command);
	said = json_loadb(out.data ? out.data : "", out.len, 0, NULL);
	if (field_int(said, "Version") != 1)
		return fail(e, ERR_UNAUTHENTICATED,
			    "credential_process `%.200s` gave no JSON of version 1", command);
	return credentials_read(said, "credential_process", c, e);
}
