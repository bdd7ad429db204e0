#include "content/store.h"

#include <stdio.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "file/file.h"
#include "file/folder.h"

#define LOCK_TRIES 200 /* of 50 ms: another program of this root is on its way out */

static const char *const directories[] = { "",           "/image", "/image/blobs", "/image/images",
					   "/image/tmp", "/layers" };
static const char *const layer_kind_names[] = { "gzip", "zstd", "tar" };

bool is_sha256(const char *digest)
{
	struct err ignored;

	return strlen(digest) == DIGEST_SHA256_LEN && strncmp(digest, "sha256:", 7) == 0 &&
	       digest_check(str_of(digest), &ignored);
}

static const char *hex_of(const char *digest)
{
	return digest + 7;
}

static char *blob_path(const struct store *s, const char *digest)
{
	return xasprintf("%s/image/blobs/%s", s->root, hex_of(digest));
}

static char *image_path(const struct store *s, const char *id)
{
	return xasprintf("%s/image/images/%s", s->root, hex_of(id));
}

static bool sync_directory(const char *path, struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return fail_sys(e, errno, "sync %s", path);
	return true;
}

/* -- life -- */

static bool take_lock(struct store *s, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/image/lock", s->root);

	s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->lock < 0)
		return fail_sys(e, errno, "open %s", path);
	for (int tries = 0; tries < LOCK_TRIES; tries++) {
		if (flock(s->lock, LOCK_EX | LOCK_NB) == 0)
			return true;
		(void)usleep(50000);
	}
	return fail(e, ERR_CONFLICT, "%s is held by another program", path);
}

/* What cannot go now goes the next time. */
static void remove_if_possible(int parent, const char *name)
{
	struct err stays;

	(void)!folder_remove_at(parent, name, &stays);
}

static void clear_directory(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			remove_if_possible(dirfd(dir), entry->d_name);
	closedir(dir);
}

bool store_open(struct store *s, const char *root, struct err *e)
{
	AUTO_FREE char *tmp = xasprintf("%s/image/tmp", root);

	*s = (struct store){ .root = xstrdup(root), .lock = -1 };
	for (size_t i = 0; i < ARRAY_LEN(directories); i++) {
		AUTO_FREE char *path = xasprintf("%s%s", root, directories[i]);

		if (mkdir(path, 0700) == 0 ? i == 0 && chmod(path, 0710) < 0 : errno != EEXIST)
			return fail_sys(e, errno, "make %s", path);
	}
	if (!take_lock(s, e))
		return false;
	clear_directory(tmp);
	return true;
}

void store_close(struct store *s)
{
	if (s->lock >= 0)
		close(s->lock);
	free(s->root);
	*s = (struct store){ .lock = -1 };
}

char *store_job_begin(struct store *s, const char *job, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/image/tmp/%s", s->root, job);

	if (mkdir(path, 0700) < 0) {
		(void)fail_sys(e, errno, "make %s", path);
		return NULL;
	}
	return STEAL(path);
}

void store_job_end(struct store *s, const char *job)
{
	AUTO_FREE char *path = xasprintf("%s/image/tmp", s->root);
	AUTO_CLOSE int tmp = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (tmp >= 0)
		remove_if_possible(tmp, job);
}

/* -- blobs -- */

bool blob_begin(struct blob_writer *w, const char *job_dir, const char *name, struct err *e)
{
	*w = (struct blob_writer){ .path = xasprintf("%s/%s", job_dir, name) };
	hash_begin(&w->hash);
	w->fd = open(w->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	return w->fd >= 0 || fail_sys(e, errno, "create %s", w->path);
}

bool blob_add(struct blob_writer *w, const void *data, size_t size, struct err *e)
{
	if (!file_write_all(w->fd, str_bytes(data, size)))
		return fail_sys(e, errno, "write %s", w->path);
	hash_add(&w->hash, data, size);
	w->bytes += size;
	return true;
}

bool blob_end(struct blob_writer *w, struct store *s, const char *wanted,
	      char digest[DIGEST_SHA256_LEN + 1], struct err *e)
{
	AUTO_FREE char *path = NULL;
	AUTO_FREE char *dir = xasprintf("%s/image/blobs", s->root);

	hash_end(&w->hash, digest);
	if (wanted && strcmp(digest, wanted) != 0)
		return fail(e, ERR_INVALID,
			    "filesystem layer verification failed for digest %s: the bytes have %s",
			    wanted, digest);
	path = blob_path(s, digest);
	if (fsync(w->fd) < 0 || rename(w->path, path) < 0)
		return fail_sys(e, errno, "keep %s", path);
	return sync_directory(dir, e);
}

void blob_clear(struct blob_writer *w)
{
	if (w->path && w->fd >= 0)
		close(w->fd);
	w->fd = -1;
	free(STEAL(w->path));
	hash_clear(&w->hash);
}

bool store_has_blob(const struct store *s, const char *digest)
{
	AUTO_FREE char *path = blob_path(s, digest);

	return access(path, F_OK) == 0;
}

int store_open_blob(const struct store *s, const char *digest, struct err *e)
{
	AUTO_FREE char *path = blob_path(s, digest);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		(void)fail_sys(e, errno, "open the blob %s", digest);
	return fd;
}

bool store_read_blob(const struct store *s, const char *digest, struct buf *text, struct err *e)
{
	AUTO_CLOSE int fd = store_open_blob(s, digest, e);
	char found[DIGEST_SHA256_LEN + 1];

	if (fd < 0)
		return false;
	*text = BUF_MAX(BLOB_TEXT_MAX);
	if (!file_read_rest(fd, text))
		return fail(e, ERR_INTERNAL, "read the blob %s", digest);
	digest_sha256(text->data ? text->data : "", text->len, found);
	if (strcmp(found, digest) != 0)
		return fail(e, ERR_INTERNAL, "the blob %s was damaged on disk: it has %s", digest,
			    found);
	return true;
}

bool store_put_text(struct store *s, const char *job_dir, struct str text,
		    char digest[DIGEST_SHA256_LEN + 1], struct err *e)
{
	struct blob_writer w;
	bool is_kept = blob_begin(&w, job_dir, "text", e) && blob_add(&w, text.ptr, text.len, e) &&
		       blob_end(&w, s, NULL, digest, e);

	blob_clear(&w);
	return is_kept;
}

/* -- records in files -- */

static bool read_record(const char *path, struct buf *bytes, struct record *r, struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used;

	*bytes = BUF_MAX(RECORD_MAX + 4);
	if (fd < 0)
		return fail_sys(e, errno, "open %s", path);
	if (!file_read_rest(fd, bytes))
		return fail(e, ERR_INTERNAL, "read %s", path);
	if (!record_parse(buf_str(bytes), r, &used, e))
		return while_doing(e, "%s", path);
	return used > 0 || fail(e, ERR_INTERNAL, "%s is cut short", path);
}

static bool write_record(const char *path, struct record_writer *w, struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (!record_end(w, e))
		return false;
	if (fd < 0 || !file_write_all(fd, buf_str(&w->bytes)) || fsync(fd) < 0)
		return fail_sys(e, errno, "write %s", path);
	return true;
}

static void get_digest(const struct record *r, const char *name, char out[DIGEST_SHA256_LEN + 1])
{
	struct str value = record_get(r, name);

	out[0] = '\0';
	if (value.len == DIGEST_SHA256_LEN) {
		memcpy(out, value.ptr, value.len);
		out[value.len] = '\0';
	}
}

/* -- layers -- */

char *store_layer_dir(const struct store *s, const char *diff_id)
{
	return xasprintf("%s/layers/%s", s->root, hex_of(diff_id));
}

bool store_layer(const struct store *s, const char *diff_id, struct layer *l)
{
	AUTO_FREE char *path = xasprintf("%s/layers/%s/about", s->root, hex_of(diff_id));
	AUTO_BUF struct buf bytes = { 0 };
	struct record r;
	struct err ignored;

	*l = (struct layer){ 0 };
	if (!read_record(path, &bytes, &r, &ignored))
		return false;
	snprintf(l->diff_id, sizeof(l->diff_id), "%s", diff_id);
	get_digest(&r, "blob", l->blob);
	for (size_t i = 0; i < ARRAY_LEN(layer_kind_names); i++)
		if (str_equal_c(record_get(&r, "kind"), layer_kind_names[i]))
			l->kind = i;
	l->blob_bytes = record_get_i64(&r, "blob_bytes", 0);
	l->tar_bytes = record_get_i64(&r, "tar_bytes", 0);
	l->size_bytes = record_get_i64(&r, "size_bytes", 0);
	return is_sha256(l->blob) && store_has_blob(s, l->blob);
}

static bool write_about(const char *dir, const struct layer *l, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/about", dir);
	AUTO_RECORD struct record_writer w = { 0 };

	record_begin(&w);
	record_add_c(&w, "blob", l->blob);
	record_add_c(&w, "kind", layer_kind_names[l->kind]);
	record_add_i64(&w, "blob_bytes", l->blob_bytes);
	record_add_i64(&w, "tar_bytes", l->tar_bytes);
	record_add_i64(&w, "size_bytes", l->size_bytes);
	return write_record(path, &w, e);
}

bool store_put_layer(struct store *s, const char *dir, const struct layer *l, struct err *e)
{
	AUTO_FREE char *path = store_layer_dir(s, l->diff_id);
	AUTO_FREE char *layers = xasprintf("%s/layers", s->root);
	AUTO_CLOSE int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int all = open(layers, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct layer there;

	if (!write_about(dir, l, e))
		return false;
	/* One sync of the file system instead of one for each of thousands of files. */
	if (fd < 0 || all < 0 || syncfs(fd) < 0)
		return fail_sys(e, errno, "sync %s", dir);
	if (store_layer(s, l->diff_id, &there))
		return true;
	if (!folder_remove_at(all, hex_of(l->diff_id), e))
		return false;
	if (rename(dir, path) < 0 || fsync(all) < 0)
		return fail_sys(e, errno, "keep %s", path);
	return true;
}

/* -- images -- */

bool store_image(const struct store *s, const char *id, struct arena *a, struct image *image,
		 struct err *e)
{
	AUTO_FREE char *path = is_sha256(id) ? image_path(s, id) : NULL;
	AUTO_BUF struct buf bytes = { 0 };
	struct record r;
	struct str value;
	size_t at = 0;

	*image = (struct image){ 0 };
	if (!path || access(path, F_OK) < 0)
		return fail(e, ERR_NOT_FOUND, "No such image: %s", id);
	if (!read_record(path, &bytes, &r, e))
		return false;
	snprintf(image->id, sizeof(image->id), "%s", id);
	get_digest(&r, "manifest", image->manifest);
	snprintf(image->manifest_type, sizeof(image->manifest_type), "%.*s",
		 STR_FMT(record_get(&r, "manifest_type")));
	image->layers = arena_alloc(a, record_count(&r, "layer") * sizeof(*image->layers));
	while (record_each(&r, "layer", &at, &value)) {
		AUTO_FREE char *diff_id = str_dup(value);
		struct layer *l = &image->layers[image->layer_count++];

		if (!is_sha256(diff_id) || !store_layer(s, diff_id, l))
			return fail(e, ERR_NOT_FOUND, "layer %s of image %s is gone", diff_id, id);
		image->size_bytes += l->size_bytes;
	}
	if (!store_has_blob(s, id))
		return fail(e, ERR_NOT_FOUND, "the config of image %s is gone", id);
	return true;
}

bool store_put_image(struct store *s, const char *job_dir, const struct image *image, struct err *e)
{
	AUTO_FREE char *tmp = xasprintf("%s/image", job_dir);
	AUTO_FREE char *path = image_path(s, image->id);
	AUTO_FREE char *dir = xasprintf("%s/image/images", s->root);
	AUTO_RECORD struct record_writer w = { 0 };

	record_begin(&w);
	record_add_c(&w, "manifest", image->manifest);
	record_add_c(&w, "manifest_type", image->manifest_type);
	for (size_t i = 0; i < image->layer_count; i++)
		record_add_c(&w, "layer", image->layers[i].diff_id);
	if (!write_record(tmp, &w, e))
		return false;
	if (rename(tmp, path) < 0)
		return fail_sys(e, errno, "keep %s", path);
	return sync_directory(dir, e);
}

bool store_remove_image(struct store *s, const char *id, struct err *e)
{
	AUTO_FREE char *path = is_sha256(id) ? image_path(s, id) : NULL;

	if (!path)
		return fail(e, ERR_INVALID, "\"%s\" is no image id", id);
	return unlink(path) == 0 || errno == ENOENT || fail_sys(e, errno, "remove %s", path);
}

/* -- what may go -- */

/* A set of hex names, sorted once it is complete. */
struct names {
	char **names;
	size_t count, capacity;
};

static void names_add(struct names *n, const char *name)
{
	if (n->count == n->capacity) {
		n->capacity = n->capacity ? 2 * n->capacity : 64;
		n->names = xrealloc(n->names, n->capacity * sizeof(*n->names));
	}
	n->names[n->count++] = xstrdup(name);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void names_sort(struct names *n)
{
	if (n->count)
		qsort(n->names, n->count, sizeof(*n->names), compare_names);
}

static bool names_has(const struct names *n, const char *name)
{
	return n->count && bsearch(&name, n->names, n->count, sizeof(*n->names), compare_names);
}

static void names_clear(struct names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->names[i]);
	free(n->names);
}

static void names_of_directory(const char *path, struct names *n)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			names_add(n, entry->d_name);
	closedir(dir);
}

static void names_of_record(const struct record *r, const char *name, struct names *n)
{
	struct str value;
	size_t at = 0;

	while (record_each(r, name, &at, &value)) {
		AUTO_FREE char *digest = str_dup(value);

		if (is_sha256(digest))
			names_add(n, hex_of(digest));
	}
	names_sort(n);
}

void store_keep_images(struct store *s, const struct record *r, const char *name)
{
	AUTO_FREE char *dir = xasprintf("%s/image/images", s->root);
	struct names keep = { 0 }, all = { 0 };

	names_of_record(r, name, &keep);
	names_of_directory(dir, &all);
	for (size_t i = 0; i < all.count; i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", dir, all.names[i]);

		if (!names_has(&keep, all.names[i]))
			(void)unlink(path);
	}
	names_clear(&keep);
	names_clear(&all);
}

static void keep_layer(const struct store *s, const char *diff_id, struct names *layers,
		       struct names *blobs)
{
	struct layer l;

	names_add(layers, hex_of(diff_id));
	if (store_layer(s, diff_id, &l))
		names_add(blobs, hex_of(l.blob));
}

static bool keep_image(const struct store *s, const char *hex, struct names *layers,
		       struct names *blobs, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/image/images/%s", s->root, hex);
	AUTO_BUF struct buf bytes = { 0 };
	struct record r;
	struct str value;
	size_t at = 0;
	char manifest[DIGEST_SHA256_LEN + 1];

	if (!read_record(path, &bytes, &r, e))
		return false;
	names_add(blobs, hex);
	get_digest(&r, "manifest", manifest);
	if (is_sha256(manifest))
		names_add(blobs, hex_of(manifest));
	while (record_each(&r, "layer", &at, &value)) {
		AUTO_FREE char *diff_id = str_dup(value);

		if (is_sha256(diff_id))
			keep_layer(s, diff_id, layers, blobs);
	}
	return true;
}

static int64_t bytes_of_layer(const struct store *s, const char *hex)
{
	AUTO_FREE char *diff_id = xasprintf("sha256:%s", hex);
	struct layer l;

	(void)store_layer(s, diff_id, &l);
	return l.size_bytes;
}

static void remove_others(const struct store *s, const char *directory, const struct names *keep,
			  int64_t *freed, bool are_layers)
{
	AUTO_FREE char *path = xasprintf("%s/%s", s->root, directory);
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct names all = { 0 };
	struct err stays;
	struct stat st;

	names_of_directory(path, &all);
	for (size_t i = 0; i < all.count; i++) {
		int64_t bytes = 0;

		if (names_has(keep, all.names[i]))
			continue;
		if (are_layers)
			bytes = bytes_of_layer(s, all.names[i]);
		else if (fstatat(fd, all.names[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
			bytes = st.st_size;
		if (folder_remove_at(fd, all.names[i], &stays))
			*freed += bytes;
	}
	names_clear(&all);
}

bool store_sweep(struct store *s, const struct record *r, int64_t *freed, struct err *e)
{
	AUTO_FREE char *dir = xasprintf("%s/image/images", s->root);
	struct names images = { 0 }, layers = { 0 }, blobs = { 0 }, held = { 0 };
	bool is_known = true;

	*freed = 0;
	names_of_record(r, "keep_layer", &held);
	for (size_t i = 0; i < held.count; i++) {
		AUTO_FREE char *diff_id = xasprintf("sha256:%s", held.names[i]);

		keep_layer(s, diff_id, &layers, &blobs);
	}
	names_of_directory(dir, &images);
	/* An image that cannot be read might count on anything: then nothing is removed. */
	for (size_t i = 0; i < images.count && is_known; i++)
		is_known = keep_image(s, images.names[i], &layers, &blobs, e);
	if (is_known) {
		names_sort(&layers);
		names_sort(&blobs);
		remove_others(s, "layers", &layers, freed, true);
		remove_others(s, "image/blobs", &blobs, freed, false);
	}
	names_clear(&images);
	names_clear(&layers);
	names_clear(&blobs);
	names_clear(&held);
	return is_known;
}
