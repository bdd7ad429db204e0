#include "daemon/option.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

#define STAYS(member)   OPTION_USED, false, offsetof(struct config, member), NULL
#define RELOADS(member) OPTION_USED, true, offsetof(struct config, member), NULL

/* In the order of the help. */
const struct option options[] = {
	{ 0, "add-runtime", "runtimes", OPTION_RUNTIMES, RELOADS(runtimes), "NAME=PATH",
	  "Register an additional OCI runtime" },
	{ 0, "cgroup-parent", "cgroup-parent", OPTION_TEXT, STAYS(cgroup_parent), NULL,
	  "Parent cgroup of all containers" },
	{ 0, "config-file", NULL, OPTION_TEXT, STAYS(config_file), "PATH",
	  "Configuration file (default \"/etc/shoal/daemon.json\")" },
	{ 0, "data-root", "data-root", OPTION_TEXT, STAYS(data_root), "PATH",
	  "Persistent state (default \"/var/lib/shoal\")" },
	{ 'D', "debug", "debug", OPTION_BOOL, RELOADS(debug), NULL, "Log at level debug" },
	{ 0, "default-address-pool", "default-address-pools", OPTION_POOLS,
	  STAYS(default_address_pools), "base=CIDR,size=N",
	  "Address pools of node-local networks" },
	{ 0, "default-advertise-addr", NULL, OPTION_TEXT, STAYS(default_advertise_addr), "ADDR",
	  "The same as --swarm-default-advertise-addr" },
	{ 0, "default-cgroupns-mode", "default-cgroupns-mode", OPTION_TEXT,
	  STAYS(default_cgroupns_mode), "private|host", "Cgroup namespace of containers" },
	{ 0, "default-ipc-mode", "default-ipc-mode", OPTION_TEXT, STAYS(default_ipc_mode),
	  "private|shareable", "IPC namespace of containers (default \"private\")" },
	{ 0, "default-runtime", "default-runtime", OPTION_TEXT, RELOADS(default_runtime), "NAME",
	  "OCI runtime of containers (default: crun, else runc)" },
	{ 0, "default-shm-size", "default-shm-size", OPTION_TEXT, STAYS(default_shm_size), "SIZE",
	  "Size of /dev/shm in containers (default 64M)" },
	{ 0, "default-ulimit", "default-ulimits", OPTION_ULIMITS, STAYS(default_ulimits),
	  "NAME=SOFT[:HARD]", "Ulimits of containers that set none" },
	{ 0, "dns", "dns", OPTION_LIST, STAYS(dns), "IP", "DNS servers of containers" },
	{ 0, "dns-opt", "dns-opts", OPTION_LIST, STAYS(dns_opts), NULL,
	  "DNS options of containers" },
	{ 0, "dns-search", "dns-search", OPTION_LIST, STAYS(dns_search), NULL,
	  "DNS search domains of containers" },
	{ 0, "bip", "bip", OPTION_TEXT, STAYS(bip), "CIDR",
	  "Address and subnet of the default bridge" },
	{ 0, "exec-opt", "exec-opts", OPTION_LIST, STAYS(exec_opts), "KEY=VALUE",
	  "native.cgroupdriver=cgroupfs is the only one" },
	{ 0, "exec-root", "exec-root", OPTION_TEXT, STAYS(exec_root), "PATH",
	  "State of this boot (default \"/run/shoal\")" },
	{ 'G', "group", "group", OPTION_TEXT, STAYS(group), NULL,
	  "Group of the unix socket (default \"docker\")" },
	{ 'H', "host", "hosts", OPTION_LIST, STAYS(hosts), "ADDRESS",
	  "Where to listen: unix:///PATH, tcp://HOST:PORT, fd:// (default "
	  "\"unix:///run/shoal.sock\")" },
	{ 0, "host-gateway-ip", "host-gateway-ip", OPTION_TEXT, STAYS(host_gateway_ip), "IP",
	  "What \"host-gateway\" means in --add-host (default: the bridge's address)" },
	{ 0, "icc", "icc", OPTION_BOOL, STAYS(icc), NULL,
	  "Containers of the default bridge reach each other (default true)" },
	{ 0, "init", "init", OPTION_BOOL, STAYS(init), NULL,
	  "Run a small init in containers that do not say" },
	{ 0, "init-path", "init-path", OPTION_TEXT, STAYS(init_path), "PATH",
	  "Program for containers with --init (default: docker-init, catatonit or tini-static)" },
	{ 0, "insecure-registry", "insecure-registries", OPTION_LIST, RELOADS(insecure_registries),
	  "HOST", "Registries that may be spoken to without TLS" },
	{ 0, "ip", "ip", OPTION_TEXT, STAYS(ip), "IP",
	  "Address of published ports that name none (default 0.0.0.0)" },
	{ 0, "label", "labels", OPTION_LIST, RELOADS(labels), "KEY=VALUE",
	  "Labels of this engine" },
	{ 0, "log-driver", "log-driver", OPTION_TEXT, STAYS(log_driver), NULL,
	  "Default log driver of containers (default \"json-file\")" },
	{ 0, "log-format", "log-format", OPTION_TEXT, STAYS(log_format), "text|json",
	  "Form of the daemon's own log (default \"text\")" },
	{ 'l', "log-level", "log-level", OPTION_TEXT, RELOADS(log_level), NULL,
	  "debug, info, warn, error or fatal (default \"info\")" },
	{ 0, "log-opt", "log-opts", OPTION_PAIRS, STAYS(log_opts), "KEY=VALUE",
	  "Default log options of containers" },
	{ 0, "max-concurrent-downloads", "max-concurrent-downloads", OPTION_NUMBER,
	  RELOADS(max_concurrent_downloads), NULL,
	  "Layers of an image brought at a time, at most 16 (default 3)" },
	{ 0, "metrics-addr", "metrics-addr", OPTION_TEXT, STAYS(metrics_addr), "HOST:PORT",
	  "Where to serve metrics" },
	{ 0, "mtu", "mtu", OPTION_NUMBER, STAYS(mtu), NULL, "MTU of containers' networks" },
	{ 0, "no-new-privileges", "no-new-privileges", OPTION_BOOL, STAYS(no_new_privileges), NULL,
	  "Containers gain no privileges by set-uid programs unless they ask" },
	{ 0, "node-generic-resource", "node-generic-resources", OPTION_LIST,
	  RELOADS(node_generic_resources), "NAME=VALUE", "User-defined resources of this node" },
	{ 0, "oom-score-adjust", "oom-score-adjust", OPTION_SIGNED, STAYS(oom_score_adjust), NULL,
	  "How eager the kernel is to kill this daemon: -1000 to 1000" },
	{ 'p', "pidfile", "pidfile", OPTION_TEXT, STAYS(pidfile), "PATH",
	  "Where to write the process id (default \"/run/shoald.pid\")" },
	{ 0, "registry-mirror", "registry-mirrors", OPTION_LIST, RELOADS(registry_mirrors), "URL",
	  "Preferred mirrors of Docker Hub" },
	{ 's', "storage-driver", "storage-driver", OPTION_TEXT, STAYS(storage_driver), NULL,
	  "overlay2 is the only one" },
	{ 0, "storage-opt", "storage-opts", OPTION_LIST, STAYS(storage_opts), "KEY=VALUE",
	  "overlay2.override_kernel_check is the only one, and changes nothing" },
	{ 0, "swarm-default-advertise-addr", "swarm-default-advertise-addr", OPTION_TEXT,
	  STAYS(default_advertise_addr), "ADDR", "Default address or interface for the swarm" },
	{ 0, "tls", "tls", OPTION_BOOL, STAYS(tls), NULL,
	  "Use TLS on TCP; implied by --tlsverify. --tls=false serves plain TCP" },
	{ 0, "tlscacert", "tlscacert", OPTION_TEXT, STAYS(tlscacert), "PATH",
	  "Trust clients whose certificate leads to this CA (default \"~/.docker/ca.pem\")" },
	{ 0, "tlscert", "tlscert", OPTION_TEXT, STAYS(tlscert), "PATH",
	  "Certificate of this daemon (default \"~/.docker/cert.pem\")" },
	{ 0, "tlskey", "tlskey", OPTION_TEXT, STAYS(tlskey), "PATH",
	  "Its key (default \"~/.docker/key.pem\")" },
	{ 0, "tlsverify", "tlsverify", OPTION_BOOL, STAYS(tlsverify), NULL,
	  "Use TLS and ask clients for a certificate; --tlsverify=false asks for none" },

	{ 0, "containerd", "containerd", OPTION_TEXT, OPTION_HOLLOW },
	{ 0, "containerd-namespace", "containerd-namespace", OPTION_TEXT, OPTION_HOLLOW },
	{ 0, "containerd-plugins-namespace", "containerd-plugin-namespace", OPTION_TEXT,
	  OPTION_HOLLOW },
	{ 0, NULL, "builder", OPTION_ANYTHING, OPTION_HOLLOW },
	{ 0, "cdi-spec-dir", "cdi-spec-dirs", OPTION_LIST, OPTION_HOLLOW },
	{ 0, "cri-containerd", "cri-containerd", OPTION_BOOL, OPTION_HOLLOW },
	{ 0, "experimental", "experimental", OPTION_BOOL, OPTION_HOLLOW },
	{ 0, "feature", NULL, OPTION_LIST, OPTION_HOLLOW },
	{ 0, NULL, "features", OPTION_ANYTHING, OPTION_HOLLOW },
	{ 0, "firewall-backend", "firewall-backend", OPTION_TEXT, OPTION_HOLLOW },
	{ 0, "ip-forward", "ip-forward", OPTION_BOOL, OPTION_HOLLOW },
	{ 0, "ip-forward-no-drop", "ip-forward-no-drop", OPTION_BOOL, OPTION_HOLLOW },
	{ 0, "ip-masq", "ip-masq", OPTION_BOOL, OPTION_HOLLOW },
	{ 0, "ip6tables", "ip6tables", OPTION_BOOL, OPTION_HOLLOW },
	{ 0, "iptables", "iptables", OPTION_BOOL, OPTION_HOLLOW },
	{ 0, "live-restore", "live-restore", OPTION_BOOL, OPTION_HOLLOW },
	{ 0, "max-concurrent-uploads", "max-concurrent-uploads", OPTION_NUMBER, OPTION_HOLLOW },
	{ 0, "max-download-attempts", "max-download-attempts", OPTION_NUMBER, OPTION_HOLLOW },
	{ 0, "network-control-plane-mtu", "network-control-plane-mtu", OPTION_NUMBER,
	  OPTION_HOLLOW },
	{ 0, "raw-logs", "raw-logs", OPTION_BOOL, OPTION_HOLLOW },
	{ 0, "shutdown-timeout", "shutdown-timeout", OPTION_NUMBER, OPTION_HOLLOW },
	{ 0, "userland-proxy", "userland-proxy", OPTION_BOOL, OPTION_HOLLOW },
	{ 0, "userland-proxy-path", "userland-proxy-path", OPTION_TEXT, OPTION_HOLLOW },

	{ 0, "allow-nondistributable-artifacts", "allow-nondistributable-artifacts", OPTION_LIST,
	  OPTION_REFUSED },
	{ 0, "api-cors-header", "api-cors-header", OPTION_TEXT, OPTION_REFUSED },
	{ 0, "authorization-plugin", "authorization-plugins", OPTION_LIST, OPTION_REFUSED },
	{ 0, "bip6", "bip6", OPTION_TEXT, OPTION_REFUSED },
	{ 'b', "bridge", "bridge", OPTION_TEXT, OPTION_REFUSED },
	{ 0, "cpu-rt-period", "cpu-rt-period", OPTION_NUMBER, OPTION_REFUSED, .neutral = "0" },
	{ 0, "cpu-rt-runtime", "cpu-rt-runtime", OPTION_NUMBER, OPTION_REFUSED, .neutral = "0" },
	{ 0, "default-network-opt", "default-network-opts", OPTION_LIST, OPTION_REFUSED },
	{ 0, "default-gateway", "default-gateway", OPTION_TEXT, OPTION_REFUSED },
	{ 0, "default-gateway-v6", "default-gateway-v6", OPTION_TEXT, OPTION_REFUSED },
	{ 0, "fixed-cidr", "fixed-cidr", OPTION_TEXT, OPTION_REFUSED },
	{ 0, "fixed-cidr-v6", "fixed-cidr-v6", OPTION_TEXT, OPTION_REFUSED },
	{ 0, "http-proxy", "http-proxy", OPTION_TEXT, OPTION_REFUSED },
	{ 0, "https-proxy", "https-proxy", OPTION_TEXT, OPTION_REFUSED },
	{ 0, "ipv6", "ipv6", OPTION_BOOL, OPTION_REFUSED },
	{ 0, "no-proxy", "no-proxy", OPTION_TEXT, OPTION_REFUSED },
	{ 0, "rootless", "rootless", OPTION_BOOL, OPTION_REFUSED },
	{ 0, "seccomp-profile", "seccomp-profile", OPTION_TEXT, OPTION_REFUSED,
	  .neutral = "builtin" },
	{ 0, "selinux-enabled", "selinux-enabled", OPTION_BOOL, OPTION_REFUSED },
	{ 0, "userns-remap", "userns-remap", OPTION_TEXT, OPTION_REFUSED },
};

const size_t option_count = sizeof(options) / sizeof(options[0]);
static_assert(sizeof(options) / sizeof(options[0]) <= CONFIG_OPTIONS_MAX,
	      "a source for each option");

const struct option *option_by_flag(struct str flag)
{
	for (size_t i = 0; i < option_count; i++)
		if (options[i].flag && str_equal_c(flag, options[i].flag))
			return &options[i];
	return NULL;
}

const struct option *option_by_letter(char letter)
{
	for (size_t i = 0; i < option_count; i++)
		if (options[i].letter && options[i].letter == letter)
			return &options[i];
	return NULL;
}

const struct option *option_by_key(const char *key)
{
	for (size_t i = 0; i < option_count; i++)
		if (options[i].key && strcmp(options[i].key, key) == 0)
			return &options[i];
	return NULL;
}

static bool parse_bool(struct str value, bool *is)
{
	static const char *const yes[] = { "1", "t", "T", "TRUE", "true", "True" };
	static const char *const no[] = { "0", "f", "F", "FALSE", "false", "False" };

	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		*is = str_equal_c(value, yes[i]);
		if (*is || str_equal_c(value, no[i]))
			return true;
	}
	return false;
}

static bool list_add(struct config *c, struct config_list *list, struct str value, struct err *e)
{
	const char **items;

	if (list->count == CONFIG_LIST_MAX)
		return fail(e, ERR_INVALID, "more than %d values", CONFIG_LIST_MAX);
	items = arena_alloc(&c->memory, (list->count + 1) * sizeof(*items));
	if (list->count)
		memcpy(items, list->items, list->count * sizeof(*items));
	items[list->count++] = arena_str(&c->memory, value);
	list->items = items;
	return true;
}

static bool needs_equals(enum option_kind kind)
{
	return kind == OPTION_PAIRS || kind == OPTION_RUNTIMES || kind == OPTION_ULIMITS;
}

static bool store(struct config *c, const struct option *o, struct str value, struct err *e)
{
	char *at = (char *)c + o->offset;
	uint64_t number;
	int sign = 1;

	switch (o->kind) {
	case OPTION_BOOL:
		return parse_bool(value, (bool *)at);
	case OPTION_TEXT:
		*(const char **)at = arena_str(&c->memory, value);
		return true;
	case OPTION_NUMBER:
	case OPTION_SIGNED:
		if (o->kind == OPTION_SIGNED && str_starts_with(value, "-")) {
			value = str_bytes(value.ptr + 1, value.len - 1);
			sign = -1;
		}
		if (!str_to_u64(value, &number) || number > INT32_MAX)
			return false;
		*(int64_t *)at = sign * (int64_t)number;
		return true;
	case OPTION_LIST:
	case OPTION_PAIRS:
	case OPTION_RUNTIMES:
	case OPTION_POOLS:
	case OPTION_ULIMITS:
		if (needs_equals(o->kind) && str_find(value, '=') <= 0)
			return false;
		return list_add(c, (struct config_list *)at, value, e);
	case OPTION_ANYTHING:
		break;
	}
	abort();
}

static bool is_neutral(const struct option *o, struct str value)
{
	bool asked, neutral;

	if (o->kind != OPTION_BOOL)
		return value.len == 0 || (o->neutral && str_equal_c(value, o->neutral));
	return parse_bool(value, &asked) &&
	       parse_bool(str_of(o->neutral ? o->neutral : "false"), &neutral) && asked == neutral;
}

/* Once, however often it is given. */
static bool note_hollow(struct config *c, const char *name, struct err *e)
{
	for (size_t i = 0; i < c->hollow.count; i++)
		if (strcmp(c->hollow.items[i], name) == 0)
			return true;
	return list_add(c, &c->hollow, str_of(name), e);
}

static const char *name_of(const struct option *o, enum config_source source, struct arena *a)
{
	return source == FROM_FILE ? o->key : arena_printf(a, "--%s", o->flag);
}

bool option_set(struct config *c, const struct option *o, struct str value,
		enum config_source source, struct err *e)
{
	enum config_source *seen = &c->source[o - options];
	const char *name = name_of(o, source, &c->memory);

	if (source == FROM_FILE && *seen == FROM_FLAG)
		return fail(e, ERR_INVALID,
			    "%s is given both as a flag and in the configuration file", o->key);
	*seen = source;
	e->kind = ERR_NONE;
	switch (o->use) {
	case OPTION_USED:
		if (store(c, o, value, e))
			return true;
		if (e->kind != ERR_NONE)
			return while_doing(e, "%s", name);
		return fail(e, ERR_INVALID, "%s: invalid value \"%.*s\"", name, STR_FMT(value));
	case OPTION_HOLLOW:
		return note_hollow(c, name, e);
	case OPTION_REFUSED:
		if (is_neutral(o, value))
			return true;
		return fail(e, ERR_UNSUPPORTED, "%s: \"%.*s\" is not supported by shoald", name,
			    STR_FMT(value));
	}
	abort();
}
