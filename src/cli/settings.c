#include "cli/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/files.h"
#include "template/jsontext.h"

#define SETTINGS_MAX (1 << 20)

json_t *settings_read(const char *dir)
{
	AUTO_FREE char *path = xasprintf("%s/config.json", dir), *text = NULL;
	struct err ignored;
	json_t *settings;

	text = file_read_text(path, SETTINGS_MAX, &ignored);
	settings = text ? json_loads(text, 0, NULL) : NULL;
	if (json_is_object(settings))
		return settings;
	json_decref(settings);
	return json_object();
}

static bool write_all(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t n = write(fd, data, size);

		if (n < 0)
			return false;
		data += n;
		size -= (size_t)n;
	}
	return true;
}

static bool make_folders(const char *path, struct err *e)
{
	AUTO_FREE char *folder = xstrdup(path);

	for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(folder, 0700) < 0 && errno != EEXIST)
			return fail_sys(e, errno, "create %s", folder);
		*slash = '/';
	}
	return true;
}

bool settings_replace(const char *path, struct str text, struct err *e)
{
	AUTO_FREE char *temporary = xasprintf("%s.%ld", path, (long)getpid());
	bool ok;
	int fd;

	if (!make_folders(path, e))
		return false;
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail_sys(e, errno, "create %s", temporary);
	ok = write_all(fd, text.ptr, text.len);
	ok = close(fd) == 0 && ok && rename(temporary, path) == 0;
	if (!ok) {
		fail_sys(e, errno, "write %s", path);
		(void)unlink(temporary);
	}
	return ok;
}

bool settings_write(const char *dir, const json_t *settings, struct err *e)
{
	AUTO_BUF struct buf flat = BUF_MAX(SETTINGS_MAX), text = BUF_MAX(2 * SETTINGS_MAX);
	AUTO_FREE char *path = xasprintf("%s/config.json", dir);

	jsontext_write(settings, false, false, &flat);
	jsontext_indent(buf_str(&flat), "", "\t", &text);
	return settings_replace(path, buf_str(&text), e);
}
