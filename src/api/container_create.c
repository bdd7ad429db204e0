/* Containers are made: what is asked for, as the client's version of the API means it.
 *
 * The tables pass over keys that are newer than the client. Here is what else a version changes: what
 * an older client's silence means, and what it may not ask for. */
#include "api/engine_routes.h"
#include "api/outcome.h"
#include "docker/tables.h"

/* ---- mounts ---- */

static const char *const mount_words[] = { "bind", "volume", "tmpfs", "npipe", "cluster" };

/* Options of another type of mount were passed over until 1.42, and are refused since. */
static bool options_fit(Pb__Mount *m, int minor, struct err *e)
{
	struct {
		const char *name;
		Pb__Mount__Type type;
		void **options;
	} kinds[] = {
		{ "VolumeOptions", PB__MOUNT__TYPE__VOLUME, (void **)&m->volume_options },
		{ "BindOptions", PB__MOUNT__TYPE__BIND, (void **)&m->bind_options },
		{ "TmpfsOptions", PB__MOUNT__TYPE__TMPFS, (void **)&m->tmpfs_options },
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (!*kinds[i].options || m->type == kinds[i].type)
			continue;
		if (minor >= 42)
			return fail(e, ERR_INVALID, "%s must not be specified on mount type \"%s\"",
				    kinds[i].name, mount_words[m->type]);
		*kinds[i].options = NULL;
	}
	return true;
}

static bool mount_fits(Pb__Mount *m, int minor, struct err *e)
{
	if (!options_fit(m, minor, e))
		return false;
	if (minor < 44 && m->bind_options && m->bind_options->readonlyforcerecursive)
		return fail(e, ERR_INVALID,
			    "BindOptions.ReadOnlyForceRecursive needs API v1.44 or newer");
	if (minor < 45 && m->volume_options && m->volume_options->subpath[0])
		return fail(e, ERR_INVALID, "VolumeOptions.Subpath needs API v1.45 or newer");
	return true;
}

/* ---- endpoints ---- */

/* Before 1.44 there was one, and its address was the container's. */
static bool endpoints_fit(struct arena *a, Pb__Container *k, struct err *e)
{
	const char *names = "", *mode = k->host_config->network_mode;

	for (size_t i = 0; i < k->n_endpoints; i++) {
		names = arena_printf(a, "%s%s%s", names, i ? ", " : "", k->endpoints[i]->network);
		k->endpoints[i]->mac_address = "";
	}
	if (k->n_endpoints > 1)
		return fail(e, ERR_INVALID,
			    "Container cannot be created with multiple network endpoints: %s",
			    names);
	if (k->config->mac_address[0] && (strcmp(mode, "host") == 0 || strcmp(mode, "none") == 0 ||
					  str_starts_with(str_of(mode), "container:")))
		return fail(e, ERR_INVALID,
			    "conflicting options: mac-address and the network mode");
	return true;
}

static const Pb__EndpointSettings *main_endpoint(const Pb__Container *k)
{
	const char *mode = k->host_config->network_mode;

	for (size_t i = 0; i < k->n_endpoints; i++) {
		const char *name = k->endpoints[i]->network;

		if (strcmp(name, mode[0] ? mode : "default") == 0 ||
		    (strcmp(name, "bridge") == 0 && (!mode[0] || strcmp(mode, "default") == 0)))
			return k->endpoints[i];
	}
	return NULL;
}

/* Since 1.44 the container's address is old, but good where it contradicts nothing. */
static bool address_fits(const Pb__Container *k, struct err *e)
{
	const Pb__EndpointSettings *s = main_endpoint(k);
	const char *wide = k->config->mac_address;

	if (wide[0] && s && s->mac_address[0] && strcasecmp(s->mac_address, wide) != 0)
		return fail(e, ERR_INVALID,
			    "the container-wide MAC address must match the endpoint-specific MAC "
			    "address for the main network, or be left empty");
	return true;
}

/* ---- all of it ---- */

static bool adapt(struct call *c, Pb__Container *k, struct err *e)
{
	if (!k->host_config)
		k->host_config = PB_NEW(&c->arena, host_config);
	for (size_t i = 0; i < k->host_config->n_mounts; i++)
		if (!mount_fits(k->host_config->mounts[i], c->minor, e))
			return false;
	if (c->minor < 40 && !k->host_config->ipc_mode[0])
		k->host_config->ipc_mode = "shareable";
	return c->minor < 44 ? endpoints_fit(&c->arena, k, e) : address_fits(k, e);
}

static void created(struct call *c, const struct engine_answer *a)
{
	const Pb__Container *asked = c->state;
	AUTO_BUF struct buf out;
	struct json j = call_json(c, &out);

	if (outcome_is_failure(c, a) || !a->is_last)
		return;
	json_open_object(&j, NULL);
	json_text(&j, "Id", a->id);
	json_open_list(&j, "Warnings");
	for (size_t i = 0; i < a->warning_count; i++)
		json_text(&j, NULL, a->warnings[i]);
	if (c->minor >= 44 && asked->config->mac_address[0])
		json_text(&j, NULL,
			  "The container-wide MacAddress field is now deprecated. It should be "
			  "specified in EndpointsConfig instead.");
	json_close(&j);
	json_close(&j);
	call_reply_json(c, 201, &out);
}

void container_create(struct call *c)
{
	struct engine_create what = { 0 };
	Pb__Container *body;
	struct err e;

	if (c->body.len == 0) {
		call_refuse(c, ERR_INVALID, "invalid JSON: got EOF while reading request body");
		return;
	}
	body = call_body(c, &dialect_container_create);
	if (!body)
		return;
	if (!adapt(c, body, &e)) {
		call_fail(c, &e);
		return;
	}
	what.name = call_query(c, "name");
	what.platform = c->minor >= 41 ? call_query(c, "platform") : "";
	what.config = body->config;
	what.host_config = body->host_config;
	what.endpoints = body->endpoints;
	what.endpoint_count = body->n_endpoints;
	c->state = body;
	engine_container_create(engine_of(c), call_engine(c, created), &what, c->now);
}
