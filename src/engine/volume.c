/* Volumes of the local driver: a name, labels, and a folder that the hands keep. */
#include "engine/inside.h"
#include "engine/mount.h"
#include "pb/map.h"

struct volume *volume_by_name(const struct engine *e, const char *name)
{
	return name[0] ? tree_entry(tree_find(&e->volumes, name), struct volume, by_name) : NULL;
}

static struct volume *volume_new(struct engine *e, const Pb__LocalVolume *record)
{
	struct volume *v = NEW(struct volume);

	v->record = pb_dup(&v->memory, record);
	tree_insert(&e->volumes, v->record->name, &v->by_name);
	return v;
}

void volume_load_record(struct engine *e, const Pb__LocalVolume *record)
{
	(void)volume_new(e, record);
}

static void volume_free(struct engine *e, struct volume *v)
{
	tree_remove(&e->volumes, &v->by_name);
	arena_clear(&v->memory);
	free(v);
}

void volumes_clear(struct engine *e)
{
	struct volume *v;

	tree_each (&e->volumes, struct volume, by_name, v)
		volume_free(e, v);
}

char *engine_volume_path(const struct engine *e, struct arena *a, const char *name)
{
	return arena_printf(a, "%s/volumes/%s/_data", e->config.data_root, name);
}

static struct volume *add(struct engine *e, const Pb__LocalVolume *record)
{
	struct volume *v = volume_new(e, record);

	record_put(e, TABLE_VOLUMES, v->record->name, v->record);
	event_tell(e, "volume", "create", v->record->name, "driver", v->record->driver, NULL);
	return v;
}

struct volume *volume_take(struct engine *e, const char *name, const char *driver,
			   bool is_anonymous)
{
	struct volume *v = volume_by_name(e, name);
	AUTO_ARENA struct arena a = { 0 };
	Pb__LocalVolume *record;

	if (v)
		return v;
	record = PB_NEW(&a, local_volume);
	record->name = (char *)name;
	record->driver = driver[0] ? (char *)driver : "local";
	record->created_ns = e->now.wall_ns;
	record->is_anonymous = is_anonymous;
	return add(e, record);
}

static bool uses(const struct container *c, const char *name)
{
	for (size_t i = 0; i < c->record->n_mounts; i++)
		if (strcmp(c->record->mounts[i]->name, name) == 0)
			return true;
	return false;
}

size_t engine_volume_users(const struct engine *e, const Pb__LocalVolume *record)
{
	struct container *c;
	size_t count = 0;

	tree_each (&e->containers, struct container, by_id, c)
		count += uses(c, record->name);
	return count;
}

/* --- create --- */

static void volume_made(struct engine *e, struct call *call, const struct input *in)
{
	struct volume *v = volume_by_name(e, call->object);
	struct err err;

	if (!call_failed(in, &err)) {
		answer_id(e, call->asker, call->object);
		return;
	}
	if (v && engine_volume_users(e, v->record) == 0) {
		record_delete(e, TABLE_VOLUMES, v->record->name);
		volume_free(e, v);
	}
	(void)while_doing(&err, "create %s", call->object);
	answer_fail(e, call->asker, &err);
}

/* The folder is made when the record is safe, so that none is without a record. */
static void volume_saved(struct engine *e, struct call *call, const struct input *in)
{
	const struct runtime *runtime = e->seams.runtime;
	struct volume *v = volume_by_name(e, call->object);
	struct runtime_volume what = {
		.name = call->object, .type = "", .device = "", .options = ""
	};
	const char *value;

	if (e->has_journal_fault) {
		answer_fail(e, call->asker, &e->journal_fault);
		return;
	}
	if (!v) {
		ANSWER_FAIL(e, call->asker, ERR_NOT_FOUND, "get %s: no such volume", call->object);
		return;
	}
	if ((value = PB_MAP_GET(v->record, options, "type")) != NULL)
		what.type = value;
	if ((value = PB_MAP_GET(v->record, options, "device")) != NULL)
		what.device = value;
	if ((value = PB_MAP_GET(v->record, options, "o")) != NULL)
		what.options = value;
	runtime->make_volume(runtime->self,
			     call_new(e, volume_made, call->object, call->asker)->ticket, &what);
}

static bool check_new(struct engine *e, const Pb__LocalVolume *record, struct err *err)
{
	if (strcmp(record->driver, "local") != 0)
		return fail(err, ERR_NOT_FOUND,
			    "create %s: error looking up volume plugin %s: plugin \"%s\" not found",
			    record->name, record->driver, record->driver);
	if (!volume_name_is_valid(record->name))
		return fail(err, ERR_INVALID,
			    "create %s: \"%s\" includes invalid characters for a local volume "
			    "name, only "
			    "\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a "
			    "host directory, "
			    "use absolute path",
			    record->name, record->name);
	for (size_t i = 0; i < record->n_options; i++) {
		const char *key = record->options[i]->key;

		if (strcmp(key, "type") != 0 && strcmp(key, "device") != 0 && strcmp(key, "o") != 0)
			return fail(err, ERR_INVALID, "create %s: invalid option: \"%s\"",
				    record->name, key);
	}
	if (e->volumes.count >= VOLUMES_MAX)
		return fail(err, ERR_EXHAUSTED, "this engine holds %d volumes at most",
			    VOLUMES_MAX);
	return true;
}

void engine_volume_create(struct engine *e, uint64_t ticket, const Pb__LocalVolume *what,
			  struct now now)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__LocalVolume *record;
	char name[HEX_ID_LEN + 1];
	struct err err;

	if (engine_refuses(e, ticket, now))
		return;
	record = pb_dup(&a, what);
	if (!record->driver[0])
		record->driver = "local";
	if (!record->name[0]) {
		hex_id_new(&e->prng, name);
		record->name = name;
		record->is_anonymous = true;
	}
	if (volume_by_name(e, record->name)) {
		answer_id(e, ticket, record->name);
		return;
	}
	if (!check_new(e, record, &err)) {
		answer_fail(e, ticket, &err);
		return;
	}
	record->created_ns = now.wall_ns;
	(void)add(e, record);
	(void)call_when_safe(e, volume_saved, record->name, ticket);
}

/* --- remove --- */

static void volume_forgotten(struct engine *e, struct call *call, const struct input *in)
{
	if (e->has_journal_fault)
		answer_fail(e, call->asker, &e->journal_fault);
	else
		answer_done(e, call->asker);
}

static void folder_removed(struct engine *e, struct call *call, const struct input *in)
{
	struct volume *v = volume_by_name(e, call->object);
	struct err err;

	if (!v)
		return;
	v->is_removing = false;
	if (call_failed(in, &err)) {
		(void)while_doing(&err, "remove %s", call->object);
		answer_fail(e, call->asker, &err);
		return;
	}
	event_tell(e, "volume", "destroy", v->record->name, "driver", v->record->driver, NULL);
	record_delete(e, TABLE_VOLUMES, v->record->name);
	volume_free(e, v);
	(void)call_when_safe(e, volume_forgotten, call->object, call->asker);
}

static void begin_removal(struct engine *e, struct volume *v, uint64_t asker)
{
	const struct runtime *runtime = e->seams.runtime;

	v->is_removing = true;
	runtime->remove_volume(runtime->self,
			       call_new(e, folder_removed, v->record->name, asker)->ticket,
			       v->record->name);
}

void volume_remove_now(struct engine *e, struct volume *v)
{
	if (!v->is_removing)
		begin_removal(e, v, 0);
}

static const char *first_user(const struct engine *e, const char *name)
{
	struct container *c;

	tree_each (&e->containers, struct container, by_id, c)
		if (uses(c, name))
			return c->record->id;
	return "";
}

void engine_volume_remove(struct engine *e, uint64_t ticket, const char *name, bool force,
			  struct now now)
{
	struct volume *v;

	if (engine_refuses(e, ticket, now))
		return;
	v = volume_by_name(e, name);
	if (!v && force)
		answer_done(e, ticket);
	else if (!v)
		ANSWER_FAIL(e, ticket, ERR_NOT_FOUND, "get %s: no such volume", name);
	else if (engine_volume_users(e, v->record) > 0 || v->is_removing)
		ANSWER_FAIL(e, ticket, ERR_CONFLICT, "remove %s: volume is in use - [%s]", name,
			    first_user(e, name));
	else
		begin_removal(e, v, ticket);
}

void engine_volumes_prune(struct engine *e, uint64_t ticket, bool all, struct engine_filter filter,
			  struct now now)
{
	struct engine_answer *a;
	const char **names;
	struct volume *v;

	if (engine_refuses(e, ticket, now))
		return;
	a = answer_new(e, ticket, ENGINE_DONE, true);
	names = arena_alloc(&e->answer_memory, (e->volumes.count + 1) * sizeof(*names));
	tree_each (&e->volumes, struct volume, by_name, v) {
		if ((!all && !v->record->is_anonymous) || v->is_removing ||
		    engine_volume_users(e, v->record) > 0)
			continue;
		if (filter.matches && !filter.matches(filter.self, v->record))
			continue;
		names[a->line_count++] = arena_strdup(&e->answer_memory, v->record->name);
		begin_removal(e, v, 0);
	}
	a->lines = names;
}

/* --- reading --- */

static void size_came(struct engine *e, struct call *call, const struct input *in)
{
	struct engine_answer *a;
	struct err err;

	if (call_failed(in, &err)) {
		answer_fail(e, call->asker, &err);
		return;
	}
	a = answer_new(e, call->asker, ENGINE_DONE, true);
	a->size_bytes = in->runtime.size_root;
}

void engine_volume_size(struct engine *e, uint64_t ticket, const char *name, struct now now)
{
	const struct runtime *runtime = e->seams.runtime;

	if (engine_refuses(e, ticket, now))
		return;
	runtime->volume_size(runtime->self, call_new(e, size_came, name, ticket)->ticket, name);
}

const Pb__LocalVolume *engine_volume_find(const struct engine *e, const char *name, struct err *err)
{
	struct volume *v = volume_by_name(e, name);

	if (!v)
		(void)fail(err, ERR_NOT_FOUND, "get %s: no such volume", name);
	return v ? v->record : NULL;
}

const Pb__LocalVolume *engine_volume_first(const struct engine *e)
{
	struct volume *v = tree_entry(tree_first(&e->volumes), struct volume, by_name);

	return v ? v->record : NULL;
}

const Pb__LocalVolume *engine_volume_next(const struct engine *e, const Pb__LocalVolume *record)
{
	struct volume *v = volume_by_name(e, record->name);

	v = v ? tree_entry(tree_next(&v->by_name), struct volume, by_name) : NULL;
	return v ? v->record : NULL;
}
