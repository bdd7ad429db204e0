/* A new container's record out of what was asked for and what its image says.
 *
 * Pure: what exists (names, volumes, networks) is for others. */
#ifndef SHOAL_ENGINE_CONFIG_H
#define SHOAL_ENGINE_CONFIG_H

#include <stdbool.h>

#include "base/arena.h"
#include "pb/pb.h"

struct err;

/* What the user left open is as the image says: environment, labels, ports and volumes are joined,
 * the rest is taken whole. An entrypoint of the user's hides the image's command. */
void config_merge(struct arena *a, Pb__ContainerConfig *config, const Pb__ContainerConfig *image);
/* The program: entrypoint, then command. ERR_INVALID "No command specified". */
bool config_program(struct arena *a, const Pb__ContainerConfig *config, char **path, char ***args,
		    size_t *count, struct err *err);
/* [a-zA-Z0-9][a-zA-Z0-9_.-]+ with docker's words. */
bool container_name_check(const char *name, struct err *err);

struct host_limits {
	int64_t cpus;
	const char *const *runtimes;
	size_t runtime_count;
};
/* Refuse what makes no sense, with docker's words. */
bool host_config_check(const Pb__HostConfig *host, const struct host_limits *limits,
		       struct err *err);
bool ulimits_check(const Pb__HostConfig *host, struct err *err);
bool config_check(const Pb__ContainerConfig *config, struct err *err);
bool restart_policy_check(const Pb__HostRestartPolicy *policy, bool auto_remove, struct err *err);
/* Fill in what docker shows although nobody asked: shm size, swap, ... */
void host_config_complete(struct arena *a, Pb__HostConfig *host, bool is_cgroup_v2);

#endif
