/* Configs of images made here, and what saved archives say of theirs (manifest.h). */
#include <jansson.h>

#include "base/mem.h"
#include "content/json.h"
#include "content/manifest.h"
#include "content/store.h"

#define SAVED_IMAGES_MAX 1000
#define SAVED_TAGS_MAX   1000

static json_t *text_of(struct str s)
{
	json_t *t = json_stringn(s.ptr ? s.ptr : "", s.len);

	return t ? t : json_string(""); /* not UTF-8 */
}

static void set_text(json_t *o, const char *key, struct str s)
{
	if (s.len > 0)
		json_object_set_new(o, key, text_of(s));
}

/* The list at o[key], made when it is not there. */
static json_t *list_in(json_t *o, const char *key)
{
	json_t *list = json_object_get(o, key);

	if (!json_is_array(list)) {
		json_object_set_new(o, key, json_array());
		list = json_object_get(o, key);
	}
	return list;
}

static json_t *start_config(const struct compose *what, struct err *e)
{
	json_t *o;

	if (what->parent.len > 0)
		return json_parse(what->parent, BLOB_TEXT_MAX, "the parent's config", e);
	o = json_object();
	json_object_set_new(o, "architecture", json_string(what->platform.architecture));
	json_object_set_new(o, "os", json_string(what->platform.os));
	if (*what->platform.variant)
		json_object_set_new(o, "variant", json_string(what->platform.variant));
	json_object_set_new(o, "config", json_object());
	return o;
}

static void add_layer(json_t *o, struct str diff_id)
{
	if (!json_is_object(json_object_get(o, "rootfs")))
		json_object_set_new(o, "rootfs", json_pack("{s:s}", "type", "layers"));
	json_array_append_new(list_in(json_object_get(o, "rootfs"), "diff_ids"), text_of(diff_id));
}

static void add_history(json_t *o, const struct compose *what)
{
	json_t *line = json_object();

	set_text(line, "created", what->created);
	set_text(line, "author", what->author);
	set_text(line, "created_by", what->created_by);
	set_text(line, "comment", what->comment);
	json_array_append_new(list_in(o, "history"), line);
}

bool image_config_compose(const struct compose *what, struct buf *out, struct err *e)
{
	json_t *o = start_config(what, e), *config = NULL;
	char *text;

	if (!o)
		return false;
	if (what->config.len > 0) {
		config = json_parse(what->config, BLOB_TEXT_MAX, "the config", e);
		if (!config) {
			json_decref(o);
			return false;
		}
		json_object_set_new(o, "config", config);
	}
	set_text(o, "author", what->author);
	set_text(o, "comment", what->comment);
	set_text(o, "container", what->container);
	set_text(o, "created", what->created);
	json_object_del(o, "container_config");
	add_layer(o, what->diff_id);
	add_history(o, what);
	text = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(o);
	if (!text || !buf_append_c(out, text)) {
		free(text);
		return fail(e, ERR_EXHAUSTED, "the image's config is too large");
	}
	free(text);
	return true;
}

/* -- saved archives -- */

/* The texts of a list; an entry that is no text makes it fail. */
static bool get_texts(json_t *list, size_t max, struct arena *a, const char ***texts, size_t *count,
		      struct err *e)
{
	*texts = NULL;
	*count = 0;
	if (!list || json_is_null(list))
		return true;
	if (!json_is_array(list) || json_array_size(list) > max)
		return fail(e, ERR_INVALID,
			    "the archive's manifest has a list that is none, or too long");
	*texts = arena_alloc(a, json_array_size(list) * sizeof(**texts));
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));

		if (!text)
			return fail(e, ERR_INVALID,
				    "the archive's manifest has a list of no texts");
		(*texts)[(*count)++] = arena_strdup(a, text);
	}
	return true;
}

static bool get_saved(json_t *o, struct arena *a, struct saved_image *image, struct err *e)
{
	*image = (struct saved_image){ .config = json_text(o, "Config", a) };
	if (!*image->config)
		return fail(e, ERR_INVALID, "the archive's manifest names no config");
	return get_texts(json_object_get(o, "Layers"), MANIFEST_LAYERS_MAX, a, &image->layers,
			 &image->layer_count, e) &&
	       get_texts(json_object_get(o, "RepoTags"), SAVED_TAGS_MAX, a, &image->tags,
			 &image->tag_count, e);
}

bool saved_images_parse(struct str text, struct arena *a, struct saved_image **images,
			size_t *count, struct err *e)
{
	json_t *list = json_parse(text, MANIFEST_BYTES_MAX, "manifest.json", e);
	bool is_read = true;

	if (!list)
		return false;
	*count = json_array_size(list);
	if (!json_is_array(list) || *count > SAVED_IMAGES_MAX) {
		json_decref(list);
		return fail(e, ERR_INVALID, "manifest.json is no list of at most %d images",
			    SAVED_IMAGES_MAX);
	}
	*images = arena_alloc(a, *count * sizeof(**images));
	for (size_t i = 0; i < *count && is_read; i++)
		is_read = get_saved(json_array_get(list, i), a, &(*images)[i], e);
	json_decref(list);
	return is_read;
}

bool saved_index_parse(struct str text, struct arena *a, struct saved_image **images, size_t *count,
		       struct err *e)
{
	struct manifest index;

	if (!manifest_parse(text, "", a, &index, e))
		return while_doing(e, "index.json");
	if (!index.is_index || index.item_count > SAVED_IMAGES_MAX)
		return fail(e, ERR_INVALID, "index.json is no index of at most %d images",
			    SAVED_IMAGES_MAX);
	*count = index.item_count;
	*images = arena_alloc(a, *count * sizeof(**images));
	for (size_t i = 0; i < *count; i++) {
		struct saved_image *image = &(*images)[i];

		image->manifest = index.items[i].digest;
		if (*index.items[i].reference) {
			image->tags = arena_alloc(a, sizeof(*image->tags));
			image->tags[image->tag_count++] = index.items[i].reference;
		}
	}
	return true;
}

/* One after the other: "image" begins each, then its parts. */
void saved_images_encode(const struct saved_image *images, size_t count, struct record_writer *w)
{
	for (size_t i = 0; i < count; i++) {
		record_add_c(w, "image", "");
		record_add_c(w, "config", images[i].config);
		record_add_c(w, "manifest", images[i].manifest);
		for (size_t j = 0; j < images[i].layer_count; j++)
			record_add_c(w, "layer", images[i].layers[j]);
		for (size_t j = 0; j < images[i].tag_count; j++)
			record_add_c(w, "tag", images[i].tags[j]);
	}
}

bool saved_images_decode(const struct record *r, struct arena *a, struct saved_image **images,
			 size_t *count, struct err *e)
{
	size_t total = record_count(r, "image"), layers = record_count(r, "layer"),
	       tags = record_count(r, "tag");
	const char **layer_texts = arena_alloc(a, layers * sizeof(*layer_texts));
	const char **tag_texts = arena_alloc(a, tags * sizeof(*tag_texts));
	struct saved_image *image = NULL;
	struct str name, value;
	size_t at = 0;

	*images = arena_alloc(a, total * sizeof(**images));
	*count = 0;
	while (record_next(r, &at, &name, &value)) {
		if (str_equal_c(name, "image")) {
			image = &(*images)[(*count)++];
			image->layers = layer_texts;
			image->tags = tag_texts;
		} else if (!image) {
			continue;
		} else if (str_equal_c(name, "config")) {
			image->config = arena_str(a, value);
		} else if (str_equal_c(name, "manifest")) {
			image->manifest = arena_str(a, value);
			if (!is_sha256(image->manifest))
				return fail(e, ERR_INTERNAL,
					    "a worker's answer has a broken digest");
		} else if (str_equal_c(name, "layer")) {
			*layer_texts++ = arena_str(a, value);
			image->layer_count++;
		} else if (str_equal_c(name, "tag")) {
			*tag_texts++ = arena_str(a, value);
			image->tag_count++;
		}
	}
	return true;
}
