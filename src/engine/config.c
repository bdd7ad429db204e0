#include "engine/config.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/capability.h"
#include "engine/port.h"
#include "engine/signal.h"
#include "pb/map.h"

#define MEMORY_MIN (6 << 20)
#define SHM_SIZE   (64 << 20)

/* --- joining with the image --- */

static size_t env_key_len(const char *entry)
{
	const char *equals = strchr(entry, '=');

	return equals ? (size_t)(equals - entry) : strlen(entry);
}

static bool has_env_key(char *const *env, size_t count, const char *entry)
{
	size_t len = env_key_len(entry);

	for (size_t i = 0; i < count; i++)
		if (env_key_len(env[i]) == len && strncmp(env[i], entry, len) == 0)
			return true;
	return false;
}

static bool has_text(char *const *list, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i], text) == 0)
			return true;
	return false;
}

static void merge_env(struct arena *a, Pb__ContainerConfig *c, const Pb__ContainerConfig *image)
{
	size_t own = c->n_env;

	for (size_t i = 0; i < image->n_env; i++)
		if (!has_env_key(c->env, own, image->env[i]))
			PB_APPEND(a, c, env, arena_strdup(a, image->env[i]));
}

static void merge_sets(struct arena *a, Pb__ContainerConfig *c, const Pb__ContainerConfig *image)
{
	for (size_t i = 0; i < image->n_exposed_ports; i++)
		if (!has_text(c->exposed_ports, c->n_exposed_ports, image->exposed_ports[i]))
			PB_APPEND(a, c, exposed_ports, arena_strdup(a, image->exposed_ports[i]));
	for (size_t i = 0; i < image->n_volumes; i++)
		if (!has_text(c->volumes, c->n_volumes, image->volumes[i]))
			PB_APPEND(a, c, volumes, arena_strdup(a, image->volumes[i]));
	for (size_t i = 0; i < image->n_labels; i++)
		if (!PB_MAP_GET(c, labels, image->labels[i]->key))
			PB_MAP_SET(a, c, labels, image->labels[i]->key, image->labels[i]->value);
}

static char **copy_texts(struct arena *a, char *const *list, size_t count)
{
	char **out = arena_alloc(a, (count + 1) * sizeof(*out));

	for (size_t i = 0; i < count; i++)
		out[i] = arena_strdup(a, list[i]);
	return out;
}

static void merge_program(struct arena *a, Pb__ContainerConfig *c, const Pb__ContainerConfig *image)
{
	if (c->n_entrypoint == 0) {
		if (c->n_cmd == 0) {
			c->cmd = copy_texts(a, image->cmd, image->n_cmd);
			c->n_cmd = image->n_cmd;
		}
		c->entrypoint = copy_texts(a, image->entrypoint, image->n_entrypoint);
		c->n_entrypoint = image->n_entrypoint;
	}
	/* [""] is how a client says "none, whatever the image has". */
	if (c->n_entrypoint == 1 && !c->entrypoint[0][0])
		c->n_entrypoint = 0;
}

static void merge_health(struct arena *a, Pb__ContainerConfig *c, const Pb__ContainerConfig *image)
{
	Pb__HealthConfig *own = c->healthcheck;
	const Pb__HealthConfig *theirs = image->healthcheck;

	if (!theirs)
		return;
	if (!own) {
		c->healthcheck = pb_dup(a, theirs);
		return;
	}
	if (own->n_test == 0) {
		own->test = copy_texts(a, theirs->test, theirs->n_test);
		own->n_test = theirs->n_test;
	}
	if (!own->interval)
		own->interval = pb_dup(a, theirs->interval);
	if (!own->timeout)
		own->timeout = pb_dup(a, theirs->timeout);
	if (!own->start_period)
		own->start_period = pb_dup(a, theirs->start_period);
	if (own->retries == 0)
		own->retries = theirs->retries;
}

static void take_unset(struct arena *a, char **own, const char *theirs)
{
	if (!(*own)[0])
		*own = arena_strdup(a, theirs);
}

void config_merge(struct arena *a, Pb__ContainerConfig *c, const Pb__ContainerConfig *image)
{
	merge_env(a, c, image);
	merge_sets(a, c, image);
	merge_program(a, c, image);
	merge_health(a, c, image);
	take_unset(a, &c->user, image->user);
	take_unset(a, &c->working_dir, image->working_dir);
	take_unset(a, &c->stop_signal, image->stop_signal);
	if (!c->stop_timeout)
		c->stop_timeout = pb_dup(a, image->stop_timeout);
	if (c->n_shell == 0) {
		c->shell = copy_texts(a, image->shell, image->n_shell);
		c->n_shell = image->n_shell;
	}
}

bool config_program(struct arena *a, const Pb__ContainerConfig *c, char **path, char ***args,
		    size_t *count, struct err *err)
{
	size_t total = c->n_entrypoint + c->n_cmd;
	char **all = arena_alloc(a, (total + 1) * sizeof(*all));

	for (size_t i = 0; i < total; i++)
		all[i] = arena_strdup(a, i < c->n_entrypoint ? c->entrypoint[i]
							     : c->cmd[i - c->n_entrypoint]);
	if (total == 0 || !all[0][0])
		return fail(err, ERR_INVALID, "No command specified");
	*path = all[0];
	*args = all + 1;
	*count = total - 1;
	return true;
}

/* --- checks --- */

bool container_name_check(const char *name, struct err *err)
{
	size_t len = strlen(name);
	bool ok = len >= 2 && len <= 255;

	for (size_t i = 0; i < len && ok; i++) {
		char c = name[i];
		bool is_alnum =
			(c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

		ok = is_alnum || (i > 0 && (c == '_' || c == '.' || c == '-'));
	}
	if (ok)
		return true;
	return fail(err, ERR_INVALID,
		    "Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
		    name);
}

bool restart_policy_check(const Pb__HostRestartPolicy *policy, bool auto_remove, struct err *err)
{
	const char *name = policy->name;
	bool is_on_failure = strcmp(name, "on-failure") == 0;
	bool is_always = strcmp(name, "always") == 0 || strcmp(name, "unless-stopped") == 0;
	bool is_no = !name[0] || strcmp(name, "no") == 0;

	if (!is_on_failure && !is_always && !is_no)
		return fail(err, ERR_INVALID, "invalid restart policy '%s'", name);
	if (!is_on_failure && policy->maximum_retry_count != 0)
		return fail(err, ERR_INVALID,
			    "maximum retry count cannot be used with restart policy '%s'", name);
	if (policy->maximum_retry_count < 0)
		return fail(err, ERR_INVALID, "maximum retry count cannot be negative");
	if (auto_remove && !is_no)
		return fail(err, ERR_INVALID,
			    "can't create 'AutoRemove' container with restart policy");
	return true;
}

static bool check_memory(const Pb__HostConfig *h, struct err *err)
{
	if (h->memory != 0 && h->memory < MEMORY_MIN)
		return fail(err, ERR_INVALID, "Minimum memory limit allowed is 6MB");
	if (h->memory > 0 && h->memory_swap > 0 && h->memory_swap < h->memory)
		return fail(
			err, ERR_INVALID,
			"Minimum memoryswap limit should be larger than memory limit, see usage");
	if (h->memory == 0 && h->memory_swap > 0)
		return fail(err, ERR_INVALID,
			    "You should always set the Memory limit when using Memoryswap limit, "
			    "see usage");
	if (h->memory_swappiness &&
	    (h->memory_swappiness->value < -1 || h->memory_swappiness->value > 100))
		return fail(err, ERR_INVALID,
			    "Invalid value: %lld, valid memory swappiness range is 0-100",
			    (long long)h->memory_swappiness->value);
	if (h->memory_reservation > 0 && h->memory_reservation < MEMORY_MIN)
		return fail(err, ERR_INVALID, "Minimum memory reservation allowed is 6MB");
	if (h->memory > 0 && h->memory_reservation > h->memory)
		return fail(err, ERR_INVALID,
			    "Minimum memory limit can not be less than memory reservation limit, "
			    "see usage");
	if (h->shm_size < 0)
		return fail(err, ERR_INVALID, "SHM size can not be less than 0");
	return true;
}

static bool check_cpu(const Pb__HostConfig *h, int64_t cpus, struct err *err)
{
	if (h->nano_cpus > 0 && h->cpu_period > 0)
		return fail(err, ERR_INVALID,
			    "Conflicting options: Nano CPUs and CPU Period cannot both be set");
	if (h->nano_cpus > 0 && h->cpu_quota > 0)
		return fail(err, ERR_INVALID,
			    "Conflicting options: Nano CPUs and CPU Quota cannot both be set");
	if (h->nano_cpus < 0 || (cpus > 0 && h->nano_cpus > cpus * 1000000000))
		return fail(err, ERR_INVALID,
			    "range of CPUs is from 0.01 to %lld.00, as there are only %lld CPUs "
			    "available",
			    (long long)cpus, (long long)cpus);
	if (h->cpu_shares < 0)
		return fail(err, ERR_INVALID,
			    "invalid CPU shares (%lld): value must be a positive integer",
			    (long long)h->cpu_shares);
	if (h->cpu_period != 0 && (h->cpu_period < 1000 || h->cpu_period > 1000000))
		return fail(err, ERR_INVALID,
			    "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s "
			    "(i.e. 1000000)");
	if (h->cpu_quota > 0 && h->cpu_quota < 1000)
		return fail(err, ERR_INVALID, "CPU cfs quota can not be less than 1ms (i.e. 1000)");
	return true;
}

static bool check_ports(const Pb__HostConfig *h, struct err *err)
{
	struct port port;
	struct port_range range;

	for (size_t i = 0; i < h->n_port_bindings; i++) {
		const Pb__PortBinding *b = h->port_bindings[i];

		if (!port_parse(b->port, &port, err) ||
		    !port_range_parse(b->host_port, &range, err))
			return false;
	}
	return true;
}

static bool check_runtime(const char *name, const struct host_limits *limits, struct err *err)
{
	if (!name[0])
		return true;
	for (size_t i = 0; i < limits->runtime_count; i++)
		if (strcmp(limits->runtimes[i], name) == 0)
			return true;
	return fail(err, ERR_INVALID, "Unknown runtime specified %s", name);
}

bool ulimits_check(const Pb__HostConfig *h, struct err *err)
{
	static const char *const names[] = {
		"core",   "cpu",   "data", "fsize",  "locks",  "memlock",    "msgqueue", "nice",
		"nofile", "nproc", "rss",  "rtprio", "rttime", "sigpending", "stack",    "as",
	};

	for (size_t i = 0; i < h->n_ulimits; i++) {
		bool is_known = false;

		for (size_t k = 0; k < ARRAY_LEN(names); k++)
			is_known |= strcmp(h->ulimits[i]->name, names[k]) == 0;
		if (!is_known)
			return fail(err, ERR_INVALID, "invalid ulimit type: %s",
				    h->ulimits[i]->name);
	}
	return true;
}

static bool check_log(const Pb__LogConfig *log, struct err *err)
{
	if (!log->type[0] || strcmp(log->type, "json-file") == 0 ||
	    strcmp(log->type, "none") == 0 || strcmp(log->type, "local") == 0)
		return true;
	return fail(err, ERR_INVALID, "logger: no log driver named '%s' is registered", log->type);
}

bool host_config_check(const Pb__HostConfig *h, const struct host_limits *limits, struct err *err)
{
	uint64_t capabilities;

	if (strcmp(h->userns_mode, "") != 0 && strcmp(h->userns_mode, "host") != 0)
		return fail(err, ERR_INVALID, "invalid user namespace mode: %s", h->userns_mode);
	if (strncmp(h->network_mode, "container:", 10) == 0 && h->n_port_bindings > 0)
		return fail(
			err, ERR_INVALID,
			"conflicting options: port publishing and the container type network mode");
	return restart_policy_check(h->restart_policy, h->auto_remove, err) &&
	       check_memory(h, err) && check_cpu(h, limits->cpus, err) && check_ports(h, err) &&
	       check_runtime(h->runtime, limits, err) && ulimits_check(h, err) &&
	       check_log(h->log_config, err) &&
	       capabilities_choose(h->cap_add, h->n_cap_add, h->cap_drop, h->n_cap_drop, false,
				   &capabilities, err);
}

static bool check_health(const Pb__HealthConfig *h, struct err *err)
{
	static const char *const kinds[] = { "NONE", "CMD", "CMD-SHELL" };
	const Pb__Duration *spans[] = { h->interval, h->timeout, h->start_period };
	static const char *const names[] = { "Interval", "Timeout", "StartPeriod" };
	bool is_known = h->n_test == 0;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		is_known |= h->n_test > 0 && strcmp(h->test[0], kinds[i]) == 0;
	if (!is_known)
		return fail(err, ERR_INVALID, "Unknown healthcheck type '%s' (expected 'CMD')",
			    h->test[0]);
	for (size_t i = 0; i < ARRAY_LEN(spans); i++) {
		int64_t ns = spans[i] ? spans[i]->seconds * 1000000000 + spans[i]->nanos : 0;

		if (ns != 0 && ns < 1000000)
			return fail(err, ERR_INVALID,
				    "%s in Healthcheck cannot be less than one millisecond",
				    names[i]);
	}
	if (h->retries < 0)
		return fail(err, ERR_INVALID, "Retries in Healthcheck cannot be negative");
	return true;
}

bool config_check(const Pb__ContainerConfig *c, struct err *err)
{
	struct port port;
	int signal;

	if (c->working_dir[0] && c->working_dir[0] != '/')
		return fail(
			err, ERR_INVALID,
			"the working directory '%s' is invalid, it needs to be an absolute path",
			c->working_dir);
	for (size_t i = 0; i < c->n_env; i++)
		if (!c->env[i][0] || c->env[i][0] == '=')
			return fail(err, ERR_INVALID, "invalid environment variable: %s",
				    c->env[i]);
	for (size_t i = 0; i < c->n_exposed_ports; i++)
		if (!port_parse(c->exposed_ports[i], &port, err))
			return false;
	if (c->stop_signal[0] && !signal_parse(c->stop_signal, &signal, err))
		return false;
	return !c->healthcheck || check_health(c->healthcheck, err);
}

void host_config_complete(struct arena *a, Pb__HostConfig *h, bool is_cgroup_v2)
{
	if (h->shm_size == 0)
		h->shm_size = SHM_SIZE;
	if (h->memory > 0 && h->memory_swap == 0)
		h->memory_swap = h->memory > INT64_MAX / 2 ? -1 : 2 * h->memory;
	if (h->memory_swappiness && h->memory_swappiness->value == -1)
		h->memory_swappiness = NULL;
	take_unset(a, &h->ipc_mode, "private");
	take_unset(a, &h->cgroupns_mode, is_cgroup_v2 ? "private" : "host");
	take_unset(a, &h->network_mode, "default");
	take_unset(a, &h->restart_policy->name, "no");
	take_unset(a, &h->log_config->type, "json-file");
}
