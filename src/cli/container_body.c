#include "cli/container_body.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/mem.h"
#include "template/field.h"
#include "cli/files.h"
#include "cli/ulimit.h"
#include "cli/mount.h"
#include "cli/pairs.h"
#include "cli/values.h"

static const struct value_row values[] = {
	{ "hostname", "Hostname" },
	{ "domainname", "Domainname" },
	{ "user", "User" },
	{ "tty", "Tty" },
	{ "interactive", "OpenStdin" },
	{ "workdir", "WorkingDir" },
	{ "stop-signal", "StopSignal" },
	{ "stop-timeout", "StopTimeout" },
	{ "mac-address", "MacAddress" },
	{ "health-interval", "Healthcheck.Interval" },
	{ "health-timeout", "Healthcheck.Timeout" },
	{ "health-start-period", "Healthcheck.StartPeriod" },
	{ "health-start-interval", "Healthcheck.StartInterval" },
	{ "health-retries", "Healthcheck.Retries" },
	{ "add-host", "HostConfig.ExtraHosts" },
	{ "cap-add", "HostConfig.CapAdd" },
	{ "cap-drop", "HostConfig.CapDrop" },
	{ "cgroup-parent", "HostConfig.CgroupParent" },
	{ "cgroupns", "HostConfig.CgroupnsMode" },
	{ "cidfile", "HostConfig.ContainerIDFile" },
	{ "device-cgroup-rule", "HostConfig.DeviceCgroupRules" },
	{ "dns", "HostConfig.Dns" },
	{ "dns-opt", "HostConfig.DnsOptions" },
	{ "dns-option", "HostConfig.DnsOptions" },
	{ "dns-search", "HostConfig.DnsSearch" },
	{ "group-add", "HostConfig.GroupAdd" },
	{ "init", "HostConfig.Init" },
	{ "ipc", "HostConfig.IpcMode" },
	{ "isolation", "HostConfig.Isolation" },
	{ "kernel-memory", "HostConfig.KernelMemory" },
	{ "link", "HostConfig.Links" },
	{ "memory-swappiness", "HostConfig.MemorySwappiness" },
	{ "oom-kill-disable", "HostConfig.OomKillDisable" },
	{ "oom-score-adj", "HostConfig.OomScoreAdj" },
	{ "pid", "HostConfig.PidMode" },
	{ "privileged", "HostConfig.Privileged" },
	{ "publish-all", "HostConfig.PublishAllPorts" },
	{ "read-only", "HostConfig.ReadonlyRootfs" },
	{ "rm", "HostConfig.AutoRemove" },
	{ "runtime", "HostConfig.Runtime" },
	{ "security-opt", "HostConfig.SecurityOpt" },
	{ "shm-size", "HostConfig.ShmSize" },
	{ "userns", "HostConfig.UsernsMode" },
	{ "uts", "HostConfig.UTSMode" },
	{ "volume-driver", "HostConfig.VolumeDriver" },
	{ "volumes-from", "HostConfig.VolumesFrom" },
	{ "log-driver", "HostConfig.LogConfig.Type" },
};

/* What a running container's limits can be changed to. */
static const struct value_row resources[] = {
	{ "blkio-weight", "BlkioWeight" },
	{ "cpu-period", "CpuPeriod" },
	{ "cpu-quota", "CpuQuota" },
	{ "cpu-rt-period", "CpuRealtimePeriod" },
	{ "cpu-rt-runtime", "CpuRealtimeRuntime" },
	{ "cpu-shares", "CpuShares" },
	{ "cpus", "NanoCpus" },
	{ "cpuset-cpus", "CpusetCpus" },
	{ "cpuset-mems", "CpusetMems" },
	{ "memory", "Memory" },
	{ "memory-reservation", "MemoryReservation" },
	{ "memory-swap", "MemorySwap" },
	{ "pids-limit", "PidsLimit" },
};

static const struct value_row maps[] = {
	{ "annotation", "HostConfig.Annotations" },
	{ "log-opt", "HostConfig.LogConfig.Config" },
	{ "storage-opt", "HostConfig.StorageOpt" },
	{ "sysctl", "HostConfig.Sysctls" },
};

/* "no", "always", "unless-stopped", "on-failure", "on-failure:3". */
static bool put_restart(const struct args *a, json_t *into, struct err *e)
{
	struct str name, count;
	uint64_t most = 0;

	if (!args_has(a, "restart"))
		return true;
	if (str_cut(str_of(args_text(a, "restart")), ':', &name, &count) &&
	    !str_to_u64(count, &most))
		return fail(e, ERR_INVALID,
			    "invalid restart policy format: maximum retry count must be an "
			    "integer");
	field_put(into, "RestartPolicy",
		  json_pack("{s:s%,s:I}", "Name", name.ptr, name.len, "MaximumRetryCount",
			    (json_int_t)most));
	return true;
}

static bool attaches(const struct args *a, const char *stream, bool *known)
{
	size_t count;
	const char *const *list = args_list(a, "attach", &count);

	for (size_t i = 0; i < count; i++)
		if (strcasecmp(list[i], stream) == 0)
			return *known = true;
	return false;
}

static bool put_attach(const struct args *a, json_t *body, bool detaches, struct err *e)
{
	bool in = args_bool(a, "interactive"), out = true, err = true, known = false;
	size_t count;
	const char *const *list = args_list(a, "attach", &count);

	if (count) {
		in = attaches(a, "stdin", &known);
		out = attaches(a, "stdout", &known);
		err = attaches(a, "stderr", &known);
		if (!known)
			return fail(e, ERR_INVALID,
				    "invalid argument \"%s\" for \"-a, --attach\" flag: valid "
				    "streams are STDIN, STDOUT and STDERR",
				    list[0]);
		if (detaches)
			return fail(e, ERR_INVALID, "Conflicting options: -a and -d");
	}
	field_put(body, "AttachStdin", json_boolean(in && !detaches));
	field_put(body, "AttachStdout", json_boolean(out && !detaches));
	field_put(body, "AttachStderr", json_boolean(err && !detaches));
	field_put(body, "StdinOnce", json_boolean(in && !detaches && args_bool(a, "interactive")));
	return true;
}

static void add_pair(void *self, const char *pair)
{
	json_array_append_new(self, json_string(pair));
}

static void add_label(void *self, const char *pair)
{
	pairs_into_object(self, &pair, 1);
}

static bool put_environment(const struct args *a, json_t *body, struct err *e)
{
	const char *const *list;
	size_t count;

	list = args_list(a, "env-file", &count);
	for (size_t i = 0; i < count; i++)
		if (!file_read_pairs(list[i], true, add_pair, field_array(body, "Env"), e))
			return false;
	list = args_list(a, "env", &count);
	for (size_t i = 0; i < count; i++) {
		const char *here = strchr(list[i], '=') ? NULL : getenv(list[i]);
		AUTO_FREE char *pair = here ? xasprintf("%s=%s", list[i], here) : NULL;

		if (*list[i] == '=' || !*list[i])
			return fail(e, ERR_INVALID,
				    "invalid argument \"%s\" for \"-e, --env\" flag: invalid "
				    "environment variable: %s",
				    list[i], list[i]);
		add_pair(field_array(body, "Env"), pair ? pair : list[i]);
	}
	field_put(body, "Labels", json_object());
	list = args_list(a, "label-file", &count);
	for (size_t i = 0; i < count; i++)
		if (!file_read_pairs(list[i], false, add_label, field_at(body, "Labels"), e))
			return false;
	list = args_list(a, "label", &count);
	pairs_into_object(field_at(body, "Labels"), list, count);
	return true;
}

/* A source that begins with "." is a folder below the one we are in. */
static char *absolute_bind(const char *text)
{
	struct str source, rest;
	AUTO_FREE char *relative = NULL, *whole = NULL;
	char here[PATH_MAX];

	str_cut(str_of(text), ':', &source, &rest);
	if (source.len == 0 || source.ptr[0] != '.' || !getcwd(here, sizeof(here)))
		return xstrdup(text);
	relative = str_dup(source);
	whole = realpath(relative, NULL);
	if (whole)
		return xasprintf("%s:%.*s", whole, STR_FMT(rest));
	return xasprintf("%s/%s:%.*s", here, relative, STR_FMT(rest));
}

/* -v: a path alone is an anonymous volume, anything else a bind. */
static bool put_volumes(const struct args *a, json_t *body, struct err *e)
{
	const char *const *list;
	size_t count;

	list = args_list(a, "volume", &count);
	for (size_t i = 0; i < count; i++) {
		if (strchr(list[i], ':')) {
			AUTO_FREE char *bind = absolute_bind(list[i]);

			json_array_append_new(field_array(body, "HostConfig.Binds"),
					      json_string(bind));
		} else {
			json_object_set_new(field_object(body, "Volumes"), list[i], json_object());
		}
	}
	list = args_list(a, "tmpfs", &count);
	for (size_t i = 0; i < count; i++) {
		struct str path, options;
		AUTO_FREE char *key = NULL;

		str_cut(str_of(list[i]), ':', &path, &options);
		key = str_dup(path);
		json_object_set_new(field_object(body, "HostConfig.Tmpfs"), key,
				    json_stringn(options.ptr, options.len));
	}
	list = args_list(a, "mount", &count);
	for (size_t i = 0; i < count; i++) {
		json_t *mount = mount_parse(list[i], e);

		if (!mount)
			return false;
		json_array_append_new(field_array(body, "HostConfig.Mounts"), mount);
	}
	return true;
}

static bool put_ulimits(const struct args *a, json_t *body, struct err *e)
{
	size_t count;
	const char *const *list = args_list(a, "ulimit", &count);

	for (size_t i = 0; i < count; i++) {
		json_t *ulimit = ulimit_parse(list[i], e);

		if (!ulimit)
			return while_doing(e, "invalid argument \"%s\" for \"--ulimit\" flag",
					   list[i]);
		json_array_append_new(field_array(body, "HostConfig.Ulimits"), ulimit);
	}
	return true;
}

static bool put_health(const struct args *a, json_t *body, struct err *e)
{
	if (args_bool(a, "no-healthcheck")) {
		if (field_at(body, "Healthcheck") || args_has(a, "health-cmd"))
			return fail(e, ERR_INVALID,
				    "--no-healthcheck conflicts with --health-* options");
		field_put(body, "Healthcheck.Test", json_pack("[s]", "NONE"));
	} else if (args_has(a, "health-cmd")) {
		field_put(body, "Healthcheck.Test",
			  json_pack("[ss]", "CMD-SHELL", args_text(a, "health-cmd")));
	}
	return true;
}

static void put_command(const struct args *a, json_t *body)
{
	field_put_text(body, "Image", a->words[0]);
	if (a->word_count > 1)
		field_put(body, "Cmd", text_list(a->words + 1, a->word_count - 1));
	if (args_has(a, "entrypoint"))
		field_put(body, "Entrypoint", json_pack("[s]", args_text(a, "entrypoint")));
}

json_t *container_body(struct cli *c, const struct args *a, bool detaches, struct err *e)
{
	AUTO_JSON json_t *body = json_object();
	json_t *host = field_object(body, "HostConfig");

	field_put_text(host, "RestartPolicy.Name", "no");
	field_put(host, "MemorySwappiness", json_integer(-1));
	put_command(a, body);
	values_put(values, ARRAY_LEN(values), a, body);
	values_put(resources, ARRAY_LEN(resources), a, host);
	maps_put(maps, ARRAY_LEN(maps), a, body);
	if (args_bool(a, "rm") && args_has(a, "restart") &&
	    strcmp(args_text(a, "restart"), "no") != 0)
		return fail(e, ERR_INVALID,
			    "Conflicting options: cannot specify both --restart and --rm"),
		       NULL;
	if (!put_attach(a, body, detaches, e) || !put_environment(a, body, e) ||
	    !put_volumes(a, body, e) || !put_ulimits(a, body, e) || !put_health(a, body, e) ||
	    !put_restart(a, host, e) || !container_put_devices(a, body, e) ||
	    !container_put_ports(a, body, e) || !container_put_networks(a, body, e))
		return NULL;
	return json_incref(body);
}

json_t *container_update_body(const struct args *a, struct err *e)
{
	AUTO_JSON json_t *body = json_object();

	values_put(resources, ARRAY_LEN(resources), a, body);
	if (!put_restart(a, body, e))
		return NULL;
	return json_incref(body);
}
