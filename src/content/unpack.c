#include "content/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "content/path.h"
#include "file/folder.h"

#define PROGRESS_BYTES  (1 << 20)
#define XATTR_COUNT_MAX 128

/* A directory's time is set when nothing is put into it any more. */
struct dir_time {
	char *path;
	struct timespec mtime;
};

struct unpacker {
	const struct unpack *how;
	struct unpacked *got;
	struct stream_in *in;
	struct archive *tar;
	struct dir_time *times;
	size_t time_count, time_capacity;
	/* The directory used last. Forgotten whenever a name may have come to mean something else. */
	char *near_path;
	int near;
	int64_t reported;
};

struct owner {
	uid_t uid;
	gid_t gid;
};

static struct owner owner_of(const struct unpacker *u, struct archive_entry *entry)
{
	if (u->how->has_owner)
		return (struct owner){ u->how->uid, u->how->gid };
	return (struct owner){ (uid_t)archive_entry_uid(entry), (gid_t)archive_entry_gid(entry) };
}

static struct timespec mtime_of(struct archive_entry *entry)
{
	return (struct timespec){ archive_entry_mtime(entry), archive_entry_mtime_nsec(entry) };
}

static void forget_near(struct unpacker *u)
{
	if (u->near >= 0)
		close(u->near);
	u->near = -1;
	free(u->near_path);
	u->near_path = NULL;
}

/* -- what overlayfs reads -- */

static bool is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

static bool mark_opaque(struct unpacker *u, int dir, struct err *e)
{
	AUTO_RECORD struct record_writer w = { 0 };

	record_begin(&w);
	record_add_c(&w, "event", "opaque");
	return channel_send(u->how->up, &w, &dir, 1, e);
}

/* -- directories -- */

/* Make `name` a directory where nothing is, or a whiteout of this layer: then what lies below stays
 * hidden. -1 and *e on failure. */
static int make_directory(struct unpacker *u, int parent, const char *name, struct err *e)
{
	struct stat st;
	bool hides = u->how->mode == UNPACK_LAYER &&
		     fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && is_whiteout(&st) &&
		     unlinkat(parent, name, 0) == 0;
	int dir;

	if (mkdirat(parent, name, 0755) < 0) {
		(void)fail_sys(e, errno, "make directory %s", name);
		return -1;
	}
	dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0) {
		(void)fail_sys(e, errno, "open directory %s", name);
		return -1;
	}
	if (hides && !mark_opaque(u, dir, e)) {
		close(dir);
		return -1;
	}
	return dir;
}

/* The directory `path`, made with all above it when it is not there. The caller closes it. */
static int open_directory(struct unpacker *u, const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *above = slash ? xstrndup(path, slash - path) : xstrdup("");
	int dir = path_open_in_root(u->how->root, path, O_RDONLY | O_DIRECTORY);
	AUTO_CLOSE int parent = -1;
	struct stat st;

	if (dir >= 0)
		return dir;
	if (!*path || (errno != ENOENT && errno != ENOTDIR)) {
		(void)fail_sys(e, errno, "open directory /%s", path);
		return -1;
	}
	parent = open_directory(u, above, e);
	if (parent < 0)
		return -1;
	if (fstatat(parent, slash ? slash + 1 : path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    !(u->how->mode == UNPACK_LAYER && is_whiteout(&st))) {
		(void)fail(e, ERR_INVALID, "/%s is in the way of a directory", path);
		return -1;
	}
	return make_directory(u, parent, slash ? slash + 1 : path, e);
}

/* The directory that holds `path`, borrowed until the next call; *name is the last part. */
static int open_parent(struct unpacker *u, const char *path, const char **name, struct err *e)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *above = slash ? xstrndup(path, slash - path) : xstrdup("");

	*name = slash ? slash + 1 : path;
	if (u->near >= 0 && strcmp(u->near_path, above) == 0)
		return u->near;
	forget_near(u);
	u->near = open_directory(u, above, e);
	u->near_path = STEAL(above);
	return u->near;
}

static void remember_time(struct unpacker *u, const char *path, struct timespec mtime)
{
	if (u->time_count == u->time_capacity) {
		u->time_capacity = u->time_capacity ? 2 * u->time_capacity : 64;
		u->times = xrealloc(u->times, u->time_capacity * sizeof(*u->times));
	}
	u->times[u->time_count++] = (struct dir_time){ xstrdup(path), mtime };
}

static void set_times(struct unpacker *u)
{
	/* The last first: what lies deeper comes later in most archives. */
	while (u->time_count > 0) {
		struct dir_time *t = &u->times[--u->time_count];
		int dir = path_open_in_root(u->how->root, t->path,
					    O_RDONLY | O_DIRECTORY | O_NOFOLLOW);

		if (dir >= 0) {
			(void)futimens(dir, (struct timespec[]){ t->mtime, t->mtime });
			close(dir);
		}
		free(t->path);
	}
	free(u->times);
}

/* -- entries -- */

static bool keeps_xattr(const char *name)
{
	return strcmp(name, "security.capability") == 0 ||
	       (strncmp(name, "user.", 5) == 0 && strncmp(name, "user.overlay.", 13) != 0);
}

static bool set_xattrs(int fd, struct archive_entry *entry, const char *path, struct err *e)
{
	const char *name;
	const void *value;
	size_t size;

	if (archive_entry_xattr_reset(entry) > XATTR_COUNT_MAX)
		return fail(e, ERR_EXHAUSTED, "/%s has more than %d extended attributes", path,
			    XATTR_COUNT_MAX);
	while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
		if (!name || !keeps_xattr(name))
			continue;
		if (fsetxattr(fd, name, value, size, 0) < 0 && errno != ENOTSUP && errno != EPERM)
			return fail_sys(e, errno, "set attribute %s of /%s", name, path);
	}
	return true;
}

/* Owner, then mode (a change of owner clears set-id bits), then attributes (it clears those too). */
static bool set_meta(struct unpacker *u, int fd, struct archive_entry *entry, const char *path,
		     struct err *e)
{
	struct owner o = owner_of(u, entry);

	if (fchown(fd, o.uid, o.gid) < 0 || fchmod(fd, archive_entry_perm(entry)) < 0)
		return fail_sys(e, errno, "set owner and mode of /%s", path);
	return set_xattrs(fd, entry, path, e);
}

static bool put_data(struct unpacker *u, int fd, int64_t size, const char *path, struct err *e)
{
	const void *data;
	size_t length;
	int64_t offset;
	int status;

	while ((status = archive_read_data_block(u->tar, &data, &length, &offset)) == ARCHIVE_OK) {
		while (length > 0) {
			ssize_t n = pwrite(fd, data, length, offset);

			if (n < 0 && errno == EINTR)
				continue;
			if (n <= 0)
				return fail_sys(e, errno, "write /%s", path);
			data = (const char *)data + n;
			length -= n;
			offset += n;
		}
	}
	if (status != ARCHIVE_EOF) {
		if (u->in->err.kind) {
			*e = u->in->err;
			return false;
		}
		return fail(e, ERR_INVALID, "read /%s: %s", path, archive_error_string(u->tar));
	}
	/* Holes: bytes that the archive skips are not written, the length is set. */
	if (ftruncate(fd, size) < 0)
		return fail_sys(e, errno, "set the length of /%s", path);
	return true;
}

static bool put_file(struct unpacker *u, int parent, const char *name, struct archive_entry *entry,
		     const char *path, struct err *e)
{
	struct timespec mtime = mtime_of(entry);
	int64_t size = archive_entry_size(entry);
	AUTO_CLOSE int fd = -1;

	if (size < 0 || size > u->how->limits.bytes)
		return fail(e, ERR_EXHAUSTED, "/%s has %lld bytes, more than %lld are not taken",
			    path, (long long)size, (long long)u->how->limits.bytes);
	fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail_sys(e, errno, "create /%s", path);
	if (!put_data(u, fd, size, path, e) || !set_meta(u, fd, entry, path, e))
		return false;
	(void)futimens(fd, (struct timespec[]){ mtime, mtime });
	u->got->size_bytes += size;
	return true;
}

static bool put_directory(struct unpacker *u, int parent, const char *name, bool exists,
			  struct archive_entry *entry, const char *path, struct err *e)
{
	AUTO_CLOSE int dir =
		exists ? openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
		       : make_directory(u, parent, name, e);

	if (dir < 0)
		return exists ? fail_sys(e, errno, "open /%s", path) : false;
	if (!set_meta(u, dir, entry, path, e))
		return false;
	remember_time(u, path, mtime_of(entry));
	return true;
}

static bool put_link(struct unpacker *u, int parent, const char *name, struct archive_entry *entry,
		     const char *path, struct err *e)
{
	struct timespec mtime = mtime_of(entry);
	struct owner o = owner_of(u, entry);
	const char *target = archive_entry_symlink(entry);

	if (!target || !*target)
		return fail(e, ERR_INVALID, "/%s is a link without a target", path);
	if (symlinkat(target, parent, name) < 0)
		return fail_sys(e, errno, "make link /%s", path);
	if (fchownat(parent, name, o.uid, o.gid, AT_SYMLINK_NOFOLLOW) < 0)
		return fail_sys(e, errno, "set owner of /%s", path);
	(void)utimensat(parent, name, (struct timespec[]){ mtime, mtime }, AT_SYMLINK_NOFOLLOW);
	return true;
}

static bool put_node(struct unpacker *u, int parent, const char *name, struct archive_entry *entry,
		     const char *path, struct err *e)
{
	struct timespec mtime = mtime_of(entry);
	struct owner o = owner_of(u, entry);
	mode_t mode =
		(archive_entry_filetype(entry) & S_IFMT) | (archive_entry_perm(entry) & 07777);
	dev_t dev = makedev(archive_entry_rdevmajor(entry), archive_entry_rdevminor(entry));

	/* The mode is given at birth: changing it later by name might reach another file. */
	if (mknodat(parent, name, mode, S_ISFIFO(mode) ? 0 : dev) < 0)
		return fail_sys(e, errno, "make device /%s", path);
	if (fchownat(parent, name, o.uid, o.gid, AT_SYMLINK_NOFOLLOW) < 0)
		return fail_sys(e, errno, "set owner of /%s", path);
	(void)utimensat(parent, name, (struct timespec[]){ mtime, mtime }, AT_SYMLINK_NOFOLLOW);
	return true;
}

static char *place_of(const struct unpacker *u, const char *name)
{
	AUTO_FREE char *clean = path_clean(name);
	AUTO_FREE char *below = NULL;

	if (u->how->mode == UNPACK_LAYER)
		return STEAL(clean);
	below = path_clean(u->how->directory);
	return !*below ? STEAL(clean) : *clean ? xasprintf("%s/%s", below, clean) : STEAL(below);
}

static bool put_hard_link(struct unpacker *u, int parent, const char *name,
			  struct archive_entry *entry, const char *path, struct err *e)
{
	AUTO_FREE char *target = place_of(u, archive_entry_hardlink(entry));
	char *slash = strrchr(target, '/');
	AUTO_FREE char *above = slash ? xstrndup(target, slash - target) : xstrdup("");
	AUTO_CLOSE int from = path_open_in_root(u->how->root, above, O_PATH | O_DIRECTORY);

	if (from < 0 || linkat(from, slash ? slash + 1 : target, parent, name, 0) < 0)
		return fail_sys(e, errno, "link /%s to /%s", path, target);
	return true;
}

/* What is there under this name goes, unless a directory meets a directory: *exists then. */
static bool make_room(struct unpacker *u, int parent, const char *name, bool wants_directory,
		      const char *path, bool *exists, struct err *e)
{
	struct stat st;

	*exists = false;
	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT || fail_sys(e, errno, "look at /%s", path);
	if (S_ISDIR(st.st_mode) && wants_directory) {
		*exists = true;
		return true;
	}
	if (u->how->keep_types && S_ISDIR(st.st_mode) != wants_directory)
		return fail(
			e, ERR_INVALID,
			wants_directory
				? "cannot overwrite non-directory \"/%s\" with directory \"/%s\""
				: "cannot overwrite directory \"/%s\" with non-directory \"/%s\"",
			path, path);
	/* A directory takes the place of a whiteout in make_directory(), which must see it. */
	if (wants_directory && u->how->mode == UNPACK_LAYER && is_whiteout(&st))
		return true;
	return folder_remove_at(parent, name, e) || while_doing(e, "replace /%s", path);
}

static bool put_whiteout(struct unpacker *u, int parent, const char *name, const char *path,
			 struct err *e)
{
	const char *hidden = name + 4;
	struct stat st;
	AUTO_CLOSE int dir = -1;

	if (strcmp(name, ".wh..wh..opq") == 0)
		return mark_opaque(u, parent, e);
	if (strncmp(hidden, ".wh.", 4) == 0)
		return true; /* an older file system's own notes */
	if (!*hidden || strcmp(hidden, ".") == 0 || strcmp(hidden, "..") == 0)
		return fail(e, ERR_INVALID, "/%s is a whiteout of nothing", path);
	/* A whiteout speaks of the layers below. What this layer itself put there stays and hides them. */
	if (fstatat(parent, hidden, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		if (!S_ISDIR(st.st_mode))
			return true;
		dir = openat(parent, hidden, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		return dir < 0 ? fail_sys(e, errno, "open what /%s hides", path)
			       : mark_opaque(u, dir, e);
	}
	if (mknodat(parent, hidden, S_IFCHR, makedev(0, 0)) < 0)
		return fail_sys(e, errno, "hide %s", path);
	return true;
}

static bool put_root(struct unpacker *u, struct archive_entry *entry, const char *path,
		     struct err *e)
{
	AUTO_CLOSE int dir = path_open_in_root(u->how->root, path, O_RDONLY | O_DIRECTORY);

	if (archive_entry_filetype(entry) != AE_IFDIR)
		return fail(e, ERR_INVALID, "an entry without a name");
	if (dir < 0)
		return fail_sys(e, errno, "open /%s", path);
	remember_time(u, path, mtime_of(entry));
	return set_meta(u, dir, entry, path, e);
}

static int64_t depth_of(const char *path)
{
	int64_t depth = 1;

	for (; *path; path++)
		depth += *path == '/';
	return depth;
}

static bool put_entry(struct unpacker *u, struct archive_entry *entry, struct err *e)
{
	const char *given = archive_entry_pathname(entry), *name;
	AUTO_FREE char *path = given ? place_of(u, given) : NULL;
	bool is_directory =
		archive_entry_filetype(entry) == AE_IFDIR && !archive_entry_hardlink(entry);
	AUTO_FREE char *clean = given ? path_clean(given) : NULL;
	bool exists;
	int parent;

	if (!path)
		return fail(e, ERR_INVALID, "an entry whose name cannot be read");
	if (depth_of(path) > u->how->limits.depth)
		return fail(e, ERR_EXHAUSTED, "a path of more than %lld parts",
			    (long long)u->how->limits.depth);
	if (!*clean)
		return put_root(u, entry, path, e);
	parent = open_parent(u, path, &name, e);
	if (parent < 0)
		return false;
	if (u->how->mode == UNPACK_LAYER && strncmp(name, ".wh.", 4) == 0)
		return put_whiteout(u, parent, name, path, e);
	if (archive_entry_filetype(entry) == AE_IFSOCK)
		return true;
	if (!make_room(u, parent, name, is_directory, path, &exists, e))
		return false;
	if (archive_entry_hardlink(entry))
		return put_hard_link(u, parent, name, entry, path, e);

	switch (archive_entry_filetype(entry)) {
	case AE_IFREG:
		return put_file(u, parent, name, entry, path, e);
	case AE_IFDIR:
		return put_directory(u, parent, name, exists, entry, path, e);
	case AE_IFLNK:
		return put_link(u, parent, name, entry, path, e);
	case AE_IFIFO:
	case AE_IFCHR:
	case AE_IFBLK:
		return put_node(u, parent, name, entry, path, e);
	default:
		return fail(e, ERR_INVALID, "/%s is of an unknown kind", path);
	}
}

static bool report(struct unpacker *u, struct err *e)
{
	AUTO_RECORD struct record_writer w = { 0 };
	int64_t position = stream_position(u->in);

	if (!u->how->up || position - u->reported < PROGRESS_BYTES)
		return true;
	u->reported = position;
	record_begin(&w);
	record_add_c(&w, "event", "progress");
	record_add_i64(&w, "current", position);
	return channel_send(u->how->up, &w, NULL, 0, e);
}

static bool put_all(struct unpacker *u, struct err *e)
{
	struct archive_entry *entry;
	int status;

	while ((status = archive_read_next_header(u->tar, &entry)) == ARCHIVE_OK ||
	       status == ARCHIVE_WARN) {
		if (++u->got->entries > u->how->limits.entries)
			return fail(e, ERR_EXHAUSTED, "the archive has more than %lld entries",
				    (long long)u->how->limits.entries);
		if (!put_entry(u, entry, e) || !report(u, e))
			return false;
		/* The parent used last stays good only while nothing but files and directories came: another
		 * entry may have become part of its path. */
		if (archive_entry_filetype(entry) != AE_IFREG)
			forget_near(u);
	}
	if (status == ARCHIVE_EOF)
		return true;
	if (u->in->err.kind) {
		*e = u->in->err;
		return false;
	}
	return fail(e, ERR_INVALID, "read the tar archive: %s", archive_error_string(u->tar));
}

bool unpack_tar(struct stream_in *in, const struct unpack *how, struct unpacked *got, struct err *e)
{
	struct unpacker u = { .how = how, .got = got, .in = in, .near = -1 };
	bool is_done;

	*got = (struct unpacked){ 0 };
	umask(0);
	u.tar = stream_tar(in, e);
	is_done = u.tar && put_all(&u, e);
	forget_near(&u);
	set_times(&u);
	if (u.tar)
		archive_read_free(u.tar);
	return is_done;
}
