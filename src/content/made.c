#include "content/made.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/mem.h"
#include "content/pack.h"
#include "content/parse.h"
#include "content/squeeze.h"

static const char *const layer_types[] = { TYPE_LAYER_GZIP, TYPE_OCI_LAYER_ZSTD, TYPE_LAYER_TAR };

bool made_manifest(struct job *j, const struct image *image, struct buf *text, struct err *e)
{
	AUTO_ARENA struct arena a = { 0 };
	AUTO_CLOSE int fd = store_open_blob(j->store, image->id, e);
	struct manifest m = { .media_type = TYPE_MANIFEST, .item_count = image->layer_count };
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return false;
	m.config = (struct descriptor){ .media_type = TYPE_CONFIG,
					.digest = image->id,
					.size_bytes = st.st_size };
	m.items = arena_alloc(&a, m.item_count * sizeof(*m.items));
	for (size_t i = 0; i < m.item_count; i++) {
		const struct layer *l = &image->layers[i];

		m.items[i] = (struct descriptor){ .media_type = layer_types[l->kind],
						  .digest = l->blob,
						  .size_bytes = l->blob_bytes };
	}
	*text = BUF_MAX(MANIFEST_BYTES_MAX);
	manifest_write(&m, text);
	return !text->overflow || fail(e, ERR_EXHAUSTED, "the manifest is too large");
}

bool made_image(struct job *j, struct str config, struct image *image, struct err *e)
{
	AUTO_BUF struct buf manifest = { 0 };

	image->size_bytes = 0;
	for (size_t i = 0; i < image->layer_count; i++)
		image->size_bytes += image->layers[i].size_bytes;
	snprintf(image->manifest_type, sizeof(image->manifest_type), "%s", TYPE_MANIFEST);
	return store_put_text(j->store, j->dir, config, image->id, e) &&
	       made_manifest(j, image, &manifest, e) &&
	       store_put_text(j->store, j->dir, buf_str(&manifest), image->manifest, e) &&
	       store_put_image(j->store, j->dir, image, e);
}

static bool compose(struct job *j, const struct layer *top, struct str parent, struct buf *config,
		    struct arena *a, struct err *e)
{
	const struct record *r = j->request;
	struct compose what = { .parent = parent,
				.config = record_get(r, "config"),
				.author = record_get(r, "author"),
				.comment = record_get(r, "comment"),
				.created_by = record_get(r, "created_by"),
				.container = record_get(r, "container"),
				.created = record_get(r, "created"),
				.diff_id = str_of(top->diff_id) };

	return platform_parse(job_text(j, "platform", a), a, &what.platform, e) &&
	       parse_compose(j, &what, config, e);
}

static bool report_done(struct job *j, const struct image *image, struct err *e)
{
	AUTO_RECORD struct record_writer w = { 0 };

	job_event(j, &w, "done");
	return job_add_image(j, image, &w, e) && job_send(j, &w, e);
}

bool made_with_layer(struct job *j, const struct layer *top, struct err *e)
{
	AUTO_ARENA struct arena a = { 0 };
	AUTO_BUF struct buf parent_config = { 0 }, config = { 0 };
	const char *parent_id = job_text(j, "parent", &a);
	struct image parent = { 0 }, image = { 0 };

	if (*parent_id && (!store_image(j->store, parent_id, &a, &parent, e) ||
			   !store_read_blob(j->store, parent_id, &parent_config, e)))
		return false;
	if (parent.layer_count >= MANIFEST_LAYERS_MAX)
		return fail(e, ERR_EXHAUSTED, "the image has %d layers already",
			    MANIFEST_LAYERS_MAX);
	image.layer_count = parent.layer_count + 1;
	image.layers = arena_alloc(&a, image.layer_count * sizeof(*image.layers));
	for (size_t i = 0; i < parent.layer_count; i++)
		image.layers[i] = parent.layers[i];
	image.layers[parent.layer_count] = *top;
	return compose(j, top, buf_str(&parent_config), &config, &a, e) &&
	       made_image(j, buf_str(&config), &image, e) && report_done(j, &image, e);
}

bool job_import(struct job *j, struct err *e)
{
	struct layer l;

	return squeeze_layer(j, j->stream, "layer", NULL, &l, e) && made_with_layer(j, &l, e);
}

bool job_commit(struct job *j, struct err *e)
{
	AUTO_ARENA struct arena a = { 0 };
	struct layer made, l;

	return pack_upper(j, job_text(j, "upper_dir", &a), &made, e) &&
	       layer_from_blob(j, "layer", made.blob, made.blob_bytes, made.diff_id, &l, e) &&
	       made_with_layer(j, &l, e);
}
