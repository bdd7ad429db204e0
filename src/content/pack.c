#include "content/pack.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/tree.h"
#include "content/path.h"
#include "content/squeeze.h"

#define DEPTH_MAX       200 /* each level holds a descriptor */
#define XATTR_NAMES_MAX (64 << 10)

/* The first name of a file that has several. */
struct inode {
	struct tree_node node;
	dev_t dev;
	ino_t ino;
	char *path;
};

struct packer {
	const struct pack *how;
	struct archive *out;
	struct tree inodes;
	unsigned depth;
};

static int compare_inode(const void *key, const struct tree_node *member)
{
	const struct stat *st = key;
	const struct inode *i = container_of(member, struct inode, node);

	if (st->st_dev != i->dev)
		return st->st_dev < i->dev ? -1 : 1;
	return st->st_ino < i->ino ? -1 : st->st_ino > i->ino;
}

/* The name under which this file was written already, or NULL, and it is remembered. */
static const char *earlier_name(struct packer *p, const struct stat *st, const char *path)
{
	struct tree_node *found = tree_find(&p->inodes, st);
	struct inode *i;

	if (found)
		return container_of(found, struct inode, node)->path;
	i = NEW(struct inode);
	i->dev = st->st_dev;
	i->ino = st->st_ino;
	i->path = xstrdup(path);
	tree_insert(&p->inodes, st, &i->node);
	return NULL;
}

static void clear_inodes(struct packer *p)
{
	struct inode *i;

	tree_each (&p->inodes, struct inode, node, i) {
		tree_remove(&p->inodes, &i->node);
		free(i->path);
		free(i);
	}
}

static bool put_header(struct packer *p, struct archive_entry *entry, struct err *e)
{
	int status = archive_write_header(p->out, entry);

	return status == ARCHIVE_OK || status == ARCHIVE_WARN ||
	       fail(e, ERR_INTERNAL, "write %s: %s", archive_entry_pathname(entry),
		    archive_error_string(p->out));
}

static bool put_marker(struct packer *p, const char *prefix, const char *name, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s%s", prefix, name);
	struct archive_entry *entry = archive_entry_new();
	bool is_put;

	archive_entry_set_pathname(entry, path);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0);
	archive_entry_set_size(entry, 0);
	archive_entry_set_mtime(entry, 0, 0);
	is_put = put_header(p, entry, e);
	archive_entry_free(entry);
	return is_put;
}

static void add_xattrs(int fd, struct archive_entry *entry)
{
	AUTO_FREE char *names = xmalloc(XATTR_NAMES_MAX);
	ssize_t total = flistxattr(fd, names, XATTR_NAMES_MAX);
	char value[64 << 10];

	for (ssize_t at = 0; at < total; at += strlen(names + at) + 1) {
		const char *name = names + at;
		ssize_t n;

		if (strcmp(name, "security.capability") != 0 && strncmp(name, "user.", 5) != 0)
			continue;
		n = fgetxattr(fd, name, value, sizeof(value));
		if (n >= 0)
			archive_entry_xattr_add_entry(entry, name, value, n);
	}
}

static struct archive_entry *describe(const char *path, const struct stat *st)
{
	AUTO_FREE char *named = S_ISDIR(st->st_mode) ? xasprintf("%s/", path) : xstrdup(path);
	struct archive_entry *entry = archive_entry_new();

	archive_entry_copy_stat(entry, st);
	archive_entry_unset_atime(entry);
	archive_entry_unset_ctime(entry);
	archive_entry_set_pathname(entry, named);
	if (!S_ISREG(st->st_mode))
		archive_entry_set_size(entry, 0);
	return entry;
}

static bool put_data(struct packer *p, int fd, int64_t size, struct err *e)
{
	char piece[64 << 10];

	while (size > 0) {
		ssize_t n = read(fd, piece,
				 size < (int64_t)sizeof(piece) ? (size_t)size : sizeof(piece));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_sys(e, errno, "read a file");
		if (n == 0) { /* it shrank: the rest is zeroes */
			n = size < (int64_t)sizeof(piece) ? size : (int64_t)sizeof(piece);
			memset(piece, 0, n);
		}
		if (archive_write_data(p->out, piece, n) != n)
			return fail(e, ERR_UNAVAILABLE, "write: %s", archive_error_string(p->out));
		size -= n;
	}
	return true;
}

static bool put_regular(struct packer *p, int parent, const char *base, const char *path,
			struct err *e)
{
	/* Not blocking: what was a file a moment ago may be a pipe now. */
	AUTO_CLOSE int fd = openat(parent, base, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct archive_entry *entry;
	struct stat st;
	bool is_put;

	if (fd < 0)
		return errno == ENOENT || errno == ELOOP || fail_sys(e, errno, "open %s", path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return true;
	entry = describe(path, &st);
	add_xattrs(fd, entry);
	is_put = put_header(p, entry, e) && put_data(p, fd, st.st_size, e);
	archive_entry_free(entry);
	return is_put;
}

static bool put_special(struct packer *p, int parent, const char *base, const char *path,
			const struct stat *st, struct err *e)
{
	struct archive_entry *entry = describe(path, st);
	char target[4096] = "";
	ssize_t n = S_ISLNK(st->st_mode) ? readlinkat(parent, base, target, sizeof(target) - 1) : 0;
	bool is_put = true;

	if (n >= 0) {
		target[n] = '\0';
		if (S_ISLNK(st->st_mode))
			archive_entry_set_symlink(entry, target);
		is_put = put_header(p, entry, e);
	}
	archive_entry_free(entry);
	return is_put;
}

static bool put_hard_link(struct packer *p, const char *path, const char *first,
			  const struct stat *st, struct err *e)
{
	struct archive_entry *entry = describe(path, st);
	bool is_put;

	archive_entry_set_hardlink(entry, first);
	archive_entry_set_size(entry, 0);
	is_put = put_header(p, entry, e);
	archive_entry_free(entry);
	return is_put;
}

static bool is_opaque(struct packer *p, int dir, bool *answer, struct err *e)
{
	AUTO_RECORD struct record_writer w = { 0 };
	struct record r;

	record_begin(&w);
	record_add_c(&w, "event", "opaque");
	if (!channel_send(p->how->up, &w, &dir, 1, e) || !channel_receive(p->how->up, &r, e))
		return false;
	*answer = str_equal_c(record_get(&r, "opaque"), "1");
	return true;
}

static bool put_children(struct packer *p, int dir, const char *prefix, struct err *e);

static bool put_directory(struct packer *p, int parent, const char *base, const char *path,
			  struct err *e)
{
	AUTO_FREE char *prefix = xasprintf("%s/", path);
	AUTO_CLOSE int fd = openat(parent, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct archive_entry *entry;
	struct stat st;
	bool is_put, hides = false;

	if (fd < 0 || fstat(fd, &st) < 0)
		return errno == ENOENT || errno == ELOOP || errno == ENOTDIR ||
		       fail_sys(e, errno, "open %s", path);
	entry = describe(path, &st);
	add_xattrs(fd, entry);
	is_put = put_header(p, entry, e);
	archive_entry_free(entry);
	if (!is_put || (p->how->mode == PACK_DIFF && !is_opaque(p, fd, &hides, e)))
		return false;
	return (!hides || put_marker(p, prefix, ".wh..wh..opq", e)) &&
	       put_children(p, fd, prefix, e);
}

static bool put_file(struct packer *p, int parent, const char *base, const char *path,
		     const struct stat *st, struct err *e)
{
	const char *first =
		st->st_nlink > 1 && !S_ISDIR(st->st_mode) ? earlier_name(p, st, path) : NULL;

	if (first)
		return put_hard_link(p, path, first, st, e);
	if (S_ISREG(st->st_mode))
		return put_regular(p, parent, base, path, e);
	if (S_ISDIR(st->st_mode))
		return put_directory(p, parent, base, path, e);
	if (S_ISSOCK(st->st_mode))
		return true;
	return put_special(p, parent, base, path, st, e);
}

static bool put_child(struct packer *p, int dir, const char *prefix, const char *base,
		      struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s%s", prefix, base);
	AUTO_FREE char *marker = NULL;
	struct stat st;

	if (fstatat(dir, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT || fail_sys(e, errno, "look at %s", path);
	if (p->how->mode == PACK_DIFF && S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0)) {
		marker = xasprintf(".wh.%s", base);
		return put_marker(p, prefix, marker, e);
	}
	return put_file(p, dir, base, path, &st, e);
}

static int no_dots(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static bool put_children(struct packer *p, int dir, const char *prefix, struct err *e)
{
	struct dirent **names = NULL;
	bool is_put = true;
	int count;

	if (p->depth >= DEPTH_MAX)
		return fail(e, ERR_EXHAUSTED, "%s is deeper than %d directories", prefix,
			    DEPTH_MAX);
	count = scandirat(dir, ".", &names, no_dots, by_bytes);
	if (count < 0)
		return fail_sys(e, errno, "list %s", prefix);
	p->depth++;
	for (int i = 0; i < count; i++) {
		is_put = is_put && put_child(p, dir, prefix, names[i]->d_name, e);
		free(names[i]);
	}
	p->depth--;
	free(names);
	return is_put;
}

bool pack_directory(struct archive *out, const struct pack *how, int dir, const char *prefix,
		    struct err *e)
{
	struct packer p = { .how = how, .out = out, .inodes = TREE(compare_inode) };
	bool is_put = put_children(&p, dir, prefix, e);

	clear_inodes(&p);
	return is_put;
}

bool pack_file(struct archive *out, const struct pack *how, int parent, const char *base,
	       const char *name, struct err *e)
{
	struct packer p = { .how = how, .out = out, .inodes = TREE(compare_inode) };
	struct stat st;
	bool is_put;

	if (fstatat(parent, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail_sys(e, errno, "look at %s", name);
	is_put = put_file(&p, parent, base, name, &st, e);
	clear_inodes(&p);
	return is_put;
}

/* -- the upper directory of an overlay -- */

static bool pack_root(struct channel *up, struct squeeze *s, struct err *e)
{
	AUTO_CLOSE int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct pack how = { .mode = PACK_DIFF, .up = up };
	struct archive *tar = squeeze_tar(s);
	bool is_put = root >= 0 ? pack_directory(tar, &how, root, "", e)
				: fail_sys(e, errno, "open the root");

	if (is_put && archive_write_close(tar) != ARCHIVE_OK)
		is_put = fail(e, ERR_INTERNAL, "write: %s", archive_error_string(tar));
	archive_write_free(tar);
	return is_put;
}

static bool run(struct channel *up, void *arg, struct err *e)
{
	struct squeeze s;

	return squeeze_open(&s, up, e) && pack_root(up, &s, e) && squeeze_end(&s, e);
}

bool pack_upper(struct job *j, const char *upper_dir, struct layer *made, struct err *e)
{
	struct sandbox s = { .kind = SANDBOX_TREE, .root = upper_dir, .is_read_only = true };
	AUTO_WORKER struct worker w = { 0 };

	if (upper_dir[0] != '/')
		return fail(e, ERR_INVALID, "commit without an upper directory");
	return worker_start(&w, &s, run, NULL, NULL, 0, e) &&
	       squeeze_collect(j, &w, "packed", made, e);
}
