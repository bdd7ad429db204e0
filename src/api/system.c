/* The daemon itself: ping, version, info, and what clients must find although there is nothing. */
#include "api/call.h"
#include "api/cluster.h"
#include "api/engine_routes.h"
#include "api/route.h"
#include "base/mem.h"
#include "docker/tables.h"
#include "engine/engine.h"
#include "node/membership.h"
#include "node/node.h"

/* ---- ping ---- */

static const char *swarm_header(const struct node *n)
{
	switch (node_swarm_state(n)) {
	case SWARM_ACTIVE:
		return node_is_manager(n) ? "active/manager" : "active/worker";
	default:
		return swarm_state_name(node_swarm_state(n));
	}
}

void ping(struct call *c)
{
	const struct stream *s = c->api->config.stream;
	struct stream_header headers[CALL_HEADERS_MAX];
	size_t count = call_headers(c, headers, "text/plain; charset=utf-8");

	headers[count++] = (struct stream_header){ "Builder-Version", "1" };
	headers[count++] =
		(struct stream_header){ "Cache-Control", "no-cache, no-store, must-revalidate" };
	headers[count++] = (struct stream_header){ "Pragma", "no-cache" };
	headers[count++] = (struct stream_header){ "Swarm", swarm_header(c->api->config.node) };
	s->reply(s->self, c->exchange, 200, headers, count,
		 strcmp(c->method, "HEAD") == 0 ? STR("") : STR("OK"));
	c->is_done = true;
}

/* ---- version ---- */

static void write_program(struct json *j, const struct api_program *p)
{
	if (!p->version || !p->version[0])
		return;
	json_open_object(j, NULL);
	json_text(j, "Name", p->name);
	json_text(j, "Version", p->version);
	json_open_object(j, "Details");
	json_text(j, "GitCommit", p->commit);
	json_close(j);
	json_close(j);
}

static void write_details(struct json *j, struct call *c, const struct api_host *h)
{
	json_open_object(j, "Details");
	json_text(j, "ApiVersion", arena_printf(&c->arena, "1.%d", API_MINOR));
	json_text(j, "Arch", h->arch);
	json_text(j, "BuildTime", h->built_at);
	json_text(j, "Experimental", "false");
	json_text(j, "GitCommit", h->commit);
	json_text(j, "GoVersion", "");
	json_text(j, "KernelVersion", h->kernel);
	json_text(j, "MinAPIVersion", arena_printf(&c->arena, "1.%d", API_MIN_MINOR));
	json_text(j, "Os", "linux");
	json_close(j);
}

void system_version(struct call *c)
{
	const struct api_host *h = c->api->config.host;
	AUTO_BUF struct buf out;
	struct json j = call_json(c, &out);

	json_open_object(&j, NULL);
	json_open_object(&j, "Platform");
	json_text(&j, "Name", "shoal");
	json_close(&j);
	json_open_list(&j, "Components");
	json_open_object(&j, NULL);
	json_text(&j, "Name", "Engine");
	json_text(&j, "Version", h->version);
	write_details(&j, c, h);
	json_close(&j);
	write_program(&j, &h->shim);
	write_program(&j, &h->runtime);
	write_program(&j, &h->init);
	json_close(&j);
	json_text(&j, "Version", h->version);
	json_text(&j, "ApiVersion", arena_printf(&c->arena, "1.%d", API_MINOR));
	json_text(&j, "MinAPIVersion", arena_printf(&c->arena, "1.%d", API_MIN_MINOR));
	json_text(&j, "GitCommit", h->commit);
	json_text(&j, "GoVersion", "");
	json_text(&j, "Os", "linux");
	json_text(&j, "Arch", h->arch);
	json_text(&j, "KernelVersion", h->kernel);
	json_text(&j, "BuildTime", h->built_at);
	json_close(&j);
	call_reply_json(c, 200, &out);
}

/* ---- info ---- */

static void write_containers(struct json *j, const struct engine *e)
{
	size_t all = 0, running = 0, paused = 0, images = 0;

	for (const Pb__Container *c = e ? engine_container_first(e) : NULL; c;
	     c = engine_container_next(e, c)) {
		all++;
		running += c->state == PB__CONTAINER__STATE__RUNNING ||
			   c->state == PB__CONTAINER__STATE__RESTARTING;
		paused += c->state == PB__CONTAINER__STATE__PAUSED;
	}
	for (const Pb__LocalImage *i = e ? engine_image_first(e) : NULL; i;
	     i = engine_image_next(e, i))
		images++;
	json_uint(j, "Containers", all);
	json_uint(j, "ContainersRunning", running);
	json_uint(j, "ContainersPaused", paused);
	json_uint(j, "ContainersStopped", all - running - paused);
	json_uint(j, "Images", images);
}

static void write_plugins(struct json *j)
{
	static const char *const volume[] = { "local" },
				 *const network[] = { "bridge", "host", "null" },
				 *const log[] = { "json-file", "none" };

	json_open_object(j, "Plugins");
	json_strings(j, "Volume", volume, 1);
	json_strings(j, "Network", network, 3);
	json_none(j, "Authorization");
	json_strings(j, "Log", log, 2);
	json_close(j);
}

static void write_mirrors(struct json *j, const struct api_host *h)
{
	json_open_list(j, "Mirrors");
	for (size_t i = 0; i < h->mirror_count; i++) {
		AUTO_FREE char *url =
			xasprintf("%s%s", h->mirrors[i],
				  h->mirrors[i][strlen(h->mirrors[i]) - 1] == '/' ? "" : "/");

		json_text(j, NULL, url);
	}
	json_close(j);
}

static void write_registries(struct json *j, const struct api_host *h, int minor)
{
	json_open_object(j, "RegistryConfig");
	if (minor < 47) {
		json_strings(j, "AllowNondistributableArtifactsCIDRs", NULL, 0);
		json_strings(j, "AllowNondistributableArtifactsHostnames", NULL, 0);
	}
	json_open_list(j, "InsecureRegistryCIDRs");
	for (size_t i = 0; i < h->insecure_registry_count; i++)
		if (strchr(h->insecure_registries[i], '/'))
			json_text(j, NULL, h->insecure_registries[i]);
	json_text(j, NULL, "127.0.0.0/8");
	json_close(j);
	json_open_object(j, "IndexConfigs");
	json_open_object(j, "docker.io");
	json_text(j, "Name", "docker.io");
	write_mirrors(j, h);
	json_bool(j, "Secure", true);
	json_bool(j, "Official", true);
	json_close(j);
	for (size_t i = 0; i < h->insecure_registry_count; i++) {
		if (strchr(h->insecure_registries[i], '/'))
			continue;
		json_open_object(j, h->insecure_registries[i]);
		json_text(j, "Name", h->insecure_registries[i]);
		json_open_list(j, "Mirrors");
		json_close(j);
		json_bool(j, "Secure", false);
		json_bool(j, "Official", false);
		json_close(j);
	}
	json_close(j);
	write_mirrors(j, h);
	json_close(j);
}

/* "host" of "host:port". */
static const char *host_of(struct call *c, const char *addr)
{
	const char *colon = strrchr(addr, ':');

	return colon ? arena_str(&c->arena, str_bytes(addr, (size_t)(colon - addr))) : addr;
}

/* Who the managers are, from the list of nodes that a manager has. */
static void write_remote_managers(struct json *j, const Pb__ListNodesResponse *nodes)
{
	size_t managers = 0;

	json_open_list(j, "RemoteManagers");
	for (size_t i = 0; i < nodes->n_nodes; i++) {
		const Pb__ManagerStatus *status = nodes->nodes[i]->manager_status;

		managers += nodes->nodes[i]->spec->desired_role == PB__NODE_ROLE__MANAGER;
		if (!status)
			continue;
		json_open_object(j, NULL);
		json_text(j, "NodeID", nodes->nodes[i]->id);
		json_text(j, "Addr", status->addr);
		json_close(j);
	}
	json_close(j);
	json_uint(j, "Nodes", nodes->n_nodes);
	json_uint(j, "Managers", managers);
}

/* A worker knows whom it may turn to, and no more. */
static void write_known_managers(struct json *j, const struct node *n)
{
	Pb__Peer *const *managers;
	size_t count = node_managers(n, &managers);

	if (count == 0) {
		json_none(j, "RemoteManagers");
		return;
	}
	json_open_list(j, "RemoteManagers");
	for (size_t i = 0; i < count; i++) {
		json_open_object(j, NULL);
		json_text(j, "NodeID", managers[i]->node_id);
		json_text(j, "Addr", managers[i]->addr);
		json_close(j);
	}
	json_close(j);
}

static void write_swarm(struct json *j, struct call *c)
{
	struct node *n = c->api->config.node;
	const struct view *v = node_view(n);
	const Pb__Cluster *cluster = v ? view_cluster(v) : NULL;
	bool is_in_control = node_swarm_state(n) == SWARM_ACTIVE && cluster;
	const char *advertise = node_advertise_addr(n);
	const Pb__ListNodesResponse *nodes = NULL;
	struct err e;

	if (is_in_control)
		nodes = node_ask(n, "/docker.swarmkit.v1.Control/ListNodes",
				 PB_NEW(&c->arena, list_nodes_request), &c->arena, &e);
	json_open_object(j, "Swarm");
	json_text(j, "NodeID", node_id(n));
	json_text(j, "NodeAddr", host_of(c, advertise ? advertise : ""));
	json_text(j, "LocalNodeState", swarm_state_name(node_swarm_state(n)));
	json_bool(j, "ControlAvailable", is_in_control);
	json_text(j, "Error", node_swarm_error(n));
	if (nodes)
		write_remote_managers(j, nodes);
	else
		write_known_managers(j, n);
	if (is_in_control) {
		json_open_object(j, "Cluster");
		cluster_write_members(j, cluster, c->minor, false);
		json_close(j);
	}
	json_close(j);
}

/* Clients that follow the events. */
static size_t listeners(const struct api *api)
{
	const struct call *c;
	size_t count = 0;

	tree_each (&api->calls, struct call, by_exchange, c)
		count += c->route && c->route->handle == system_events && c->is_open;
	return count;
}

static void write_host(struct json *j, struct call *c, const struct api_host *h,
		       const struct api_moment *moment)
{
	static const struct dialect_field time_fields[] = {
		{ "SystemTime", "created_ns", DIALECT_TIME_NS },
		{ NULL },
	};
	static const struct dialect time = { &pb__local_volume__descriptor, time_fields };
	Pb__LocalVolume *clock = PB_NEW(&c->arena, local_volume);

	clock->created_ns = c->now.wall_ns;
	json_bool(j, "Debug", h->is_debug);
	json_int(j, "NFd", moment->open_files);
	json_bool(j, "OomKillDisable", h->abilities.oom_kill_disable);
	json_int(j, "NGoroutines", 0); /* there are none: one thread does it all */
	dialect_write_members(j, &time, clock, c->minor);
	json_text(j, "LoggingDriver", h->log_driver);
	json_text(j, "CgroupDriver", h->cgroup_driver);
	json_text(j, "CgroupVersion", h->cgroup_version == 2 ? "2" : "1");
	json_uint(j, "NEventsListener", listeners(c->api));
	json_text(j, "KernelVersion", h->kernel);
	json_text(j, "OperatingSystem", h->os_name);
	json_text(j, "OSVersion", h->os_version);
	json_text(j, "OSType", "linux");
	json_text(j, "Architecture", h->machine);
	json_text(j, "IndexServerAddress", "https://index.docker.io/v1/");
	write_registries(j, h, c->minor);
	json_int(j, "NCPU", h->cpus);
	json_int(j, "MemTotal", h->memory_bytes);
	json_none(j, "GenericResources");
	json_text(j, "DockerRootDir", h->data_root);
	json_text(j, "HttpProxy", "");
	json_text(j, "HttpsProxy", "");
	json_text(j, "NoProxy", "");
	json_text(j, "Name", h->hostname);
	json_strings(j, "Labels", h->labels, h->label_count);
	json_bool(j, "ExperimentalBuild", false);
	json_text(j, "ServerVersion", h->version);
}

static void write_runtimes(struct json *j, const struct api_host *h)
{
	json_open_object(j, "Runtimes");
	for (size_t i = 0; i < h->runtime_count; i++) {
		json_open_object(j, h->runtimes[i]);
		json_text(j, "path", h->runtimes[i]);
		json_close(j);
	}
	json_close(j);
	json_text(j, "DefaultRuntime", h->default_runtime);
}

/* Who fills the place: "crun 1.8.1". */
static void write_commit(struct json *j, struct call *c, const char *key,
			 const struct api_program *p)
{
	const char *text = p->version && p->version[0]
				   ? arena_printf(&c->arena, "%s %s", p->name, p->version)
				   : "";

	json_open_object(j, key);
	json_text(j, "ID", text);
	json_text(j, "Expected", text);
	json_close(j);
}

static void write_driver(struct json *j, const struct api_host *h)
{
	const char *const facts[][2] = {
		{ "Backing Filesystem", h->backing_filesystem },
		{ "Supports d_type", "true" },
		{ "Native Overlay Diff", "true" },
		{ "userxattr", "false" },
	};

	json_text(j, "Driver", "overlay2");
	json_open_list(j, "DriverStatus");
	for (size_t i = 0; i < ARRAY_LEN(facts); i++)
		json_strings(j, NULL, facts[i], 2);
	json_close(j);
}

/* Before 1.25 an option was a word. */
static void write_security(struct json *j, struct call *c, const struct api_host *h)
{
	json_open_list(j, "SecurityOptions");
	json_text(j, NULL, c->minor >= 25 ? "name=seccomp,profile=builtin" : "seccomp");
	if (h->cgroup_version == 2 && c->minor >= 25)
		json_text(j, NULL, "name=cgroupns");
	if (h->no_new_privileges)
		json_text(j, NULL, c->minor >= 25 ? "name=no-new-privileges" : "no-new-privileges");
	json_close(j);
}

static void write_pools(struct json *j, const struct api_host *h)
{
	if (!h->address_pool_count)
		return;
	json_open_list(j, "DefaultAddressPools");
	for (size_t i = 0; i < h->address_pool_count; i++) {
		json_open_object(j, NULL);
		json_text(j, "Base", h->address_pools[2 * i]);
		json_int(j, "Size", atoi(h->address_pools[2 * i + 1]));
		json_close(j);
	}
	json_close(j);
}

static void write_abilities(struct json *j, const struct api_abilities *a,
			    const struct api_moment *moment)
{
	json_bool(j, "MemoryLimit", a->memory);
	json_bool(j, "SwapLimit", a->swap);
	json_bool(j, "CpuCfsPeriod", a->cpu_period);
	json_bool(j, "CpuCfsQuota", a->cpu_quota);
	json_bool(j, "CPUShares", a->cpu_shares);
	json_bool(j, "CPUSet", a->cpuset);
	json_bool(j, "PidsLimit", a->pids);
	json_bool(j, "IPv4Forwarding", moment->forwards_ipv4);
	json_bool(j, "BridgeNfIptables", false);
	json_bool(j, "BridgeNfIp6tables", false);
}

static void write_warnings(struct json *j, const struct api_host *h,
			   const struct api_moment *moment)
{
	if (h->warning_count == 0 && moment->forwards_ipv4) {
		json_none(j, "Warnings");
		return;
	}
	json_open_list(j, "Warnings");
	for (size_t i = 0; i < h->warning_count; i++)
		json_text(j, NULL, h->warnings[i]);
	if (!moment->forwards_ipv4)
		json_text(j, NULL, "WARNING: IPv4 forwarding is disabled");
	json_close(j);
}

void system_info(struct call *c)
{
	struct api_moment moment = { .forwards_ipv4 = true };
	const struct api_host *h = c->api->config.host;
	AUTO_BUF struct buf out;
	struct json j = call_json(c, &out);

	if (h->look)
		h->look(&moment);
	json_open_object(&j, NULL);
	json_text(&j, "ID", h->id);
	write_containers(&j, c->api->config.engine);
	write_driver(&j, h);
	write_plugins(&j);
	write_abilities(&j, &h->abilities, &moment);
	write_host(&j, c, h, &moment);
	write_runtimes(&j, h);
	write_swarm(&j, c);
	json_bool(&j, "LiveRestoreEnabled", false);
	json_text(&j, "Isolation", "");
	json_text(&j, "InitBinary", h->init_binary);
	write_commit(&j, c, "ContainerdCommit", &h->shim);
	write_commit(&j, c, "RuncCommit", &h->runtime);
	write_commit(&j, c, "InitCommit", &h->init);
	write_security(&j, c, h);
	write_pools(&j, h);
	if (c->minor >= 44)
		json_strings(&j, "CDISpecDirs", NULL, 0);
	write_warnings(&j, h, &moment);
	json_close(&j);
	call_reply_json(c, 200, &out);
}

/* ---- what clients ask for, and go on when it is not there ---- */

void plugins_list(struct call *c)
{
	AUTO_BUF struct buf out;
	struct json j = call_json(c, &out);

	json_open_list(&j, NULL);
	json_close(&j);
	call_reply_json(c, 200, &out);
}

void plugin_inspect(struct call *c)
{
	call_refuse(c, ERR_NOT_FOUND, "plugin \"%s\" not found", c->params[0]);
}

void build_prune(struct call *c)
{
	AUTO_BUF struct buf out;
	struct json j = call_json(c, &out);

	json_open_object(&j, NULL);
	json_none(&j, "CachesDeleted");
	json_int(&j, "SpaceReclaimed", 0);
	json_close(&j);
	call_reply_json(c, 200, &out);
}
