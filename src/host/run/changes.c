/* What a container has changed: its read-write layer, compared with the layers below.
 *
 * A device 0:0 stands for what was deleted. A folder is copied up when something in it changes; it
 * has changed itself only if its own mode, owner or time did, or something in it. */
#include "host/run/hands.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "host/run/overlay.h"

#define CHANGES_MAX 100000
#define DEPTH_MAX   256

struct comparing {
	struct op *op;
	struct overlay_lower below;
	struct buf path; /* of what is looked at: "/etc/passwd" */
	const char **list;
	size_t count, room;
};

static bool is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

/* No link is followed: a layer's folder may be a link in the layer above it. */
static bool look_in(int layer, const char *path, struct stat *st, bool *goes_on)
{
	struct open_how how = { .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
	AUTO_CLOSE int fd = (int)syscall(SYS_openat2, layer, path, &how, sizeof(how));

	*goes_on = fd < 0 && errno == ENOENT;
	return fd >= 0 && fstat(fd, st) == 0 && !is_whiteout(st);
}

static bool was_there(const struct comparing *c, struct stat *st)
{
	bool goes_on = true;

	for (size_t i = 0; i < c->below.count && goes_on; i++)
		if (look_in(c->below.fds[i], c->path.data + 1, st, &goes_on))
			return true;
	return false;
}

static bool add(struct comparing *c, char kind)
{
	if (c->count == CHANGES_MAX)
		return fail(&c->op->err, ERR_EXHAUSTED, "more than %d changes", CHANGES_MAX);
	if (c->count == c->room) {
		const char **old = c->list;

		c->room = c->room ? 2 * c->room : 64;
		c->list = arena_alloc(&c->op->memory, c->room * sizeof(*c->list));
		if (c->count)
			memcpy(c->list, old, c->count * sizeof(*old));
	}
	c->list[c->count++] = arena_printf(&c->op->memory, "%c %s", kind, c->path.data);
	return true;
}

static bool same_folder(const struct stat *a, const struct stat *b)
{
	return S_ISDIR(a->st_mode) && S_ISDIR(b->st_mode) && a->st_mode == b->st_mode &&
	       a->st_uid == b->st_uid && a->st_gid == b->st_gid &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static bool compare_folder(struct comparing *c, int fd, int depth);

static bool compare_entry(struct comparing *c, int folder, const char *name, int depth)
{
	size_t at = c->count;
	struct stat now, then;
	bool is_old, is_same;
	int fd;

	if (fstatat(folder, name, &now, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT || fail_sys(&c->op->err, errno, "look at %s", c->path.data);
	if (is_whiteout(&now))
		return add(c, 'D');
	is_old = was_there(c, &then);
	is_same = is_old && same_folder(&now, &then);
	if (!is_same && !add(c, is_old ? 'C' : 'A'))
		return false;
	if (!S_ISDIR(now.st_mode))
		return true;
	if (depth == DEPTH_MAX)
		return fail(&c->op->err, ERR_EXHAUSTED, "%s is too deep", c->path.data);
	fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || fail_sys(&c->op->err, errno, "open %s", c->path.data);
	if (!compare_folder(c, fd, depth + 1))
		return false;
	return !is_same || c->count == at || add(c, 'C');
}

/* Takes the descriptor. */
static bool compare_folder(struct comparing *c, int fd, int depth)
{
	size_t length = c->path.len;
	DIR *dir = fdopendir(fd);
	struct dirent *entry;
	bool ok = true;

	if (!dir) {
		(void)close(fd);
		return fail_sys(&c->op->err, errno, "read %s", c->path.data);
	}
	while (ok && (entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		buf_printf(&c->path, "/%s", entry->d_name);
		ok = compare_entry(c, dirfd(dir), entry->d_name, depth);
		c->path.len = length;
		c->path.data[length] = '\0';
	}
	closedir(dir);
	return ok;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a + 2, *(const char *const *)b + 2);
}

static void work_changes(struct op *op)
{
	AUTO_FREE char *upper = overlay_upper(op->hands->data_root, op->id);
	struct comparing c = { .op = op, .path = BUF_MAX(DEPTH_MAX * 256) };
	int fd = open(upper, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0) {
		fail_sys(&op->err, errno, "open %s", upper);
		return;
	}
	buf_append_c(&c.path, "");
	if (!overlay_open_lower(op->hands->data_root, op->id, &c.below, &op->err))
		(void)close(fd);
	else
		op->ok = compare_folder(&c, fd, 0);
	overlay_close_lower(&c.below);
	buf_clear(&c.path);
	if (c.count)
		qsort(c.list, c.count, sizeof(*c.list), by_path);
	op->event.kind = RUNTIME_CHANGES;
	op->event.changes = c.list;
	op->event.change_count = c.count;
}

/* Beside the lane: it reads much and changes nothing. */
void runtime_changes(void *self, uint64_t ticket, const char *id)
{
	struct op *op = op_new_loose(self, ticket, CREW_LOOK, work_changes);

	op->id = arena_strdup(&op->memory, id);
	op_submit(op);
}
