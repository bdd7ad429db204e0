#include "engine/ocispec.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/json_write.h"
#include "base/mem.h"
#include "engine/capability.h"
#include "engine/seccomp.h"

#define CPU_PERIOD_US    100000
#define SHM_SIZE_DEFAULT (64 << 20)

static const char *const masked_paths[] = {
	"/proc/asound",
	"/proc/acpi",
	"/proc/kcore",
	"/proc/keys",
	"/proc/latency_stats",
	"/proc/timer_list",
	"/proc/timer_stats",
	"/proc/sched_debug",
	"/proc/scsi",
	"/sys/firmware",
	"/sys/devices/virtual/powercap",
};

static const char *const readonly_paths[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
};

/* --- process --- */

/* "no-new-privileges", "seccomp=unconfined", ... with '=' or ':'. NULL: not asked for. */
static const char *security_option(const Pb__HostConfig *host, const char *key)
{
	size_t len = strlen(key);

	for (size_t i = 0; i < host->n_security_opt; i++) {
		const char *opt = host->security_opt[i];

		if (strncmp(opt, key, len) == 0 && (opt[len] == '=' || opt[len] == ':'))
			return opt + len + 1;
		if (strcmp(opt, key) == 0)
			return "true";
	}
	return NULL;
}

static bool has_env(char *const *env, size_t count, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < count; i++)
		if (strncmp(env[i], name, len) == 0 && env[i][len] == '=')
			return true;
	return false;
}

static void write_env_default(struct json *j, char *const *env, size_t count, const char *name,
			      const char *value)
{
	char text[512];

	if (has_env(env, count, name))
		return;
	snprintf(text, sizeof(text), "%s=%s", name, value);
	json_text(j, NULL, text);
}

/* Of two entries of one name the later holds; an entry without '=' is an order to leave it out. */
static bool is_overridden(char *const *env, size_t count, size_t at)
{
	const char *equals = strchr(env[at], '=');
	size_t len = equals ? (size_t)(equals - env[at]) : strlen(env[at]);

	for (size_t i = at + 1; i < count; i++)
		if (strncmp(env[i], env[at], len) == 0 &&
		    (env[i][len] == '=' || env[i][len] == '\0'))
			return true;
	return false;
}

static void write_env_list(struct json *j, char *const *env, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strchr(env[i], '=') && !is_overridden(env, count, i))
			json_text(j, NULL, env[i]);
}

static void write_user(struct json *j, const struct runtime_user *user)
{
	json_open_object(j, "user");
	json_uint(j, "uid", user->uid);
	json_uint(j, "gid", user->gid);
	if (user->group_count > 0) {
		json_open_list(j, "additionalGids");
		for (size_t i = 0; i < user->group_count; i++)
			json_uint(j, NULL, user->groups[i]);
		json_close(j);
	}
	json_close(j);
}

/* Never inheritable or ambient: a program that is not root's gets none of them by exec. */
static void write_capabilities(struct json *j, uint64_t set)
{
	static const char *const kinds[] = { "bounding", "effective", "permitted" };

	json_open_object(j, "capabilities");
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		json_open_list(j, kinds[k]);
		for (int i = 0; i < CAPABILITIES; i++)
			if (set & CAPABILITY(i))
				json_text(j, NULL, capability_name(i));
		json_close(j);
	}
	json_close(j);
}

static bool write_rlimits(struct json *j, const Pb__HostConfig *host, struct err *err)
{
	char name[32];

	if (host->n_ulimits == 0)
		return true;
	json_open_list(j, "rlimits");
	for (size_t i = 0; i < host->n_ulimits; i++) {
		const Pb__Ulimit *u = host->ulimits[i];

		if (u->hard != -1 && (u->soft == -1 || u->soft > u->hard))
			return fail(err, ERR_INVALID,
				    "ulimit soft limit must be less than or equal to hard limit: "
				    "%lld > %lld",
				    (long long)u->soft, (long long)u->hard);
		snprintf(name, sizeof(name), "RLIMIT_%s", u->name);
		for (char *c = name; *c; c++)
			*c = *c >= 'a' && *c <= 'z' ? *c - 32 : *c;
		json_open_object(j, NULL);
		json_text(j, "type", name);
		json_uint(j, "hard", (uint64_t)u->hard);
		json_uint(j, "soft", (uint64_t)u->soft);
		json_close(j);
	}
	json_close(j);
	return true;
}

/* A runtime cannot give what this process has not: a daemon inside of a container itself. */
static bool choose_capabilities(const Pb__HostConfig *h, bool is_privileged, uint64_t available,
				uint64_t *set, struct err *err)
{
	if (!capabilities_choose(h->cap_add, h->n_cap_add, h->cap_drop, h->n_cap_drop,
				 is_privileged, set, err))
		return false;
	if (available)
		*set &= available;
	return true;
}

static void write_no_new_privileges(struct json *j, const Pb__HostConfig *host)
{
	const char *asked = security_option(host, "no-new-privileges");

	json_bool(j, "noNewPrivileges", asked && strcasecmp(asked, "false") != 0);
}

static void write_args(struct json *j, const Pb__Container *c, bool has_init)
{
	json_open_list(j, "args");
	if (has_init) {
		json_text(j, NULL, "/sbin/docker-init");
		json_text(j, NULL, "--");
	}
	json_text(j, NULL, c->path);
	for (size_t i = 0; i < c->n_args; i++)
		json_text(j, NULL, c->args[i]);
	json_close(j);
}

static bool write_process(const struct ocispec *s, struct json *j, uint64_t capabilities,
			  struct err *err)
{
	const Pb__Container *c = s->container;
	char *const *env = c->config->env;
	size_t env_count = c->config->n_env;

	json_open_object(j, "process");
	json_bool(j, "terminal", c->config->tty);
	write_user(j, s->user);
	write_args(j, c, s->init_path[0]);

	json_open_list(j, "env");
	if (!has_env(env, env_count, "PATH"))
		json_text(j, NULL, OCISPEC_PATH);
	write_env_default(j, env, env_count, "HOSTNAME", c->config->hostname);
	if (c->config->tty)
		write_env_default(j, env, env_count, "TERM", "xterm");
	write_env_list(j, env, env_count);
	write_env_default(j, env, env_count, "HOME", s->user->home);
	json_close(j);

	json_text(j, "cwd", c->config->working_dir[0] ? c->config->working_dir : "/");
	write_capabilities(j, capabilities);
	if (!write_rlimits(j, c->host_config, err))
		return false;
	write_no_new_privileges(j, c->host_config);
	json_int(j, "oomScoreAdj", c->host_config->oom_score_adj);
	json_close(j);
	return true;
}

/* --- mounts: the outer ones before those inside of them --- */

#define DEPTH_MAX 4096

static void write_mount(struct json *j, const char *destination, const char *type,
			const char *source, const char *const *options, size_t count)
{
	json_open_object(j, NULL);
	json_text(j, "destination", destination);
	json_text(j, "type", type);
	json_text(j, "source", source);
	json_strings(j, "options", options, count);
	json_close(j);
}

#define WRITE_MOUNT(j, destination, type, source, ...)                                             \
	do {                                                                                       \
		const char *const _options[] = { __VA_ARGS__ };                                    \
		write_mount(j, destination, type, source, _options, ARRAY_LEN(_options));          \
	} while (0)

static bool covers(const Pb__Container *c, const char *destination)
{
	for (size_t i = 0; i < c->n_mounts; i++)
		if (strcmp(c->mounts[i]->destination, destination) == 0)
			return true;
	return false;
}

static void write_shm(const struct ocispec *s, struct json *j)
{
	int64_t size = s->container->host_config->shm_size;
	char text[32];

	if (covers(s->container, "/dev/shm"))
		return;
	if (s->shm_path) {
		WRITE_MOUNT(j, "/dev/shm", "bind", s->shm_path, "rbind", "rprivate");
		return;
	}
	snprintf(text, sizeof(text), "size=%lld", (long long)(size > 0 ? size : SHM_SIZE_DEFAULT));
	WRITE_MOUNT(j, "/dev/shm", "tmpfs", "shm", "nosuid", "noexec", "nodev", "mode=1777", text);
}

static void write_default_mounts(const struct ocispec *s, struct json *j)
{
	const char *access = s->container->host_config->privileged ? "rw" : "ro";

	WRITE_MOUNT(j, "/proc", "proc", "proc", "nosuid", "noexec", "nodev");
	WRITE_MOUNT(j, "/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755",
		    "size=65536k");
	WRITE_MOUNT(j, "/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance",
		    "ptmxmode=0666", "mode=0620", "gid=5");
	WRITE_MOUNT(j, "/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", access);
	WRITE_MOUNT(j, "/sys/fs/cgroup", "cgroup", "cgroup", access, "nosuid", "noexec", "nodev");
	if (s->namespaces.ipc)
		WRITE_MOUNT(j, "/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev");
	else
		WRITE_MOUNT(j, "/dev/mqueue", "bind", "/dev/mqueue", "rbind", "nosuid", "noexec",
			    "nodev");
	write_shm(s, j);
}

static void write_network_file(const struct ocispec *s, struct json *j, const char *name)
{
	char source[512], destination[64];

	snprintf(destination, sizeof(destination), "/etc/%s", name);
	if (covers(s->container, destination))
		return;
	snprintf(source, sizeof(source), "%s/%s", s->folder, name);
	if (s->container->host_config->readonly_rootfs)
		WRITE_MOUNT(j, destination, "bind", source, "rbind", "rprivate", "ro");
	else
		WRITE_MOUNT(j, destination, "bind", source, "rbind", "rprivate");
}

static void write_tmpfs(struct json *j, const Pb__MountPoint *m)
{
	const char *options[32] = { "noexec", "nosuid", "nodev" };
	char copy[512];
	size_t count = 3;

	snprintf(copy, sizeof(copy), "%s", m->options);
	for (char *word = copy; word && *word && count < ARRAY_LEN(options) - 1;) {
		char *comma = strchr(word, ',');

		if (comma)
			*comma = '\0';
		options[count++] = word;
		word = comma ? comma + 1 : NULL;
	}
	if (!m->rw)
		options[count++] = "ro";
	write_mount(j, m->destination, "tmpfs", "tmpfs", options, count);
}

static void write_user_mount(const struct ocispec *s, struct json *j, size_t i)
{
	const Pb__MountPoint *m = s->container->mounts[i];
	const char *propagation = m->propagation[0] ? m->propagation : "rprivate";

	if (strcmp(m->type, "tmpfs") == 0)
		write_tmpfs(j, m);
	else if (m->rw)
		WRITE_MOUNT(j, m->destination, "bind", s->mount_sources[i], "rbind", propagation);
	else
		WRITE_MOUNT(j, m->destination, "bind", s->mount_sources[i], "rbind", "ro",
			    propagation);
}

/* "/" has none, "/etc" one, "/etc/hosts" two. */
static size_t depth_of(const char *path)
{
	size_t depth = 0;

	for (; *path; path++)
		depth += path[0] == '/' && path[1] && path[1] != '/';
	return depth;
}

static void write_user_mounts(const struct ocispec *s, struct json *j, size_t from, size_t to)
{
	const Pb__Container *c = s->container;

	for (size_t depth = from; depth <= to; depth++) {
		size_t next = to + 1;

		for (size_t i = 0; i < c->n_mounts; i++) {
			size_t own = depth_of(c->mounts[i]->destination);

			if (own == depth)
				write_user_mount(s, j, i);
			else if (own > depth && own < next)
				next = own;
		}
		depth = next - 1;
	}
}

static void write_mounts(const struct ocispec *s, struct json *j)
{
	json_open_list(j, "mounts");
	write_default_mounts(s, j);
	/* What is mounted on /etc must not hide what belongs into it. */
	write_user_mounts(s, j, 0, 1);
	if (s->mounts_network_files) {
		write_network_file(s, j, "resolv.conf");
		write_network_file(s, j, "hostname");
		write_network_file(s, j, "hosts");
	}
	if (s->init_path[0])
		WRITE_MOUNT(j, "/sbin/docker-init", "bind", s->init_path, "bind", "ro");
	write_user_mounts(s, j, 2, DEPTH_MAX);
	for (size_t i = 0; i < s->file_count; i++)
		WRITE_MOUNT(j, s->files[i].destination, "bind", s->files[i].source, "rbind", "ro",
			    "rprivate");
	json_close(j);
}

/* --- linux --- */

static void write_device_rule(struct json *j, bool allow, const char *type, int64_t major,
			      int64_t minor, const char *access)
{
	json_open_object(j, NULL);
	json_bool(j, "allow", allow);
	if (type)
		json_text(j, "type", type);
	if (major >= 0)
		json_int(j, "major", major);
	if (minor >= 0)
		json_int(j, "minor", minor);
	json_text(j, "access", access);
	json_close(j);
}

/* "c 1:3 rwm", "b 8:* r": a user's rule. */
static bool write_written_rule(struct json *j, const char *rule, struct err *err)
{
	char type[2], major[12], minor[12], access[4];
	uint64_t number[2];

	if (sscanf(rule, "%1[acb] %11[0-9*]:%11[0-9*] %3[rwm]", type, major, minor, access) != 4)
		return fail(err, ERR_INVALID, "invalid device cgroup rule format: '%s'", rule);
	write_device_rule(j, true, type,
			  str_to_u64(str_of(major), &number[0]) ? (int64_t)number[0] : -1,
			  str_to_u64(str_of(minor), &number[1]) ? (int64_t)number[1] : -1, access);
	return true;
}

static bool write_device_rules(const struct ocispec *s, struct json *j, struct err *err)
{
	static const struct {
		int major, minor;
	} usual[] = { { 1, 5 }, { 1, 3 }, { 1, 9 }, { 1, 8 },   { 5, 0 },
		      { 5, 1 }, { 5, 2 }, { 1, 7 }, { 136, -1 } };
	const Pb__HostConfig *host = s->container->host_config;

	json_open_list(j, "devices");
	if (host->privileged) {
		write_device_rule(j, true, NULL, -1, -1, "rwm");
		json_close(j);
		return true;
	}
	write_device_rule(j, false, NULL, -1, -1, "rwm");
	write_device_rule(j, true, "c", -1, -1, "m");
	write_device_rule(j, true, "b", -1, -1, "m");
	for (size_t i = 0; i < ARRAY_LEN(usual); i++)
		write_device_rule(j, true, "c", usual[i].major, usual[i].minor, "rwm");
	for (size_t i = 0; i < s->device_count; i++)
		write_device_rule(j, true, (char[]){ s->devices[i].type, '\0' },
				  s->devices[i].major, s->devices[i].minor, s->device_access[i]);
	for (size_t i = 0; i < host->n_device_cgroup_rules; i++)
		if (!write_written_rule(j, host->device_cgroup_rules[i], err))
			return false;
	json_close(j);
	return true;
}

static void write_memory(struct json *j, const Pb__HostConfig *h, bool is_cgroup_v2)
{
	bool has_swappiness =
		h->memory_swappiness && h->memory_swappiness->value >= 0 && !is_cgroup_v2;

	if (!h->memory && !h->memory_reservation && !h->memory_swap && !has_swappiness &&
	    !(h->oom_kill_disable && h->oom_kill_disable->value))
		return;
	json_open_object(j, "memory");
	if (h->memory)
		json_int(j, "limit", h->memory);
	if (h->memory_reservation)
		json_int(j, "reservation", h->memory_reservation);
	if (h->memory_swap)
		json_int(j, "swap", h->memory_swap);
	else if (h->memory)
		json_int(j, "swap", 2 * h->memory);
	if (has_swappiness)
		json_int(j, "swappiness", h->memory_swappiness->value);
	if (h->oom_kill_disable && h->oom_kill_disable->value && !is_cgroup_v2)
		json_bool(j, "disableOOMKiller", true);
	json_close(j);
}

static void write_cpu(struct json *j, const Pb__HostConfig *h)
{
	if (!h->cpu_shares && !h->nano_cpus && !h->cpu_quota && !h->cpu_period &&
	    !h->cpuset_cpus[0] && !h->cpuset_mems[0])
		return;
	json_open_object(j, "cpu");
	if (h->cpu_shares)
		json_int(j, "shares", h->cpu_shares);
	if (h->nano_cpus) {
		json_int(j, "period", CPU_PERIOD_US);
		json_int(j, "quota", h->nano_cpus / 1000 * CPU_PERIOD_US / 1000000);
	} else {
		if (h->cpu_period)
			json_int(j, "period", h->cpu_period);
		if (h->cpu_quota)
			json_int(j, "quota", h->cpu_quota);
	}
	if (h->cpuset_cpus[0])
		json_text(j, "cpus", h->cpuset_cpus);
	if (h->cpuset_mems[0])
		json_text(j, "mems", h->cpuset_mems);
	json_close(j);
}

const Pb__BlkioDevice *ocispec_rate(const Pb__HostConfig *h, size_t number, const char **list)
{
	const struct {
		const char *name;
		Pb__BlkioDevice **items;
		size_t count;
	} lists[] = {
		{ "throttleReadBpsDevice", h->blkio_device_read_bps, h->n_blkio_device_read_bps },
		{ "throttleWriteBpsDevice", h->blkio_device_write_bps,
		  h->n_blkio_device_write_bps },
		{ "throttleReadIOPSDevice", h->blkio_device_read_iops,
		  h->n_blkio_device_read_iops },
		{ "throttleWriteIOPSDevice", h->blkio_device_write_iops,
		  h->n_blkio_device_write_iops },
	};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		*list = lists[i].name;
		if (number < lists[i].count)
			return lists[i].items[number];
		number -= lists[i].count;
	}
	return NULL;
}

static void write_rates(struct json *j, const Pb__HostConfig *h,
			const struct runtime_device *devices)
{
	const char *list, *open = "";
	const Pb__BlkioDevice *rate;

	for (size_t i = 0; (rate = ocispec_rate(h, i, &list)); i++) {
		if (strcmp(list, open) != 0) {
			if (open[0])
				json_close(j);
			json_open_list(j, list);
			open = list;
		}
		json_open_object(j, NULL);
		json_uint(j, "major", devices[i].major);
		json_uint(j, "minor", devices[i].minor);
		json_uint(j, "rate", rate->value);
		json_close(j);
	}
	if (open[0])
		json_close(j);
}

static void write_block_io(struct json *j, const Pb__HostConfig *h,
			   const struct runtime_device *rate_devices)
{
	if (!h->blkio_weight && !rate_devices)
		return;
	json_open_object(j, "blockIO");
	if (h->blkio_weight)
		json_uint(j, "weight", h->blkio_weight);
	if (rate_devices)
		write_rates(j, h, rate_devices);
	json_close(j);
}

static void write_limits(struct json *j, const Pb__HostConfig *h, bool is_cgroup_v2,
			 const struct runtime_device *rate_devices)
{
	write_memory(j, h, is_cgroup_v2);
	write_cpu(j, h);
	if (h->pids_limit && h->pids_limit->value != 0) {
		json_open_object(j, "pids");
		json_int(j, "limit", h->pids_limit->value < 0 ? 0 : h->pids_limit->value);
		json_close(j);
	}
	write_block_io(j, h, rate_devices);
}

static void write_namespace(struct json *j, const char *type, const char *path)
{
	if (!path)
		return;
	json_open_object(j, NULL);
	json_text(j, "type", type);
	if (path[0])
		json_text(j, "path", path);
	json_close(j);
}

static void write_namespaces(const struct ocispec *s, struct json *j)
{
	json_open_list(j, "namespaces");
	write_namespace(j, "mount", "");
	write_namespace(j, "network", s->namespaces.net);
	write_namespace(j, "uts", s->namespaces.uts);
	write_namespace(j, "pid", s->namespaces.pid);
	write_namespace(j, "ipc", s->namespaces.ipc);
	if (s->namespaces.own_cgroup)
		write_namespace(j, "cgroup", "");
	json_close(j);
}

static bool has_sysctl(const Pb__HostConfig *h, const char *key)
{
	for (size_t i = 0; i < h->n_sysctls; i++)
		if (strcmp(h->sysctls[i]->key, key) == 0)
			return true;
	return false;
}

/* A network of its own lets everybody bind low ports and ping: nobody else is in it. */
static void write_sysctls(const struct ocispec *s, struct json *j)
{
	const Pb__HostConfig *h = s->container->host_config;

	json_open_object(j, "sysctl");
	for (size_t i = 0; i < h->n_sysctls; i++)
		json_text(j, h->sysctls[i]->key, h->sysctls[i]->value);
	if (s->namespaces.net && s->mounts_network_files) {
		if (!has_sysctl(h, "net.ipv4.ip_unprivileged_port_start"))
			json_text(j, "net.ipv4.ip_unprivileged_port_start", "0");
		if (!has_sysctl(h, "net.ipv4.ping_group_range"))
			json_text(j, "net.ipv4.ping_group_range", "0 2147483647");
	}
	if (s->namespaces.uts && s->container->config->domainname[0] &&
	    !has_sysctl(h, "kernel.domainname"))
		json_text(j, "kernel.domainname", s->container->config->domainname);
	json_close(j);
}

static void write_devices(const struct ocispec *s, struct json *j)
{
	if (s->device_count == 0)
		return;
	json_open_list(j, "devices");
	for (size_t i = 0; i < s->device_count; i++) {
		const struct runtime_device *d = &s->devices[i];

		json_open_object(j, NULL);
		json_text(j, "path", s->device_targets[i]);
		json_text(j, "type", (char[]){ d->type, '\0' });
		json_uint(j, "major", d->major);
		json_uint(j, "minor", d->minor);
		json_uint(j, "fileMode", d->mode & 07777);
		json_uint(j, "uid", d->uid);
		json_uint(j, "gid", d->gid);
		json_close(j);
	}
	json_close(j);
}

static void write_paths(struct json *j, const char *key, const Pb__StringList *chosen,
			const char *const *defaults, size_t count)
{
	if (chosen)
		json_strings(j, key, (const char *const *)chosen->items, chosen->n_items);
	else
		json_strings(j, key, defaults, count);
}

static void write_propagation(const Pb__Container *c, struct json *j)
{
	bool is_shared = false, is_slave = false;

	for (size_t i = 0; i < c->n_mounts; i++) {
		is_shared |= strstr(c->mounts[i]->propagation, "shared") != NULL;
		is_slave |= strstr(c->mounts[i]->propagation, "slave") != NULL;
	}
	if (is_shared)
		json_text(j, "rootfsPropagation", "shared");
	else if (is_slave)
		json_text(j, "rootfsPropagation", "rslave");
}

static bool write_linux(const struct ocispec *s, struct json *j, uint64_t capabilities,
			struct err *err)
{
	const Pb__HostConfig *h = s->container->host_config;
	const char *seccomp = security_option(h, "seccomp");
	const char *systempaths = security_option(h, "systempaths");
	bool is_masked = !h->privileged && !(systempaths && strcmp(systempaths, "unconfined") == 0);

	if (seccomp && strcmp(seccomp, "unconfined") != 0 && strcmp(seccomp, "builtin") != 0)
		return fail(err, ERR_UNSUPPORTED,
			    "seccomp profiles other than the built-in one and \"unconfined\" are "
			    "not supported");
	json_open_object(j, "linux");
	json_open_object(j, "resources");
	if (!write_device_rules(s, j, err))
		return false;
	write_limits(j, h, s->is_cgroup_v2, s->rate_devices);
	json_close(j);
	json_text(j, "cgroupsPath", s->cgroup);
	write_namespaces(s, j);
	write_sysctls(s, j);
	write_devices(s, j);
	if (is_masked) {
		write_paths(j, "maskedPaths", h->masked_paths, masked_paths,
			    ARRAY_LEN(masked_paths));
		write_paths(j, "readonlyPaths", h->readonly_paths, readonly_paths,
			    ARRAY_LEN(readonly_paths));
	}
	write_propagation(s->container, j);
	if (!h->privileged && !(seccomp && strcmp(seccomp, "unconfined") == 0))
		seccomp_write(j, capabilities);
	json_close(j);
	return true;
}

static bool finish(const struct json *j, struct err *err)
{
	if (json_is_complete(j))
		return true;
	return fail(err, ERR_INVALID, "the container's configuration is larger than %d bytes",
		    OCISPEC_MAX);
}

bool ocispec_write(const struct ocispec *s, struct buf *out, struct err *err)
{
	const Pb__Container *c = s->container;
	struct json j = json_begin(out);
	uint64_t capabilities;

	if (!choose_capabilities(c->host_config, c->host_config->privileged, s->capabilities,
				 &capabilities, err))
		return false;
	json_open_object(&j, NULL);
	json_text(&j, "ociVersion", "1.0.2");
	if (!write_process(s, &j, capabilities, err))
		return false;
	json_open_object(&j, "root");
	json_text(&j, "path", "rootfs");
	json_bool(&j, "readonly", c->host_config->readonly_rootfs);
	json_close(&j);
	if (s->namespaces.uts)
		json_text(&j, "hostname", c->config->hostname);
	write_mounts(s, &j);
	if (!write_linux(s, &j, capabilities, err))
		return false;
	json_close(&j);
	return finish(&j, err);
}

bool ocispec_write_process(const Pb__Container *c, const Pb__Exec *exec,
			   const struct runtime_user *user, uint64_t available, struct buf *out,
			   struct err *err)
{
	struct json j = json_begin(out);
	bool is_privileged = exec->privileged || c->host_config->privileged;
	const char *cwd = exec->working_dir[0] ? exec->working_dir : c->config->working_dir;
	AUTO_FREE char **env = xcalloc(c->config->n_env + exec->n_env + 1, sizeof(*env));
	size_t env_count = c->config->n_env + exec->n_env;
	uint64_t capabilities;

	if (!choose_capabilities(c->host_config, is_privileged, available, &capabilities, err))
		return false;
	for (size_t i = 0; i < env_count; i++)
		env[i] = i < c->config->n_env ? c->config->env[i] : exec->env[i - c->config->n_env];

	json_open_object(&j, NULL);
	json_bool(&j, "terminal", exec->tty);
	write_user(&j, user);
	json_strings(&j, "args", (const char *const *)exec->cmd, exec->n_cmd);
	json_open_list(&j, "env");
	if (!has_env(env, env_count, "PATH"))
		json_text(&j, NULL, OCISPEC_PATH);
	write_env_default(&j, env, env_count, "HOSTNAME", c->config->hostname);
	if (exec->tty)
		write_env_default(&j, env, env_count, "TERM", "xterm");
	write_env_list(&j, env, env_count);
	write_env_default(&j, env, env_count, "HOME", user->home);
	json_close(&j);
	json_text(&j, "cwd", cwd[0] ? cwd : "/");
	write_capabilities(&j, capabilities);
	write_no_new_privileges(&j, c->host_config);
	json_close(&j);
	return finish(&j, err);
}

bool ocispec_write_resources(const Pb__HostConfig *host, bool is_cgroup_v2, struct buf *out,
			     struct err *err)
{
	struct json j = json_begin(out);

	json_open_object(&j, NULL);
	write_limits(&j, host, is_cgroup_v2, NULL);
	json_close(&j);
	return finish(&j, err);
}
