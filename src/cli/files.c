#include "cli/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "file/file.h"

#define PAIRS_MAX ((size_t)4 << 20)

bool named_file_read(const char *path, struct buf *into, struct err *e)
{
	if (strcmp(path, "-") != 0)
		return file_read(path, into, e);
	return file_read_rest(0, into) || fail(e, ERR_INVALID, "cannot read standard input");
}

char *file_read_text(const char *path, size_t max, struct err *e)
{
	AUTO_BUF struct buf text = BUF_MAX(max);

	return named_file_read(path, &text, e) ? buf_steal(&text) : NULL;
}

static bool read_pair(struct str line, bool takes_from_environment, file_each_pair *each,
		      void *self, struct err *e)
{
	struct str name, value;
	AUTO_FREE char *text = NULL;

	while (line.len && (line.ptr[0] == ' ' || line.ptr[0] == '\t'))
		line = str_bytes(line.ptr + 1, line.len - 1);
	if (line.len && line.ptr[line.len - 1] == '\r')
		line.len--;
	if (line.len == 0 || line.ptr[0] == '#')
		return true;
	text = str_dup(line);
	if (!str_cut(line, '=', &name, &value)) {
		const char *here = takes_from_environment ? getenv(text) : NULL;
		AUTO_FREE char *pair = here ? xasprintf("%s=%s", text, here) : NULL;

		if (pair || !takes_from_environment)
			each(self, pair ? pair : text);
		return true;
	}
	if (name.len == 0 || str_find(name, ' ') >= 0)
		return fail(e, ERR_INVALID, "invalid variable name in line '%s'", text);
	each(self, text);
	return true;
}

bool file_read_pairs(const char *path, bool takes_from_environment, file_each_pair *each,
		     void *self, struct err *e)
{
	AUTO_BUF struct buf text = BUF_MAX(PAIRS_MAX);
	struct str rest, line;

	if (!named_file_read(path, &text, e))
		return false;
	for (rest = buf_str(&text); rest.len;) {
		str_cut(rest, '\n', &line, &rest);
		if (!read_pair(line, takes_from_environment, each, self, e))
			return while_doing(e, "%s", path);
	}
	return true;
}
