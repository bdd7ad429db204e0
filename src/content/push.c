/* An image of the store into a registry: its blobs as they are kept, then its manifest.
 *
 * An image that was pulled is pushed with the manifest it came with, so that its digest stays the
 * same. When one of its layers was kept from another compression of the same files, and for images
 * made here, a manifest is written. */
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "content/made.h"
#include "content/parse.h"
#include "content/source.h"

#define WHAT     "pushing a layer"
#define SHORT_ID 12

struct push {
	struct job *job;
	struct remote remote;
	struct fetcher fetcher;
	struct image image;
	struct buf manifest;
	char type[128];
	struct arena texts;
};

static bool is_of(const struct manifest *m, const struct image *image)
{
	if (m->is_index || m->item_count != image->layer_count)
		return false;
	for (size_t i = 0; i < m->item_count; i++)
		if (strcmp(m->items[i].digest, image->layers[i].blob) != 0)
			return false;
	return true;
}

static bool find_manifest(struct push *p, struct err *e)
{
	struct manifest m;
	struct err ignored;

	snprintf(p->type, sizeof(p->type), "%s", p->image.manifest_type);
	if (is_sha256(p->image.manifest) &&
	    store_read_blob(p->job->store, p->image.manifest, &p->manifest, &ignored) &&
	    parse_manifest(p->job, buf_str(&p->manifest), p->type, &p->texts, &m, &ignored) &&
	    is_of(&m, &p->image))
		return true;
	buf_clear(&p->manifest);
	snprintf(p->type, sizeof(p->type), "%s", TYPE_MANIFEST);
	return made_manifest(p->job, &p->image, &p->manifest, e);
}

static bool give(struct push *p, const char *digest, int64_t size, const char *id, struct err *e)
{
	AUTO_CLOSE int fd = store_open_blob(p->job->store, digest, e);
	struct record r;

	if (fd < 0 || !fetcher_order_put(&p->fetcher, digest, size, fd, e))
		return false;
	for (;;) {
		if (!worker_receive(&p->fetcher.worker, WHAT, &r, e))
			return false;
		if (str_equal_c(record_get(&r, "event"), "done"))
			return true;
		if (id)
			job_progress(p->job, "Pushing", id, record_get_i64(&r, "current", 0), size);
	}
}

static bool give_layer(struct push *p, const struct layer *l, const char *id, struct err *e)
{
	bool has = false;

	if (!fetcher_has(&p->fetcher, l->blob, &has, e))
		return false;
	if (has) {
		job_say(p->job, id, "Layer already exists");
		return true;
	}
	if (!give(p, l->blob, l->blob_bytes, id, e))
		return false;
	job_say(p->job, id, "Pushed");
	return true;
}

static bool give_layers(struct push *p, struct err *e)
{
	char id[SHORT_ID + 1];

	for (size_t i = 0; i < p->image.layer_count; i++) {
		snprintf(id, sizeof(id), "%s", p->image.layers[i].diff_id + 7);
		job_say(p->job, id, "Preparing");
	}
	for (size_t i = p->image.layer_count; i-- > 0;) {
		snprintf(id, sizeof(id), "%s", p->image.layers[i].diff_id + 7);
		if (!give_layer(p, &p->image.layers[i], id, e))
			return false;
	}
	return true;
}

static bool give_texts(struct push *p, struct err *e)
{
	AUTO_BUF struct buf config = { 0 };
	bool has = false;

	if (!fetcher_has(&p->fetcher, p->image.id, &has, e) ||
	    !store_read_blob(p->job->store, p->image.id, &config, e))
		return false;
	return (has || give(p, p->image.id, config.len, NULL, e)) &&
	       fetcher_put_manifest(&p->fetcher, p->remote.ref.tag, p->type, buf_str(&p->manifest),
				    e);
}

static bool report_done(struct push *p, struct err *e)
{
	AUTO_RECORD struct record_writer w = { 0 };
	char digest[DIGEST_SHA256_LEN + 1];

	digest_sha256(p->manifest.data, p->manifest.len, digest);
	job_say(p->job, NULL, "%s: digest: %s size: %zu", p->remote.ref.tag, digest,
		p->manifest.len);
	job_event(p->job, &w, "done");
	record_add_c(&w, "digest", digest);
	record_add_c(&w, "media_type", p->type);
	record_add_i64(&w, "manifest_bytes", p->manifest.len);
	record_add_c(&w, "tag", p->remote.ref.tag);
	return job_send(p->job, &w, e);
}

static bool push(struct push *p, struct err *e)
{
	if (!remote_open(&p->remote, p->job, "pull,push", e))
		return false;
	if (*p->remote.ref.digest)
		return fail(e, ERR_INVALID, "cannot push a digest reference");
	if (!store_image(p->job->store, job_text(p->job, "image", &p->texts), &p->texts, &p->image,
			 e) ||
	    !find_manifest(p, e) ||
	    !fetcher_start(&p->fetcher, &p->remote.setup, p->job->settings->uid, e))
		return false;
	job_say(p->job, NULL, "The push refers to repository [%s/%s]", p->remote.ref.domain,
		p->remote.ref.path);
	return give_layers(p, e) && give_texts(p, e) && report_done(p, e);
}

bool job_push(struct job *j, struct err *e)
{
	struct push p = { .job = j };
	bool is_done = push(&p, e);

	worker_end(&p.fetcher.worker);
	buf_clear(&p.manifest);
	remote_clear(&p.remote);
	arena_clear(&p.texts);
	return is_done;
}
