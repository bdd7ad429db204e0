#include "engine/defaults.h"

#include <string.h>

#include "pb/map.h"

static bool has_ulimit(const Pb__HostConfig *host, const char *name)
{
	for (size_t i = 0; i < host->n_ulimits; i++)
		if (strcmp(host->ulimits[i]->name, name) == 0)
			return true;
	return false;
}

static void take_log_defaults(struct arena *a, const struct engine_defaults *d, Pb__LogConfig *log)
{
	const char *driver = d->log_driver ? d->log_driver : "json-file";

	if (!log->type[0])
		log->type = arena_strdup(a, driver);
	if (strcmp(log->type, driver) != 0)
		return;
	for (size_t i = 0; i < d->log_option_count; i++)
		if (!PB_MAP_GET(log, config, d->log_options[2 * i]))
			PB_MAP_SET(a, log, config, d->log_options[2 * i],
				   d->log_options[2 * i + 1]);
}

static bool says_of_privileges(const Pb__HostConfig *host)
{
	static const char option[] = "no-new-privileges";

	for (size_t i = 0; i < host->n_security_opt; i++)
		if (strncmp(host->security_opt[i], option, strlen(option)) == 0)
			return true;
	return false;
}

static void take_text(struct arena *a, char **own, const char *theirs)
{
	if (!(*own)[0] && theirs)
		*own = arena_strdup(a, theirs);
}

void host_config_take_defaults(struct arena *a, const struct engine_defaults *d,
			       Pb__HostConfig *host)
{
	for (size_t i = 0; i < d->ulimit_count; i++)
		if (!has_ulimit(host, d->ulimits[i]->name))
			PB_APPEND(a, host, ulimits, pb_dup(a, d->ulimits[i]));
	if (host->shm_size == 0)
		host->shm_size = d->shm_size_bytes;
	take_text(a, &host->ipc_mode, d->ipc_mode);
	if (!host->privileged) /* which sees the host's cgroups under v1, and its own under v2 */
		take_text(a, &host->cgroupns_mode, d->cgroupns_mode);
	if (d->no_new_privileges && !says_of_privileges(host))
		PB_APPEND(a, host, security_opt, "no-new-privileges");
	take_log_defaults(a, d, host->log_config);
}
