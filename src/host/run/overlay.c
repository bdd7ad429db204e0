#include "host/run/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/id.h"
#include "base/mem.h"
#include "base/str.h"
#include "file/file.h"
#include "file/folder.h"
#include "host/mountpoint.h"

#define LIST_BYTES_MAX (OVERLAY_LAYERS_MAX * (HEX_ID_LEN + 1))
#define OPTIONS_MAX    4095

void overlay_close_lower(struct overlay_lower *l)
{
	while (l->count > 0)
		(void)close(l->fds[--l->count]);
}

static char *rw_path(const char *data_root, const char *id, const char *part)
{
	return xasprintf("%s/rw/%s/%s", data_root, id, part);
}

char *overlay_upper(const char *data_root, const char *id)
{
	return rw_path(data_root, id, "upper");
}

bool overlay_exists(const char *data_root, const char *id)
{
	AUTO_FREE char *list = rw_path(data_root, id, "layers");

	return file_exists(list);
}

/* A diff id names its folder without the algorithm, of which there is one. */
static const char *folder_of(const char *diff_id)
{
	return strncmp(diff_id, "sha256:", 7) == 0 ? diff_id + 7 : diff_id;
}

bool overlay_make(const char *data_root, const char *id, const char *const *layers,
		  size_t layer_count, struct err *e)
{
	AUTO_FREE char *upper = overlay_upper(data_root, id);
	AUTO_FREE char *work = rw_path(data_root, id, "work");
	AUTO_FREE char *list = rw_path(data_root, id, "layers");
	AUTO_BUF struct buf names = BUF_MAX(LIST_BYTES_MAX);

	if (file_exists(list))
		return true;
	if (layer_count > OVERLAY_LAYERS_MAX)
		return fail(e, ERR_INVALID, "max depth exceeded");
	for (size_t i = 0; i < layer_count; i++)
		buf_printf(&names, "%s\n", folder_of(layers[i]));
	return folder_make_as(upper, 0755, e) && folder_make_as(work, 0700, e) &&
	       file_replace(list, buf_str(&names), 0600, e);
}

/* The layers' folders, lowest first. */
static bool read_layers(const char *data_root, const char *id, char *names[OVERLAY_LAYERS_MAX],
			size_t *count, struct buf *text, struct err *e)
{
	AUTO_FREE char *list = rw_path(data_root, id, "layers");
	char *save = NULL;

	*count = 0;
	if (!file_read(list, text, e))
		return false;
	for (char *name = text->data ? strtok_r(text->data, "\n", &save) : NULL; name;
	     name = strtok_r(NULL, "\n", &save)) {
		if (*count == OVERLAY_LAYERS_MAX)
			return fail(e, ERR_INVALID, "max depth exceeded");
		names[(*count)++] = name;
	}
	return true;
}

static bool open_lower(struct overlay_lower *l, const char *path, struct err *e)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return fail_sys(e, errno, "open %s", path);
	l->fds[l->count++] = fd;
	return true;
}

bool overlay_make_mountpoints(const char *data_root, struct err *e)
{
	static const char *const folders[] = { "", "/dev", "/etc", "/proc", "/sys" };
	static const char *const files[] = { "/.dockerenv", "/etc/hostname", "/etc/hosts",
					     "/etc/resolv.conf" };

	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		AUTO_FREE char *path = xasprintf("%s/mountpoints%s", data_root, folders[i]);

		if (!folder_make_as(path, 0755, e))
			return false;
	}
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		AUTO_FREE char *path = xasprintf("%s/mountpoints%s", data_root, files[i]);

		if (!file_exists(path) && !file_replace(path, STR(""), 0644, e))
			return false;
	}
	return true;
}

/* As overlayfs wants them. */
bool overlay_open_lower(const char *data_root, const char *id, struct overlay_lower *l,
			struct err *e)
{
	AUTO_FREE char *mountpoints = xasprintf("%s/mountpoints", data_root);
	AUTO_BUF struct buf text = BUF_MAX(LIST_BYTES_MAX);
	char *names[OVERLAY_LAYERS_MAX];
	size_t count;

	if (!read_layers(data_root, id, names, &count, &text, e))
		return false;
	while (count-- > 0) {
		AUTO_FREE char *path = xasprintf("%s/layers/%s/diff", data_root, names[count]);

		if (!open_lower(l, path, e))
			return false;
	}
	return open_lower(l, mountpoints, e);
}

/* What ends or divides options and paths is escaped: a data root may hold any character. */
static void add_path(struct buf *options, const char *path)
{
	for (; *path; path++) {
		if (strchr("\\,:", *path))
			buf_append_char(options, '\\');
		buf_append_char(options, *path);
	}
}

bool overlay_mount(const char *data_root, const char *id, const char *target, struct err *e)
{
	AUTO_FREE char *upper = overlay_upper(data_root, id);
	AUTO_FREE char *work = rw_path(data_root, id, "work");
	AUTO_BUF struct buf options = BUF_MAX(OPTIONS_MAX);
	struct overlay_lower l = { .count = 0 };
	bool ok = false;

	if (is_mountpoint(target))
		return true;
	if (!overlay_open_lower(data_root, id, &l, e))
		goto out;
	buf_append_c(&options, "lowerdir=");
	for (size_t i = 0; i < l.count; i++)
		buf_printf(&options, "%s/proc/self/fd/%d", i ? ":" : "", l.fds[i]);
	buf_append_c(&options, ",upperdir=");
	add_path(&options, upper);
	buf_append_c(&options, ",workdir=");
	add_path(&options, work);
	if (options.overflow)
		fail(e, ERR_EXHAUSTED, "the names of %zu layers do not fit a mount", l.count);
	else if (mount("overlay", target, "overlay", 0, options.data) < 0)
		fail_sys(e, errno, "mount the root of %.12s", id);
	else
		ok = true;
out:
	overlay_close_lower(&l);
	return ok;
}

bool overlay_remove(const char *data_root, const char *id, struct err *e)
{
	AUTO_FREE char *list = rw_path(data_root, id, "layers");
	AUTO_FREE char *all = xasprintf("%s/rw/%s", data_root, id);

	if (unlink(list) < 0 && errno != ENOENT)
		return fail_sys(e, errno, "remove %s", list);
	return folder_remove(all, e);
}

bool overlay_size(const char *data_root, const char *id, int64_t *rw, int64_t *root, struct err *e)
{
	AUTO_FREE char *upper = overlay_upper(data_root, id);
	AUTO_BUF struct buf text = BUF_MAX(LIST_BYTES_MAX);
	char *names[OVERLAY_LAYERS_MAX];
	size_t count;

	if (!read_layers(data_root, id, names, &count, &text, e))
		return false;
	*rw = *root = folder_size(upper);
	for (size_t i = 0; i < count; i++) {
		AUTO_FREE char *path = xasprintf("%s/layers/%s/diff", data_root, names[i]);

		*root += folder_size(path);
	}
	return true;
}
