/* Work on a container's root, running or not: cp, export, commit, and asking about a path.
 *
 * The root of a stopped container is mounted for as long as somebody works on it. */
#include "engine/copy.h"

enum copy_kind { COPY_STAT, COPY_ARCHIVE, COPY_PUT, COPY_EXPORT, COPY_COMMIT };

/* An order that waits for the mount; it lies in its request's memory. */
struct order {
	enum copy_kind kind;
	const char *path;
	struct content_put put;
	struct commit_order commit;
};

void container_release_root(struct engine *e, struct container *c)
{
	const struct runtime *runtime = e->seams.runtime;

	if (c->root_uses > 0 || container_has_process(c) || c->step == STEP_PREPARING ||
	    c->step == STEP_LAUNCHING || !c->root)
		return;
	runtime->unmount(runtime->self, call_unheard(e, c->record->id), c->record->id);
	free(c->root);
	free(c->upper);
	c->root = c->upper = NULL;
}

static void copy_came(struct engine *e, struct call *call, const struct input *in)
{
	struct container *c = container_by_id(e, call->object);
	const struct content_event *event = &in->content;
	struct engine_answer *a;
	struct err err;

	if (event->kind == CONTENT_ENDPOINT) {
		a = answer_new(e, call->asker, ENGINE_ENDPOINT, false);
		a->endpoint = event->endpoint;
		a->content = answer_content(e, event);
		return;
	}
	if (event->kind == CONTENT_PROGRESS)
		return;
	if (c) {
		c->root_uses -= c->root_uses > 0;
		container_release_root(e, c);
	}
	if (call_failed(in, &err)) {
		answer_fail(e, call->asker, &err);
		return;
	}
	a = answer_new(e, call->asker, ENGINE_DONE, true);
	a->content = answer_content(e, event);
}

static struct content_tree tree_of(struct container *c, struct arena *a)
{
	struct content_mount *mounts = arena_alloc(a, (c->record->n_mounts + 1) * sizeof(*mounts));
	struct content_tree tree = { .root = c->root,
				     .container = c->record->name,
				     .mounts = mounts };

	for (size_t i = 0; i < c->record->n_mounts; i++) {
		const Pb__MountPoint *m = c->record->mounts[i];

		if (strcmp(m->type, "tmpfs") != 0)
			mounts[tree.mount_count++] =
				(struct content_mount){ m->source, m->destination, !m->rw };
	}
	return tree;
}

static void carry_out(struct engine *e, struct container *c, struct order *o, uint64_t asker)
{
	const struct content *content = e->seams.content;
	AUTO_ARENA struct arena a = { 0 };
	struct content_tree tree = tree_of(c, &a);
	struct call *call;

	c->root_uses++;
	if (o->kind == COPY_COMMIT) {
		commit_begin(e, c, asker, &o->commit);
		return;
	}
	call = call_new(e, copy_came, c->record->id, asker);
	if (o->kind == COPY_STAT)
		content->stat(content->self, call->ticket, &tree, o->path);
	else if (o->kind == COPY_ARCHIVE)
		content->archive(content->self, call->ticket, &tree, o->path);
	else if (o->kind == COPY_PUT)
		content->put_archive(content->self, call->ticket, &tree, &o->put);
	else
		content->export(content->self, call->ticket, &tree);
	if (o->kind == COPY_ARCHIVE)
		event_container_with(e, c, "archive-path", "path", o->path, NULL);
	else if (o->kind == COPY_PUT)
		event_container_with(e, c, "extract-to-dir", "path", o->put.path, NULL);
	else if (o->kind == COPY_EXPORT)
		event_container(e, c, "export");
}

static void run_order(struct engine *e, struct container *c, struct request *r);

static void refuse_order(struct engine *e, struct container *c, const struct err *err)
{
	struct request *r;

	list_each (&c->requests, struct request, link, r) {
		if (r->run != run_order)
			continue;
		list_remove(&r->link);
		answer_fail(e, r->asker, err);
		arena_clear(&r->memory);
		free(r);
		return;
	}
}

static void mounted(struct engine *e, struct call *call, const struct input *in)
{
	struct container *c = container_by_id(e, call->object);
	struct err err;

	if (!c || c->step != STEP_BUSY)
		return;
	container_step(e, c, STEP_IDLE);
	if (call_failed(in, &err)) {
		refuse_order(e, c, &err);
	} else {
		free(c->root);
		free(c->upper);
		c->root = xstrdup(in->runtime.path);
		c->upper = xstrdup(in->runtime.upper ? in->runtime.upper : "");
	}
	requests_run(e, c);
}

/* Put back in front, it runs when the root is there. */
static void mount_first(struct engine *e, struct container *c, struct request *r)
{
	const struct runtime *runtime = e->seams.runtime;
	struct request *again = request_add_first(c, r->asker, run_order);

	again->order = r->order;
	again->memory = r->memory;
	r->memory = (struct arena){ 0 };
	container_step(e, c, STEP_BUSY);
	runtime->mount(runtime->self, call_new(e, mounted, c->record->id, 0)->ticket,
		       c->record->id);
}

static void run_order(struct engine *e, struct container *c, struct request *r)
{
	if (c->state == PB__CONTAINER__STATE__REMOVING || c->state == PB__CONTAINER__STATE__DEAD)
		ANSWER_FAIL(e, r->asker, ERR_CONFLICT,
			    "Can't access a container which is being removed: %s", c->record->id);
	else if (!c->root)
		mount_first(e, c, r);
	else
		carry_out(e, c, r->order, r->asker);
}

static struct order *new_order(struct container *c, uint64_t ticket, enum copy_kind kind,
			       struct arena **memory)
{
	struct request *r = request_add(c, ticket, run_order);

	r->order = ARENA_NEW(&r->memory, struct order);
	r->order->kind = kind;
	*memory = &r->memory;
	return r->order;
}

static bool check_path(struct engine *e, uint64_t ticket, const char *path)
{
	if (path && path[0])
		return true;
	ANSWER_FAIL(e, ticket, ERR_INVALID, "bad parameter: path cannot be empty");
	return false;
}

static void order_path(struct engine *e, uint64_t ticket, const char *ref, enum copy_kind kind,
		       const char *path, struct now now)
{
	struct container *c = container_for(e, ticket, ref, now);
	struct arena *memory;
	struct order *o;

	if (!c || (kind != COPY_EXPORT && !check_path(e, ticket, path)))
		return;
	o = new_order(c, ticket, kind, &memory);
	o->path = arena_strdup(memory, path);
	requests_run(e, c);
}

void engine_container_stat(struct engine *e, uint64_t ticket, const char *ref, const char *path,
			   struct now now)
{
	order_path(e, ticket, ref, COPY_STAT, path, now);
}

void engine_container_archive(struct engine *e, uint64_t ticket, const char *ref, const char *path,
			      struct now now)
{
	order_path(e, ticket, ref, COPY_ARCHIVE, path, now);
}

void engine_container_export(struct engine *e, uint64_t ticket, const char *ref, struct now now)
{
	order_path(e, ticket, ref, COPY_EXPORT, "/", now);
}

void engine_container_put_archive(struct engine *e, uint64_t ticket, const char *ref,
				  const struct content_put *how, struct now now)
{
	struct container *c = container_for(e, ticket, ref, now);
	struct arena *memory;
	struct order *o;

	if (!c || !check_path(e, ticket, how->path))
		return;
	o = new_order(c, ticket, COPY_PUT, &memory);
	o->put = *how;
	o->put.path = arena_strdup(memory, how->path);
	requests_run(e, c);
}

void copy_commit(struct engine *e, struct container *c, uint64_t asker,
		 const struct commit_order *order)
{
	struct arena *memory;
	struct order *o = new_order(c, asker, COPY_COMMIT, &memory);

	o->commit = (struct commit_order){
		.name = arena_strdup(memory, order->name),
		.author = arena_strdup(memory, order->author),
		.comment = arena_strdup(memory, order->comment),
		.created_by = arena_strdup(memory, order->created_by),
		.config = arena_strdup(memory, order->config),
		.pause = order->pause,
	};
	requests_run(e, c);
}
