/* Images from a saved archive: docker's (manifest.json) or an OCI layout (index.json).
 *
 * A worker without files reads the archive and sends what is in it; the job writes each file under a
 * number. Names lead nowhere but into a table. Then texts are parsed, digests compared, and layers
 * unpacked as those of a pull are. Layers that are there already are not unpacked again.
 *
 *     {event: file, name} {event: data, bytes}... | {event: link, name, target} ... {event: done} */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/tree.h"
#include "content/layer.h"
#include "content/made.h"
#include "content/parse.h"
#include "content/path.h"
#include "content/squeeze.h"
#include "file/file.h"
#include "wire/ref.h"

#define WHAT      "reading the archive"
#define FILES_MAX 50000
#define LINKS_MAX 8
#define SHORT_ID  12

struct member {
	struct tree_node node;
	char *name;
	char *target; /* a link; NULL: the file is number `number` */
	unsigned number;
};

struct load {
	struct job *job;
	struct tree members;
	struct arena texts;
	unsigned layers; /* unpacked so far, for names */
};

/* -- in the worker -- */

static bool send_text(struct channel *up, const char *event, const char *name, const char *target,
		      struct err *e)
{
	AUTO_RECORD struct record_writer w = { 0 };

	record_begin(&w);
	record_add_c(&w, "event", event);
	record_add_c(&w, "name", name);
	record_add_c(&w, "target", target);
	return channel_send(up, &w, NULL, 0, e);
}

static bool send_data(struct channel *up, struct archive *tar, struct stream_in *in, struct err *e)
{
	char piece[64 << 10];
	ssize_t n;

	while ((n = archive_read_data(tar, piece, sizeof(piece))) > 0) {
		AUTO_RECORD struct record_writer w = { 0 };

		record_begin(&w);
		record_add_c(&w, "event", "data");
		record_add(&w, "bytes", str_bytes(piece, n));
		if (!channel_send(up, &w, NULL, 0, e))
			return false;
	}
	if (n == 0)
		return true;
	if (in->err.kind) {
		*e = in->err;
		return false;
	}
	return fail(e, ERR_INVALID, "read the archive: %s", archive_error_string(tar));
}

static bool send_member(struct channel *up, struct archive *tar, struct archive_entry *entry,
			struct stream_in *in, struct err *e)
{
	const char *given = archive_entry_pathname(entry);
	AUTO_FREE char *name = given ? path_clean(given) : NULL;
	const char *slash = name ? strrchr(name, '/') : NULL;
	AUTO_FREE char *joined = NULL, *target = NULL;

	if (!name || !*name)
		return true;
	if (archive_entry_hardlink(entry))
		joined = xstrdup(archive_entry_hardlink(entry));
	else if (archive_entry_filetype(entry) == AE_IFLNK && archive_entry_symlink(entry))
		joined = xasprintf("%.*s/%s", slash ? (int)(slash - name) : 0, name,
				   archive_entry_symlink(entry));
	if (joined) {
		target = path_clean(joined);
		return send_text(up, "link", name, target, e);
	}
	if (archive_entry_filetype(entry) != AE_IFREG)
		return true;
	return send_text(up, "file", name, NULL, e) && send_data(up, tar, in, e);
}

struct load_order {
	int fd;
	int64_t bytes_max;
};

static bool run(struct channel *up, void *arg, struct err *e)
{
	const struct load_order *o = arg;
	struct stream_in in = { 0 };
	struct archive_entry *entry;
	struct archive *tar;
	int status;

	if (!stream_open(&in, o->fd, STREAM_USER_FILTERS, o->bytes_max, e) ||
	    !(tar = stream_tar(&in, e)))
		return false;
	while ((status = archive_read_next_header(tar, &entry)) == ARCHIVE_OK ||
	       status == ARCHIVE_WARN)
		if (!send_member(up, tar, entry, &in, e))
			return false;
	if (status != ARCHIVE_EOF)
		return fail(e, ERR_INVALID, "read the archive: %s", archive_error_string(tar));
	return send_text(up, "done", NULL, NULL, e);
}

/* -- in the job: what is in the archive -- */

static int compare_member(const void *key, const struct tree_node *member)
{
	return strcmp(key, container_of(member, struct member, node)->name);
}

static char *number_path(const struct load *l, unsigned number)
{
	return xasprintf("%s/file-%u", l->job->dir, number);
}

/* The last of a name counts, as tar has it. */
static bool add_member(struct load *l, const struct record *r, bool is_link, struct member **added,
		       struct err *e)
{
	AUTO_FREE char *name = record_dup(r, "name");
	struct tree_node *old;
	struct member *m;

	if (!name)
		return fail(e, ERR_INTERNAL, "a worker named no file");
	if (l->members.count >= FILES_MAX)
		return fail(e, ERR_EXHAUSTED, "the archive has more than %d files", FILES_MAX);
	m = NEW(struct member);
	m->name = STEAL(name);
	m->target = is_link ? record_dup(r, "target") : NULL;
	m->number = l->members.count;
	old = tree_insert(&l->members, m->name, &m->node);
	if (old) {
		struct member *before = container_of(old, struct member, node);

		free(before->target);
		before->target = m->target;
		free(m->name);
		free(m);
		m = before;
	}
	*added = m;
	return true;
}

static bool receive_members(struct load *l, struct worker *w, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	struct record r;

	for (;;) {
		struct str event, bytes;
		struct member *m;
		bool is_link;

		if (!worker_receive(w, WHAT, &r, e))
			return false;
		event = record_get(&r, "event");
		bytes = record_get(&r, "bytes");
		if (str_equal_c(event, "done"))
			return worker_finish(w, WHAT, e);
		if (str_equal_c(event, "data")) {
			if (fd < 0 || !file_write_all(fd, bytes))
				return fail_sys(e, errno, "write a file of the archive");
			continue;
		}
		is_link = str_equal_c(event, "link");
		if (!add_member(l, &r, is_link, &m, e))
			return false;
		if (!is_link) {
			AUTO_FREE char *path = number_path(l, m->number);

			if (fd >= 0)
				close(fd);
			fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
			if (fd < 0)
				return fail_sys(e, errno, "create %s", path);
		}
	}
}

static bool receive(struct load *l, struct err *e)
{
	struct load_order o = { l->job->stream, l->job->limits.bytes };
	struct sandbox s = { .kind = SANDBOX_PARSE, .uid = l->job->settings->uid };
	AUTO_WORKER struct worker w = { 0 };

	return worker_start(&w, &s, run, &o, &o.fd, 1, e) && receive_members(l, &w, e);
}

/* Open a file of the archive by name; -1 when there is none. */
static int open_member(const struct load *l, const char *given)
{
	AUTO_FREE char *name = path_clean(given);

	for (int links = 0; links < LINKS_MAX; links++) {
		struct tree_node *found = tree_find(&l->members, name);
		struct member *m = tree_entry(found, struct member, node);
		AUTO_FREE char *path = NULL;

		if (!m)
			return -1;
		if (m->target) {
			free(name);
			name = xstrdup(m->target);
			continue;
		}
		path = number_path(l, m->number);
		return open(path, O_RDONLY | O_CLOEXEC);
	}
	return -1;
}

static bool read_member(const struct load *l, const char *name, size_t max, struct buf *text,
			struct err *e)
{
	AUTO_CLOSE int fd = open_member(l, name);

	*text = BUF_MAX(max);
	if (fd < 0)
		return fail(e, ERR_INVALID, "the archive has no file %s", name);
	return file_read_rest(fd, text) ||
	       fail(e, ERR_EXHAUSTED, "%s has more than %zu bytes", name, max);
}

/* A file named by a digest, which it must have. */
static bool read_blob(const struct load *l, const char *digest, size_t max, struct buf *text,
		      struct err *e)
{
	AUTO_FREE char *name = xasprintf("blobs/sha256/%s", digest + 7);
	char found[DIGEST_SHA256_LEN + 1];

	if (!read_member(l, name, max, text, e))
		return false;
	digest_sha256(text->data ? text->data : "", text->len, found);
	return strcmp(found, digest) == 0 ||
	       fail(e, ERR_INVALID, "%s of the archive has other bytes than its name says", name);
}

/* -- in the job: images -- */

static bool is_compressed(int fd)
{
	unsigned char head[4] = { 0 };

	return pread(fd, head, 4, 0) == 4 &&
	       ((head[0] == 0x1f && head[1] == 0x8b) ||
		(head[0] == 0x28 && head[1] == 0xb5 && head[2] == 0x2f && head[3] == 0xfd));
}

/* A compressed layer is kept as it came. */
static bool keep_blob(struct job *j, int fd, const char *name, char digest[DIGEST_SHA256_LEN + 1],
		      int64_t *size, struct err *e)
{
	char piece[64 << 10];
	struct blob_writer w;
	bool is_kept = blob_begin(&w, j->dir, name, e);
	ssize_t n = 0;

	while (is_kept && (n = read(fd, piece, sizeof(piece))) > 0)
		is_kept = blob_add(&w, piece, n, e);
	if (n < 0)
		is_kept = fail_sys(e, errno, "read a layer of the archive");
	is_kept = is_kept && blob_end(&w, j->store, NULL, digest, e);
	*size = w.bytes;
	blob_clear(&w);
	return is_kept;
}

static bool load_layer(struct load *l, const char *path, const char *diff_id, struct layer *layer,
		       struct err *e)
{
	AUTO_FREE char *name = xasprintf("layer-%u", l->layers++);
	AUTO_CLOSE int fd = -1;
	char id[SHORT_ID + 1], blob[DIGEST_SHA256_LEN + 1];
	struct stat st = { 0 };
	bool is_loaded;
	int64_t size;

	if (store_layer(l->job->store, diff_id, layer))
		return true;
	fd = open_member(l, path);
	if (fd < 0 || fstat(fd, &st) < 0)
		return fail(e, ERR_INVALID, "the archive has no layer %s", path);
	snprintf(id, sizeof(id), "%s", diff_id + 7);
	job_progress(l->job, "Loading layer", id, 0, st.st_size);
	if (is_compressed(fd))
		is_loaded = keep_blob(l->job, fd, name, blob, &size, e) &&
			    layer_from_blob(l->job, name, blob, size, diff_id, layer, e);
	else
		is_loaded = squeeze_layer(l->job, fd, name, diff_id, layer, e);
	if (is_loaded)
		job_progress(l->job, "Loading layer", id, st.st_size, st.st_size);
	return is_loaded;
}

static bool report_image(struct load *l, const struct image *image, const struct saved_image *saved,
			 struct err *e)
{
	AUTO_RECORD struct record_writer w = { 0 };

	job_event(l->job, &w, "image");
	if (!job_add_image(l->job, image, &w, e))
		return false;
	for (size_t i = 0; i < saved->tag_count; i++) {
		char familiar[REF_TEXT_MAX + 1];
		struct ref r;

		if (!ref_parse(str_of(saved->tags[i]), &r, e))
			return while_doing(e, "the archive's tag \"%.100s\"", saved->tags[i]);
		ref_default_tag(&r);
		ref_familiar(&r, familiar);
		record_add_c(&w, "tag", familiar);
	}
	return job_send(l->job, &w, e);
}

static bool load_image(struct load *l, struct str config_text, const char *const *layers,
		       size_t layer_count, const struct saved_image *saved, struct err *e)
{
	struct image image = { 0 };
	struct image_config config;

	if (!parse_image_config(l->job, config_text, &l->texts, &config, e))
		return false;
	if (config.layer_count != layer_count)
		return fail(e, ERR_INVALID,
			    "the archive has %zu layers of an image whose config has %zu",
			    layer_count, config.layer_count);
	image.layer_count = layer_count;
	image.layers = arena_alloc(&l->texts, layer_count * sizeof(*image.layers));
	for (size_t i = 0; i < layer_count; i++)
		if (!load_layer(l, layers[i], config.diff_ids[i], &image.layers[i], e))
			return false;
	return made_image(l->job, config_text, &image, e) && report_image(l, &image, saved, e);
}

static bool load_docker(struct load *l, const struct saved_image *saved, struct err *e)
{
	AUTO_BUF struct buf config = { 0 };

	return read_member(l, saved->config, BLOB_TEXT_MAX, &config, e) &&
	       load_image(l, buf_str(&config), saved->layers, saved->layer_count, saved, e);
}

/* The manifest that an entry of an OCI layout means: itself, or the one for this machine of its list. */
static bool find_manifest(struct load *l, const char *digest, struct manifest *m, struct err *e)
{
	struct platform here = platform_here();

	for (int depth = 0; depth < 2; depth++) {
		AUTO_BUF struct buf text = { 0 };
		const struct descriptor *picked;

		if (!read_blob(l, digest, MANIFEST_BYTES_MAX, &text, e) ||
		    !parse_manifest(l->job, buf_str(&text), "", &l->texts, m, e))
			return false;
		if (!m->is_index)
			return true;
		picked = manifest_pick(m, &here);
		if (!picked)
			return fail(e, ERR_NOT_FOUND, "the archive has no image for this platform");
		digest = picked->digest;
	}
	return fail(e, ERR_INVALID, "the archive's index names an index that names an index");
}

static bool load_oci(struct load *l, const struct saved_image *saved, struct err *e)
{
	AUTO_BUF struct buf config = { 0 };
	struct manifest m;
	const char **paths;

	if (!find_manifest(l, saved->manifest, &m, e) ||
	    !read_blob(l, m.config.digest, BLOB_TEXT_MAX, &config, e))
		return false;
	paths = arena_alloc(&l->texts, m.item_count * sizeof(*paths));
	for (size_t i = 0; i < m.item_count; i++)
		paths[i] = arena_printf(&l->texts, "blobs/sha256/%s", m.items[i].digest + 7);
	return load_image(l, buf_str(&config), paths, m.item_count, saved, e);
}

static bool load_all(struct load *l, struct err *e)
{
	bool is_index = !tree_find(&l->members, "manifest.json");
	AUTO_BUF struct buf text = { 0 };
	struct saved_image *saved;
	size_t count;

	if (is_index && !tree_find(&l->members, "index.json"))
		return tree_find(&l->members, "repositories")
			       ? fail(e, ERR_UNSUPPORTED,
				      "the archive is of a kind older than docker 1.10")
			       : fail(e, ERR_INVALID,
				      "the archive holds no images: it has no manifest.json and no index.json");
	if (!read_member(l, is_index ? "index.json" : "manifest.json", MANIFEST_BYTES_MAX, &text,
			 e) ||
	    !parse_saved_images(l->job, buf_str(&text), is_index, &l->texts, &saved, &count, e))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!(saved[i].manifest ? load_oci : load_docker)(l, &saved[i], e))
			return false;
	return true;
}

bool job_load(struct job *j, struct err *e)
{
	struct load l = { .job = j, .members = TREE(compare_member) };
	AUTO_RECORD struct record_writer w = { 0 };
	struct member *m;
	bool is_done = receive(&l, e) && load_all(&l, e);

	if (is_done) {
		job_event(j, &w, "done");
		is_done = job_send(j, &w, e);
	}
	tree_each (&l.members, struct member, node, m) {
		tree_remove(&l.members, &m->node);
		free(m->name);
		free(m->target);
		free(m);
	}
	arena_clear(&l.texts);
	return is_done;
}
