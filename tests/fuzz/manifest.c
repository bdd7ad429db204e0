/* What registries and archives say in JSON: manifests, configs, lists of saved images, credentials. */
#include "content/manifest.h"

#include <assert.h>

#include "content/parse.h"
#include "content/store.h"
#include "fuzz.h"

static void cross(const struct manifest *m, struct arena *a)
{
	AUTO_RECORD struct record_writer w = { 0 };
	struct manifest again;
	struct record r;
	struct err e;
	size_t used;

	record_begin(&w);
	manifest_encode(m, &w);
	assert(record_end(&w, &e) && record_parse(buf_str(&w.bytes), &r, &used, &e));
	assert(manifest_decode(&r, a, &again, &e));
	assert(again.item_count == m->item_count && again.is_index == m->is_index);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_ARENA struct arena a = { 0 };
	AUTO_BUF struct buf out = BUF_MAX(BLOB_TEXT_MAX);
	struct str text = str_bytes(data, size);
	struct platform here = { "linux", "arm", "v7" };
	struct compose what = { .parent = text, .diff_id = STR("sha256:0"), .platform = here };
	struct saved_image *images;
	struct image_config config;
	struct credentials who;
	struct manifest m;
	struct err e;
	size_t count;

	if (manifest_parse(text, "", &a, &m, &e)) {
		for (size_t i = 0; i < m.item_count; i++)
			assert(is_sha256(m.items[i].digest) && m.items[i].size_bytes >= 0);
		(void)manifest_pick(&m, &here);
		cross(&m, &a);
	}
	if (image_config_parse(text, &a, &config, &e))
		for (size_t i = 0; i < config.layer_count; i++)
			assert(is_sha256(config.diff_ids[i]));
	(void)!saved_images_parse(text, &a, &images, &count, &e);
	(void)!saved_index_parse(text, &a, &images, &count, &e);
	(void)!credentials_parse(text, &a, &who, &e);
	(void)!image_config_compose(&what, &out, &e);
	return 0;
}
