/* Does every value of the configuration make sense? Asked before anything is touched, so that a
 * mistake is told at the start and not by the first container that meets it. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "daemon/engine_settings.h"
#include "daemon/option.h"
#include "host/listener.h"

static bool check_hosts(const struct config *c, struct err *e)
{
	for (size_t i = 0; i < c->hosts.count; i++) {
		struct listen_address a;

		if (!listen_address_parse(str_of(c->hosts.items[i]), &a, e))
			return while_doing(e, "--host");
		if (a.kind == LISTEN_TCP && !config_uses_tls(c) && !config_allows_plain_tcp(c))
			return fail(e, ERR_INVALID,
				    "%s: whoever reaches an unprotected TCP port is root on this "
				    "host: use "
				    "--tlsverify, or say --tls=false if that is what you want",
				    c->hosts.items[i]);
	}
	return true;
}

static bool check_roots(const struct config *c, struct err *e)
{
	if (c->data_root[0] != '/')
		return fail(e, ERR_INVALID, "--data-root: \"%s\" is not an absolute path",
			    c->data_root);
	if (c->exec_root[0] != '/')
		return fail(e, ERR_INVALID, "--exec-root: \"%s\" is not an absolute path",
			    c->exec_root);
	if (strcmp(c->data_root, c->exec_root) == 0)
		return fail(e, ERR_INVALID, "--data-root and --exec-root must not be the same");
	return true;
}

#define WORDS(...)                                                                                 \
	(const char *const[])                                                                      \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}

static bool is_one_of(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return false;
}

/* Options whose value is one of few words; "" is the default of each. */
static bool check_words(const struct config *c, struct err *e)
{
	const struct {
		const char *flag, *value, *among;
		const char *const *words;
	} all[] = {
		{ "log-level", c->log_level, "debug, info, warn, error and fatal are",
		  WORDS("debug", "info", "warn", "error", "fatal") },
		{ "log-format", c->log_format, "text and json are", WORDS("text", "json") },
		{ "storage-driver", c->storage_driver, "overlay2 is",
		  WORDS("overlay2", "overlay") },
		{ "log-driver", c->log_driver, "json-file and none are",
		  WORDS("json-file", "none") },
		{ "default-ipc-mode", c->default_ipc_mode, "private and shareable are",
		  WORDS("private", "shareable") },
		{ "default-cgroupns-mode", c->default_cgroupns_mode, "private and host are",
		  WORDS("private", "host") },
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (all[i].value[0] && !is_one_of(all[i].value, all[i].words))
			return fail(e, ERR_UNSUPPORTED,
				    "--%s: \"%s\" is not supported by shoald: %s", all[i].flag,
				    all[i].value, all[i].among);
	return true;
}

static bool is_ipv4(const char *text)
{
	struct in_addr address;

	return inet_pton(AF_INET, text, &address) == 1;
}

static bool is_ip(const char *text)
{
	struct in6_addr address;

	return is_ipv4(text) || inet_pton(AF_INET6, text, &address) == 1;
}

static bool check_addresses(const struct config *c, struct err *e)
{
	char subnet[SUBNET_TEXT_MAX], gateway[IPV4_TEXT_MAX];

	for (size_t i = 0; i < c->dns.count; i++)
		if (!is_ip(c->dns.items[i]))
			return fail(e, ERR_INVALID, "--dns: \"%s\" is not an ip address",
				    c->dns.items[i]);
	if (c->ip[0] && !is_ipv4(c->ip))
		return fail(e, ERR_INVALID, "--ip: \"%s\" is not an IPv4 address", c->ip);
	if (c->host_gateway_ip[0] && !is_ip(c->host_gateway_ip))
		return fail(e, ERR_INVALID, "--host-gateway-ip: \"%s\" is not an ip address",
			    c->host_gateway_ip);
	if (c->bip[0] && !setting_bridge(c->bip, subnet, gateway))
		return fail(e, ERR_INVALID,
			    "--bip: \"%s\" is not an address with the size of its network, like "
			    "10.1.0.1/16",
			    c->bip);
	if (c->mtu != 0 && (c->mtu < 68 || c->mtu > 65535))
		return fail(e, ERR_INVALID, "--mtu: %lld is not between 68 and 65535",
			    (long long)c->mtu);
	return true;
}

static bool check_pools(const struct config *c, struct err *e)
{
	struct ipam_pool pool;

	for (size_t i = 0; i < c->default_address_pools.count; i++)
		if (!setting_pool(c->default_address_pools.items[i], &pool))
			return fail(e, ERR_INVALID,
				    "--default-address-pool: \"%s\" is not base=CIDR,size=N with a "
				    "size from the CIDR's to 30",
				    c->default_address_pools.items[i]);
	return true;
}

static bool check_labels(const struct config *c, struct err *e)
{
	for (size_t i = 0; i < c->labels.count; i++) {
		struct str label = str_of(c->labels.items[i]), key, value, other;

		if (!str_cut(label, '=', &key, &value) || !key.len)
			return fail(e, ERR_INVALID, "--label: \"%s\" is not KEY=VALUE",
				    c->labels.items[i]);
		for (size_t k = 0; k < i; k++) {
			str_cut(str_of(c->labels.items[k]), '=', &other, &value);
			if (str_equal(key, other) &&
			    strcmp(c->labels.items[k], c->labels.items[i]) != 0)
				return fail(e, ERR_INVALID, "conflict labels for %.*s: %s and %s",
					    STR_FMT(key), c->labels.items[k], c->labels.items[i]);
		}
	}
	return true;
}

static bool check_mirrors(const struct config *c, struct err *e)
{
	for (size_t i = 0; i < c->registry_mirrors.count; i++) {
		struct str url = str_of(c->registry_mirrors.items[i]);
		size_t scheme = str_starts_with(url, "https://")  ? strlen("https://")
				: str_starts_with(url, "http://") ? strlen("http://")
								  : 0;

		if (!scheme || url.len == scheme || memchr(url.ptr, '?', url.len) ||
		    memchr(url.ptr, '#', url.len) || memchr(url.ptr, '@', url.len))
			return fail(e, ERR_INVALID,
				    "invalid mirror: \"%s\" is no http(s)://HOST[/PATH]", url.ptr);
	}
	for (size_t i = 0; i < c->insecure_registries.count; i++)
		if (strstr(c->insecure_registries.items[i], "://"))
			return fail(
				e, ERR_INVALID,
				"insecure registry %s should not contain a scheme: HOST[:PORT] or "
				"CIDR",
				c->insecure_registries.items[i]);
	return true;
}

/* json-file's, as far as they mean something here. */
static bool check_log_options(const struct config *c, struct err *e)
{
	static const char *const known[] = { "max-size", "max-file", "labels", "env", NULL };
	int64_t bytes;
	uint64_t files;

	for (size_t i = 0; i < c->log_opts.count; i++) {
		const char *text = c->log_opts.items[i];
		char key[64];
		struct str name, value;

		str_cut(str_of(text), '=', &name, &value);
		(void)snprintf(key, sizeof(key), "%.*s", STR_FMT(name));
		if (strcmp(c->log_driver, "json-file") != 0 || !is_one_of(key, known))
			return fail(e, ERR_INVALID,
				    "--log-opt: unknown log opt '%s' for %s log driver", key,
				    c->log_driver);
		if (strcmp(key, "max-size") == 0 && !str_equal_c(value, "-1") &&
		    !setting_size(value.ptr, &bytes))
			return fail(e, ERR_INVALID, "--log-opt: max-size: invalid size: '%s'",
				    value.ptr);
		if (strcmp(key, "max-file") == 0 &&
		    (!str_to_u64(value, &files) || files == 0 || files > 1000))
			return fail(e, ERR_INVALID, "--log-opt: max-file cannot be %s", value.ptr);
	}
	return true;
}

static bool has_runtime(const struct config *c, const char *name)
{
	if (strcmp(name, "crun") == 0 || strcmp(name, "runc") == 0)
		return true;
	for (size_t i = 0; i < c->runtimes.count; i++) {
		struct str known, path;

		str_cut(str_of(c->runtimes.items[i]), '=', &known, &path);
		if (str_equal_c(known, name))
			return true;
	}
	return false;
}

static bool check_containers(const struct config *c, struct err *e)
{
	int64_t bytes;
	Pb__Ulimit ulimit;
	char name[SETTING_ULIMIT_NAME_MAX];

	if (c->default_runtime[0] && !has_runtime(c, c->default_runtime))
		return fail(e, ERR_INVALID, "specified default runtime '%s' does not exist",
			    c->default_runtime);
	if (c->default_shm_size[0] && (!setting_size(c->default_shm_size, &bytes) || bytes == 0))
		return fail(e, ERR_INVALID, "--default-shm-size: invalid size: '%s'",
			    c->default_shm_size);
	for (size_t i = 0; i < c->default_ulimits.count; i++)
		if (!setting_ulimit(c->default_ulimits.items[i], name, &ulimit, e))
			return while_doing(e, "--default-ulimit");
	if (c->cgroup_parent[0] && strstr(c->cgroup_parent, ".."))
		return fail(e, ERR_INVALID, "--cgroup-parent: \"%s\" leads out of itself",
			    c->cgroup_parent);
	return true;
}

static bool check_opts(const struct config *c, struct err *e)
{
	for (size_t i = 0; i < c->exec_opts.count; i++)
		if (strcmp(c->exec_opts.items[i], "native.cgroupdriver=cgroupfs") != 0)
			return fail(e, ERR_UNSUPPORTED,
				    "--exec-opt: \"%s\" is not supported by shoald: "
				    "native.cgroupdriver=cgroupfs is",
				    c->exec_opts.items[i]);
	for (size_t i = 0; i < c->storage_opts.count; i++)
		if (!str_starts_with(str_of(c->storage_opts.items[i]),
				     "overlay2.override_kernel_check="))
			return fail(e, ERR_UNSUPPORTED,
				    "--storage-opt: \"%s\" is not supported by shoald",
				    c->storage_opts.items[i]);
	if (c->oom_score_adjust < -1000 || c->oom_score_adjust > 1000)
		return fail(e, ERR_INVALID,
			    "--oom-score-adjust: %lld is not between -1000 and 1000",
			    (long long)c->oom_score_adjust);
	return true;
}

static bool check_metrics(const struct config *c, struct err *e)
{
	struct listen_address at;

	if (!c->metrics_addr[0])
		return true;
	if (!listen_address_parse(str_of(c->metrics_addr), &at, e))
		return while_doing(e, "--metrics-addr");
	if (at.kind != LISTEN_TCP)
		return fail(e, ERR_INVALID, "--metrics-addr: \"%s\" is not HOST:PORT",
			    c->metrics_addr);
	return true;
}

static bool check_resources(const struct config *c, struct err *e)
{
	for (size_t i = 0; i < c->node_generic_resources.count; i++) {
		struct str kind, value;

		if (!str_cut(str_of(c->node_generic_resources.items[i]), '=', &kind, &value) ||
		    !kind.len || !value.len)
			return fail(e, ERR_INVALID,
				    "--node-generic-resource: \"%s\" is not NAME=VALUE",
				    c->node_generic_resources.items[i]);
	}
	return true;
}

bool options_check(const struct config *c, struct err *e)
{
	return check_hosts(c, e) && check_roots(c, e) && check_words(c, e) &&
	       check_addresses(c, e) && check_pools(c, e) && check_labels(c, e) &&
	       check_mirrors(c, e) && check_log_options(c, e) && check_containers(c, e) &&
	       check_opts(c, e) && check_metrics(c, e) && check_resources(c, e);
}
