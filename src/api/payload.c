/* Secrets and configs: one handler each for both, the two words are columns. */
#include "api/call.h"
#include "api/list.h"
#include "api/lookup.h"
#include "api/route.h"
#include "docker/tables.h"
#include "pb/path.h"
#include "swarm/leader.h"

struct payload {
	const char *path, *word;
	enum object_kind kind;
	const struct dialect *shown, *spec;
	const ProtobufCMessageDescriptor *create, *update, *removal;
	const char *create_method, *update_method, *remove_method;
	const char *id_path, *version_path;
};

static const struct payload payloads[] = {
	{ "/secrets", "secret", OBJECT_SECRET, &dialect_secret, &dialect_secret_spec,
	  &pb__create_secret_request__descriptor, &pb__update_secret_request__descriptor,
	  &pb__remove_secret_request__descriptor, "CreateSecret", "UpdateSecret", "RemoveSecret",
	  "secret_id", "secret_version.index" },
	{ "/configs", "config", OBJECT_CONFIG, &dialect_config, &dialect_config_spec,
	  &pb__create_config_request__descriptor, &pb__update_config_request__descriptor,
	  &pb__remove_config_request__descriptor, "CreateConfig", "UpdateConfig", "RemoveConfig",
	  "config_id", "config_version.index" },
};

static const struct payload *payload_of(const struct call *c)
{
	return &payloads[str_starts_with(str_of(c->path), payloads[1].path)];
}

/* Read the body into the request's `spec`. */
static bool read_spec(struct call *c, const struct payload *p, void *request)
{
	struct pb_path path;
	struct pb_slot slot;
	struct err e;

	if (!pb_path_resolve(&path, ((ProtobufCMessage *)request)->descriptor, "spec", &e)) {
		call_fail(c, &e);
		return false;
	}
	slot = pb_path_make(&path, &c->arena, request);
	*(void **)pb_slot_value(&slot) = call_body(c, p->spec);
	return *(void **)pb_slot_value(&slot) != NULL;
}

/* ---- list and inspect ---- */

static const Pb__Annotations *about(const struct payload *p, const void *object)
{
	return p->kind == OBJECT_SECRET ? ((const Pb__Secret *)object)->spec->annotations
					: ((const Pb__Config *)object)->spec->annotations;
}

static bool has_label(const Pb__Annotations *a, const char *wanted)
{
	struct str key, value = STR("");
	bool has_value = str_cut(str_of(wanted), '=', &key, &value);

	for (size_t i = 0; i < a->n_labels; i++)
		if (str_equal_c(key, a->labels[i]->key))
			return !has_value || value.len == 0 ||
			       str_equal_c(value, a->labels[i]->value);
	return false;
}

/* One of the values of a filter, if it is there, must be how the text begins. */
static bool begins(const struct list_filters *f, const char *name, const char *text)
{
	for (size_t i = 0; i < f->count; i++)
		if (strcmp(f->pairs[i].name, name) == 0 &&
		    str_starts_with(str_of(text), f->pairs[i].value))
			return true;
	return !list_filters_has(f, name);
}

static bool is_wanted(const struct payload *p, const struct list_filters *f, const void *object)
{
	const Pb__Annotations *a = about(p, object);

	for (size_t i = 0; i < f->count; i++)
		if (strcmp(f->pairs[i].name, "label") == 0 && !has_label(a, f->pairs[i].value))
			return false;
	return begins(f, "id", object_id(object)) && begins(f, "name", a->name) &&
	       list_filters_allow(f, "names", a->name);
}

struct listing {
	struct list_filters filters;
	struct objects all;
};

static void write_listed(struct call *c, struct json *j, size_t i)
{
	const struct payload *p = payload_of(c);
	const struct listing *l = c->state;

	if (is_wanted(p, &l->filters, l->all.items[i]))
		dialect_write(j, NULL, p->shown, l->all.items[i], c->minor);
}

static void list(struct call *c, const struct leader_answer *a)
{
	enum object_kind kind = payload_of(c)->kind;
	struct listing *l = c->state;

	l->all = view_all(call_view(c), kind, &c->arena);
	list_reply_objects(c, kind, l->all.items, l->all.count, write_listed);
}

void payloads_list(struct call *c)
{
	static const char *const names[] = { "id", "label", "name", "names", NULL };
	struct listing *l = ARENA_NEW(&c->arena, struct listing);

	if (!call_filters(c, names, &l->filters))
		return;
	c->state = l;
	call_read(c, list);
}

static void inspect(struct call *c, const struct leader_answer *a)
{
	const struct payload *p = payload_of(c);
	const void *object = lookup(c, p->kind, c->params[0]);
	AUTO_BUF struct buf out;
	struct json j = call_json(c, &out);

	if (!object)
		return;
	dialect_write(&j, NULL, p->shown, object, c->minor);
	call_reply_json(c, 200, &out);
}

void payload_inspect(struct call *c)
{
	call_read(c, inspect);
}

/* ---- changes ---- */

static void created(struct call *c, const struct leader_answer *a)
{
	const struct payload *p = payload_of(c);
	const char *id =
		pb_get_text(a->response, p->kind == OBJECT_SECRET ? "secret.id" : "config.id");
	AUTO_BUF struct buf out;
	struct json j = call_json(c, &out);

	json_open_object(&j, NULL);
	json_text(&j, "ID", id ? id : "");
	json_close(&j);
	call_reply_json(c, 201, &out);
}

void payload_create(struct call *c)
{
	const struct payload *p = payload_of(c);
	void *request = pb_new(&c->arena, p->create);

	if (read_spec(c, p, request))
		call_change(c, p->create_method, request, created);
}

static void updated(struct call *c, const struct leader_answer *a)
{
	call_reply_empty(c, 200);
}

static void update(struct call *c, const struct leader_answer *a)
{
	const struct payload *p = payload_of(c);
	const void *object = lookup(c, p->kind, c->params[0]);

	if (!object)
		return;
	pb_set_text(&c->arena, c->state, p->id_path, object_id(object));
	call_change(c, p->update_method, c->state, updated);
}

void payload_update(struct call *c)
{
	const struct payload *p = payload_of(c);
	void *request = pb_new(&c->arena, p->update);
	uint64_t version;

	if (!read_spec(c, p, request) || !call_version(c, p->word, &version))
		return;
	pb_set_int(&c->arena, request, p->version_path, (int64_t)version);
	c->state = request;
	call_read(c, update);
}

static void removed(struct call *c, const struct leader_answer *a)
{
	call_reply_empty(c, 204);
}

static void remove_found(struct call *c, const struct leader_answer *a)
{
	const struct payload *p = payload_of(c);
	const void *object = lookup(c, p->kind, c->params[0]);
	void *request = pb_new(&c->arena, p->removal);

	if (!object)
		return;
	pb_set_text(&c->arena, request, p->id_path, object_id(object));
	call_change(c, p->remove_method, request, removed);
}

void payload_remove(struct call *c)
{
	call_read(c, remove_found);
}
