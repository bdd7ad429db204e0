#include "daemon/description.h"

#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/mem.h"
#include "daemon/config.h"
#include "pb/map.h"

/* "name=3" is three of them, "name=value" is one with a name. */
static Pb__GenericResource *describe_generic(struct arena *a, struct str text)
{
	Pb__GenericResource *r = PB_NEW(a, generic_resource);
	struct str kind, value;
	uint64_t count;

	if (!str_cut(text, '=', &kind, &value))
		value = STR("1");
	if (str_to_u64(value, &count) && count <= INT64_MAX) {
		r->resource_case = PB__GENERIC_RESOURCE__RESOURCE_DISCRETE_RESOURCE_SPEC;
		r->discrete_resource_spec = PB_NEW(a, discrete_generic_resource);
		r->discrete_resource_spec->kind = arena_str(a, kind);
		r->discrete_resource_spec->value = (int64_t)count;
	} else {
		r->resource_case = PB__GENERIC_RESOURCE__RESOURCE_NAMED_RESOURCE_SPEC;
		r->named_resource_spec = PB_NEW(a, named_generic_resource);
		r->named_resource_spec->kind = arena_str(a, kind);
		r->named_resource_spec->value = arena_str(a, value);
	}
	return r;
}

static Pb__Resources *describe_resources(struct arena *a, const struct config *c)
{
	Pb__Resources *r = PB_NEW(a, resources);

	r->nano_cpus = sysconf(_SC_NPROCESSORS_ONLN) * INT64_C(1000000000);
	r->memory_bytes = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
	r->generic = arena_alloc(a, c->node_generic_resources.count * sizeof(*r->generic));
	r->n_generic = c->node_generic_resources.count;
	for (size_t i = 0; i < r->n_generic; i++)
		r->generic[i] = describe_generic(a, str_of(c->node_generic_resources.items[i]));
	return r;
}

/* What the scheduler may count on here. No overlay: tasks that need one go elsewhere. */
static const struct {
	const char *type, *name;
} plugins[] = {
	{ "Log", "json-file" }, { "Log", "none" },     { "Network", "bridge" },
	{ "Network", "host" },  { "Network", "null" }, { "Volume", "local" },
};

static Pb__EngineDescription *describe_engine(struct arena *a, const struct config *c)
{
	Pb__EngineDescription *d = PB_NEW(a, engine_description);

	d->engine_version = SHOAL_VERSION;
	d->plugins = arena_alloc(a, ARRAY_LEN(plugins) * sizeof(*d->plugins));
	for (size_t i = 0; i < ARRAY_LEN(plugins); i++) {
		Pb__PluginDescription *plugin = PB_NEW(a, plugin_description);

		plugin->type = (char *)plugins[i].type;
		plugin->name = (char *)plugins[i].name;
		d->plugins[d->n_plugins++] = plugin;
	}
	for (size_t i = 0; i < c->labels.count; i++) {
		struct str key, value;

		if (str_cut(str_of(c->labels.items[i]), '=', &key, &value))
			PB_MAP_SET(a, d, labels, arena_str(a, key), arena_str(a, value));
	}
	return d;
}

Pb__NodeDescription *describe_host(struct arena *a, const struct config *c)
{
	Pb__NodeDescription *d = PB_NEW(a, node_description);
	struct utsname host;

	if (uname(&host) != 0)
		abort();
	d->hostname = arena_strdup(a, host.nodename);
	d->platform = PB_NEW(a, platform);
	d->platform->architecture = arena_strdup(a, host.machine);
	d->platform->os = "linux";
	d->resources = describe_resources(a, c);
	d->engine = describe_engine(a, c);
	return d;
}
