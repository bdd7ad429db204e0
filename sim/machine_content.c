/* The machine's images: behind seam/content. */
#include "sim/machine_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static struct content_event *say_content(struct inbox *out, uint64_t ticket,
					 enum content_event_kind kind)
{
	struct input *in = inbox_add(out, INPUT_CONTENT, ticket);

	in->content.kind = kind;
	in->content.text = "";
	return &in->content;
}

static bool content_fails(struct pending *p, struct inbox *out)
{
	struct content_event *event;

	if (!p->must_fail)
		return false;
	event = say_content(out, p->ticket, CONTENT_FAILED);
	event->err_kind = ERR_INTERNAL;
	event->text = "shoal-content died";
	return true;
}

/* An image's id is made of its name's letters, its config says what it runs. */
static void image_of(struct inbox *out, const char *name, struct content_event *event)
{
	uint64_t hash = 1469598103934665603u;
	struct content_layer *layer = ARENA_NEW(&out->memory, struct content_layer);

	for (const char *c = name; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 1099511628211u;
	layer->diff_id =
		arena_printf(&out->memory, "sha256:%064llx", (unsigned long long)(hash ^ 1));
	layer->size_bytes = 100;
	event->image.image_id =
		arena_printf(&out->memory, "sha256:%064llx", (unsigned long long)hash);
	event->image.config = str_of(arena_printf(
		&out->memory, "top%s", strstr(name, "withvolume") ? " volume=/data" : ""));
	event->image.layers = layer;
	event->image.layer_count = 1;
	event->image.size_bytes = 100;
	event->manifest.digest =
		arena_printf(&out->memory, "sha256:%064llx", (unsigned long long)(hash ^ 2));
}

static void do_pull(struct machine *m, struct pending *p, struct inbox *out)
{
	struct content_event *event;

	if (content_fails(p, out))
		return;
	if (m->pulls_fail || strstr(p->id, "nosuch")) {
		event = say_content(out, p->ticket, CONTENT_FAILED);
		event->err_kind = ERR_NOT_FOUND;
		event->text = "manifest unknown";
		return;
	}
	event = say_content(out, p->ticket, CONTENT_PROGRESS);
	event->progress.status = "Downloading";
	if (strstr(p->id, "toolarge")) {
		(void)machine_name_take(&m->images, "a part of it");
		event = say_content(out, p->ticket, CONTENT_FAILED);
		event->err_kind = ERR_EXHAUSTED;
		event->text = "No space left on device";
		return;
	}
	event = say_content(out, p->ticket, CONTENT_DONE);
	image_of(out, p->id, event);
	(void)machine_name_take(&m->images, event->image.image_id);
}

static void do_content(struct machine *m, struct pending *p, struct inbox *out)
{
	if (!content_fails(p, out))
		(void)say_content(out, p->ticket, CONTENT_DONE);
}

static void do_stream(struct machine *m, struct pending *p, struct inbox *out)
{
	if (content_fails(p, out))
		return;
	say_content(out, p->ticket, CONTENT_ENDPOINT)->endpoint = 2000 + p->ticket;
	(void)say_content(out, p->ticket, CONTENT_DONE);
}

static void do_new_image(struct machine *m, struct pending *p, struct inbox *out)
{
	struct content_event *event;

	if (content_fails(p, out))
		return;
	event = say_content(out, p->ticket, CONTENT_DONE);
	image_of(out, arena_printf(&out->memory, "%s %llu", p->id, (unsigned long long)p->ticket),
		 event);
	(void)machine_name_take(&m->images, event->image.image_id);
}

static void do_load(struct machine *m, struct pending *p, struct inbox *out)
{
	static const char *const tags[] = { "loaded:1", "loaded:2" };
	struct content_event *event;

	if (content_fails(p, out))
		return;
	say_content(out, p->ticket, CONTENT_ENDPOINT)->endpoint = 2000 + p->ticket;
	event = say_content(out, p->ticket, CONTENT_IMAGE);
	image_of(out, "loaded", event);
	event->tags = tags;
	event->tag_count = 2;
	(void)machine_name_take(&m->images, event->image.image_id);
	(void)say_content(out, p->ticket, CONTENT_DONE);
}

static void do_remove_image(struct machine *m, struct pending *p, struct inbox *out)
{
	if (content_fails(p, out))
		return;
	machine_name_drop(&m->images, p->id);
	(void)say_content(out, p->ticket, CONTENT_DONE);
}

static bool is_listed(const struct pending *p, const char *id)
{
	for (size_t i = 0; i < p->count; i++)
		if (strcmp(p->list[i], id) == 0)
			return true;
	return false;
}

static void do_gc(struct machine *m, struct pending *p, struct inbox *out)
{
	struct machine_name *n;

	if (content_fails(p, out))
		return;
	tree_each (&m->images, struct machine_name, node, n) {
		if (is_listed(p, n->id))
			continue;
		tree_remove(&m->images, &n->node);
		free(n);
	}
	(void)say_content(out, p->ticket, CONTENT_DONE);
}

static void c_pull(void *self, uint64_t t, const struct content_pull *what)
{
	struct pending *p = machine_give(self, "content", what->reference, t, do_pull);

	p->text = what->have;
}

static void c_push(void *self, uint64_t t, const struct content_push *what)
{
	(void)machine_give(self, "content", what->reference, t, do_content);
}

static void c_inspect(void *self, uint64_t t, const struct content_pull *what)
{
	(void)machine_give(self, "content", what->reference, t, do_content);
}

static void c_login(void *self, uint64_t t, const struct content_pull *what)
{
	(void)machine_give(self, "content", what->reference, t, do_content);
}

static void c_load(void *self, uint64_t t)
{
	(void)machine_give(self, "content", "load", t, do_load);
}

static void c_save(void *self, uint64_t t, const struct content_save *images, size_t count)
{
	(void)machine_give(self, "content", "save", t, do_stream);
}

static void c_import(void *self, uint64_t t, const struct content_make *what)
{
	(void)machine_give(self, "content", "import", t, do_new_image);
}

static void c_commit(void *self, uint64_t t, const struct content_make *what, const char *upper)
{
	(void)machine_give(self, "content", "commit", t, do_new_image);
}

static void check_root(struct machine *m, const struct content_tree *tree)
{
	const char *id = strrchr(tree->root, '/');
	struct machine_container *c = id ? machine_container(m, id + 1) : NULL;

	if (!c || !c->is_mounted)
		machine_violate(m, "copy in %s, which is not mounted", tree->root);
}

static void c_export(void *self, uint64_t t, const struct content_tree *tree)
{
	check_root(self, tree);
	(void)machine_give(self, "content", "export", t, do_stream);
}

static void c_stat(void *self, uint64_t t, const struct content_tree *tree, const char *path)
{
	check_root(self, tree);
	(void)machine_give(self, "content", "stat", t, do_content);
}

static void c_archive(void *self, uint64_t t, const struct content_tree *tree, const char *path)
{
	check_root(self, tree);
	(void)machine_give(self, "content", "archive", t, do_stream);
}

static void c_put_archive(void *self, uint64_t t, const struct content_tree *tree,
			  const struct content_put *how)
{
	check_root(self, tree);
	(void)machine_give(self, "content", "put", t, do_stream);
}

static void c_remove(void *self, uint64_t t, const char *image, const char *const *layers,
		     size_t count)
{
	(void)machine_give(self, "content", image, t, do_remove_image);
}

static void c_gc(void *self, uint64_t t, const char *const *images, size_t image_count,
		 const char *const *layers, size_t layer_count)
{
	struct machine *m = self;
	struct pending *p = machine_give(m, "content", "gc", t, do_gc);
	const char **copy = arena_alloc(&p->memory, (image_count + 1) * sizeof(*copy));

	for (size_t i = 0; i < image_count; i++)
		copy[i] = arena_strdup(&p->memory, images[i]);
	p->list = copy;
	p->count = image_count;
}

static void c_cancel(void *self, uint64_t ticket)
{
	struct machine *m = self;
	struct pending *p;

	list_each (&m->pending, struct pending, link, p)
		if (p->ticket == ticket)
			p->is_silent = true;
}

struct content machine_content(struct machine *m)
{
	return (struct content){
		.self = m,
		.pull = c_pull,
		.push = c_push,
		.inspect = c_inspect,
		.login = c_login,
		.load = c_load,
		.save = c_save,
		.import = c_import,
		.commit = c_commit,
		.export = c_export,
		.stat = c_stat,
		.archive = c_archive,
		.put_archive = c_put_archive,
		.remove = c_remove,
		.gc = c_gc,
		.cancel = c_cancel,
	};
}
