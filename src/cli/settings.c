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
#include "file/file.h"
#include "file/folder.h"
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

bool settings_replace(const char *path, struct str text, struct err *e)
{
	AUTO_FREE char *folder = xstrndup(path, (size_t)(strrchr(path, '/') - path));

	return folder_make(folder, 0700, e) && file_replace(path, text, 0600, e);
}

bool settings_write(const char *dir, const json_t *settings, struct err *e)
{
	AUTO_BUF struct buf flat = BUF_MAX(SETTINGS_MAX), text = BUF_MAX(2 * SETTINGS_MAX);
	AUTO_FREE char *path = xasprintf("%s/config.json", dir);

	jsontext_write(settings, false, false, &flat);
	jsontext_indent(buf_str(&flat), "", "\t", &text);
	return settings_replace(path, buf_str(&text), e);
}
