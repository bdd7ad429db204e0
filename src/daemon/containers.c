#include "daemon/containers.h"

#include <resolv.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "daemon/config.h"
#include "docker/image_config.h"
#include "host/content/hands.h"
#include "host/file.h"
#include "host/net/net.h"
#include "host/run/runtime.h"

#define DEFAULT_SUBNET  "172.17.0.0/16"
#define DEFAULT_GATEWAY "172.17.0.1"
#define DEFAULT_MTU     1500
#define RUNTIMES_MAX    32

struct container_hands {
	struct runtime_hands *runtime_hands;
	struct net_hands *net_hands;
	struct content_hands *content_hands;
	struct runtime runtime;
	struct net net;
	struct content content;
};

static bool open_runtime(const struct config *c, struct loop *loop, struct endpoints *endpoints,
			 struct container_hands *h, struct err *e)
{
	struct runtime_program programs[RUNTIMES_MAX];
	AUTO_ARENA struct arena a = { 0 };
	struct runtime_hands_config config = {
		.loop = loop,
		.endpoints = endpoints,
		.data_root = c->data_root,
		.exec_root = c->exec_root,
		.default_runtime = c->default_runtime ? c->default_runtime : "",
		.programs = programs,
	};

	for (size_t i = 0; i < c->runtimes.count && i < RUNTIMES_MAX; i++) {
		struct str name, path;

		if (!str_cut(str_of(c->runtimes.items[i]), '=', &name, &path))
			continue;
		programs[config.program_count++] =
			(struct runtime_program){ arena_str(&a, name), arena_str(&a, path) };
	}
	return runtime_hands_new(&config, &h->runtime_hands, e);
}

bool container_hands_open(const struct config *c, struct loop *loop, struct endpoints *endpoints,
			  struct container_hands **hands, struct err *e)
{
	struct container_hands *h = NEW(struct container_hands);
	struct net_hands_config net = { .loop = loop,
					.data_root = c->data_root,
					.exec_root = c->exec_root };
	struct content_hands_config content = {
		.loop = loop,
		.endpoints = endpoints,
		.data_root = c->data_root,
		.registries = {
			.mirrors = c->registry_mirrors.items,
			.mirror_count = c->registry_mirrors.count,
			.insecure = c->insecure_registries.items,
			.insecure_count = c->insecure_registries.count,
		},
	};

	if (!open_runtime(c, loop, endpoints, h, e) || !net_hands_new(&net, &h->net_hands, e)) {
		container_hands_close(h);
		return false;
	}
	h->content_hands = content_hands_new(&content, e);
	if (!h->content_hands) {
		container_hands_close(h);
		return false;
	}
	h->runtime = runtime_hands_seam(h->runtime_hands);
	h->net = net_hands_seam(h->net_hands);
	h->content = content_hands_seam(h->content_hands);
	*hands = h;
	return true;
}

void container_hands_close(struct container_hands *h)
{
	if (!h)
		return;
	if (h->content_hands)
		content_hands_free(h->content_hands);
	if (h->net_hands)
		net_hands_free(h->net_hands);
	if (h->runtime_hands)
		runtime_hands_free(h->runtime_hands);
	free(h);
}

const struct runtime *container_hands_runtime(const struct container_hands *h)
{
	return &h->runtime;
}

const struct net *container_hands_net(const struct container_hands *h)
{
	return &h->net;
}

const struct content *container_hands_content(const struct container_hands *h)
{
	return &h->content;
}

/* What the daemon itself may give: CapBnd of its own status, in hex. */
static uint64_t own_capabilities(void)
{
	AUTO_BUF struct buf status = BUF_MAX(1 << 16);
	unsigned long long bits = 0;
	struct err e;
	const char *line;

	if (!file_read("/proc/self/status", &status, &e))
		return 0;
	line = strstr(status.data, "CapBnd:");
	return line && sscanf(line, "CapBnd: %llx", &bits) == 1 ? bits : 0;
}

/* Resolvers of the host that a container can reach too. */
static void list_resolvers(struct arena *a, struct engine_config *engine)
{
	AUTO_BUF struct buf text = BUF_MAX(1 << 16);
	const char **dns = arena_alloc(a, MAXNS * sizeof(*dns));
	struct str rest, line;
	struct err e;

	if (!file_read("/etc/resolv.conf", &text, &e))
		return;
	for (rest = buf_str(&text); rest.len && engine->dns_count < MAXNS;) {
		struct str key, value;

		(void)str_cut(rest, '\n', &line, &rest);
		line = str_trim(line);
		if (!str_cut(line, ' ', &key, &value) || !str_equal_c(key, "nameserver"))
			continue;
		value = str_trim(value);
		if (!str_starts_with(value, "127.") && !str_equal_c(value, "::1"))
			dns[engine->dns_count++] = arena_str(a, value);
	}
	engine->dns = dns;
}

/* "--bip 10.1.0.1/16": the gateway, and the network it is in. */
static void choose_bridge(const struct config *c, struct arena *a, struct engine_config *engine)
{
	struct str gateway, prefix;

	engine->bridge_subnet = DEFAULT_SUBNET;
	engine->bridge_gateway = DEFAULT_GATEWAY;
	engine->bridge_mtu = c->mtu > 0 ? (int)c->mtu : DEFAULT_MTU;
	if (!c->bip || !c->bip[0] || !str_cut(str_of(c->bip), '/', &gateway, &prefix))
		return;
	engine->bridge_gateway = arena_str(a, gateway);
	engine->bridge_subnet = arena_strdup(a, c->bip);
}

/* Daemons with different roots use different cgroups. FNV-1a. */
static unsigned hash_of(const char *text)
{
	unsigned h = 2166136261u;

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 16777619u;
	return h;
}

static const char *log_option(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->log_opts.count; i++) {
		struct str key, value;

		if (str_cut(str_of(c->log_opts.items[i]), '=', &key, &value) &&
		    str_equal_c(key, name))
			return value.ptr;
	}
	return "";
}

static const char **list_runtimes(const struct config *c, struct arena *a, size_t *count)
{
	const char **names = arena_alloc(a, (c->runtimes.count + 2) * sizeof(*names));

	names[(*count)++] = "crun";
	names[(*count)++] = "runc";
	for (size_t i = 0; i < c->runtimes.count; i++) {
		struct str name, path;

		(void)str_cut(str_of(c->runtimes.items[i]), '=', &name, &path);
		names[(*count)++] = arena_str(a, name);
	}
	return names;
}

void container_hands_configure(const struct config *c, struct arena *memory,
			       struct engine_config *engine)
{
	char hostname[256] = "localhost";

	(void)gethostname(hostname, sizeof(hostname) - 1);
	*engine = (struct engine_config){
		.data_root = c->data_root,
		.exec_root = c->exec_root,
		.hostname = arena_strdup(memory, hostname),
		.cgroup_parent =
			c->cgroup_parent && c->cgroup_parent[0]
				? c->cgroup_parent
				: arena_printf(memory, "/shoal-%08x", hash_of(c->data_root)),
		.default_runtime =
			c->default_runtime && c->default_runtime[0] ? c->default_runtime : "crun",
		.init_path = c->init_path ? c->init_path : "",
		.is_cgroup_v2 = access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0,
		.capabilities = own_capabilities(),
		.cpus = sysconf(_SC_NPROCESSORS_ONLN),
		.log_driver = c->log_driver && c->log_driver[0] ? c->log_driver : "json-file",
		.log_max_size = log_option(c, "max-size"),
		.log_max_file = log_option(c, "max-file"),
		.read_image = image_config_read,
	};
	engine->runtimes = list_runtimes(c, memory, &engine->runtime_count);
	choose_bridge(c, memory, engine);
	if (c->dns.count) {
		engine->dns = c->dns.items;
		engine->dns_count = c->dns.count;
	} else {
		list_resolvers(memory, engine);
	}
	engine->dns_search = c->dns_search.items;
	engine->dns_search_count = c->dns_search.count;
	engine->dns_options = c->dns_opts.items;
	engine->dns_option_count = c->dns_opts.count;
}
