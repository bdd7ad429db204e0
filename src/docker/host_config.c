/* "HostConfig": how a container stands in its host. */
#include <jansson.h>

#include "docker/inside.h"
#include "docker/tables.h"

#define END                                                                                        \
	{                                                                                          \
		NULL                                                                               \
	}

static struct str text_of(const json_t *value)
{
	return str_bytes(json_string_value(value), json_string_length(value));
}

/* ---- values that have no field: another system's, or none of ours ---- */

static void write_zero(struct json *j, const char *key, const void *message, int version)
{
	json_int(j, key, 0);
}

static const struct dialect_own zero = { .write = write_zero };

static void write_none(struct json *j, const char *key, const void *message, int version)
{
	json_none(j, key);
}

static bool refuse_devices(struct arena *a, void *message, const struct json_t *value,
			   struct err *e)
{
	if (!json_is_array(value))
		return wrong_type(e, "a list");
	if (json_array_size(value) > 0)
		return fail(e, ERR_UNSUPPORTED,
			    "requests for devices of a driver are not supported");
	return true;
}

static const struct dialect_own device_requests = { write_none, refuse_devices };

/* ---- height and width ---- */

static void write_console(struct json *j, const char *key, const void *message, int version)
{
	const Pb__HostConfig *h = message;
	bool is_set = h->n_console_size == 2;

	json_open_list(j, key);
	json_int(j, NULL, is_set ? h->console_size[0] : 0);
	json_int(j, NULL, is_set ? h->console_size[1] : 0);
	json_close(j);
}

static bool read_console(struct arena *a, void *message, const struct json_t *value, struct err *e)
{
	Pb__HostConfig *h = message;
	const json_t *height = json_array_get(value, 0), *width = json_array_get(value, 1);

	if (!json_is_array(value) || json_array_size(value) != 2 || !json_is_integer(height) ||
	    !json_is_integer(width))
		return wrong_type(e, "two integers");
	h->n_console_size = 0;
	if (json_integer_value(height) == 0 && json_integer_value(width) == 0)
		return true;
	PB_APPEND(a, h, console_size, json_integer_value(height));
	PB_APPEND(a, h, console_size, json_integer_value(width));
	return true;
}

static const struct dialect_own console = { write_console, read_console };
static const struct dialect_own shown_console = { .write = write_console };

/* ---- published ports: {"80/tcp":[{"HostIp":"","HostPort":"8080"}]} ---- */

/* The list is copied at each binding; far more than anyone publishes. */
#define BINDINGS_MAX 4096

static void write_binding(struct json *j, const Pb__PortBinding *b)
{
	json_open_object(j, NULL);
	json_text(j, "HostIp", b->host_ip);
	json_text(j, "HostPort", b->host_port);
	json_close(j);
}

static bool is_first_of_port(Pb__PortBinding *const *list, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (strcmp(list[i]->port, list[at]->port) == 0)
			return false;
	return true;
}

static void write_bindings(struct json *j, const char *key, const void *message, int version)
{
	const Pb__HostConfig *h = message;

	json_open_object(j, key);
	for (size_t i = 0; i < h->n_port_bindings; i++) {
		const char *port = h->port_bindings[i]->port;

		if (!is_first_of_port(h->port_bindings, i))
			continue;
		json_open_list(j, port);
		for (size_t k = i; k < h->n_port_bindings; k++)
			if (strcmp(h->port_bindings[k]->port, port) == 0)
				write_binding(j, h->port_bindings[k]);
		json_close(j);
	}
	json_close(j);
}

static Pb__PortBinding *add_binding(struct arena *a, Pb__HostConfig *h, const char *port)
{
	Pb__PortBinding *b = PB_NEW(a, port_binding);

	b->port = arena_strdup(a, port);
	PB_APPEND(a, h, port_bindings, b);
	return b;
}

static bool read_text(struct arena *a, const json_t *value, char **text)
{
	if (json_is_string(value))
		*text = arena_str(a, text_of(value));
	return !value || json_is_string(value) || json_is_null(value);
}

/* No list, or an empty one: any port of the host. */
static bool read_port(struct arena *a, Pb__HostConfig *h, const char *port, const json_t *list,
		      struct err *e)
{
	size_t i;
	json_t *item;

	if (!json_is_array(list) && !json_is_null(list))
		return wrong_type(e, "a list");
	if (h->n_port_bindings + json_array_size(list) >= BINDINGS_MAX)
		return fail(e, ERR_INVALID, "more than %d ports", BINDINGS_MAX);
	if (json_array_size(list) == 0)
		add_binding(a, h, port);
	json_array_foreach((json_t *)list, i, item)
	{
		Pb__PortBinding *b = add_binding(a, h, port);

		if (!json_is_object(item) ||
		    !read_text(a, json_object_get(item, "HostIp"), &b->host_ip) ||
		    !read_text(a, json_object_get(item, "HostPort"), &b->host_port))
			return wrong_type(e, "objects with the strings HostIp and HostPort");
	}
	return true;
}

static bool read_bindings(struct arena *a, void *message, const struct json_t *value, struct err *e)
{
	Pb__HostConfig *h = message;
	const char **ports;
	size_t count;

	if (!json_is_object(value))
		return wrong_type(e, "an object of lists");
	h->n_port_bindings = 0;
	ports = sorted_keys(a, value, &count);
	for (size_t i = 0; i < count; i++)
		if (!read_port(a, h, ports[i], json_object_get(value, ports[i]), e))
			return while_doing(e, "%s", ports[i]);
	return true;
}

static const struct dialect_own port_bindings = { write_bindings, read_bindings };

/* ---- parts ---- */

static const struct dialect_field log_fields[] = {
	{ "Type", "type", DIALECT_TEXT },
	{ "Config", "config", DIALECT_MAP },
	END,
};
static const struct dialect log_config = { &pb__log_config__descriptor, log_fields };
static const struct dialect_field policy_fields[] = {
	{ "Name", "name", DIALECT_TEXT },
	{ "MaximumRetryCount", "maximum_retry_count", DIALECT_INT },
	END,
};
static const struct dialect restart_policy = { &pb__host_restart_policy__descriptor,
					       policy_fields };
static const struct dialect_field device_fields[] = {
	{ "PathOnHost", "path_on_host", DIALECT_TEXT },
	{ "PathInContainer", "path_in_container", DIALECT_TEXT },
	{ "CgroupPermissions", "cgroup_permissions", DIALECT_TEXT },
	END,
};
static const struct dialect device = { &pb__device_mapping__descriptor, device_fields };
static const struct dialect_field ulimit_fields[] = {
	{ "Name", "name", DIALECT_TEXT },
	{ "Hard", "hard", DIALECT_INT },
	{ "Soft", "soft", DIALECT_INT },
	END,
};
static const struct dialect ulimit = { &pb__ulimit__descriptor, ulimit_fields };
static const struct dialect_field weight_fields[] = {
	{ "Path", "path", DIALECT_TEXT },
	{ "Weight", "value", DIALECT_INT },
	END,
};
static const struct dialect weight = { &pb__blkio_device__descriptor, weight_fields };
static const struct dialect_field rate_fields[] = {
	{ "Path", "path", DIALECT_TEXT },
	{ "Rate", "value", DIALECT_INT },
	END,
};
static const struct dialect rate = { &pb__blkio_device__descriptor, rate_fields };

/* ---- all of it ---- */

static const struct dialect_field host_fields[] = {
	{ "Binds", "binds", DIALECT_TEXTS, NULL_UNSET },
	{ "ContainerIDFile", "container_id_file", DIALECT_TEXT },
	{ "LogConfig", "log_config", DIALECT_OBJECT, 0, &log_config },
	{ "NetworkMode", "network_mode", DIALECT_TEXT },
	{ "PortBindings", NULL, DIALECT_OWN, .own = &port_bindings },
	{ "RestartPolicy", "restart_policy", DIALECT_OBJECT, 0, &restart_policy },
	{ "AutoRemove", "auto_remove", DIALECT_BOOL },
	{ "VolumeDriver", "volume_driver", DIALECT_TEXT },
	{ "VolumesFrom", "volumes_from", DIALECT_TEXTS, NULL_UNSET },
	{ "CapAdd", "cap_add", DIALECT_TEXTS, NULL_UNSET | OR_TEXT },
	{ "CapDrop", "cap_drop", DIALECT_TEXTS, NULL_UNSET | OR_TEXT },
	{ "CgroupnsMode", "cgroupns_mode", DIALECT_TEXT, .since = 41 },
	{ "Dns", "dns", DIALECT_TEXTS },
	{ "DnsOptions", "dns_options", DIALECT_TEXTS },
	{ "DnsSearch", "dns_search", DIALECT_TEXTS },
	{ "ExtraHosts", "extra_hosts", DIALECT_TEXTS, NULL_UNSET },
	{ "GroupAdd", "group_add", DIALECT_TEXTS, NULL_UNSET },
	{ "IpcMode", "ipc_mode", DIALECT_TEXT },
	{ "Cgroup", "cgroup", DIALECT_TEXT },
	{ "Links", "links", DIALECT_TEXTS, NULL_UNSET },
	{ "OomScoreAdj", "oom_score_adj", DIALECT_INT },
	{ "PidMode", "pid_mode", DIALECT_TEXT },
	{ "Privileged", "privileged", DIALECT_BOOL },
	{ "PublishAllPorts", "publish_all_ports", DIALECT_BOOL },
	{ "ReadonlyRootfs", "readonly_rootfs", DIALECT_BOOL },
	{ "SecurityOpt", "security_opt", DIALECT_TEXTS, NULL_UNSET },
	{ "StorageOpt", "storage_opt", DIALECT_MAP, OMIT_EMPTY },
	{ "Tmpfs", "tmpfs", DIALECT_MAP, OMIT_EMPTY },
	{ "UTSMode", "uts_mode", DIALECT_TEXT },
	{ "UsernsMode", "userns_mode", DIALECT_TEXT },
	{ "ShmSize", "shm_size", DIALECT_INT },
	{ "Sysctls", "sysctls", DIALECT_MAP, OMIT_EMPTY },
	{ "Runtime", "runtime", DIALECT_TEXT, OMIT_EMPTY },
	{ "ConsoleSize", NULL, DIALECT_OWN, .own = &shown_console, .until = 42 },
	{ "ConsoleSize", NULL, DIALECT_OWN, .own = &console, .since = 42 },
	{ "Isolation", "isolation", DIALECT_TEXT },
	{ "CpuShares", "cpu_shares", DIALECT_INT },
	{ "Memory", "memory", DIALECT_INT },
	{ "NanoCpus", "nano_cpus", DIALECT_INT },
	{ "CgroupParent", "cgroup_parent", DIALECT_TEXT },
	{ "BlkioWeight", "blkio_weight", DIALECT_INT },
	{ "BlkioWeightDevice", "blkio_weight_device", DIALECT_OBJECTS, 0, &weight },
	{ "BlkioDeviceReadBps", "blkio_device_read_bps", DIALECT_OBJECTS, 0, &rate },
	{ "BlkioDeviceWriteBps", "blkio_device_write_bps", DIALECT_OBJECTS, 0, &rate },
	{ "BlkioDeviceReadIOps", "blkio_device_read_iops", DIALECT_OBJECTS, 0, &rate },
	{ "BlkioDeviceWriteIOps", "blkio_device_write_iops", DIALECT_OBJECTS, 0, &rate },
	{ "CpuPeriod", "cpu_period", DIALECT_INT },
	{ "CpuQuota", "cpu_quota", DIALECT_INT },
	{ "CpuRealtimePeriod", "cpu_realtime_period", DIALECT_INT },
	{ "CpuRealtimeRuntime", "cpu_realtime_runtime", DIALECT_INT },
	{ "CpusetCpus", "cpuset_cpus", DIALECT_TEXT },
	{ "CpusetMems", "cpuset_mems", DIALECT_TEXT },
	{ "Devices", "devices", DIALECT_OBJECTS, 0, &device },
	{ "DeviceCgroupRules", "device_cgroup_rules", DIALECT_TEXTS, NULL_UNSET },
	{ "DeviceRequests", NULL, DIALECT_OWN, .own = &device_requests, .since = 40 },
	{ "MemoryReservation", "memory_reservation", DIALECT_INT },
	{ "MemorySwap", "memory_swap", DIALECT_INT },
	{ "MemorySwappiness", "memory_swappiness.value", DIALECT_INT, NULL_UNSET },
	{ "OomKillDisable", "oom_kill_disable.value", DIALECT_BOOL, NULL_UNSET },
	{ "PidsLimit", "pids_limit.value", DIALECT_INT, NULL_UNSET },
	{ "Ulimits", "ulimits", DIALECT_OBJECTS, 0, &ulimit },
	{ "CpuCount", NULL, DIALECT_OWN, .own = &zero },
	{ "CpuPercent", NULL, DIALECT_OWN, .own = &zero },
	{ "IOMaximumIOps", NULL, DIALECT_OWN, .own = &zero },
	{ "IOMaximumBandwidth", NULL, DIALECT_OWN, .own = &zero },
	{ "Mounts", "mounts", DIALECT_OBJECTS, OMIT_EMPTY, &dialect_mount },
	{ "MaskedPaths", "masked_paths.items", DIALECT_TEXTS, NULL_UNSET },
	{ "ReadonlyPaths", "readonly_paths.items", DIALECT_TEXTS, NULL_UNSET },
	{ "Init", "init.value", DIALECT_BOOL, OMIT_UNSET },
	{ "Annotations", "annotations", DIALECT_MAP, OMIT_EMPTY, .since = 43 },
	END,
};
const struct dialect dialect_host_config = { &pb__host_config__descriptor, host_fields };
