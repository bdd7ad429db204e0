/* Making a container: its record, its layer, its volumes; it exists when all of them do. */
#include "engine/config.h"
#include "engine/inside.h"
#include "engine/mount.h"
#include "engine/names.h"
#include "engine/reference.h"

#define NAME_TRIES 6

static bool name_is_free(struct engine *e, const char *name, struct err *err)
{
	struct container *owner = container_by_name(e, name);

	if (!owner)
		return true;
	return fail(err, ERR_CONFLICT,
		    "Conflict. The container name \"/%s\" is already in use by container \"%s\". "
		    "You have to remove (or rename) that container to be able to reuse that name.",
		    name, owner->record->id);
}

static bool choose_name(struct engine *e, const char *asked, struct arena *a, char **name,
			struct err *err)
{
	char made_up[NAME_TEXT_MAX];

	if (asked && asked[0]) {
		*name = arena_strdup(a, asked[0] == '/' ? asked + 1 : asked);
		return container_name_check(*name, err) && name_is_free(e, *name, err);
	}
	for (int i = 0; i < NAME_TRIES; i++) {
		name_make_up(&e->prng, i > 0, made_up);
		if (!container_by_name(e, made_up)) {
			*name = arena_strdup(a, made_up);
			return true;
		}
	}
	*name = arena_printf(a, "c%016llx", (unsigned long long)prng_next(&e->prng));
	return true;
}

static bool find_image(struct engine *e, const char *ref, struct arena *a,
		       const Pb__LocalImage **image, struct err *err)
{
	struct image *found;
	struct reference parsed;

	if (!ref[0])
		return fail(err, ERR_INVALID, "no image specified");
	found = image_lookup(e, ref, err);
	if (found) {
		*image = found->record;
		return true;
	}
	if (err->kind != ERR_NOT_FOUND || !reference_parse(a, ref, &parsed, err))
		return false;
	return fail(err, ERR_NOT_FOUND, "No such image: %s",
		    reference_familiar(reference_tagged(a, &parsed)));
}

/* "container", "container:ro": the mounts of others. */
static bool inherit_mounts(struct engine *e, const Pb__HostConfig *host, struct arena *a,
			   struct mount_sources *sources, struct err *err)
{
	Pb__MountPoint **all = arena_alloc(a, MOUNTS_MAX * sizeof(*all));

	for (size_t i = 0; i < host->n_volumes_from; i++) {
		struct str ref, mode;
		struct container *other;

		if (!str_cut(str_of(host->volumes_from[i]), ':', &ref, &mode))
			mode = STR("");
		if (mode.len > 0 && !str_equal_c(mode, "ro") && !str_equal_c(mode, "rw") &&
		    !str_equal_c(mode, "z"))
			return fail(err, ERR_INVALID, "invalid mode for volumes-from: %.*s",
				    STR_FMT(mode));
		other = container_lookup(e, arena_str(a, ref), err);
		if (!other)
			return false;
		for (size_t k = 0;
		     k < other->record->n_mounts && sources->inherited_count < MOUNTS_MAX; k++) {
			Pb__MountPoint *m = pb_dup(a, other->record->mounts[k]);

			m->rw = m->rw && !str_equal_c(mode, "ro");
			all[sources->inherited_count++] = m;
		}
	}
	sources->inherited = all;
	return true;
}

static Pb__EndpointSettings *find_endpoint(const struct engine_create *what, const char *network)
{
	for (size_t i = 0; i < what->endpoint_count; i++)
		if (strcmp(what->endpoints[i]->network, network) == 0)
			return what->endpoints[i];
	return NULL;
}

static const char *network_of_mode(const char *mode)
{
	return !mode[0] || strcmp(mode, "default") == 0 ? "bridge" : mode;
}

/* The network of its mode first, then the others it was given settings for. */
static void collect_endpoints(struct arena *a, const struct engine_create *what,
			      Pb__Container *record)
{
	const char *mode = record->host_config->network_mode, *primary = network_of_mode(mode);
	const Pb__EndpointSettings *settings = find_endpoint(what, primary);
	Pb__EndpointSettings *endpoint;

	if (strncmp(mode, "container:", 10) == 0)
		return;
	if (!settings)
		settings = find_endpoint(what, mode);
	endpoint = settings ? pb_dup(a, settings) : PB_NEW(a, endpoint_settings);
	endpoint->network = arena_strdup(a, primary);
	if (!endpoint->mac_address[0])
		endpoint->mac_address = arena_strdup(a, record->config->mac_address);
	PB_APPEND(a, record, endpoints, endpoint);
	for (size_t i = 0; i < what->endpoint_count; i++) {
		const char *name = network_of_mode(what->endpoints[i]->network);

		if (strcmp(name, primary) != 0 && strcmp(what->endpoints[i]->network, mode) != 0)
			PB_APPEND(a, record, endpoints, pb_dup(a, what->endpoints[i]));
	}
}

/* Modes that name another container name it by id from here on. */
static bool resolve_mode(struct engine *e, struct arena *a, char **mode, struct err *err)
{
	struct container *other;

	if (strncmp(*mode, "container:", 10) != 0)
		return true;
	other = container_lookup(e, *mode + 10, err);
	if (!other)
		return false;
	*mode = arena_printf(a, "container:%s", other->record->id);
	return true;
}

static bool resolve_modes(struct engine *e, struct arena *a, Pb__HostConfig *host, struct err *err)
{
	return resolve_mode(e, a, &host->network_mode, err) &&
	       resolve_mode(e, a, &host->pid_mode, err) && resolve_mode(e, a, &host->ipc_mode, err);
}

static void choose_hostname(struct engine *e, struct arena *a, Pb__Container *record)
{
	Pb__ContainerConfig *config = record->config;

	if (config->hostname[0])
		return;
	if (strcmp(record->host_config->network_mode, "host") == 0 ||
	    strcmp(record->host_config->uts_mode, "host") == 0)
		config->hostname = arena_strdup(a, e->config.hostname);
	else
		config->hostname = arena_printf(a, "%.*s", HEX_ID_SHORT_LEN, record->id);
}

static bool write_record(struct engine *e, struct arena *a, const struct engine_create *what,
			 Pb__Container *record, struct err *err)
{
	struct host_limits limits = { e->config.cpus, e->config.runtimes, e->config.runtime_count };
	struct mount_sources sources = { 0 };
	const Pb__LocalImage *image;
	char id[HEX_ID_LEN + 1];

	record->config = pb_dup(a, what->config);
	record->host_config =
		what->host_config ? pb_dup(a, what->host_config) : PB_NEW(a, host_config);
	if (!find_image(e, record->config->image, a, &image, err) ||
	    !config_check(record->config, err) ||
	    !host_config_check(record->host_config, &limits, err))
		return false;
	config_merge(a, record->config, image->config);
	if (!config_program(a, record->config, &record->path, &record->args, &record->n_args,
			    err) ||
	    !choose_name(e, what->name, a, &record->name, err) ||
	    !resolve_modes(e, a, record->host_config, err))
		return false;

	hex_id_new(&e->prng, id);
	record->id = arena_strdup(a, id);
	record->created_ns = e->now.wall_ns;
	record->image_id = arena_strdup(a, image->id);
	record->platform = "linux";
	record->task_id = arena_strdup(a, what->task_id ? what->task_id : "");
	for (size_t i = 0; i < image->n_layers; i++)
		PB_APPEND(a, record, layers, arena_strdup(a, image->layers[i]->diff_id));
	host_config_take_defaults(a, &e->config.defaults, record->host_config);
	host_config_complete(a, record->host_config, e->config.is_cgroup_v2);
	choose_hostname(e, a, record);
	collect_endpoints(a, what, record);

	sources.config = record->config;
	sources.host_config = record->host_config;
	return inherit_mounts(e, record->host_config, a, &sources, err) &&
	       mounts_collect(a, &sources, &record->mounts, &record->n_mounts, err);
}

/* --- making it --- */

static const char *discard_io_weight(const struct engine *e, Pb__HostConfig *h)
{
	if (!h->blkio_weight || !e->config.lacks_io_weight)
		return NULL;
	h->blkio_weight = 0;
	return "Your kernel does not support Block I/O weight or the cgroup is not mounted. "
	       "Weight discarded.";
}

static void discard(struct engine *e, struct container *c)
{
	const struct runtime *runtime = e->seams.runtime;

	runtime->remove(runtime->self, call_unheard(e, c->record->id), c->record->id);
	for (size_t i = 0; i < c->record->n_mounts; i++) {
		struct volume *v = volume_by_name(e, c->record->mounts[i]->name);

		if (v && v->record->is_anonymous && engine_volume_users(e, v->record) <= 1)
			volume_remove_now(e, v);
	}
	record_delete(e, TABLE_CONTAINERS, c->record->id);
}

static void part_made(struct engine *e, struct call *call, const struct input *in)
{
	struct container *c = container_by_id(e, call->object);
	struct err err;

	if (!c || c->step != STEP_MAKING)
		return;
	if (in && call_failed(in, &err) && !c->has_fault) {
		c->has_fault = true;
		c->fault = err;
	}
	if (!in && e->has_journal_fault && !c->has_fault) {
		c->has_fault = true;
		c->fault = e->journal_fault;
	}
	if (--c->awaiting > 0)
		return;
	if (c->has_fault) {
		answer_fail(e, c->starter, &c->fault);
		requests_refuse(e, c, &c->fault);
		discard(e, c);
		container_free(e, c);
		return;
	}
	container_step(e, c, STEP_IDLE);
	event_container(e, c, "create");
	answer_id(e, c->starter, c->record->id);
	if (c->starter && c->warning)
		answer_warn(e, c->warning);
	c->starter = 0;
	requests_run(e, c);
}

static void make_volumes(struct engine *e, struct container *c)
{
	const struct runtime *runtime = e->seams.runtime;

	for (size_t i = 0; i < c->record->n_mounts; i++) {
		Pb__MountPoint *m = c->record->mounts[i];
		bool is_anonymous = !m->name[0];
		struct runtime_volume volume = { .type = "", .device = "", .options = "" };
		char name[HEX_ID_LEN + 1];
		struct volume *v;

		if (strcmp(m->type, "volume") != 0)
			continue;
		if (is_anonymous) {
			hex_id_new(&e->prng, name);
			m->name = arena_strdup(&c->memory, name);
		}
		v = volume_take(e, m->name, m->driver, is_anonymous);
		m->source = engine_volume_path(e, &c->memory, m->name);
		volume.name = v->record->name;
		c->awaiting++;
		runtime->make_volume(runtime->self,
				     call_new(e, part_made, c->record->id, 0)->ticket, &volume);
	}
}

/* What --mount names must be there; -v makes it when the container starts. */
static void look_for_sources(struct engine *e, struct container *c)
{
	const struct runtime *runtime = e->seams.runtime;

	for (size_t i = 0; i < c->record->n_mounts; i++) {
		const Pb__MountPoint *m = c->record->mounts[i];

		if (strcmp(m->type, "bind") != 0 || m->make_source)
			continue;
		c->awaiting++;
		runtime->look_for(runtime->self, call_new(e, part_made, c->record->id, 0)->ticket,
				  m->source);
	}
}

static void keep_files(struct container *c, const struct engine_create *what)
{
	c->files = xcalloc(what->file_count + 1, sizeof(*c->files));
	for (size_t i = 0; i < what->file_count; i++) {
		const struct runtime_file *from = &what->files[i];
		struct secret_file *to = &c->files[c->file_count++];

		*to = (struct secret_file){ .uid = from->uid,
					    .gid = from->gid,
					    .mode = from->mode };
		to->name = xasprintf("%zu", i);
		to->destination = xstrdup(from->name);
		to->data = BUF_MAX(from->data.len + 1);
		buf_append_str(&to->data, from->data);
	}
}

void engine_container_create(struct engine *e, uint64_t ticket, const struct engine_create *what,
			     struct now now)
{
	const struct runtime *runtime = e->seams.runtime;
	AUTO_ARENA struct arena a = { 0 };
	Pb__Container *record;
	struct container *c;
	struct err err;

	if (engine_refuses(e, ticket, now))
		return;
	if (e->containers.count >= CONTAINERS_MAX) {
		ANSWER_FAIL(e, ticket, ERR_EXHAUSTED, "this engine holds %d containers at most",
			    CONTAINERS_MAX);
		return;
	}
	record = PB_NEW(&a, container);
	if (!write_record(e, &a, what, record, &err)) {
		answer_fail(e, ticket, &err);
		return;
	}
	c = container_new(e, record);
	container_name(e, c, record->name);
	keep_files(c, what);
	container_step(e, c, STEP_MAKING);
	c->starter = ticket;
	c->awaiting = 2;
	c->warning = discard_io_weight(e, c->record->host_config);
	make_volumes(e, c);
	look_for_sources(e, c);
	container_save(e, c);
	(void)call_when_safe(e, part_made, c->record->id, 0);
	runtime->make(runtime->self, call_new(e, part_made, c->record->id, 0)->ticket,
		      c->record->id, (const char *const *)c->record->layers, c->record->n_layers);
}

/* --- rename --- */

static void renamed(struct engine *e, struct call *call, const struct input *in)
{
	if (e->has_journal_fault)
		answer_fail(e, call->asker, &e->journal_fault);
	else
		answer_done(e, call->asker);
}

static bool check_rename(struct engine *e, const struct container *c, const char *name,
			 struct err *err)
{
	if (!name[0])
		return fail(err, ERR_INVALID, "Neither old nor new names may be empty");
	if (strcmp(c->record->name, name) == 0)
		return fail(err, ERR_INVALID,
			    "Renaming a container with the same name as its current name");
	if (!container_name_check(name, err))
		return while_doing(err, "Error when allocating new name");
	if (!name_is_free(e, name, err))
		return while_doing(err, "Error when allocating new name");
	return true;
}

void engine_container_rename(struct engine *e, uint64_t ticket, const char *ref, const char *name,
			     struct now now)
{
	struct container *c = container_for(e, ticket, ref, now);
	AUTO_FREE char *old = NULL;
	struct err err;

	if (!c)
		return;
	if (name[0] == '/')
		name++;
	if (!check_rename(e, c, name, &err)) {
		answer_fail(e, ticket, &err);
		return;
	}
	old = xasprintf("/%s", c->record->name);
	container_name(e, c, name);
	container_save(e, c);
	event_container_with(e, c, "rename", "oldName", old, NULL);
	(void)call_when_safe(e, renamed, c->record->id, ticket);
}
