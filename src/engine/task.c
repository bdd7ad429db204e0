#include "engine/task.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/expand.h"
#include "engine/port.h"
#include "pb/map.h"

#define FILES_MAX 1024

const char *task_container_name(struct arena *a, const Pb__Task *t)
{
	if (t->annotations->name[0])
		return arena_strdup(a, t->annotations->name);
	if (t->slot != 0)
		return arena_printf(a, "%s.%llu.%s", t->service_annotations->name,
				    (unsigned long long)t->slot, t->id);
	return arena_printf(a, "%s.%s.%s", t->service_annotations->name, t->node_id, t->id);
}

static void copy_list(struct arena *a, char ***to, size_t *to_count, char *const *from,
		      size_t count)
{
	*to = arena_alloc(a, (count + 1) * sizeof(**to));
	for (size_t i = 0; i < count; i++)
		(*to)[i] = arena_strdup(a, from[i]);
	*to_count = count;
}

static void fill_labels(struct arena *a, const Pb__Task *t, const char *name,
			Pb__ContainerConfig *config)
{
	const Pb__ContainerSpec *spec = t->spec->container;

	for (size_t i = 0; i < spec->n_labels; i++)
		PB_MAP_SET(a, config, labels, spec->labels[i]->key, spec->labels[i]->value);
	PB_MAP_SET(a, config, labels, "com.docker.swarm.task", "");
	PB_MAP_SET(a, config, labels, "com.docker.swarm.task.id", t->id);
	PB_MAP_SET(a, config, labels, "com.docker.swarm.task.name", name);
	PB_MAP_SET(a, config, labels, "com.docker.swarm.node.id", t->node_id);
	PB_MAP_SET(a, config, labels, "com.docker.swarm.service.id", t->service_id);
	PB_MAP_SET(a, config, labels, "com.docker.swarm.service.name",
		   t->service_annotations->name);
}

/* DOCKER_RESOURCE_GPU=a,b or =3: what the scheduler gave. */
static void add_generic_resources(struct arena *a, const Pb__Task *t, Pb__ContainerConfig *config)
{
	for (size_t i = 0; i < t->n_assigned_generic_resources; i++) {
		const Pb__GenericResource *r = t->assigned_generic_resources[i];
		bool is_named =
			r->resource_case == PB__GENERIC_RESOURCE__RESOURCE_NAMED_RESOURCE_SPEC;
		char *entry;

		if (!is_named &&
		    r->resource_case != PB__GENERIC_RESOURCE__RESOURCE_DISCRETE_RESOURCE_SPEC)
			continue;
		entry = is_named ? arena_printf(a, "DOCKER_RESOURCE_%s=%s",
						r->named_resource_spec->kind,
						r->named_resource_spec->value)
				 : arena_printf(a, "DOCKER_RESOURCE_%s=%lld",
						r->discrete_resource_spec->kind,
						(long long)r->discrete_resource_spec->value);
		for (char *c = entry; *c && *c != '='; c++)
			*c = (char)toupper((unsigned char)*c);
		PB_APPEND(a, config, env, entry);
	}
}

static Pb__ContainerConfig *make_config(struct arena *a, const Pb__Task *t, const char *name)
{
	const Pb__ContainerSpec *spec = t->spec->container;
	Pb__ContainerConfig *config = PB_NEW(a, container_config);

	config->image = arena_strdup(a, spec->image);
	copy_list(a, &config->entrypoint, &config->n_entrypoint, spec->command, spec->n_command);
	copy_list(a, &config->cmd, &config->n_cmd, spec->args, spec->n_args);
	copy_list(a, &config->env, &config->n_env, spec->env, spec->n_env);
	add_generic_resources(a, t, config);
	config->working_dir = arena_strdup(a, spec->dir);
	config->user = arena_strdup(a, spec->user);
	config->hostname = arena_strdup(a, spec->hostname);
	config->tty = spec->tty;
	config->open_stdin = spec->open_stdin;
	config->stop_signal = arena_strdup(a, spec->stop_signal);
	config->healthcheck = pb_dup(a, spec->healthcheck);
	if (spec->stop_grace_period) {
		config->stop_timeout = PB_NEW(a, int64_value);
		config->stop_timeout->value =
			spec->stop_grace_period->seconds + (spec->stop_grace_period->nanos > 0);
	}
	fill_labels(a, t, name, config);
	return config;
}

static void fill_resources(struct arena *a, const Pb__Task *t, Pb__HostConfig *host)
{
	const Pb__ContainerSpec *spec = t->spec->container;
	const Pb__Resources *limits = t->spec->resources ? t->spec->resources->limits : NULL;

	if (limits) {
		host->memory = limits->memory_bytes;
		host->nano_cpus = limits->nano_cpus;
	}
	if (spec->pids_limit > 0) {
		host->pids_limit = PB_NEW(a, int64_value);
		host->pids_limit->value = spec->pids_limit;
	}
	for (size_t i = 0; i < spec->n_ulimits; i++) {
		Pb__Ulimit *u = PB_NEW(a, ulimit);

		u->name = arena_strdup(a, spec->ulimits[i]->name);
		u->soft = spec->ulimits[i]->soft;
		u->hard = spec->ulimits[i]->hard;
		PB_APPEND(a, host, ulimits, u);
	}
}

/* "10.0.0.1 name alias": each name of the line. */
static void fill_hosts(struct arena *a, const Pb__ContainerSpec *spec, Pb__HostConfig *host)
{
	for (size_t i = 0; i < spec->n_hosts; i++) {
		struct str address, rest, name;
		bool more = str_cut(str_trim(str_of(spec->hosts[i])), ' ', &address, &rest);

		while (more) {
			more = str_cut(str_trim(rest), ' ', &name, &rest);
			if (name.len > 0)
				PB_APPEND(a, host, extra_hosts,
					  arena_printf(a, "%.*s:%.*s", STR_FMT(name),
						       STR_FMT(address)));
		}
	}
}

static void fill_dns(struct arena *a, const Pb__ContainerSpec *spec, Pb__HostConfig *host)
{
	const Pb__ContainerSpec__DNSConfig *dns = spec->dns_config;

	if (!dns)
		return;
	copy_list(a, &host->dns, &host->n_dns, dns->nameservers, dns->n_nameservers);
	copy_list(a, &host->dns_search, &host->n_dns_search, dns->search, dns->n_search);
	copy_list(a, &host->dns_options, &host->n_dns_options, dns->options, dns->n_options);
}

static void fill_security(struct arena *a, const Pb__ContainerSpec *spec, Pb__HostConfig *host)
{
	const Pb__Privileges *p = spec->privileges;

	copy_list(a, &host->cap_add, &host->n_cap_add, spec->capability_add,
		  spec->n_capability_add);
	copy_list(a, &host->cap_drop, &host->n_cap_drop, spec->capability_drop,
		  spec->n_capability_drop);
	if (p && p->no_new_privileges)
		PB_APPEND(a, host, security_opt, "no-new-privileges=true");
	if (p && p->seccomp &&
	    p->seccomp->mode == PB__PRIVILEGES__SECCOMP_OPTS__SECCOMP_MODE__UNCONFINED)
		PB_APPEND(a, host, security_opt, "seccomp=unconfined");
}

static void fill_ports(struct arena *a, const Pb__Task *t, Pb__HostConfig *host,
		       Pb__ContainerConfig *config)
{
	for (size_t i = 0; t->endpoint && i < t->endpoint->n_ports; i++) {
		const Pb__PortConfig *p = t->endpoint->ports[i];
		Pb__PortBinding *b;

		if (p->publish_mode != PB__PORT_CONFIG__PUBLISH_MODE__HOST)
			continue;
		b = PB_NEW(a, port_binding);
		b->port = arena_printf(a, "%u/%s", p->target_port,
				       port_proto_name((enum net_proto)p->protocol));
		b->host_port = p->published_port ? arena_printf(a, "%u", p->published_port) : "";
		PB_APPEND(a, host, port_bindings, b);
		PB_APPEND(a, config, exposed_ports, b->port);
	}
}

static bool fill_networks(struct arena *a, const Pb__Task *t, struct engine_create *order,
			  Pb__HostConfig *host, struct err *err)
{
	Pb__EndpointSettings **endpoints = arena_alloc(a, (t->n_networks + 1) * sizeof(*endpoints));

	for (size_t i = 0; i < t->n_networks; i++) {
		const Pb__NetworkAttachment *n = t->networks[i];
		const char *predefined = n->network
						 ? PB_MAP_GET(n->network->spec->annotations, labels,
							      "com.docker.swarm.predefined")
						 : NULL;
		Pb__EndpointSettings *s;

		if (n->network && n->network->spec->ingress)
			continue;
		if (!n->network || !predefined || strcmp(predefined, "true") != 0)
			return fail(err, ERR_UNSUPPORTED,
				    "network %s: overlay networks are not supported; use a network "
				    "of the node",
				    n->network ? n->network->spec->annotations->name : "");
		s = PB_NEW(a, endpoint_settings);
		s->network = arena_strdup(a, n->network->spec->annotations->name);
		copy_list(a, &s->aliases, &s->n_aliases, n->aliases, n->n_aliases);
		endpoints[order->endpoint_count++] = s;
	}
	order->endpoints = endpoints;
	host->network_mode = order->endpoint_count ? endpoints[0]->network : "";
	return true;
}

static void fill_log(struct arena *a, const Pb__Task *t, Pb__HostConfig *host)
{
	const Pb__Driver *driver = t->log_driver ? t->log_driver : t->spec->log_driver;

	if (!driver || !driver->name[0])
		return;
	host->log_config->type = arena_strdup(a, driver->name);
	for (size_t i = 0; i < driver->n_options; i++)
		PB_MAP_SET(a, host->log_config, config, driver->options[i]->key,
			   driver->options[i]->value);
}

bool task_order(struct arena *a, const Pb__Task *t, struct engine_create *order, struct err *err)
{
	const Pb__ContainerSpec *spec = t->spec->container;
	Pb__ContainerConfig *config;
	Pb__HostConfig *host;

	*order = (struct engine_create){ .task_id = t->id };
	if (t->spec->runtime_case != PB__TASK_SPEC__RUNTIME_CONTAINER || !spec)
		return fail(err, ERR_UNSUPPORTED, "unsupported runtime");
	if (!spec->image[0])
		return fail(err, ERR_INVALID, "dockerexec: image required");
	order->name = task_container_name(a, t);
	config = make_config(a, t, order->name);
	host = PB_NEW(a, host_config);
	fill_resources(a, t, host);
	fill_hosts(a, spec, host);
	fill_dns(a, spec, host);
	fill_security(a, spec, host);
	fill_ports(a, t, host, config);
	fill_log(a, t, host);
	copy_list(a, &host->group_add, &host->n_group_add, spec->groups, spec->n_groups);
	for (size_t i = 0; i < spec->n_sysctls; i++)
		PB_MAP_SET(a, host, sysctls, spec->sysctls[i]->key, spec->sysctls[i]->value);
	for (size_t i = 0; i < spec->n_mounts; i++)
		PB_APPEND(a, host, mounts, pb_dup(a, spec->mounts[i]));
	host->readonly_rootfs = spec->read_only;
	host->init = pb_dup(a, spec->init);
	host->oom_score_adj = spec->oom_score_adj;
	order->config = config;
	order->host_config = host;
	return fill_networks(a, t, order, host, err);
}

/* --- files --- */

static uint32_t parse_id(const char *text)
{
	uint64_t value;

	return str_to_u64(str_of(text), &value) && value <= UINT32_MAX ? (uint32_t)value : 0;
}

static void add_file(struct arena *a, struct runtime_file *file, const Pb__FileTarget *target,
		     const char *base, struct str data)
{
	bool is_absolute = target->name[0] == '/';

	*file = (struct runtime_file){
		.name = is_absolute ? arena_strdup(a, target->name)
				    : arena_printf(a, "%s%s", base, target->name),
		.data = data,
		.uid = parse_id(target->uid),
		.gid = parse_id(target->gid),
		.mode = target->mode & 0777,
	};
}

bool task_files(struct arena *a, const Pb__Task *t, const struct engine_node *node,
		struct engine_secret_source source, struct engine_create *order, struct err *err)
{
	const Pb__ContainerSpec *spec = t->spec->container;
	struct runtime_file *files =
		arena_alloc(a, (spec->n_secrets + spec->n_configs + 1) * sizeof(*files));
	struct engine_payload payload;
	struct str data;

	if (spec->n_secrets + spec->n_configs > FILES_MAX)
		return fail(err, ERR_INVALID, "more than %d secrets and configs", FILES_MAX);
	for (size_t i = 0; i < spec->n_secrets; i++) {
		const Pb__SecretReference *r = spec->secrets[i];

		if (r->target_case != PB__SECRET_REFERENCE__TARGET_FILE)
			return fail(err, ERR_INVALID, "secret target type is not a file target");
		if (!source.secret || !source.secret(source.self, t->id, r->secret_id, &payload))
			return fail(err, ERR_UNAVAILABLE, "secret %s is not available",
				    r->secret_name);
		if (!expand_payload(a, t, node, source, &payload, &data, err))
			return while_doing(err, "expanding secret %s", r->secret_name);
		add_file(a, &files[order->file_count++], r->file, "/run/secrets/", data);
	}
	for (size_t i = 0; i < spec->n_configs; i++) {
		const Pb__ConfigReference *r = spec->configs[i];

		if (r->target_case != PB__CONFIG_REFERENCE__TARGET_FILE)
			continue;
		if (!source.config || !source.config(source.self, t->id, r->config_id, &payload))
			return fail(err, ERR_UNAVAILABLE, "config %s is not available",
				    r->config_name);
		if (!expand_payload(a, t, node, source, &payload, &data, err))
			return while_doing(err, "expanding config %s", r->config_name);
		add_file(a, &files[order->file_count++], r->file, "/", data);
	}
	order->files = files;
	return true;
}

/* --- ports --- */

Pb__PortConfig **task_ports(struct arena *a, const Pb__Task *t, const Pb__Container *c,
			    size_t *count)
{
	Pb__PortConfig **ports = arena_alloc(a, (c->n_ports + 1) * sizeof(*ports));
	struct port_range range;
	struct port port;
	struct err ignored;

	*count = 0;
	for (size_t i = 0; i < c->n_ports; i++) {
		Pb__PortConfig *p = PB_NEW(a, port_config);

		if (!port_parse(c->ports[i]->port, &port, &ignored) ||
		    !port_range_parse(c->ports[i]->host_port, &range, &ignored))
			continue;
		p->protocol = (Pb__PortConfig__Protocol)port.proto;
		p->target_port = port.number;
		p->published_port = range.first;
		p->publish_mode = PB__PORT_CONFIG__PUBLISH_MODE__HOST;
		for (size_t k = 0; t && t->endpoint && k < t->endpoint->n_ports; k++)
			if (t->endpoint->ports[k]->target_port == p->target_port &&
			    t->endpoint->ports[k]->protocol == p->protocol)
				p->name = arena_strdup(a, t->endpoint->ports[k]->name);
		ports[(*count)++] = p;
	}
	return ports;
}
