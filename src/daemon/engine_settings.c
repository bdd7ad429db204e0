#include "daemon/engine_settings.h"

#include <resolv.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "daemon/config.h"
#include "docker/image_config.h"
#include "engine/config.h"
#include "file/file.h"

#define DEFAULT_SUBNET  "172.17.0.0/16"
#define DEFAULT_GATEWAY "172.17.0.1"
#define DEFAULT_MTU     1500

/* ---- forms of values ---- */

bool setting_size(const char *text, int64_t *bytes)
{
	static const char units[] = "kmgt";
	struct str s = str_trim(str_of(text));
	const char *unit = NULL;
	uint64_t value;

	if (s.len > 1 && (s.ptr[s.len - 1] | 32) == 'b')
		s.len--;
	if (s.len > 1)
		unit = strchr(units, s.ptr[s.len - 1] | 32);
	if (unit)
		s.len--;
	if (!str_to_u64(s, &value) || value > (UINT64_C(1) << 20 << (unit ? 0 : 20)))
		return false;
	*bytes = (int64_t)value << (unit ? 10 * (unit - units + 1) : 0);
	return true;
}

bool setting_pool(const char *text, struct ipam_pool *pool)
{
	char base[SUBNET_TEXT_MAX];
	int end = 0;

	return sscanf(text, "base=%18[0-9./],size=%d%n", base, &pool->bits, &end) == 2 &&
	       text[end] == '\0' && subnet_parse(base, &pool->base) &&
	       pool->bits >= pool->base.bits && pool->bits > 0 && pool->bits <= 30;
}

bool setting_bridge(const char *text, char subnet[SUBNET_TEXT_MAX], char gateway[IPV4_TEXT_MAX])
{
	struct str address, bits;
	struct subnet network;
	uint32_t number;

	if (!str_cut(str_of(text), '/', &address, &bits) || address.len >= IPV4_TEXT_MAX ||
	    !subnet_parse(text, &network) || network.bits > 30 || network.bits < 8)
		return false;
	(void)snprintf(gateway, IPV4_TEXT_MAX, "%.*s", STR_FMT(address));
	if (!ipv4_parse(gateway, &number) || number == network.base ||
	    number == subnet_last(network))
		return false;
	subnet_print(network, subnet);
	return true;
}

static bool parse_limit(struct str text, int64_t *limit)
{
	uint64_t number;

	*limit = -1;
	if (str_equal_c(text, "-1"))
		return true;
	if (!str_to_u64(text, &number) || number > INT64_MAX)
		return false;
	*limit = (int64_t)number;
	return true;
}

bool setting_ulimit(const char *text, char name[SETTING_ULIMIT_NAME_MAX], Pb__Ulimit *ulimit,
		    struct err *e)
{
	struct str key, limits, soft, hard;
	Pb__HostConfig host = PB__HOST_CONFIG__INIT;
	Pb__Ulimit *list[] = { ulimit };

	pb__ulimit__init(ulimit);
	if (!str_cut(str_of(text), '=', &key, &limits) || !key.len ||
	    key.len >= SETTING_ULIMIT_NAME_MAX)
		return fail(e, ERR_INVALID, "invalid ulimit argument: %s", text);
	(void)snprintf(name, SETTING_ULIMIT_NAME_MAX, "%.*s", STR_FMT(key));
	ulimit->name = name;
	if (!str_cut(limits, ':', &soft, &hard))
		hard = soft = limits;
	if (!parse_limit(soft, &ulimit->soft) || !parse_limit(hard, &ulimit->hard))
		return fail(e, ERR_INVALID, "invalid ulimit argument: %s", text);
	if (ulimit->hard != -1 && (ulimit->soft == -1 || ulimit->soft > ulimit->hard))
		return fail(
			e, ERR_INVALID,
			"ulimit soft limit must be less than or equal to hard limit: %lld > %lld",
			(long long)ulimit->soft, (long long)ulimit->hard);
	host.n_ulimits = 1;
	host.ulimits = list;
	return ulimits_check(&host, e);
}

/* ---- this host ---- */

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

static void choose_bridge(const struct config *c, struct arena *a, struct engine_config *engine)
{
	char subnet[SUBNET_TEXT_MAX], gateway[IPV4_TEXT_MAX];

	engine->bridge_subnet = DEFAULT_SUBNET;
	engine->bridge_gateway = DEFAULT_GATEWAY;
	engine->bridge_mtu = c->mtu > 0 ? (int)c->mtu : DEFAULT_MTU;
	if (!setting_bridge(c->bip, subnet, gateway))
		return;
	engine->bridge_gateway = arena_strdup(a, gateway);
	engine->bridge_subnet = arena_strdup(a, subnet);
}

/* Daemons with different roots use different cgroups. FNV-1a. */
static unsigned hash_of(const char *text)
{
	unsigned h = 2166136261u;

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 16777619u;
	return h;
}

const char *const *setting_runtimes(const struct config *c, struct arena *a, size_t *count)
{
	const char **names = arena_alloc(a, (c->runtimes.count + 2) * sizeof(*names));

	*count = 0;
	names[(*count)++] = "crun";
	names[(*count)++] = "runc";
	for (size_t i = 0; i < c->runtimes.count; i++) {
		struct str name, path;

		(void)str_cut(str_of(c->runtimes.items[i]), '=', &name, &path);
		names[(*count)++] = arena_str(a, name);
	}
	return names;
}

const char *setting_default_runtime(const struct config *c)
{
	return c->default_runtime[0] ? c->default_runtime : "crun";
}

const char *setting_runtime_program(const struct config *c, const char *name, struct arena *a)
{
	for (size_t i = 0; i < c->runtimes.count; i++) {
		struct str key, path;

		if (str_cut(str_of(c->runtimes.items[i]), '=', &key, &path) &&
		    str_equal_c(key, name))
			return arena_str(a, path);
	}
	return name;
}

/* Each takes "-- program arguments" and is linked with nothing: images have no library for it. */
const char *setting_init_path(const struct config *c)
{
	static const char *const known[] = { "/usr/libexec/docker/docker-init",
					     "/usr/local/bin/docker-init", "/usr/bin/docker-init",
					     "/usr/bin/catatonit", "/usr/bin/tini-static" };

	if (c->init_path[0])
		return c->init_path;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (access(known[i], X_OK) == 0)
			return known[i];
	return "";
}

/* ---- what containers get that do not say ---- */

static const char *or_null(const char *text)
{
	return text[0] ? text : NULL;
}

static void take_ulimits(const struct config *c, struct arena *a, struct engine_defaults *d)
{
	Pb__Ulimit **all = arena_alloc(a, (c->default_ulimits.count + 1) * sizeof(*all));

	for (size_t i = 0; i < c->default_ulimits.count; i++) {
		Pb__Ulimit *u = PB_NEW(a, ulimit);
		char *name = arena_alloc(a, SETTING_ULIMIT_NAME_MAX);
		struct err ignored;

		if (setting_ulimit(c->default_ulimits.items[i], name, u, &ignored))
			all[d->ulimit_count++] = u;
	}
	d->ulimits = all;
}

static void take_log_options(const struct config *c, struct arena *a, struct engine_defaults *d)
{
	const char **pairs = arena_alloc(a, (2 * c->log_opts.count + 1) * sizeof(*pairs));

	for (size_t i = 0; i < c->log_opts.count; i++) {
		struct str key, value;

		if (!str_cut(str_of(c->log_opts.items[i]), '=', &key, &value))
			continue;
		pairs[2 * d->log_option_count] = arena_str(a, key);
		pairs[2 * d->log_option_count++ + 1] = arena_str(a, value);
	}
	d->log_options = pairs;
}

static void choose_defaults(const struct config *c, struct arena *a, struct engine_defaults *d)
{
	*d = (struct engine_defaults){
		.ipc_mode = or_null(c->default_ipc_mode),
		.cgroupns_mode = or_null(c->default_cgroupns_mode),
		.publish_ip = or_null(c->ip),
		.host_gateway = or_null(c->host_gateway_ip),
		.init = c->init,
		.no_new_privileges = c->no_new_privileges,
		.no_icc = !c->icc,
		.log_driver = or_null(c->log_driver),
	};
	(void)setting_size(c->default_shm_size, &d->shm_size_bytes);
	take_ulimits(c, a, d);
	take_log_options(c, a, d);
}

static void choose_pools(const struct config *c, struct arena *a, struct engine_config *engine)
{
	size_t count = c->default_address_pools.count;
	struct ipam_pool *pools = arena_alloc(a, (count + 1) * sizeof(*pools));

	for (size_t i = 0; i < count; i++)
		if (setting_pool(c->default_address_pools.items[i], &pools[engine->pool_count]))
			engine->pool_count++;
	engine->pools = pools;
}

void engine_settings(const struct config *c, struct arena *memory, struct engine_config *engine)
{
	char hostname[256] = "localhost";

	(void)gethostname(hostname, sizeof(hostname) - 1);
	*engine = (struct engine_config){
		.data_root = c->data_root,
		.exec_root = c->exec_root,
		.hostname = arena_strdup(memory, hostname),
		.cgroup_parent = c->cgroup_parent[0] ? c->cgroup_parent
						     : arena_printf(memory, "/shoal-%08x",
								    hash_of(c->data_root)),
		.default_runtime = setting_default_runtime(c),
		.init_path = setting_init_path(c),
		.lacks_io_weight = access("/sys/fs/cgroup/blkio", F_OK) == 0 &&
				   access("/sys/fs/cgroup/blkio/blkio.weight", F_OK) != 0,
		.is_cgroup_v2 = access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0,
		.capabilities = own_capabilities(),
		.cpus = sysconf(_SC_NPROCESSORS_ONLN),
		.read_image = image_config_read,
	};
	engine->runtimes = setting_runtimes(c, memory, &engine->runtime_count);
	choose_defaults(c, memory, &engine->defaults);
	choose_pools(c, memory, engine);
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
