#include "daemon/serve.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <linux/magic.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "api/api.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/abilities.h"
#include "daemon/commit.h"
#include "daemon/committed_at.h"
#include "daemon/config.h"
#include "daemon/engine_settings.h"
#include "daemon/metrics.h"
#include "daemon/programs.h"
#include "engine/engine.h"
#include "file/file.h"
#include "host/address.h"
#include "host/dir.h"
#include "host/listener.h"
#include "host/loop.h"
#include "host/stream.h"
#include "node/node.h"
#include "wire/seal.h"
#include "wire/tls.h"

#define PEM_MAX   (1 << 20)
#define ZFS_MAGIC 0x2fc12fc1 /* not in linux/magic.h, as it is not in linux */

struct serving {
	struct loop *loop;
	struct node *node;
	const struct log *log;
	struct arena memory, reloaded;
	struct stream_server *server;
	struct stream stream;
	struct api *api;
	struct api_host host;
	struct programs *programs;
	struct address_config addresses;
	struct tls_config *tls;
	struct metrics *metrics;
};

/* ---- what clients are told of this host ---- */

/* This engine's id: made once, kept with its data. */
static bool load_engine_id(const struct config *c, struct arena *a, const char **id, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/engine-id", c->data_root);
	AUTO_BUF struct buf text = BUF_MAX(256);
	uint8_t bytes[16];
	char hex[33];
	struct err ignored;

	if (file_read(path, &text, &ignored) && text.len >= 16) {
		*id = arena_str(a, str_trim(buf_str(&text)));
		return true;
	}
	random_bytes(bytes, sizeof(bytes));
	hex_encode(bytes, sizeof(bytes), hex);
	*id = arena_printf(a, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
			   hex + 20);
	return file_replace(path, str_of(*id), 0600, e);
}

/* A line NAME="value" of /etc/os-release. */
static const char *os_release(struct arena *a, const char *name, const char *otherwise)
{
	AUTO_BUF struct buf text = BUF_MAX(1 << 16);
	struct str rest, line;
	struct err e;

	if (!file_read("/etc/os-release", &text, &e))
		return otherwise;
	for (rest = buf_str(&text); rest.len;) {
		struct str key, value;

		(void)str_cut(rest, '\n', &line, &rest);
		if (!str_cut(line, '=', &key, &value) || !str_equal_c(key, name))
			continue;
		if (value.len >= 2 && value.ptr[0] == '"')
			value = str_bytes(value.ptr + 1, value.len - 2);
		return arena_str(a, value);
	}
	return otherwise;
}

static const char *architecture(const char *machine)
{
	return strcmp(machine, "x86_64") == 0    ? "amd64"
	       : strcmp(machine, "aarch64") == 0 ? "arm64"
						 : machine;
}

/* The part that a reload may change. */
static void describe_configuration(struct api_host *h, const struct config *c, struct arena *a)
{
	h->default_runtime = setting_default_runtime(c);
	h->runtimes = setting_runtimes(c, a, &h->runtime_count);
	h->labels = c->labels.items;
	h->label_count = c->labels.count;
	h->insecure_registries = c->insecure_registries.items;
	h->insecure_registry_count = c->insecure_registries.count;
	h->mirrors = c->registry_mirrors.items;
	h->mirror_count = c->registry_mirrors.count;
	h->is_debug = c->debug;
	h->no_new_privileges = c->no_new_privileges;
}

static void describe_pools(struct api_host *h, const struct config *c, struct arena *a)
{
	size_t count = c->default_address_pools.count;
	const char **pairs = arena_alloc(a, (2 * count + 1) * sizeof(*pairs));

	for (size_t i = 0; i < count; i++) {
		struct ipam_pool pool;
		char *base = arena_alloc(a, SUBNET_TEXT_MAX);

		if (!setting_pool(c->default_address_pools.items[i], &pool))
			continue;
		subnet_print(pool.base, base);
		pairs[2 * h->address_pool_count] = base;
		pairs[2 * h->address_pool_count++ + 1] = arena_printf(a, "%d", pool.bits);
	}
	h->address_pools = pairs;
}

/* In docker's words. */
static const char *filesystem_of(const char *path)
{
	static const struct {
		long type;
		const char *name;
	} known[] = {
		{ EXT4_SUPER_MAGIC, "extfs" },          { XFS_SUPER_MAGIC, "xfs" },
		{ BTRFS_SUPER_MAGIC, "btrfs" },         { TMPFS_MAGIC, "tmpfs" },
		{ OVERLAYFS_SUPER_MAGIC, "overlayfs" }, { NFS_SUPER_MAGIC, "nfs" },
		{ F2FS_SUPER_MAGIC, "f2fs" },           { ZFS_MAGIC, "zfs" },
	};
	struct statfs found;

	if (statfs(path, &found) == 0)
		for (size_t i = 0; i < ARRAY_LEN(known); i++)
			if ((unsigned long)found.f_type == (unsigned long)known[i].type)
				return known[i].name;
	return "<unknown>";
}

static void look(struct api_moment *now)
{
	DIR *open_files = opendir("/proc/self/fd");
	int forwarding = open("/proc/sys/net/ipv4/ip_forward", O_RDONLY | O_CLOEXEC);
	char answer = '0';

	now->open_files = 0;
	while (open_files && readdir(open_files))
		now->open_files++;
	now->open_files -= open_files ? 3 : 0; /* ".", ".." and this one */
	if (open_files)
		(void)closedir(open_files);
	now->forwards_ipv4 = forwarding >= 0 && read(forwarding, &answer, 1) == 1 && answer != '0';
	if (forwarding >= 0)
		close(forwarding);
}

static void describe_abilities(struct serving *s, struct api_host *h)
{
	const char **warnings = arena_alloc(&s->memory, API_ABILITIES * sizeof(*warnings));

	abilities_read("/sys/fs/cgroup", &h->abilities);
	h->warning_count = abilities_missing(&h->abilities, warnings);
	h->warnings = warnings;
	h->look = look;
}

static bool describe(struct serving *s, const struct config *c, struct err *e)
{
	struct arena *a = &s->memory;
	struct api_host *h = &s->host;
	struct utsname uts;

	if (uname(&uts) != 0)
		return fail(e, ERR_INTERNAL, "the kernel does not say its name");
	*h = (struct api_host){
		.version = SHOAL_VERSION,
		.commit = SHOAL_COMMIT,
		.built_at = SHOAL_COMMITTED_AT,
		.hostname = arena_strdup(a, uts.nodename),
		.kernel = arena_strdup(a, uts.release),
		.os_name = os_release(a, "PRETTY_NAME", "Linux"),
		.os_version = os_release(a, "VERSION_ID", ""),
		.machine = arena_strdup(a, uts.machine),
		.arch = arena_strdup(a, architecture(uts.machine)),
		.cpus = sysconf(_SC_NPROCESSORS_ONLN),
		.memory_bytes = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE),
		.data_root = c->data_root,
		.log_driver = c->log_driver,
		.backing_filesystem = filesystem_of(c->data_root),
		.init_binary = setting_init_path(c),
		.cgroup_driver = "cgroupfs",
		.cgroup_version = access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0 ? 2 : 1,
	};
	describe_abilities(s, h);
	describe_pools(h, c, a);
	describe_configuration(h, c, a);
	return load_engine_id(c, a, &h->id, e);
}

void serving_reconfigure(struct serving *s, const struct config *c)
{
	arena_reset(&s->reloaded);
	describe_configuration(&s->host, c, &s->reloaded);
}

const char *serving_engine_id(const struct serving *s)
{
	return s->host.id;
}

/* ---- listeners ---- */

static bool read_pem(const char *path, struct buf *into, struct err *e)
{
	return file_read(path, into, e) || while_doing(e, "reading %s", path);
}

static bool make_tls(struct serving *s, const struct config *c, struct err *e)
{
	AUTO_BUF struct buf ca = BUF_MAX(PEM_MAX), cert = BUF_MAX(PEM_MAX), key = BUF_MAX(PEM_MAX);
	struct tls_options o = { .role = TLS_SERVER, .alpn = TLS_ALPN_HTTP1 };

	if (!read_pem(c->tlscert, &cert, e) || !read_pem(c->tlskey, &key, e))
		return false;
	if (config_verifies_clients(c)) {
		if (!read_pem(c->tlscacert, &ca, e))
			return false;
		o.verify = TLS_VERIFY_PEER;
		o.roots = buf_str(&ca);
	} else {
		o.verify = TLS_VERIFY_NONE;
	}
	o.cert = buf_str(&cert);
	o.key = buf_str(&key);
	s->tls = tls_config_new(&o, e);
	return s->tls != NULL || while_doing(e, "the API's TLS (%s)", c->tlscert);
}

/* In the log, and in what `docker info` shows. */
static void warn_of(struct serving *s, const char *where, const char *lacks)
{
	struct api_host *h = &s->host;
	const char **all = arena_alloc(&s->memory, (h->warning_count + 1) * sizeof(*all));
	const char *text =
		arena_printf(&s->memory,
			     "API is accessible on %s without %s: whoever reaches it is root "
			     "on this host",
			     where, lacks);

	log_warn(s->log, "daemon", "%s", text);
	for (size_t i = 0; i < h->warning_count; i++)
		all[i] = h->warnings[i];
	all[h->warning_count++] = arena_printf(&s->memory, "WARNING: %s", text);
	h->warnings = all;
}

static bool listen_on(struct serving *s, const struct config *c, const char *text, gid_t group,
		      struct err *e)
{
	struct listen_address at;
	char bound[LISTEN_TEXT_MAX];

	if (!listen_address_parse(str_of(text), &at, e))
		return false;
	if (at.kind == LISTEN_TCP && !s->tls && !config_allows_plain_tcp(c))
		return fail(e, ERR_INVALID,
			    "%s without TLS gives root on this host to whoever reaches it: use "
			    "--tlsverify, or "
			    "say --tls=false if that is meant",
			    text);
	if (!stream_server_listen(s->server, &at, group, at.kind == LISTEN_TCP ? s->tls : NULL,
				  bound, e))
		return false;
	log_info(s->log, "daemon", "API on %s", bound);
	if (at.kind == LISTEN_TCP && !(s->tls && config_verifies_clients(c)))
		warn_of(s, bound, s->tls ? "TLS client verification" : "TLS");
	return true;
}

/* A group that was asked for must be there; without the usual one the socket is root's alone. */
static bool choose_group(struct serving *s, const struct config *c, gid_t *group, struct err *e)
{
	*group = getgid();
	if (!c->group[0] || listen_group(c->group, group, e))
		return true;
	if (config_names_group(c))
		return while_doing(e, "--group");
	log_warn(s->log, "daemon", "no group %s: the API's socket is root's alone", c->group);
	return true;
}

static bool listen_on_all(struct serving *s, const struct config *c, struct err *e)
{
	gid_t group;

	if (!choose_group(s, c, &group, e))
		return false;
	for (size_t i = 0; i < c->hosts.count; i++)
		if (!listen_on(s, c, c->hosts.items[i], group, e))
			return false;
	return true;
}

static void on_stream_event(void *self, const struct stream_event *ev)
{
	struct serving *s = self;

	api_stream_event(s->api, ev, loop_now(s->loop));
	loop_wake(s->loop);
}

bool serving_open(const struct config *c, struct loop *loop, struct endpoints *endpoints,
		  struct node *node, const struct log *log, struct serving **out, struct err *e)
{
	struct serving *s = NEW(struct serving);
	struct stream_sink sink = { .self = s, .event = on_stream_event };
	struct api_config api;

	s->loop = loop;
	s->node = node;
	s->log = log;
	s->addresses = (struct address_config){
		.default_advertise = c->default_advertise_addr ? c->default_advertise_addr : "",
		.own_prefix = "sb",
	};
	if (!describe(s, c, e) || (config_uses_tls(c) && !make_tls(s, c, e))) {
		serving_close(s);
		return false;
	}
	s->server = stream_server_new(loop, endpoints, &sink, &STREAM_LIMITS_DEFAULT);
	stream_server_seam(s->server, &s->stream);
	api = (struct api_config){
		.node = node,
		.engine = node_engine(node),
		.stream = &s->stream,
		.log = log,
		.host = &s->host,
		.addresses = { .self = &s->addresses, .choose = address_choose },
	};
	s->api = api_new(&api);
	s->programs =
		programs_ask(loop, setting_runtime_program(c, s->host.default_runtime, &s->memory),
			     s->host.init_binary, &s->host);
	stream_server_rest(s->server);
	if (!listen_on_all(s, c, e) ||
	    (c->metrics_addr[0] &&
	     !metrics_open(c->metrics_addr, loop, endpoints, s->api, log, &s->metrics, e))) {
		serving_close(s);
		return false;
	}
	*out = s;
	return true;
}

/* Who comes before the engine knows what runs here waits for it, as after every restart of the
 * daemon, instead of being told to come again. */
int64_t serving_after_turn(struct serving *s, struct now now)
{
	if (engine_is_ready(node_engine(s->node)))
		stream_server_wake(s->server);
	return api_after_turn(s->api, now);
}

void serving_close(struct serving *s)
{
	if (!s)
		return;
	programs_close(s->programs);
	metrics_close(s->metrics);
	stream_server_close(s->server);
	api_free(s->api);
	tls_config_free(s->tls);
	arena_clear(&s->reloaded);
	arena_clear(&s->memory);
	free(s);
}
