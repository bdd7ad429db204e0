/* Images of the store as an archive that stock docker loads: layers, configs, manifest.json and
 * repositories.
 *
 * Request: `image` (id), then its `tag`s, then the next image. The job sends a worker one order
 * after the other; the worker decompresses layers and writes the archive to the stream:
 *
 *     {op: text, name, body} | {op: layer, name, size} + fd | {op: end}     answered by {event: done} */
#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/tree.h"
#include "content/job.h"
#include "content/stream.h"
#include "wire/ref.h"

#define WHAT     "writing the archive"
#define TEXT_MAX (8u << 20)

/* -- in the worker -- */

static bool put_header(struct archive *out, const char *name, int64_t size, struct err *e)
{
	struct archive_entry *entry = archive_entry_new();
	bool is_put;

	archive_entry_set_pathname(entry, name);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0644);
	archive_entry_set_size(entry, size);
	archive_entry_set_mtime(entry, 0, 0);
	is_put = archive_write_header(out, entry) == ARCHIVE_OK ||
		 fail(e, ERR_UNAVAILABLE, "write %s: %s", name, archive_error_string(out));
	archive_entry_free(entry);
	return is_put;
}

static bool put_bytes(struct archive *out, const void *data, size_t size, struct err *e)
{
	return archive_write_data(out, data, size) == (ssize_t)size ||
	       fail(e, ERR_UNAVAILABLE, "write: %s", archive_error_string(out));
}

static bool put_layer(struct archive *out, const char *name, int fd, int64_t size, struct err *e)
{
	struct stream_in in = { 0 };
	char piece[64 << 10];
	bool is_put = stream_open(&in, fd, STREAM_LAYER_FILTERS, size, e) &&
		      put_header(out, name, size, e);
	ssize_t n = 0;

	while (is_put && (n = stream_read(&in, piece, sizeof(piece))) > 0)
		is_put = put_bytes(out, piece, n, e);
	if (n < 0) {
		*e = in.err;
		is_put = false;
	} else if (is_put && in.bytes != size) {
		is_put = fail(e, ERR_INTERNAL, "a layer has %lld bytes, not %lld",
			      (long long)in.bytes, (long long)size);
	}
	stream_clear(&in);
	return is_put;
}

static bool do_order(struct archive *out, struct channel *up, const struct record *r, struct err *e)
{
	AUTO_FREE char *name = record_dup(r, "name");
	struct str body = record_get(r, "body");
	AUTO_CLOSE int fd = channel_take_fd(up);

	if (str_equal_c(record_get(r, "op"), "text") && name)
		return put_header(out, name, body.len, e) && put_bytes(out, body.ptr, body.len, e);
	if (str_equal_c(record_get(r, "op"), "layer") && name && fd >= 0)
		return put_layer(out, name, fd, record_get_i64(r, "size", 0), e);
	return archive_write_close(out) == ARCHIVE_OK ||
	       fail(e, ERR_UNAVAILABLE, "write: %s", archive_error_string(out));
}

static bool run(struct channel *up, void *arg, struct err *e)
{
	struct archive *out = archive_write_new();
	struct record r;
	struct err end;

	archive_write_set_format_pax_restricted(out);
	if (archive_write_open_fd(out, *(int *)arg) != ARCHIVE_OK)
		return fail(e, ERR_INTERNAL, "open the archive: %s", archive_error_string(out));
	while (channel_receive(up, &r, &end)) {
		AUTO_RECORD struct record_writer w = { 0 };

		if (!do_order(out, up, &r, e))
			return false;
		record_begin(&w);
		record_add_c(&w, "event", "done");
		if (!channel_send(up, &w, NULL, 0, e))
			return false;
	}
	return true;
}

/* -- in the job -- */

struct saved_name {
	struct tree_node node;
	char *name;
};

struct save {
	struct job *job;
	struct worker worker;
	struct tree written; /* names that are in the archive */
	struct arena texts;
	struct buf manifest;      /* of manifest.json */
	struct tree repositories; /* struct repository */
};

struct repository {
	struct tree_node node;
	const char *name;
	struct buf tags; /* "tag":"layer",... */
};

static int compare_saved(const void *key, const struct tree_node *member)
{
	return strcmp(key, container_of(member, struct saved_name, node)->name);
}

static int compare_repository(const void *key, const struct tree_node *member)
{
	return strcmp(key, container_of(member, struct repository, node)->name);
}

static bool is_new(struct save *s, const char *name)
{
	struct saved_name *n;

	if (tree_find(&s->written, name))
		return false;
	n = ARENA_NEW(&s->texts, struct saved_name);
	n->name = arena_strdup(&s->texts, name);
	tree_insert(&s->written, n->name, &n->node);
	return true;
}

static bool order(struct save *s, struct record_writer *w, const int *fds, size_t count,
		  struct err *e)
{
	struct record r;

	return channel_send(&s->worker.channel, w, fds, count, e) &&
	       worker_receive(&s->worker, WHAT, &r, e);
}

static bool order_text(struct save *s, const char *name, struct str body, struct err *e)
{
	AUTO_RECORD struct record_writer w = { 0 };

	record_begin(&w);
	record_add_c(&w, "op", "text");
	record_add_c(&w, "name", name);
	record_add(&w, "body", body);
	return order(s, &w, NULL, 0, e);
}

static bool order_layer(struct save *s, const char *name, const struct layer *l, struct err *e)
{
	AUTO_RECORD struct record_writer w = { 0 };
	AUTO_CLOSE int fd = store_open_blob(s->job->store, l->blob, e);

	if (fd < 0)
		return false;
	record_begin(&w);
	record_add_c(&w, "op", "layer");
	record_add_c(&w, "name", name);
	record_add_i64(&w, "size", l->tar_bytes);
	return order(s, &w, &fd, 1, e);
}

static bool save_files(struct save *s, const struct image *image, struct err *e)
{
	AUTO_BUF struct buf config = { 0 };
	AUTO_FREE char *config_name = xasprintf("%s.json", image->id + 7);

	buf_printf(&s->manifest, "%s{\"Config\":\"%s\",\"Layers\":[",
		   s->manifest.len > 1 ? "," : "", config_name);
	for (size_t i = 0; i < image->layer_count; i++) {
		AUTO_FREE char *name = xasprintf("%s/layer.tar", image->layers[i].diff_id + 7);

		buf_printf(&s->manifest, "%s\"%s\"", i ? "," : "", name);
		if (is_new(s, name) && !order_layer(s, name, &image->layers[i], e))
			return false;
	}
	buf_append_c(&s->manifest, "],\"RepoTags\":[");
	return store_read_blob(s->job->store, image->id, &config, e) &&
	       (!is_new(s, config_name) || order_text(s, config_name, buf_str(&config), e));
}

/* A reference's letters need no escape in JSON. */
static bool save_tag(struct save *s, const struct image *image, struct str text, bool is_first,
		     struct err *e)
{
	char familiar[REF_TEXT_MAX + 1], name[REF_TEXT_MAX + 1];
	struct repository *repository;
	struct ref r;

	if (!ref_parse(text, &r, e))
		return false;
	ref_default_tag(&r);
	if (!*r.tag)
		return true;
	r.digest[0] = '\0';
	ref_familiar(&r, familiar);
	ref_familiar_name(&r, name);
	buf_printf(&s->manifest, "%s\"%s\"", is_first ? "" : ",", familiar);
	repository = tree_entry(tree_find(&s->repositories, name), struct repository, node);
	if (!repository) {
		repository = ARENA_NEW(&s->texts, struct repository);
		repository->name = arena_strdup(&s->texts, name);
		repository->tags = BUF_MAX(TEXT_MAX);
		tree_insert(&s->repositories, repository->name, &repository->node);
	}
	buf_printf(&repository->tags, "%s\"%s\":\"%s\"", repository->tags.len ? "," : "", r.tag,
		   image->layer_count ? image->layers[image->layer_count - 1].diff_id + 7 : "");
	return true;
}

static bool save_images(struct save *s, struct err *e)
{
	struct image image = { 0 };
	struct str name, value;
	size_t at = 0, images = 0, tags = 0;

	buf_append_c(&s->manifest, "[");
	while (record_next(s->job->request, &at, &name, &value)) {
		AUTO_FREE char *id = str_dup(value);

		if (str_equal_c(name, "image")) {
			if (images++)
				buf_append_c(&s->manifest, "]}");
			tags = 0;
			if (!store_image(s->job->store, id, &s->texts, &image, e) ||
			    !save_files(s, &image, e))
				return false;
		} else if (str_equal_c(name, "tag") && images) {
			if (!save_tag(s, &image, value, tags++ == 0, e))
				return false;
		}
	}
	if (images == 0)
		return fail(e, ERR_INVALID, "no image to save");
	buf_append_c(&s->manifest, "]}]\n");
	return true;
}

static bool save_texts(struct save *s, struct err *e)
{
	AUTO_RECORD struct record_writer w = { 0 };
	AUTO_BUF struct buf repositories = BUF_MAX(TEXT_MAX);
	struct repository *r;
	bool is_first = true;

	buf_append_c(&repositories, "{");
	tree_each (&s->repositories, struct repository, node, r) {
		buf_printf(&repositories, "%s\"%s\":{%s}", is_first ? "" : ",", r->name,
			   r->tags.data ? r->tags.data : "");
		is_first = false;
	}
	buf_append_c(&repositories, "}\n");
	if (repositories.overflow || s->manifest.overflow)
		return fail(e, ERR_EXHAUSTED, "too many images for one archive");
	record_begin(&w);
	record_add_c(&w, "op", "end");
	return order_text(s, "manifest.json", buf_str(&s->manifest), e) &&
	       (is_first || order_text(s, "repositories", buf_str(&repositories), e)) &&
	       order(s, &w, NULL, 0, e);
}

bool job_save(struct job *j, struct err *e)
{
	struct save s = { .job = j,
			  .written = TREE(compare_saved),
			  .repositories = TREE(compare_repository),
			  .manifest = BUF_MAX(TEXT_MAX) };
	struct sandbox box = { .kind = SANDBOX_PARSE, .uid = j->settings->uid };
	AUTO_RECORD struct record_writer w = { 0 };
	struct repository *r;
	bool is_done = worker_start(&s.worker, &box, run, &j->stream, &j->stream, 1, e) &&
		       save_images(&s, e) && save_texts(&s, e);

	if (is_done) {
		job_event(j, &w, "done");
		is_done = job_send(j, &w, e);
	}
	worker_end(&s.worker);
	tree_each (&s.repositories, struct repository, node, r)
		buf_clear(&r->tags);
	buf_clear(&s.manifest);
	arena_clear(&s.texts);
	return is_done;
}
