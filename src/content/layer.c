#include "content/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"

#define WHAT "unpacking a layer"

/* -- in the worker -- */

struct unpack_order {
	int fd;
	struct unpack_limits limits;
};

static bool send_done(struct channel *up, const struct stream_in *in, const struct unpacked *got,
		      const char *diff_id, struct err *e)
{
	AUTO_RECORD struct record_writer w = { 0 };

	record_begin(&w);
	record_add_c(&w, "event", "done");
	record_add_c(&w, "diff_id", diff_id);
	record_add_i64(&w, "tar_bytes", in->bytes);
	record_add_i64(&w, "size_bytes", got->size_bytes);
	return channel_send(up, &w, NULL, 0, e);
}

static bool run(struct channel *up, void *arg, struct err *e)
{
	const struct unpack_order *o = arg;
	AUTO_CLOSE int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct unpack how = { .mode = UNPACK_LAYER, .limits = o->limits, .root = root, .up = up };
	struct stream_in in = { 0 };
	struct unpacked got;
	char diff_id[DIGEST_SHA256_LEN + 1];

	if (root < 0)
		return fail_sys(e, errno, "open the layer");
	return stream_open(&in, o->fd, STREAM_LAYER_FILTERS, o->limits.bytes, e) &&
	       unpack_tar(&in, &how, &got, e) && stream_end(&in, diff_id, e) &&
	       send_done(up, &in, &got, diff_id, e);
}

/* -- in the job -- */

static enum layer_kind kind_of(int fd)
{
	unsigned char head[4] = { 0 };

	if (pread(fd, head, sizeof(head), 0) == 4) {
		if (head[0] == 0x1f && head[1] == 0x8b)
			return LAYER_GZIP;
		if (head[0] == 0x28 && head[1] == 0xb5 && head[2] == 0x2f && head[3] == 0xfd)
			return LAYER_ZSTD;
	}
	return LAYER_TAR;
}

bool unpacking_start(struct unpacking *u, struct job *j, const char *name, int fd, const char *blob,
		     int64_t blob_bytes, const char *diff_id, struct err *e)
{
	AUTO_FREE char *root = NULL;
	struct unpack_order order = { .fd = fd, .limits = j->limits };
	struct sandbox s = { .kind = SANDBOX_TREE };

	*u = (struct unpacking){ .dir = xasprintf("%s/%s", j->dir, name), .diff_id = diff_id };
	snprintf(u->layer.blob, sizeof(u->layer.blob), "%s", blob);
	u->layer.blob_bytes = blob_bytes;
	u->layer.kind = kind_of(fd);
	root = xasprintf("%s/diff", u->dir);
	if (mkdir(u->dir, 0700) < 0 || mkdir(root, 0755) < 0 || chmod(root, 0755) < 0)
		return fail_sys(e, errno, "make %s", root);
	if (lseek(fd, 0, SEEK_SET) < 0)
		return fail_sys(e, errno, "go to the start of a blob");
	s.root = root;
	return worker_start(&u->worker, &s, run, &order, &fd, 1, e);
}

/* The one thing the worker may not do: trusted.* attributes take a right over the whole machine. */
static bool mark_opaque(struct unpacking *u, struct err *e)
{
	AUTO_CLOSE int fd = channel_take_fd(&u->worker.channel);
	struct stat here, layer;

	if (fd < 0 || fstat(fd, &here) < 0 || stat(u->dir, &layer) < 0 || !S_ISDIR(here.st_mode) ||
	    here.st_dev != layer.st_dev)
		return fail(e, ERR_INTERNAL,
			    "a worker wants something marked that is not its directory");
	if (fsetxattr(fd, "trusted.overlay.opaque", "y", 1, 0) < 0)
		return fail_sys(e, errno, "mark a directory opaque");
	return true;
}

static bool finish(struct unpacking *u, struct job *j, const struct record *r, struct err *e)
{
	AUTO_FREE char *diff_id = record_dup(r, "diff_id");

	if (!diff_id || !is_sha256(diff_id))
		return fail(e, ERR_INTERNAL, "a worker's answer has a broken digest");
	if (u->diff_id && strcmp(u->diff_id, diff_id) != 0)
		return fail(e, ERR_INVALID,
			    "layer %s does not unpack to what the image says: %s, but %s",
			    u->layer.blob, u->diff_id, diff_id);
	snprintf(u->layer.diff_id, sizeof(u->layer.diff_id), "%s", diff_id);
	u->layer.tar_bytes = record_get_i64(r, "tar_bytes", 0);
	u->layer.size_bytes = record_get_i64(r, "size_bytes", 0);
	return worker_finish(&u->worker, WHAT, e) &&
	       store_put_layer(j->store, u->dir, &u->layer, e);
}

static bool handle(struct unpacking *u, struct job *j, const struct record *r, bool *is_done,
		   struct err *e)
{
	struct str event = record_get(r, "event");

	if (str_equal_c(event, "opaque"))
		return mark_opaque(u, e);
	if (str_equal_c(event, "progress")) {
		u->current = record_get_i64(r, "current", u->current);
		return true;
	}
	if (str_equal_c(event, "failed"))
		return record_failure(r, e);
	if (!str_equal_c(event, "done"))
		return fail(e, ERR_INTERNAL, "a worker said what was not asked");
	*is_done = true;
	return finish(u, j, r, e);
}

bool unpacking_step(struct unpacking *u, struct job *j, bool *is_done, struct err *e)
{
	struct record r;
	bool has = true;

	*is_done = false;
	if (!channel_fill(&u->worker.channel))
		return worker_gone(&u->worker, WHAT, e);
	while (!*is_done) {
		if (!channel_next(&u->worker.channel, &r, &has, e))
			return false;
		if (!has)
			return true;
		if (!handle(u, j, &r, is_done, e))
			return false;
	}
	return true;
}

bool unpacking_wait(struct unpacking *u, struct job *j, struct err *e)
{
	bool is_done = false;

	while (!is_done)
		if (!unpacking_step(u, j, &is_done, e))
			return false;
	return true;
}

void unpacking_end(struct unpacking *u)
{
	worker_end(&u->worker);
	free(STEAL(u->dir));
}
