/* What images are on disk.
 *
 *     <root>/image/lock                   one program at a time
 *     <root>/image/blobs/<hex>            manifest, config or compressed layer, by sha256
 *     <root>/image/images/<hex>           a record: which blobs and layers the image <hex> is made of
 *     <root>/image/tmp/<job>/             what is not finished; cleared at the start and when a job ends
 *     <root>/layers/<hex>/diff/           a layer's files, by the sha256 of its tar (diff id)
 *     <root>/layers/<hex>/about           a record: its blob, sizes
 *
 * All of it is made under tmp/, synced, and renamed into place, so that what has its final name is
 * whole. A blob has the digest that is its name; a layer's tar had. The image record comes last. Layers
 * keep the blob they came from: push and save give out the very bytes that were hashed. */
#ifndef SHOAL_CONTENT_STORE_H
#define SHOAL_CONTENT_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "content/hash.h"
#include "wire/record.h"

#define BLOB_TEXT_MAX (8u << 20) /* a manifest or a config */

enum layer_kind { LAYER_GZIP, LAYER_ZSTD, LAYER_TAR }; /* how the blob is compressed */

struct store {
	char *root;
	int lock;
};

struct layer {
	char diff_id[DIGEST_SHA256_LEN + 1];
	char blob[DIGEST_SHA256_LEN + 1];
	enum layer_kind kind;
	int64_t blob_bytes, tar_bytes;
	int64_t size_bytes; /* of its files */
};

/* An image as it is kept. Texts and arrays belong to the arena it was loaded into. */
struct image {
	char id[DIGEST_SHA256_LEN + 1];
	char manifest[DIGEST_SHA256_LEN + 1];
	char manifest_type[128];
	struct layer *layers; /* lowest first */
	size_t layer_count;
	int64_t size_bytes;
};

/* Make the directories, take the lock, clear what is unfinished. */
bool store_open(struct store *s, const char *root, struct err *e) MUST_CHECK;
void store_close(struct store *s);

/* A fresh directory for one job, removed by store_job_end(). The caller frees the path. */
char *store_job_begin(struct store *s, const char *job, struct err *e);
void store_job_end(struct store *s, const char *job);

/* A blob on its way in. */
struct blob_writer {
	int fd; /* -1: none */
	char *path;
	struct hash hash;
	int64_t bytes;
};

bool blob_begin(struct blob_writer *w, const char *job_dir, const char *name,
		struct err *e) MUST_CHECK;
bool blob_add(struct blob_writer *w, const void *data, size_t size, struct err *e) MUST_CHECK;
/* Sync it, and give it its name in the store if its digest is `wanted` (NULL: whatever it is). */
bool blob_end(struct blob_writer *w, struct store *s, const char *wanted,
	      char digest[DIGEST_SHA256_LEN + 1], struct err *e) MUST_CHECK;
void blob_clear(struct blob_writer *w);

bool store_has_blob(const struct store *s, const char *digest);
/* The descriptor, or -1 and *e. */
int store_open_blob(const struct store *s, const char *digest, struct err *e);
/* A small blob, its digest verified again. */
bool store_read_blob(const struct store *s, const char *digest, struct buf *text,
		     struct err *e) MUST_CHECK;
bool store_put_text(struct store *s, const char *job_dir, struct str text,
		    char digest[DIGEST_SHA256_LEN + 1], struct err *e) MUST_CHECK;

/* Is the layer there, with its blob? */
bool store_layer(const struct store *s, const char *diff_id, struct layer *l);
char *store_layer_dir(const struct store *s, const char *diff_id);
/* `dir` holds diff/; it becomes the layer. One that is there already wins. */
bool store_put_layer(struct store *s, const char *dir, const struct layer *l,
		     struct err *e) MUST_CHECK;

/* ERR_NOT_FOUND if there is none of that id. */
bool store_image(const struct store *s, const char *id, struct arena *a, struct image *image,
		 struct err *e) MUST_CHECK;
bool store_put_image(struct store *s, const char *job_dir, const struct image *image,
		     struct err *e) MUST_CHECK;
bool store_remove_image(struct store *s, const char *id, struct err *e) MUST_CHECK;
/* Remove all images whose id is not among the values `name` of the record. */
void store_keep_images(struct store *s, const struct record *r, const char *name);
/* Remove blobs and layers that no image and no "keep_layer" of the record names. */
bool store_sweep(struct store *s, const struct record *r, int64_t *freed, struct err *e) MUST_CHECK;

/* "sha256:<hex>" of this store's kind. */
bool is_sha256(const char *digest);

#endif
