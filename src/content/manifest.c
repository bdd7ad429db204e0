#include "content/manifest.h"

#include <stdio.h>
#include <jansson.h>
#include <sys/utsname.h>

#include "base/mem.h"
#include "content/json.h"
#include "content/store.h"

/* -- platforms -- */

static const struct {
	const char *machine, *architecture, *variant;
} machines[] = {
	{ "x86_64", "amd64", "" },
	{ "aarch64", "arm64", "v8" },
	{ "armv7l", "arm", "v7" },
	{ "armv6l", "arm", "v6" },
	{ "i686", "386", "" },
	{ "i386", "386", "" },
	{ "ppc64le", "ppc64le", "" },
	{ "s390x", "s390x", "" },
	{ "riscv64", "riscv64", "" },
	{ "mips64", "mips64le", "" },
	{ "loongarch64", "loong64", "" },
};

/* How people call what the table calls otherwise. */
static const struct {
	const char *alias, *architecture, *variant;
} aliases[] = {
	{ "x86_64", "amd64", "" }, { "x86-64", "amd64", "" }, { "aarch64", "arm64", "" },
	{ "armhf", "arm", "v7" },  { "armel", "arm", "v6" },  { "i386", "386", "" },
};

struct platform platform_here(void)
{
	struct platform p = { "linux", "amd64", "" };
	struct utsname name;

	if (uname(&name) < 0)
		return p;
	for (size_t i = 0; i < ARRAY_LEN(machines); i++) {
		if (strcmp(machines[i].machine, name.machine) == 0) {
			p.architecture = machines[i].architecture;
			p.variant = machines[i].variant;
		}
	}
	return p;
}

static bool is_word(struct str s)
{
	if (s.len == 0 || s.len > 64)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '_' || c == '-' || c == '.'))
			return false;
	}
	return true;
}

bool platform_parse(const char *text, struct arena *a, struct platform *p, struct err *e)
{
	struct str rest = str_of(text), parts[3];
	size_t count = 0;

	*p = platform_here();
	if (rest.len == 0)
		return true;
	for (bool more = true; more && count < 3; count++) {
		more = str_cut(rest, '/', &parts[count], &rest);
		if (!is_word(parts[count]))
			return fail(e, ERR_INVALID,
				    "\"%s\" is not a platform (os/architecture/variant)", text);
		if (more && count == 2)
			return fail(e, ERR_INVALID,
				    "\"%s\" is not a platform (os/architecture/variant)", text);
	}
	if (count == 1 && !str_equal_c(parts[0], "linux")) {
		p->architecture = arena_str(a, parts[0]);
		p->variant = "";
	} else {
		p->os = arena_str(a, parts[0]);
	}
	if (count > 1) {
		p->architecture = arena_str(a, parts[1]);
		p->variant = count > 2 ? arena_str(a, parts[2]) : "";
	}
	for (size_t i = 0; i < ARRAY_LEN(aliases); i++) {
		if (strcmp(aliases[i].alias, p->architecture) == 0) {
			p->architecture = aliases[i].architecture;
			if (!*p->variant)
				p->variant = aliases[i].variant;
		}
	}
	return true;
}

/* -- reading -- */

static bool get_descriptor(json_t *o, const char *what, struct arena *a, struct descriptor *d,
			   struct err *e)
{
	json_t *size = json_object_get(o, "size"), *platform = json_object_get(o, "platform");
	json_t *notes = json_object_get(o, "annotations");

	if (!json_is_object(o))
		return fail(e, ERR_INVALID, "the manifest's %s is no descriptor", what);
	d->media_type = json_text(o, "mediaType", a);
	d->digest = json_text(o, "digest", a);
	d->platform = (struct platform){ json_text(platform, "os", a),
					 json_text(platform, "architecture", a),
					 json_text(platform, "variant", a) };
	d->reference = json_text(notes, "io.containerd.image.name", a);
	if (!*d->reference)
		d->reference = json_text(notes, "org.opencontainers.image.ref.name", a);
	if (!is_sha256(d->digest))
		return fail(e, ERR_INVALID,
			    "the manifest's %s has the digest \"%.100s\", which is not sha256",
			    what, d->digest);
	if (!json_is_integer(size) || json_integer_value(size) < 0)
		return fail(e, ERR_INVALID, "the manifest's %s has no size", what);
	d->size_bytes = json_integer_value(size);
	return true;
}

static bool get_items(json_t *list, const char *what, size_t max, struct arena *a,
		      struct manifest *m, struct err *e)
{
	size_t count = json_array_size(list);

	if (!json_is_array(list))
		return fail(e, ERR_INVALID, "the manifest's %s are no list", what);
	if (count > max)
		return fail(e, ERR_EXHAUSTED, "the manifest has %zu %s, more than %zu", count, what,
			    max);
	m->items = arena_alloc(a, count * sizeof(*m->items));
	for (size_t i = 0; i < count; i++)
		if (!get_descriptor(json_array_get(list, i), what, a, &m->items[m->item_count++],
				    e))
			return false;
	return true;
}

static bool is_index_type(const char *type)
{
	return strcmp(type, TYPE_LIST) == 0 || strcmp(type, TYPE_OCI_INDEX) == 0;
}

static bool is_manifest_type(const char *type)
{
	return strcmp(type, TYPE_MANIFEST) == 0 || strcmp(type, TYPE_OCI_MANIFEST) == 0;
}

static bool check_type(struct manifest *m, const char *said, struct err *e)
{
	bool is_said = is_index_type(said) || is_manifest_type(said);

	if (*m->media_type && is_said && strcmp(m->media_type, said) != 0)
		return fail(e, ERR_INVALID,
			    "the manifest calls itself %s and the registry calls it %.100s",
			    m->media_type, said);
	if (!*m->media_type)
		m->media_type = is_said ? said : m->is_index ? TYPE_OCI_INDEX : TYPE_OCI_MANIFEST;
	if (m->is_index ? !is_index_type(m->media_type) : !is_manifest_type(m->media_type))
		return fail(e, ERR_UNSUPPORTED, "unsupported manifest media type: %.100s",
			    m->media_type);
	return true;
}

static bool get_manifest(json_t *o, const char *said, struct arena *a, struct manifest *m,
			 struct err *e)
{
	json_t *layers = json_object_get(o, "layers"), *manifests = json_object_get(o, "manifests");
	int64_t version = json_integer_value(json_object_get(o, "schemaVersion"));

	*m = (struct manifest){ .media_type = json_text(o, "mediaType", a),
				.is_index = manifests != NULL };
	if (version == 1 || json_object_get(o, "fsLayers"))
		return fail(
			e, ERR_UNSUPPORTED,
			"the image has a manifest of schema version 1, which is obsolete and cannot be "
			"verified: have it pushed again by a current engine");
	if (version != 2)
		return fail(e, ERR_INVALID, "the manifest's schemaVersion is not 2");
	if (manifests && (layers || json_object_get(o, "config")))
		return fail(e, ERR_INVALID,
			    "the manifest is ambiguous: it has both layers and manifests");
	if (!check_type(m, said, e))
		return false;
	if (m->is_index)
		return get_items(manifests, "manifests", INDEX_ENTRIES_MAX, a, m, e);
	return get_descriptor(json_object_get(o, "config"), "config", a, &m->config, e) &&
	       get_items(layers, "layers", MANIFEST_LAYERS_MAX, a, m, e);
}

bool manifest_parse(struct str text, const char *said, struct arena *a, struct manifest *m,
		    struct err *e)
{
	json_t *o = json_parse(text, MANIFEST_BYTES_MAX, "the manifest", e);
	bool is_read = o && get_manifest(o, said, a, m, e);

	json_decref(o);
	return is_read;
}

/* An arm64 image without a variant is one with v8. */
static const char *variant_of(const struct platform *p)
{
	return strcmp(p->architecture, "arm64") == 0 && !*p->variant ? "v8" : p->variant;
}

/* How well an entry fits, 0: not at all. An arm v7 machine runs v6 and v5 too. */
static int fit(const struct platform *has, const struct platform *want)
{
	const char *v = variant_of(has), *w = variant_of(want);

	if (strcmp(has->os, want->os) != 0 || strcmp(has->architecture, want->architecture) != 0)
		return 0;
	if (strcmp(v, w) == 0)
		return 100;
	if (strcmp(want->architecture, "arm") == 0 && v[0] == 'v' && w[0] == 'v')
		return v[1] < w[1] ? v[1] : 0;
	return !*v || !*w ? 10 : 0;
}

const struct descriptor *manifest_pick(const struct manifest *index, const struct platform *want)
{
	const struct descriptor *best = NULL;
	int best_fit = 0;

	for (size_t i = 0; i < index->item_count; i++) {
		const struct descriptor *d = &index->items[i];
		int fits = is_manifest_type(d->media_type) ? fit(&d->platform, want) : 0;

		if (fits > best_fit) {
			best = d;
			best_fit = fits;
		}
	}
	return best;
}

static bool get_config(json_t *o, struct arena *a, struct image_config *c, struct err *e)
{
	json_t *diffs = json_object_get(json_object_get(o, "rootfs"), "diff_ids");

	c->platform = (struct platform){ json_text(o, "os", a), json_text(o, "architecture", a),
					 json_text(o, "variant", a) };
	if (!json_is_array(diffs))
		return fail(e, ERR_INVALID, "the image's config names no layers (rootfs.diff_ids)");
	if (json_array_size(diffs) > MANIFEST_LAYERS_MAX)
		return fail(e, ERR_EXHAUSTED, "the image has more than %d layers",
			    MANIFEST_LAYERS_MAX);
	c->diff_ids = arena_alloc(a, json_array_size(diffs) * sizeof(*c->diff_ids));
	for (size_t i = 0; i < json_array_size(diffs); i++) {
		const char *text = json_string_value(json_array_get(diffs, i));

		if (!text || !is_sha256(text))
			return fail(e, ERR_INVALID,
				    "the image's config has a diff id that is not sha256");
		c->diff_ids[c->layer_count++] = arena_strdup(a, text);
	}
	return true;
}

bool image_config_parse(struct str text, struct arena *a, struct image_config *c, struct err *e)
{
	json_t *o = json_parse(text, BLOB_TEXT_MAX, "the image's config", e);
	bool is_read;

	*c = (struct image_config){ 0 };
	is_read = o && get_config(o, a, c, e);
	json_decref(o);
	return is_read;
}

/* -- across the channel -- */

static void add_descriptor(struct record_writer *w, const struct descriptor *d)
{
	record_add_c(w, "digest", d->digest);
	record_add_i64(w, "size", d->size_bytes);
	record_add_c(w, "type", d->media_type);
	record_add_c(w, "os", d->platform.os ? d->platform.os : "");
	record_add_c(w, "arch", d->platform.architecture ? d->platform.architecture : "");
	record_add_c(w, "variant", d->platform.variant ? d->platform.variant : "");
}

void manifest_encode(const struct manifest *m, struct record_writer *w)
{
	record_add_c(w, "media_type", m->media_type);
	record_add_c(w, "is_index", m->is_index ? "1" : "0");
	if (!m->is_index)
		add_descriptor(w, &m->config);
	for (size_t i = 0; i < m->item_count; i++)
		add_descriptor(w, &m->items[i]);
}

/* The texts of one list, in step: the n-th digest goes with the n-th size. */
struct descriptor_walk {
	size_t digest, size, type, os, arch, variant;
};

static bool next_descriptor(const struct record *r, struct descriptor_walk *at, struct arena *a,
			    struct descriptor *d, struct err *e)
{
	struct str digest, size, type, os, arch, variant;
	uint64_t bytes;

	if (!record_each(r, "digest", &at->digest, &digest) ||
	    !record_each(r, "size", &at->size, &size) ||
	    !record_each(r, "type", &at->type, &type) || !record_each(r, "os", &at->os, &os) ||
	    !record_each(r, "arch", &at->arch, &arch) ||
	    !record_each(r, "variant", &at->variant, &variant) || !str_to_u64(size, &bytes) ||
	    bytes > INT64_MAX)
		return fail(e, ERR_INTERNAL, "a worker's answer is incomplete");
	*d = (struct descriptor){ .media_type = arena_str(a, type),
				  .digest = arena_str(a, digest),
				  .size_bytes = bytes,
				  .reference = "",
				  .platform = { arena_str(a, os), arena_str(a, arch),
						arena_str(a, variant) } };
	return is_sha256(d->digest) ||
	       fail(e, ERR_INTERNAL, "a worker's answer has a broken digest");
}

bool manifest_decode(const struct record *r, struct arena *a, struct manifest *m, struct err *e)
{
	struct descriptor_walk at = { 0 };
	size_t count = record_count(r, "digest");

	*m = (struct manifest){ .is_index = str_equal_c(record_get(r, "is_index"), "1"),
				.media_type = arena_str(a, record_get(r, "media_type")) };
	if (!m->is_index && !next_descriptor(r, &at, a, &m->config, e))
		return false;
	m->item_count = count - (m->is_index ? 0 : 1);
	m->items = arena_alloc(a, m->item_count * sizeof(*m->items));
	for (size_t i = 0; i < m->item_count; i++)
		if (!next_descriptor(r, &at, a, &m->items[i], e))
			return false;
	return true;
}

void image_config_encode(const struct image_config *c, struct record_writer *w)
{
	record_add_c(w, "os", c->platform.os);
	record_add_c(w, "arch", c->platform.architecture);
	record_add_c(w, "variant", c->platform.variant);
	for (size_t i = 0; i < c->layer_count; i++)
		record_add_c(w, "diff_id", c->diff_ids[i]);
}

bool image_config_decode(const struct record *r, struct arena *a, struct image_config *c,
			 struct err *e)
{
	struct str value;
	size_t at = 0;

	*c = (struct image_config){ .platform = { arena_str(a, record_get(r, "os")),
						  arena_str(a, record_get(r, "arch")),
						  arena_str(a, record_get(r, "variant")) } };
	c->diff_ids = arena_alloc(a, record_count(r, "diff_id") * sizeof(*c->diff_ids));
	while (record_each(r, "diff_id", &at, &value)) {
		const char *text = arena_str(a, value);

		if (!is_sha256(text))
			return fail(e, ERR_INTERNAL, "a worker's answer has a broken digest");
		c->diff_ids[c->layer_count++] = text;
	}
	return true;
}

/* -- writing -- */

static void write_descriptor(const struct descriptor *d, int indent, struct buf *out)
{
	buf_printf(out,
		   "{\n%*s\"mediaType\": \"%s\",\n%*s\"size\": %lld,\n%*s\"digest\": \"%s\"\n%*s}",
		   indent + 3, "", d->media_type, indent + 3, "", (long long)d->size_bytes,
		   indent + 3, "", d->digest, indent, "");
}

void manifest_write(const struct manifest *m, struct buf *out)
{
	buf_printf(out, "{\n   \"schemaVersion\": 2,\n   \"mediaType\": \"%s\",\n   \"config\": ",
		   m->media_type);
	write_descriptor(&m->config, 3, out);
	buf_append_c(out, ",\n   \"layers\": [");
	for (size_t i = 0; i < m->item_count; i++) {
		buf_append_c(out, i ? ",\n      " : "\n      ");
		write_descriptor(&m->items[i], 6, out);
	}
	buf_append_c(out, m->item_count ? "\n   ]\n}" : "]\n}");
}
