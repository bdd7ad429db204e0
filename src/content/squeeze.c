#include "content/squeeze.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/fd.h"
#include "base/mem.h"
#include "content/layer.h"

#define WHAT        "packing a layer"
#define PIECE_BYTES (128 << 10)

/* -- in the worker -- */

static ssize_t send_piece(struct archive *gz, void *arg, const void *data, size_t size)
{
	AUTO_RECORD struct record_writer w = { 0 };
	struct squeeze *s = arg;

	record_begin(&w);
	record_add_c(&w, "event", "data");
	record_add(&w, "bytes", str_bytes(data, size));
	if (channel_send(s->up, &w, NULL, 0, &s->err))
		return size;
	archive_set_error(gz, EPIPE, "%s", s->err.text);
	return -1;
}

bool squeeze_open(struct squeeze *s, struct channel *up, struct err *e)
{
	struct archive_entry *entry = archive_entry_new();
	bool is_open;

	*s = (struct squeeze){ .up = up, .gz = archive_write_new() };
	hash_begin(&s->hash);
	archive_write_add_filter_gzip(s->gz);
	archive_write_set_filter_option(s->gz, "gzip", "compression-level", "3");
	archive_write_set_filter_option(s->gz, "gzip", "timestamp", NULL);
	archive_write_set_format_raw(s->gz);
	archive_write_set_bytes_per_block(s->gz, PIECE_BYTES);
	archive_write_set_bytes_in_last_block(s->gz, 1);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_pathname(entry, "layer");
	is_open = archive_write_open(s->gz, s, NULL, send_piece, NULL) == ARCHIVE_OK &&
		  archive_write_header(s->gz, entry) == ARCHIVE_OK;
	archive_entry_free(entry);
	return is_open || fail(e, ERR_INTERNAL, "compress: %s", archive_error_string(s->gz));
}

bool squeeze_add(struct squeeze *s, const void *data, size_t size, struct err *e)
{
	hash_add(&s->hash, data, size);
	s->bytes += size;
	return archive_write_data(s->gz, data, size) == (ssize_t)size ||
	       fail(e, ERR_INTERNAL, "compress: %s", archive_error_string(s->gz));
}

bool squeeze_end(struct squeeze *s, struct err *e)
{
	AUTO_RECORD struct record_writer w = { 0 };
	char diff_id[DIGEST_SHA256_LEN + 1];

	if (archive_write_close(s->gz) != ARCHIVE_OK)
		return fail(e, ERR_INTERNAL, "compress: %s", archive_error_string(s->gz));
	archive_write_free(s->gz);
	hash_end(&s->hash, diff_id);
	hash_clear(&s->hash);
	record_begin(&w);
	record_add_c(&w, "event", "done");
	record_add_c(&w, "diff_id", diff_id);
	record_add_i64(&w, "tar_bytes", s->bytes);
	return channel_send(s->up, &w, NULL, 0, e);
}

static ssize_t add_tar(struct archive *tar, void *arg, const void *data, size_t size)
{
	struct squeeze *s = arg;

	if (squeeze_add(s, data, size, &s->err))
		return size;
	archive_set_error(tar, EIO, "%s", s->err.text);
	return -1;
}

struct archive *squeeze_tar(struct squeeze *s)
{
	struct archive *tar = archive_write_new();

	archive_write_set_format_pax_restricted(tar);
	archive_write_set_bytes_in_last_block(tar, 1);
	if (archive_write_open(tar, s, NULL, add_tar, NULL) != ARCHIVE_OK)
		abort();
	return tar;
}

struct squeeze_order {
	int fd;
	int64_t bytes_max;
};

static bool run(struct channel *up, void *arg, struct err *e)
{
	const struct squeeze_order *o = arg;
	struct stream_in in = { 0 };
	struct squeeze s;
	char piece[64 << 10];
	ssize_t n;

	if (!stream_open(&in, o->fd, STREAM_USER_FILTERS, o->bytes_max, e) ||
	    !squeeze_open(&s, up, e))
		return false;
	while ((n = stream_read(&in, piece, sizeof(piece))) > 0)
		if (!squeeze_add(&s, piece, n, e))
			return false;
	if (n < 0) {
		*e = in.err;
		return false;
	}
	return squeeze_end(&s, e);
}

/* -- in the job -- */

/* Is the directory that the worker shows opaque? Reading trusted.* takes the right that writing it takes. */
static bool answer_opaque(struct worker *w, struct err *e)
{
	AUTO_RECORD struct record_writer answer = { 0 };
	AUTO_CLOSE int fd = channel_take_fd(&w->channel);
	char value[2] = "";
	bool is_opaque = fd >= 0 &&
			 fgetxattr(fd, "trusted.overlay.opaque", value, sizeof(value)) == 1 &&
			 value[0] == 'y';

	record_begin(&answer);
	record_add_c(&answer, "opaque", is_opaque ? "1" : "0");
	return channel_send(&w->channel, &answer, NULL, 0, e);
}

static bool take_done(const struct record *r, struct layer *fill, struct err *e)
{
	AUTO_FREE char *diff_id = record_dup(r, "diff_id");

	if (!diff_id || !is_sha256(diff_id))
		return fail(e, ERR_INTERNAL, "a worker's answer has a broken digest");
	snprintf(fill->diff_id, sizeof(fill->diff_id), "%s", diff_id);
	fill->tar_bytes = record_get_i64(r, "tar_bytes", 0);
	return true;
}

static bool collect(struct job *j, struct worker *w, struct blob_writer *blob, struct layer *fill,
		    struct err *e)
{
	struct record r;

	for (;;) {
		struct str event, bytes;

		if (!worker_receive(w, WHAT, &r, e))
			return false;
		event = record_get(&r, "event");
		bytes = record_get(&r, "bytes");
		if (str_equal_c(event, "done"))
			return take_done(&r, fill, e) &&
			       blob_end(blob, j->store, NULL, fill->blob, e) &&
			       worker_finish(w, WHAT, e);
		if (str_equal_c(event, "opaque") && !answer_opaque(w, e))
			return false;
		if (blob->bytes + (int64_t)bytes.len > j->limits.bytes)
			return fail(e, ERR_EXHAUSTED, "the layer has more than %lld bytes",
				    (long long)j->limits.bytes);
		if (!blob_add(blob, bytes.ptr ? bytes.ptr : "", bytes.len, e))
			return false;
	}
}

bool squeeze_collect(struct job *j, struct worker *w, const char *name, struct layer *fill,
		     struct err *e)
{
	struct blob_writer blob;
	bool is_done;

	*fill = (struct layer){ .kind = LAYER_GZIP };
	is_done = blob_begin(&blob, j->dir, name, e) && collect(j, w, &blob, fill, e);
	fill->blob_bytes = blob.bytes;
	blob_clear(&blob);
	return is_done;
}

bool layer_from_blob(struct job *j, const char *name, const char *blob, int64_t blob_bytes,
		     const char *diff_id, struct layer *l, struct err *e)
{
	AUTO_FREE char *dir = xasprintf("%s-files", name);
	AUTO_CLOSE int fd = -1;
	struct unpacking u = { 0 };
	bool is_done;

	if (store_layer(j->store, diff_id, l))
		return true;
	fd = store_open_blob(j->store, blob, e);
	is_done = fd >= 0 && unpacking_start(&u, j, dir, fd, blob, blob_bytes, diff_id, e) &&
		  unpacking_wait(&u, j, e);
	*l = u.layer;
	unpacking_end(&u);
	return is_done;
}

bool squeeze_layer(struct job *j, int fd, const char *name, const char *diff_id, struct layer *l,
		   struct err *e)
{
	struct squeeze_order o = { fd, j->limits.bytes };
	struct sandbox s = { .kind = SANDBOX_PARSE, .uid = j->settings->uid };
	AUTO_WORKER struct worker w = { 0 };
	struct layer made;

	if (!worker_start(&w, &s, run, &o, &fd, 1, e) || !squeeze_collect(j, &w, name, &made, e))
		return false;
	if (diff_id && strcmp(diff_id, made.diff_id) != 0)
		return fail(e, ERR_INVALID, "a layer is not what the image says: %s, but %s",
			    diff_id, made.diff_id);
	return layer_from_blob(j, name, made.blob, made.blob_bytes, made.diff_id, l, e);
}
