/* Seam calls, as records for the program (content/broker.h). */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "host/content/inside.h"
#include "host/logs/line.h"
#include "wire/record.h"

/* A record that is being written, and the request it will be. */
struct order {
	struct request *request;
	struct record_writer w;
	size_t fields;
	int fd; /* the program's end of the pipe */
	struct err err;
};

enum bytes { NO_BYTES, BYTES_IN, BYTES_OUT };

static const struct verb {
	const char *name;
	enum bytes bytes;
} verbs[] = {
	[OP_PULL] = { "pull", NO_BYTES },       [OP_PUSH] = { "push", NO_BYTES },
	[OP_INSPECT] = { "inspect", NO_BYTES }, [OP_LOAD] = { "load", BYTES_IN },
	[OP_SAVE] = { "save", BYTES_OUT },      [OP_IMPORT] = { "import", BYTES_IN },
	[OP_COMMIT] = { "commit", NO_BYTES },   [OP_EXPORT] = { "export", BYTES_OUT },
	[OP_STAT] = { "stat", NO_BYTES },       [OP_ARCHIVE] = { "archive", BYTES_OUT },
	[OP_REMOVE] = { "remove", NO_BYTES },   [OP_PUT_ARCHIVE] = { "put_archive", BYTES_IN },
	[OP_GC] = { "gc", NO_BYTES },           [OP_LOGIN] = { "login", NO_BYTES },
};

/* ---- fields ---- */

static void put(struct order *o, const char *name, struct str value)
{
	record_add(&o->w, name, value);
	o->fields++;
}

/* Not given: no field. */
static void put_text(struct order *o, const char *name, const char *text)
{
	if (text && text[0])
		put(o, name, str_of(text));
}

static void put_number(struct order *o, const char *name, int64_t value)
{
	record_add_i64(&o->w, name, value);
	o->fields++;
}

static void put_texts(struct order *o, const char *name, const char *const *texts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		put(o, name, str_of(texts[i]));
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Each once: the layers of a thousand containers of one image are few. */
static void put_set(struct order *o, const char *name, const char *const *texts, size_t count)
{
	AUTO_FREE const char **sorted = xmemdup(texts, count * sizeof(*texts));

	qsort(sorted, count, sizeof(*sorted), compare_texts);
	for (size_t i = 0; i < count; i++)
		if (i == 0 || strcmp(sorted[i], sorted[i - 1]) != 0)
			put(o, name, str_of(sorted[i]));
}

static void put_registries(struct order *o, bool with_mirrors)
{
	const struct content_registries *r = &o->request->hands->registries;

	if (with_mirrors)
		put_texts(o, "mirror", r->mirrors, r->mirror_count);
	put_texts(o, "insecure", r->insecure, r->insecure_count);
}

/* ---- orders ---- */

static void on_arrived(void *self)
{
	struct request *r = self;

	/* An archive is announced with what it is a copy of, which comes first. */
	if (r->op != OP_ARCHIVE)
		content_tell_endpoint(r, NULL);
}

static void on_pipe_gone(void *self)
{
	struct request *r = self;

	r->pipe = NULL;
}

static void open_pipe(struct order *o, enum pipe_direction direction)
{
	struct request *r = o->request;

	if (pipe_new(&r->hands->pipes, direction, (struct pipe_user){ r, on_arrived, on_pipe_gone },
		     &r->pipe, &o->fd, &o->err))
		put_text(o, "stream", "1");
}

static struct order order(struct content_hands *hands, uint64_t ticket, enum content_op op)
{
	struct order o = { .fd = -1 };

	if (hands->requests.count >= CONTENT_TICKETS_MAX)
		(void)fail(&o.err, ERR_EXHAUSTED, "more than %d requests for content wait",
			   CONTENT_TICKETS_MAX);
	o.request = request_new(hands, ticket, op);
	record_begin(&o.w);
	put_text(&o, "op", verbs[op].name);
	put_number(&o, "ticket", (int64_t)ticket);
	if (verbs[op].bytes != NO_BYTES && !o.err.kind)
		open_pipe(&o, verbs[op].bytes == BYTES_IN ? PIPE_INPUT : PIPE_OUTPUT);
	return o;
}

static void give(struct order *o)
{
	struct request *r = o->request;

	if (!o->err.kind && o->fields > RECORD_FIELDS_MAX)
		(void)fail(&o->err, ERR_EXHAUSTED, "%s with more than %d values", verbs[r->op].name,
			   RECORD_FIELDS_MAX);
	if (!o->err.kind && record_end(&o->w, &o->err)) {
		helper_send(r->hands->helper, r->ticket, &o->w.bytes, o->fd);
		return;
	}
	if (o->fd >= 0)
		(void)close(o->fd);
	record_writer_clear(&o->w);
	request_refuse(r, &o->err);
}

static void ask_registry(void *self, uint64_t ticket, enum content_op op,
			 const struct content_pull *what)
{
	struct order o = order(self, ticket, op);

	put_text(&o, "reference", what->reference);
	put_text(&o, "platform", what->platform);
	put_text(&o, "auth", what->auth);
	put_text(&o, "have", what->have);
	put_registries(&o, true);
	if (o.request->hands->registries.downloads_max > 0)
		put_number(&o, "downloads", o.request->hands->registries.downloads_max);
	give(&o);
}

static void pull(void *self, uint64_t ticket, const struct content_pull *what)
{
	ask_registry(self, ticket, OP_PULL, what);
}

static void inspect(void *self, uint64_t ticket, const struct content_pull *what)
{
	ask_registry(self, ticket, OP_INSPECT, what);
}

static void login(void *self, uint64_t ticket, const struct content_pull *what)
{
	struct order o = order(self, ticket, OP_LOGIN);

	put_text(&o, "reference", what->reference);
	put_text(&o, "auth", what->auth);
	put_registries(&o, false);
	give(&o);
}

static void push(void *self, uint64_t ticket, const struct content_push *what)
{
	struct order o = order(self, ticket, OP_PUSH);

	put_text(&o, "reference", what->reference);
	put_text(&o, "image", what->image_id);
	put_text(&o, "auth", what->auth);
	put_registries(&o, false);
	give(&o);
}

static void load(void *self, uint64_t ticket)
{
	struct order o = order(self, ticket, OP_LOAD);

	give(&o);
}

static void save(void *self, uint64_t ticket, const struct content_save *images, size_t count)
{
	struct order o = order(self, ticket, OP_SAVE);

	for (size_t i = 0; i < count; i++) {
		put_text(&o, "image", images[i].image_id);
		put_texts(&o, "tag", images[i].tags, images[i].tag_count);
	}
	give(&o);
}

static void put_make(struct order *o, const struct content_make *what)
{
	char created[LOG_TIME_MAX];

	log_time_print(what->wall_ns, created);
	if (what->config.len)
		put(o, "config", what->config);
	put_text(o, "author", what->author);
	put_text(o, "comment", what->comment);
	put_text(o, "created_by", what->created_by);
	put_text(o, "container", what->container_id);
	put_text(o, "platform", what->platform);
	put_text(o, "created", created);
}

static void import(void *self, uint64_t ticket, const struct content_make *what)
{
	struct order o = order(self, ticket, OP_IMPORT);

	put_make(&o, what);
	give(&o);
}

static void commit(void *self, uint64_t ticket, const struct content_make *what,
		   const char *upper_dir)
{
	struct order o = order(self, ticket, OP_COMMIT);

	put_text(&o, "parent", what->parent);
	put_text(&o, "upper_dir", upper_dir);
	put_make(&o, what);
	give(&o);
}

static void put_tree(struct order *o, const struct content_tree *tree)
{
	put_text(o, "root", tree->root);
	put_text(o, "container", tree->container);
	for (size_t i = 0; i < tree->mount_count; i++) {
		put(o, "mount_source", str_of(tree->mounts[i].source));
		put(o, "mount_target", str_of(tree->mounts[i].destination));
		put_text(o, "mount_mode", tree->mounts[i].is_read_only ? "ro" : "rw");
	}
}

static void export(void *self, uint64_t ticket, const struct content_tree *tree)
{
	struct order o = order(self, ticket, OP_EXPORT);

	put_tree(&o, tree);
	give(&o);
}

static void stat_path(void *self, uint64_t ticket, const struct content_tree *tree,
		      const char *path)
{
	struct order o = order(self, ticket, OP_STAT);

	put_tree(&o, tree);
	put_text(&o, "path", path);
	give(&o);
}

static void archive(void *self, uint64_t ticket, const struct content_tree *tree, const char *path)
{
	struct order o = order(self, ticket, OP_ARCHIVE);

	put_tree(&o, tree);
	put_text(&o, "path", path);
	give(&o);
}

static void put_archive(void *self, uint64_t ticket, const struct content_tree *tree,
			const struct content_put *how)
{
	struct order o = order(self, ticket, OP_PUT_ARCHIVE);

	put_tree(&o, tree);
	put_text(&o, "path", how->path);
	put_number(&o, "keep_types", how->keep_types);
	if (how->has_owner) {
		put_number(&o, "uid", how->uid);
		put_number(&o, "gid", how->gid);
	}
	give(&o);
}

static void remove_image(void *self, uint64_t ticket, const char *image_id,
			 const char *const *keep_layers, size_t keep_layer_count)
{
	struct order o = order(self, ticket, OP_REMOVE);

	put_text(&o, "image", image_id);
	put_set(&o, "keep_layer", keep_layers, keep_layer_count);
	give(&o);
}

static void gc(void *self, uint64_t ticket, const char *const *keep_images, size_t keep_image_count,
	       const char *const *keep_layers, size_t keep_layer_count)
{
	struct order o = order(self, ticket, OP_GC);

	put_set(&o, "keep_image", keep_images, keep_image_count);
	put_set(&o, "keep_layer", keep_layers, keep_layer_count);
	give(&o);
}

static void cancel(void *self, uint64_t ticket)
{
	struct content_hands *hands = self;
	struct request *r = request_find(hands, ticket);
	AUTO_RECORD struct record_writer w = { 0 };
	struct err ignored;

	if (!r)
		return;
	if (r->is_sent) {
		record_begin(&w);
		record_add_c(&w, "op", "cancel");
		record_add_i64(&w, "ticket", (int64_t)ticket);
		if (record_end(&w, &ignored))
			helper_send(hands->helper, 0, &w.bytes, -1);
	} else {
		helper_withdraw(hands->helper, ticket);
	}
	request_free(r, "cancelled");
}

void content_fill_seam(struct content *seam)
{
	seam->pull = pull;
	seam->push = push;
	seam->inspect = inspect;
	seam->login = login;
	seam->load = load;
	seam->save = save;
	seam->import = import;
	seam->commit = commit;
	seam->export = export;
	seam->stat = stat_path;
	seam->archive = archive;
	seam->put_archive = put_archive;
	seam->remove = remove_image;
	seam->gc = gc;
	seam->cancel = cancel;
}
