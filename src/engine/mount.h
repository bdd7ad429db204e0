/* What is mounted where in a container: binds, volumes and tmpfs from all places that may ask for
 * them.
 *
 * Pure: who owns a volume's name and whether it exists is for others. Source of the syntax: the
 * Engine API's documentation of Binds, Mounts and Tmpfs. */
#ifndef SHOAL_ENGINE_MOUNT_H
#define SHOAL_ENGINE_MOUNT_H

#include <stdbool.h>

#include "base/arena.h"
#include "pb/pb.h"

struct err;

#define MOUNTS_MAX 512

/* "src:dst[:options]" or "dst" (an anonymous volume: name and source empty). ERR_INVALID with
 * docker's words. Options: ro rw z Z nocopy [r]private [r]shared [r]slave. */
bool bind_parse(struct arena *a, const char *text, const char *driver, Pb__MountPoint **point,
		struct err *err);
/* An entry of Mounts. */
bool mount_parse(struct arena *a, const Pb__Mount *mount, Pb__MountPoint **point, struct err *err);
/* An entry of Tmpfs: destination and options. */
bool tmpfs_parse(struct arena *a, const char *destination, const char *options,
		 Pb__MountPoint **point, struct err *err);

/* All mounts of a new container, ordered by destination: Binds, Mounts and Tmpfs, what it takes
 * `from` others (mount lists of them; a destination of its own wins), and an anonymous volume for
 * each path of the image or its own config that nothing else covers. ERR_INVALID "Duplicate mount
 * point: /x". */
struct mount_sources {
	const Pb__ContainerConfig *config;
	const Pb__HostConfig *host_config;
	Pb__MountPoint *const *inherited; /* of --volumes-from */
	size_t inherited_count;
};
bool mounts_collect(struct arena *a, const struct mount_sources *from, Pb__MountPoint ***points,
		    size_t *count, struct err *err);

/* A volume's name: [a-zA-Z0-9][a-zA-Z0-9_.-]*, at least two characters, at most 255. */
bool volume_name_is_valid(const char *name);

#endif
