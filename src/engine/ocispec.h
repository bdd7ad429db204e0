/* The OCI runtime configuration of a container: what the engine decided, in the runtime's words.
 *
 * Pure: a record and what the hands told in, JSON text out. Defaults (mounts, masked paths,
 * devices, capabilities, system calls) are docker's. Source: the OCI runtime specification 1.0. */
#ifndef SHOAL_ENGINE_OCISPEC_H
#define SHOAL_ENGINE_OCISPEC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "pb/pb.h"
#include "seam/runtime.h"

struct err;

#define OCISPEC_MAX  (1 << 20)
#define OCISPEC_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* A namespace: one of its own (path ""), that of a path, or the host's (NULL). */
struct ocispec_namespaces {
	const char *net, *pid, *ipc, *uts;
	bool own_cgroup;
};

struct ocispec_file {
	const char *source, *destination; /* a secret or config */
};

struct ocispec {
	const Pb__Container *container;
	const struct runtime_user *user;
	struct ocispec_namespaces namespaces;
	const char *folder; /* of the container on the host: hosts, hostname, resolv.conf */
	bool mounts_network_files;
	const char *cgroup;
	bool is_cgroup_v2;
	uint64_t capabilities; /* that there are to give; 0: all */
	const char *init_path; /* "": the program runs as process 1 */
	const char *shm_path;  /* of another container or the host; NULL: one of its own */
	/* Devices of the host, in the order of host_config.devices and of /dev when privileged. */
	const struct runtime_device *devices;
	const char *const *device_targets; /* where each is seen in the container */
	const char *const *device_access;  /* "rwm" */
	size_t device_count;
	const struct runtime_device *rate_devices; /* for each ocispec_rate(); NULL: none is set */
	const char *const *mount_sources; /* for each of container.mounts: the path on the host */
	const struct ocispec_file *files;
	size_t file_count;
};

/* The bounds on the rates of block devices in the order in which they are counted, and the OCI name
 * of the list that each belongs to; NULL past the last. */
const Pb__BlkioDevice *ocispec_rate(const Pb__HostConfig *host, size_t number, const char **list);

/* Append the configuration. ERR_INVALID when the record asks for what there is not. */
bool ocispec_write(const struct ocispec *what, struct buf *out, struct err *err);

/* "process" of an exec in the container. `user` is the exec's. */
bool ocispec_write_process(const Pb__Container *container, const Pb__Exec *exec,
			   const struct runtime_user *user, uint64_t available, struct buf *out,
			   struct err *err);

/* "linux.resources" alone, for an update. */
bool ocispec_write_resources(const Pb__HostConfig *host, bool is_cgroup_v2, struct buf *out,
			     struct err *err);

#endif
