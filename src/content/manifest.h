/* Manifests, indexes and image configs: what their JSON says, and how ours is written.
 *
 * Docker schema 2 and OCI 1. A document that could be read both as a manifest and as an index is
 * refused, as is one whose mediaType is not what the registry called it. Limits: 256 layers,
 * 4,096 entries of an index, 64 levels of JSON. Everything lives in the arena given.
 *
 * Parsing happens in a PARSE worker: these structs cross to the job as records, by the
 * _encode and _decode functions, and the job checks again what it relies on (digests, counts).
 *
 * Source: OCI image-spec 1.1, distribution-spec 1.1; Docker image manifest v2 schema 2. */
#ifndef SHOAL_CONTENT_MANIFEST_H
#define SHOAL_CONTENT_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "wire/record.h"

#define MANIFEST_BYTES_MAX  (4u << 20)
#define MANIFEST_LAYERS_MAX 256
#define INDEX_ENTRIES_MAX   4096

#define TYPE_MANIFEST       "application/vnd.docker.distribution.manifest.v2+json"
#define TYPE_LIST           "application/vnd.docker.distribution.manifest.list.v2+json"
#define TYPE_OCI_MANIFEST   "application/vnd.oci.image.manifest.v1+json"
#define TYPE_OCI_INDEX      "application/vnd.oci.image.index.v1+json"
#define TYPE_CONFIG         "application/vnd.docker.container.image.v1+json"
#define TYPE_OCI_CONFIG     "application/vnd.oci.image.config.v1+json"
#define TYPE_LAYER_GZIP     "application/vnd.docker.image.rootfs.diff.tar.gzip"
#define TYPE_LAYER_TAR      "application/vnd.docker.image.rootfs.diff.tar"
#define TYPE_OCI_LAYER_ZSTD "application/vnd.oci.image.layer.v1.tar+zstd"

struct platform {
	const char *os, *architecture, *variant; /* "" when not said */
};

struct descriptor {
	const char *media_type;
	const char *digest; /* "sha256:<hex>" */
	int64_t size_bytes;
	struct platform platform; /* index only */
	const char *reference;    /* a name for it, from an index's annotations; "" if none */
};

struct manifest {
	bool is_index;
	const char *media_type;
	struct descriptor config; /* unless is_index */
	struct descriptor *items; /* layers, lowest first; or the manifests of an index */
	size_t item_count;
};

struct image_config {
	struct platform platform;
	const char **diff_ids; /* lowest layer first */
	size_t layer_count;
};

/* "linux/arm64/v8", "linux", "amd64": the parts not said are this machine's. */
bool platform_parse(const char *text, struct arena *a, struct platform *p,
		    struct err *e) MUST_CHECK;
struct platform platform_here(void);

/* `said` is the Content-Type it came with, or "" when nobody said. */
bool manifest_parse(struct str text, const char *said, struct arena *a, struct manifest *m,
		    struct err *e) MUST_CHECK;
/* The entry of an index to use on that platform, or NULL. */
const struct descriptor *manifest_pick(const struct manifest *index, const struct platform *want);
bool image_config_parse(struct str text, struct arena *a, struct image_config *c,
			struct err *e) MUST_CHECK;

void manifest_encode(const struct manifest *m, struct record_writer *w);
bool manifest_decode(const struct record *r, struct arena *a, struct manifest *m,
		     struct err *e) MUST_CHECK;
void image_config_encode(const struct image_config *c, struct record_writer *w);
bool image_config_decode(const struct record *r, struct arena *a, struct image_config *c,
			 struct err *e) MUST_CHECK;

/* A schema 2 manifest, as stock docker lays it out. */
void manifest_write(const struct manifest *m, struct buf *out);

/* The config of an image made here: the parent's (or none), with one layer and one line of history
 * more. `config`, `author`, `comment`, `created_by` and `container` may be empty. */
struct compose {
	struct str parent;
	struct str config;
	struct str author, comment, created_by, container;
	struct str created; /* RFC 3339 */
	struct str diff_id;
	struct platform platform; /* without a parent */
};
bool image_config_compose(const struct compose *what, struct buf *out, struct err *e) MUST_CHECK;

/* What a saved archive says it holds: docker's manifest.json, or the index.json of an OCI layout. */
struct saved_image {
	const char *config;   /* path in the archive; NULL for OCI: `manifest` then */
	const char *manifest; /* digest */
	const char **layers;  /* paths, lowest first */
	size_t layer_count;
	const char **tags;
	size_t tag_count;
};
bool saved_images_parse(struct str text, struct arena *a, struct saved_image **images,
			size_t *count, struct err *e) MUST_CHECK;
bool saved_index_parse(struct str text, struct arena *a, struct saved_image **images, size_t *count,
		       struct err *e) MUST_CHECK;
void saved_images_encode(const struct saved_image *images, size_t count, struct record_writer *w);
bool saved_images_decode(const struct record *r, struct arena *a, struct saved_image **images,
			 size_t *count, struct err *e) MUST_CHECK;

#endif
