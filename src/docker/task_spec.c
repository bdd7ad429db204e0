/* TaskSpec: what a task runs, as services carry it and tasks show it. */
#include <jansson.h>
#include <stdlib.h>

#include "docker/tables.h"

#define END                                                                                        \
	{                                                                                          \
		NULL                                                                               \
	}

static const struct dialect_field version_fields[] = {
	{ "Index", "index", DIALECT_INT, OMIT_EMPTY }, END
};
const struct dialect dialect_version = { &pb__version__descriptor, version_fields };

static const struct dialect_field driver_fields[] = {
	{ "Name", "name", DIALECT_TEXT, OMIT_EMPTY },
	{ "Options", "options", DIALECT_MAP, OMIT_EMPTY },
	END,
};
const struct dialect dialect_driver = { &pb__driver__descriptor, driver_fields };

static const struct dialect_field platform_fields[] = {
	{ "Architecture", "architecture", DIALECT_TEXT, OMIT_EMPTY },
	{ "OS", "os", DIALECT_TEXT, OMIT_EMPTY },
	END,
};
const struct dialect dialect_platform = { &pb__platform__descriptor, platform_fields };

/* ---- mounts ---- */

static const struct dialect_word mount_types[] = {
	{ "bind", PB__MOUNT__TYPE__BIND },       { "volume", PB__MOUNT__TYPE__VOLUME },
	{ "tmpfs", PB__MOUNT__TYPE__TMPFS },     { "npipe", PB__MOUNT__TYPE__NPIPE },
	{ "cluster", PB__MOUNT__TYPE__CLUSTER }, { NULL },
};
static const struct dialect_word consistencies[] = {
	{ "default", PB__MOUNT__CONSISTENCY__DEFAULT },
	{ "", PB__MOUNT__CONSISTENCY__DEFAULT },
	{ "consistent", PB__MOUNT__CONSISTENCY__CONSISTENT },
	{ "cached", PB__MOUNT__CONSISTENCY__CACHED },
	{ "delegated", PB__MOUNT__CONSISTENCY__DELEGATED },
	{ NULL },
};
static const struct dialect_word propagations[] = {
	{ "rprivate", PB__MOUNT__BIND_OPTIONS__PROPAGATION__RPRIVATE },
	{ "", PB__MOUNT__BIND_OPTIONS__PROPAGATION__RPRIVATE },
	{ "private", PB__MOUNT__BIND_OPTIONS__PROPAGATION__PRIVATE },
	{ "rshared", PB__MOUNT__BIND_OPTIONS__PROPAGATION__RSHARED },
	{ "shared", PB__MOUNT__BIND_OPTIONS__PROPAGATION__SHARED },
	{ "rslave", PB__MOUNT__BIND_OPTIONS__PROPAGATION__RSLAVE },
	{ "slave", PB__MOUNT__BIND_OPTIONS__PROPAGATION__SLAVE },
	{ NULL },
};
static const struct dialect_field bind_fields[] = {
	{ "Propagation", "propagation", DIALECT_WORD, OMIT_EMPTY, .words = propagations },
	{ "NonRecursive", "nonrecursive", DIALECT_BOOL, OMIT_EMPTY, .since = 40 },
	{ "CreateMountpoint", "createmountpoint", DIALECT_BOOL, OMIT_EMPTY, .since = 42 },
	{ "ReadOnlyNonRecursive", "readonlynonrecursive", DIALECT_BOOL, OMIT_EMPTY, .since = 44 },
	{ "ReadOnlyForceRecursive", "readonlyforcerecursive", DIALECT_BOOL, OMIT_EMPTY },
	END,
};
static const struct dialect bind_options = { &pb__mount__bind_options__descriptor, bind_fields };
static const struct dialect_field volume_fields[] = {
	{ "NoCopy", "nocopy", DIALECT_BOOL, OMIT_EMPTY },
	{ "Labels", "labels", DIALECT_MAP, OMIT_EMPTY },
	{ "Subpath", "subpath", DIALECT_TEXT, OMIT_EMPTY },
	{ "DriverConfig", "driver_config", DIALECT_OBJECT, OMIT_UNSET, &dialect_driver },
	END,
};
static const struct dialect volume_options = { &pb__mount__volume_options__descriptor,
					       volume_fields };

/* A list of lists of one or two strings, [["key","value"],["flag"]]; the message keeps its text. */
static bool is_options(const json_t *value)
{
	size_t i, k;
	json_t *option, *part;

	if (!json_is_array(value))
		return false;
	json_array_foreach((json_t *)value, i, option)
	{
		if (!json_is_array(option) || json_array_size(option) < 1 ||
		    json_array_size(option) > 2)
			return false;
		json_array_foreach(option, k, part) if (!json_is_string(part)) return false;
	}
	return true;
}

static void write_tmpfs_options(struct json *j, const char *key, const void *message, int version)
{
	const Pb__Mount__TmpfsOptions *o = message;
	json_t *value = json_loads(o->options, 0, NULL), *option, *part;
	size_t i, k;

	if (is_options(value)) {
		json_open_list(j, key);
		json_array_foreach(value, i, option)
		{
			json_open_list(j, NULL);
			json_array_foreach(option, k, part)
				json_text(j, NULL, json_string_value(part));
			json_close(j);
		}
		json_close(j);
	}
	json_decref(value);
}

static bool read_tmpfs_options(struct arena *a, void *message, const struct json_t *value,
			       struct err *e)
{
	Pb__Mount__TmpfsOptions *o = message;
	char *text;

	if (!is_options(value))
		return fail(e, ERR_INVALID, "must be a list of lists of one or two strings");
	text = json_dumps(value, JSON_COMPACT);
	o->options = arena_strdup(a, text);
	free(text);
	return true;
}

static const struct dialect_own tmpfs_options_text = { write_tmpfs_options, read_tmpfs_options };
static const struct dialect_field tmpfs_fields[] = {
	{ "SizeBytes", "size_bytes", DIALECT_INT, OMIT_EMPTY },
	{ "Mode", "mode", DIALECT_INT, OMIT_EMPTY },
	{ "Options", "options", DIALECT_OWN, .own = &tmpfs_options_text, .since = 46 },
	END,
};
static const struct dialect tmpfs_options = { &pb__mount__tmpfs_options__descriptor, tmpfs_fields };

static const struct dialect_field mount_fields[] = {
	{ "Type", "type", DIALECT_WORD, .words = mount_types },
	{ "Source", "source", DIALECT_TEXT, OMIT_EMPTY },
	{ "Target", "target", DIALECT_TEXT, OMIT_EMPTY },
	{ "ReadOnly", "readonly", DIALECT_BOOL, OMIT_EMPTY },
	{ "Consistency", "consistency", DIALECT_WORD, OMIT_EMPTY, .words = consistencies },
	{ "BindOptions", "bind_options", DIALECT_OBJECT, OMIT_UNSET, &bind_options },
	{ "VolumeOptions", "volume_options", DIALECT_OBJECT, OMIT_UNSET, &volume_options },
	{ "TmpfsOptions", "tmpfs_options", DIALECT_OBJECT, OMIT_UNSET, &tmpfs_options },
	END,
};
const struct dialect dialect_mount = { &pb__mount__descriptor, mount_fields };

/* ---- containers ---- */

static const struct dialect_field health_fields[] = {
	{ "Test", "test", DIALECT_TEXTS, OMIT_EMPTY },
	{ "Interval", "interval", DIALECT_SPAN, OMIT_EMPTY },
	{ "Timeout", "timeout", DIALECT_SPAN, OMIT_EMPTY },
	{ "StartPeriod", "start_period", DIALECT_SPAN, OMIT_EMPTY },
	{ "StartInterval", "start_interval", DIALECT_SPAN, OMIT_EMPTY, .since = 44 },
	{ "Retries", "retries", DIALECT_INT, OMIT_EMPTY },
	END,
};
const struct dialect dialect_health_config = { &pb__health_config__descriptor, health_fields };

static const struct dialect_field dns_fields[] = {
	{ "Nameservers", "nameservers", DIALECT_TEXTS, OMIT_EMPTY },
	{ "Search", "search", DIALECT_TEXTS, OMIT_EMPTY },
	{ "Options", "options", DIALECT_TEXTS, OMIT_EMPTY },
	END,
};
static const struct dialect dns_config = { &pb__container_spec__dnsconfig__descriptor, dns_fields };

static const struct dialect_field file_fields[] = {
	{ "Name", "name", DIALECT_TEXT },
	{ "UID", "uid", DIALECT_TEXT },
	{ "GID", "gid", DIALECT_TEXT },
	{ "Mode", "mode", DIALECT_INT },
	END,
};
static const struct dialect file_target = { &pb__file_target__descriptor, file_fields };
static const struct dialect_field nothing[] = { END };
static const struct dialect runtime_target = { &pb__runtime_target__descriptor, nothing };
static const struct dialect_field secret_fields[] = {
	{ "File", "file", DIALECT_OBJECT, NULL_UNSET, &file_target },
	{ "SecretID", "secret_id", DIALECT_TEXT },
	{ "SecretName", "secret_name", DIALECT_TEXT },
	END,
};
static const struct dialect secret_reference = { &pb__secret_reference__descriptor, secret_fields };
static const struct dialect_field config_fields[] = {
	{ "File", "file", DIALECT_OBJECT, OMIT_UNSET, &file_target },
	{ "Runtime", "runtime", DIALECT_OBJECT, OMIT_UNSET, &runtime_target, .since = 40 },
	{ "ConfigID", "config_id", DIALECT_TEXT },
	{ "ConfigName", "config_name", DIALECT_TEXT },
	END,
};
static const struct dialect config_reference = {
	&pb__config_reference__descriptor,
	config_fields,
	"Configs: cannot specify both File and Runtime",
};

static const struct dialect_field credential_fields[] = {
	{ "Config", "config", DIALECT_TEXT, OMIT_EMPTY, .since = 40 },
	{ "File", "file", DIALECT_TEXT, OMIT_EMPTY },
	{ "Registry", "registry", DIALECT_TEXT, OMIT_EMPTY },
	END,
};
static const struct dialect credential_spec = {
	&pb__privileges__credential_spec__descriptor,
	credential_fields,
	"CredentialSpec: must specify only one of Config, File and Registry",
};
static const struct dialect_field selinux_fields[] = {
	{ "Disable", "disable", DIALECT_BOOL }, { "User", "user", DIALECT_TEXT },
	{ "Role", "role", DIALECT_TEXT },       { "Type", "type", DIALECT_TEXT },
	{ "Level", "level", DIALECT_TEXT },     END,
};
static const struct dialect selinux = { &pb__privileges__selinux_context__descriptor,
					selinux_fields };
static const struct dialect_field seccomp_fields[] = {
	{ "Mode", "mode", DIALECT_WORD, OMIT_EMPTY },
	{ "Profile", "profile", DIALECT_BYTES, OMIT_EMPTY },
	END,
};
static const struct dialect seccomp = { &pb__privileges__seccomp_opts__descriptor, seccomp_fields };
static const struct dialect_field apparmor_fields[] = {
	{ "Mode", "mode", DIALECT_WORD, OMIT_EMPTY }, END
};
static const struct dialect apparmor = { &pb__privileges__app_armor_opts__descriptor,
					 apparmor_fields };
static const struct dialect_field privileges_fields[] = {
	{ "CredentialSpec", "credential_spec", DIALECT_OBJECT, NULL_UNSET, &credential_spec },
	{ "SELinuxContext", "selinux_context", DIALECT_OBJECT, NULL_UNSET, &selinux },
	{ "Seccomp", "seccomp", DIALECT_OBJECT, OMIT_UNSET, &seccomp, .since = 44 },
	{ "AppArmor", "apparmor", DIALECT_OBJECT, OMIT_UNSET, &apparmor, .since = 44 },
	{ "NoNewPrivileges", "no_new_privileges", DIALECT_BOOL, OMIT_EMPTY, .since = 44 },
	END,
};
static const struct dialect privileges = { &pb__privileges__descriptor, privileges_fields };

static const struct dialect_word isolations[] = {
	{ "default", PB__CONTAINER_SPEC__ISOLATION__ISOLATION_DEFAULT },
	{ "", PB__CONTAINER_SPEC__ISOLATION__ISOLATION_DEFAULT },
	{ "process", PB__CONTAINER_SPEC__ISOLATION__ISOLATION_PROCESS },
	{ "hyperv", PB__CONTAINER_SPEC__ISOLATION__ISOLATION_HYPERV },
	{ NULL },
};
static const struct dialect_field ulimit_fields[] = {
	{ "Name", "name", DIALECT_TEXT },
	{ "Hard", "hard", DIALECT_INT },
	{ "Soft", "soft", DIALECT_INT },
	END,
};
static const struct dialect ulimit = { &pb__container_spec__ulimit__descriptor, ulimit_fields };

static const struct dialect_field container_fields[] = {
	{ "Image", "image", DIALECT_TEXT, OMIT_EMPTY },
	{ "Labels", "labels", DIALECT_MAP, OMIT_EMPTY },
	{ "Command", "command", DIALECT_TEXTS, OMIT_EMPTY },
	{ "Args", "args", DIALECT_TEXTS, OMIT_EMPTY },
	{ "Hostname", "hostname", DIALECT_TEXT, OMIT_EMPTY },
	{ "Env", "env", DIALECT_TEXTS, OMIT_EMPTY },
	{ "Dir", "dir", DIALECT_TEXT, OMIT_EMPTY },
	{ "User", "user", DIALECT_TEXT, OMIT_EMPTY },
	{ "Groups", "groups", DIALECT_TEXTS, OMIT_EMPTY },
	{ "Privileges", "privileges", DIALECT_OBJECT, OMIT_UNSET, &privileges },
	{ "Init", "init.value", DIALECT_BOOL, OMIT_UNSET },
	{ "StopSignal", "stop_signal", DIALECT_TEXT, OMIT_EMPTY },
	{ "TTY", "tty", DIALECT_BOOL, OMIT_EMPTY },
	{ "OpenStdin", "open_stdin", DIALECT_BOOL, OMIT_EMPTY },
	{ "ReadOnly", "read_only", DIALECT_BOOL, OMIT_EMPTY },
	{ "Mounts", "mounts", DIALECT_OBJECTS, OMIT_EMPTY, &dialect_mount },
	{ "StopGracePeriod", "stop_grace_period", DIALECT_SPAN, OMIT_UNSET },
	{ "Healthcheck", "healthcheck", DIALECT_OBJECT, OMIT_UNSET, &dialect_health_config },
	{ "Hosts", "hosts", DIALECT_TEXTS, OMIT_EMPTY },
	{ "DNSConfig", "dns_config", DIALECT_OBJECT, OMIT_UNSET, &dns_config },
	{ "Secrets", "secrets", DIALECT_OBJECTS, OMIT_EMPTY, &secret_reference },
	{ "Configs", "configs", DIALECT_OBJECTS, OMIT_EMPTY, &config_reference },
	{ "Isolation", "isolation", DIALECT_WORD, .words = isolations },
	{ "Sysctls", "sysctls", DIALECT_MAP, OMIT_EMPTY, .since = 40 },
	{ "CapabilityAdd", "capability_add", DIALECT_TEXTS, OMIT_EMPTY, .since = 41 },
	{ "CapabilityDrop", "capability_drop", DIALECT_TEXTS, OMIT_EMPTY, .since = 41 },
	{ "Ulimits", "ulimits", DIALECT_OBJECTS, OMIT_EMPTY, &ulimit, .since = 41 },
	{ "OomScoreAdj", "oom_score_adj", DIALECT_INT, OMIT_EMPTY, .since = 46 },
	END,
};
static const struct dialect container_spec = { &pb__container_spec__descriptor, container_fields };

static const struct dialect_field attachment_fields[] = {
	{ "ContainerID", "container_id", DIALECT_TEXT },
	END,
};
static const struct dialect attachment_spec = { &pb__network_attachment_spec__descriptor,
						attachment_fields };

/* ---- resources ---- */

static const struct dialect_field named_fields[] = {
	{ "Kind", "kind", DIALECT_TEXT, OMIT_EMPTY },
	{ "Value", "value", DIALECT_TEXT, OMIT_EMPTY },
	END,
};
static const struct dialect named = { &pb__named_generic_resource__descriptor, named_fields };
static const struct dialect_field discrete_fields[] = {
	{ "Kind", "kind", DIALECT_TEXT, OMIT_EMPTY },
	{ "Value", "value", DIALECT_INT, OMIT_EMPTY },
	END,
};
static const struct dialect discrete = { &pb__discrete_generic_resource__descriptor,
					 discrete_fields };
static const struct dialect_field generic_fields[] = {
	{ "NamedResourceSpec", "named_resource_spec", DIALECT_OBJECT, OMIT_UNSET, &named },
	{ "DiscreteResourceSpec", "discrete_resource_spec", DIALECT_OBJECT, OMIT_UNSET, &discrete },
	END,
};
const struct dialect dialect_generic_resource = { &pb__generic_resource__descriptor,
						  generic_fields };

static const struct dialect_field resources_fields[] = {
	{ "NanoCPUs", "nano_cpus", DIALECT_INT, OMIT_EMPTY },
	{ "MemoryBytes", "memory_bytes", DIALECT_INT, OMIT_EMPTY },
	{ "GenericResources", "generic", DIALECT_OBJECTS, OMIT_EMPTY, &dialect_generic_resource },
	END,
};
const struct dialect dialect_resources = { &pb__resources__descriptor, resources_fields };

/* The limit of processes lies with the container: another place of the same message. */
static const struct dialect_field limits_fields[] = {
	{ "NanoCPUs", "resources.limits.nano_cpus", DIALECT_INT, OMIT_EMPTY },
	{ "MemoryBytes", "resources.limits.memory_bytes", DIALECT_INT, OMIT_EMPTY },
	{ "Pids", "container.pids_limit", DIALECT_INT, OMIT_EMPTY, .since = 41 },
	END,
};
static const struct dialect limits = { &pb__task_spec__descriptor, limits_fields };
static const struct dialect_field requirements_fields[] = {
	{ "Limits", "resources.limits", DIALECT_GROUP, OMIT_UNSET, &limits },
	{ "Reservations", "resources.reservations", DIALECT_OBJECT, OMIT_UNSET,
	  &dialect_resources },
	{ "SwapBytes", "resources.swap_bytes.value", DIALECT_INT, OMIT_UNSET, .since = 52 },
	{ "MemorySwappiness", "resources.memory_swappiness.value", DIALECT_INT, OMIT_UNSET,
	  .since = 52 },
	END,
};
static const struct dialect requirements = { &pb__task_spec__descriptor, requirements_fields };

/* ---- the rest of a task's spec ---- */

static const struct dialect_word conditions[] = {
	{ "any", PB__RESTART_POLICY__RESTART_CONDITION__ANY },
	{ "", PB__RESTART_POLICY__RESTART_CONDITION__ANY },
	{ "on-failure", PB__RESTART_POLICY__RESTART_CONDITION__ON_FAILURE },
	{ "none", PB__RESTART_POLICY__RESTART_CONDITION__NONE },
	{ NULL },
};
static const struct dialect_field restart_fields[] = {
	{ "Condition", "condition", DIALECT_WORD, .words = conditions },
	{ "Delay", "delay", DIALECT_SPAN, OMIT_UNSET },
	{ "MaxAttempts", "max_attempts", DIALECT_INT },
	{ "Window", "window", DIALECT_SPAN, OMIT_UNSET },
	END,
};

static void restart_begin(struct arena *a, void *message)
{
	((Pb__RestartPolicy *)message)->condition = PB__RESTART_POLICY__RESTART_CONDITION__ANY;
}

static const struct dialect restart_policy = {
	&pb__restart_policy__descriptor,
	restart_fields,
	.begin = restart_begin,
};

static const struct dialect_field spread_fields[] = {
	{ "SpreadDescriptor", "spread_descriptor", DIALECT_TEXT },
	END,
};
static const struct dialect spread = { &pb__spread_over__descriptor, spread_fields };
static const struct dialect_field preference_fields[] = {
	{ "Spread", "spread", DIALECT_OBJECT, NULL_UNSET, &spread },
	END,
};
static const struct dialect preference = { &pb__placement_preference__descriptor,
					   preference_fields };
static const struct dialect_field placement_fields[] = {
	{ "Constraints", "constraints", DIALECT_TEXTS, OMIT_EMPTY },
	{ "Preferences", "preferences", DIALECT_OBJECTS, OMIT_EMPTY, &preference },
	{ "MaxReplicas", "max_replicas", DIALECT_INT, OMIT_EMPTY, .since = 40 },
	{ "Platforms", "platforms", DIALECT_OBJECTS, OMIT_EMPTY, &dialect_platform, .since = 30 },
	END,
};
static const struct dialect placement = { &pb__placement__descriptor, placement_fields };

static const struct dialect_field network_fields[] = {
	{ "Target", "target", DIALECT_TEXT, OMIT_EMPTY },
	{ "Aliases", "aliases", DIALECT_TEXTS, OMIT_EMPTY },
	{ "DriverOpts", "driver_attachment_opts", DIALECT_MAP, OMIT_EMPTY },
	END,
};
const struct dialect dialect_network_attachment_config = {
	&pb__network_attachment_config__descriptor,
	network_fields,
};

static void write_runtime(struct json *j, const char *key, const void *message, int version)
{
	const Pb__TaskSpec *t = message;

	if (t->runtime_case == PB__TASK_SPEC__RUNTIME_ATTACHMENT)
		json_text(j, key, "attachment");
	else if (t->runtime_case == PB__TASK_SPEC__RUNTIME_GENERIC)
		json_text(j, key, t->generic->kind);
	else
		json_text(j, key, "container");
}

static const struct dialect_own runtime = { .write = write_runtime };

static const struct dialect_field task_fields[] = {
	{ "NetworkAttachmentSpec", "attachment", DIALECT_OBJECT, OMIT_UNSET, &attachment_spec },
	{ "ContainerSpec", "container", DIALECT_OBJECT, OMIT_UNSET, &container_spec },
	{ "Resources", "resources", DIALECT_GROUP, OMIT_UNSET, &requirements },
	{ "RestartPolicy", "restart", DIALECT_OBJECT, OMIT_UNSET, &restart_policy },
	{ "Placement", "placement", DIALECT_OBJECT, OMIT_UNSET, &placement },
	{ "Networks", "networks", DIALECT_OBJECTS, OMIT_EMPTY, &dialect_network_attachment_config },
	{ "LogDriver", "log_driver", DIALECT_OBJECT, OMIT_UNSET, &dialect_driver },
	{ "ForceUpdate", "force_update", DIALECT_INT },
	{ "Runtime", NULL, DIALECT_OWN, .own = &runtime },
	END,
};
const struct dialect dialect_task_spec = {
	&pb__task_spec__descriptor,
	task_fields,
	"mismatched Runtime and *Spec fields",
};
