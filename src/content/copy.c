/* Files out of a container and into it, and a container's whole tree.
 *
 * Request: `root` (the mounted tree), `mount_source`, `mount_target` and `mount_mode` ("ro" or "rw") in
 * step for what is mounted over it, `path`, `container` (for sentences). The worker's root is that
 * tree: whatever links its owner makes meanwhile, there is nothing else to reach. No program and no
 * library of the tree is ever run or loaded. */
#include <archive.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "content/job.h"
#include "content/pack.h"
#include "content/path.h"
#include "content/stream.h"

#define LINKS_MAX 40

/* Go's os.FileMode, beside the nine permission bits. */
#define GO_DIR         (1u << 31)
#define GO_SYMLINK     (1u << 27)
#define GO_DEVICE      (1u << 26)
#define GO_NAMED_PIPE  (1u << 25)
#define GO_SOCKET      (1u << 24)
#define GO_SETUID      (1u << 23)
#define GO_SETGID      (1u << 22)
#define GO_CHAR_DEVICE (1u << 21)
#define GO_STICKY      (1u << 20)

struct copy {
	struct job *job;
	const char *path, *container;
	struct unpack put;
};

/* -- in the worker -- */

static uint32_t go_mode(mode_t mode)
{
	uint32_t go = mode & 0777;

	go |= mode & S_ISUID ? GO_SETUID : 0;
	go |= mode & S_ISGID ? GO_SETGID : 0;
	go |= mode & S_ISVTX ? GO_STICKY : 0;
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return go | GO_DIR;
	case S_IFLNK:
		return go | GO_SYMLINK;
	case S_IFBLK:
		return go | GO_DEVICE;
	case S_IFCHR:
		return go | GO_DEVICE | GO_CHAR_DEVICE;
	case S_IFIFO:
		return go | GO_NAMED_PIPE;
	case S_IFSOCK:
		return go | GO_SOCKET;
	default:
		return go;
	}
}

/* Where a path is: the directory that holds it, and its last part there; "." for the directory itself, which
 * a path means that ends in "/" or "/.". `name` is what stock docker calls it. */
struct place {
	int parent;
	char *base, *name;
};

static void place_clear(struct place *p)
{
	if (p->parent >= 0)
		close(p->parent);
	free(p->base);
	free(p->name);
}

static bool find_place(const struct copy *c, int root, struct place *p, struct err *e)
{
	AUTO_FREE char *clean = path_clean(c->path);
	size_t given = strlen(c->path);
	bool ends_in_dot = given >= 2 && strcmp(c->path + given - 2, "/.") == 0;
	bool is_itself = !*clean || ends_in_dot || (given > 0 && c->path[given - 1] == '/');
	const char *slash = strrchr(clean, '/');
	AUTO_FREE char *above = is_itself ? xstrdup(clean)
				: slash   ? xstrndup(clean, slash - clean)
					  : xstrdup("");
	struct stat st;

	p->parent = path_open_in_root(root, above, O_RDONLY | O_DIRECTORY);
	p->base = xstrdup(is_itself ? "." : slash ? slash + 1 : clean);
	p->name = !*clean       ? xstrdup("/")
		  : ends_in_dot ? xstrdup(".")
				: xstrdup(slash ? slash + 1 : clean);
	if (p->parent >= 0 && fstatat(p->parent, p->base, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return true;
	if (errno == ENOENT || errno == ENOTDIR)
		return fail(e, ERR_NOT_FOUND, "Could not find the file %s in container %s", c->path,
			    c->container);
	return fail_sys(e, errno, "look at %s", c->path);
}

/* Where a path leads when all links in it are followed, as text: nothing is opened by it. */
static char *follow_links(int root, const char *path)
{
	AUTO_FREE char *rest = xstrdup(path);
	char *done = xstrdup("");

	for (int links = 0;;) {
		size_t part;
		AUTO_FREE char *next = NULL, *joined = NULL;
		char target[4096];
		ssize_t n;

		memmove(rest, rest + strspn(rest, "/"), strlen(rest + strspn(rest, "/")) + 1);
		part = strcspn(rest, "/");
		if (part == 0)
			break;
		joined = xasprintf("%s/%.*s", done, (int)part, rest);
		next = path_clean(joined);
		n = *next ? readlinkat(root, next, target, sizeof(target) - 1) : -1;
		if (n >= 0 && ++links <= LINKS_MAX) {
			AUTO_FREE char *after = xstrdup(rest + part);

			target[n] = '\0';
			free(rest);
			rest = xasprintf("%s%s", target, after);
			if (target[0] == '/')
				done[0] = '\0';
			continue;
		}
		free(done);
		done = STEAL(next);
		memmove(rest, rest + part, strlen(rest + part) + 1);
	}
	{
		char *whole = xasprintf("/%s", done);

		free(done);
		return whole;
	}
}

static bool send_stat(struct channel *up, int root, const struct copy *c, const struct place *p,
		      const char *event, struct err *e)
{
	AUTO_RECORD struct record_writer w = { 0 };
	AUTO_FREE char *target = NULL;
	struct stat st;

	if (fstatat(p->parent, p->base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail_sys(e, errno, "look at %s", c->path);
	if (S_ISLNK(st.st_mode))
		target = follow_links(root, c->path);
	record_begin(&w);
	record_add_c(&w, "event", event);
	record_add_i64(&w, "ticket", c->job->ticket);
	record_add_c(&w, "name", p->name);
	record_add_i64(&w, "size", st.st_size);
	record_add_i64(&w, "mode", go_mode(st.st_mode));
	record_add_i64(&w, "mtime_ns",
		       st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec);
	record_add_c(&w, "link_target", target ? target : "");
	return channel_send(up, &w, NULL, 0, e);
}

static int open_tree_root(struct err *e)
{
	int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		(void)fail_sys(e, errno, "open the root");
	return root;
}

static bool send_done(struct channel *up, struct err *e)
{
	AUTO_RECORD struct record_writer w = { 0 };

	record_begin(&w);
	record_add_c(&w, "event", "done");
	return channel_send(up, &w, NULL, 0, e);
}

static bool run_stat(struct channel *up, void *arg, struct err *e)
{
	AUTO_CLOSE int root = open_tree_root(e);
	struct place p = { .parent = -1 };
	bool is_done = root >= 0 && find_place(arg, root, &p, e) &&
		       send_stat(up, root, arg, &p, "stat", e);

	place_clear(&p);
	return is_done && send_done(up, e);
}

static struct archive *open_out(const struct copy *c, struct err *e)
{
	struct archive *out = archive_write_new();

	archive_write_set_format_pax_restricted(out);
	if (archive_write_open_fd(out, c->job->stream) == ARCHIVE_OK)
		return out;
	(void)fail(e, ERR_INTERNAL, "open the archive: %s", archive_error_string(out));
	archive_write_free(out);
	return NULL;
}

static bool close_out(struct archive *out, bool is_put, struct err *e)
{
	if (is_put && archive_write_close(out) != ARCHIVE_OK)
		is_put = fail(e, ERR_UNAVAILABLE, "write: %s", archive_error_string(out));
	archive_write_free(out);
	return is_put;
}

static bool run_archive(struct channel *up, void *arg, struct err *e)
{
	AUTO_CLOSE int root = open_tree_root(e);
	struct pack how = { .mode = PACK_WHOLE };
	struct place p = { .parent = -1 };
	struct archive *out = NULL;
	bool is_done = root >= 0 && find_place(arg, root, &p, e) &&
		       send_stat(up, root, arg, &p, "stat", e) && (out = open_out(arg, e));

	if (is_done)
		is_done = close_out(out,
				    pack_file(out, &how, p.parent, p.base,
					      strcmp(p.name, "/") == 0 ? "." : p.name, e),
				    e);
	place_clear(&p);
	return is_done && send_done(up, e);
}

static bool run_export(struct channel *up, void *arg, struct err *e)
{
	AUTO_CLOSE int root = open_tree_root(e);
	struct pack how = { .mode = PACK_WHOLE };
	struct archive *out = root >= 0 ? open_out(arg, e) : NULL;

	return out && close_out(out, pack_directory(out, &how, root, "", e), e) && send_done(up, e);
}

static bool run_put(struct channel *up, void *arg, struct err *e)
{
	const struct copy *c = arg;
	AUTO_CLOSE int root = open_tree_root(e);
	AUTO_FREE char *target = NULL;
	struct unpack how = c->put;
	struct stream_in in = { 0 };
	struct unpacked got;
	char digest[DIGEST_SHA256_LEN + 1];
	struct stat st;
	int dir;

	if (root < 0)
		return false;
	dir = path_open_in_root(root, c->path, O_PATH);
	if (dir < 0)
		return errno == ENOENT ? fail(e, ERR_NOT_FOUND,
					      "Could not find the file %s in container %s", c->path,
					      c->container)
				       : fail_sys(e, errno, "open %s", c->path);
	if (fstat(dir, &st) < 0 || !S_ISDIR(st.st_mode)) {
		close(dir);
		return fail(e, ERR_INVALID, "extraction point is not a directory");
	}
	close(dir);
	target = follow_links(root, c->path);
	how.root = root;
	how.directory = target;
	return stream_open(&in, c->job->stream, STREAM_USER_FILTERS, c->put.limits.bytes, e) &&
	       unpack_tar(&in, &how, &got, e) && stream_end(&in, digest, e) && send_done(up, e);
}

/* -- in the job -- */

static bool get_mounts(const struct job *j, struct arena *a, struct sandbox *s, struct err *e)
{
	struct sandbox_mount *mounts;
	size_t source = 0, target = 0, mode = 0;
	struct str from, to, how;

	s->mount_count = record_count(j->request, "mount_source");
	if (s->mount_count > 1000)
		return fail(e, ERR_EXHAUSTED, "a container with more than 1000 mounts");
	s->mounts = mounts = arena_alloc(a, s->mount_count * sizeof(*mounts));
	for (size_t i = 0; i < s->mount_count; i++) {
		if (!record_each(j->request, "mount_source", &source, &from) ||
		    !record_each(j->request, "mount_target", &target, &to) ||
		    !record_each(j->request, "mount_mode", &mode, &how))
			return fail(e, ERR_INVALID, "mounts that are not in step");
		mounts[i] = (struct sandbox_mount){ arena_str(a, from), arena_str(a, to),
						    str_equal_c(how, "ro") };
	}
	return true;
}

/* Pass on what the worker says until it is done. */
static bool follow(struct job *j, struct worker *w, const char *what, struct err *e)
{
	AUTO_RECORD struct record_writer done = { 0 };
	struct record r;

	for (;;) {
		AUTO_RECORD struct record_writer stat = { 0 };

		if (!worker_receive(w, what, &r, e))
			return false;
		if (!str_equal_c(record_get(&r, "event"), "stat"))
			break;
		record_begin(&stat);
		buf_append_str(&stat.bytes, r.fields);
		if (!job_send(j, &stat, e))
			return false;
	}
	job_event(j, &done, "done");
	return worker_finish(w, what, e) && job_send(j, &done, e);
}

static bool copy(struct job *j, worker_run *run, const char *what, bool writes, struct err *e)
{
	AUTO_ARENA struct arena a = { 0 };
	AUTO_WORKER struct worker w = { 0 };
	struct sandbox s = { .kind = SANDBOX_TREE,
			     .root = job_text(j, "root", &a),
			     .is_read_only = !writes };
	struct copy c = { .job = j,
			  .path = job_text(j, "path", &a),
			  .container = job_text(j, "container", &a) };
	int64_t uid = record_get_i64(j->request, "uid", -1),
		gid = record_get_i64(j->request, "gid", -1);

	if (s.root[0] != '/')
		return fail(e, ERR_INVALID, "%s without a root", what);
	c.put = (struct unpack){ .mode = UNPACK_COPY,
				 .limits = j->limits,
				 .directory = c.path,
				 .keep_types = record_get_i64(j->request, "keep_types", 0) != 0,
				 .has_owner = uid >= 0 && gid >= 0,
				 .uid = (uint32_t)uid,
				 .gid = (uint32_t)gid };
	return get_mounts(j, &a, &s, e) &&
	       worker_start(&w, &s, run, &c, &j->stream, j->stream >= 0, e) &&
	       follow(j, &w, what, e);
}

bool job_stat(struct job *j, struct err *e)
{
	return copy(j, run_stat, "looking at a file", false, e);
}

bool job_archive(struct job *j, struct err *e)
{
	return copy(j, run_archive, "copying out of a container", false, e);
}

bool job_export(struct job *j, struct err *e)
{
	return copy(j, run_export, "exporting a container", false, e);
}

bool job_put_archive(struct job *j, struct err *e)
{
	return copy(j, run_put, "copying into a container", true, e);
}
