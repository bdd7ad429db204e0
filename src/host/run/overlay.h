/* A container's root: image layers below, what it writes above, joined by overlayfs.
 *
 *   <data-root>/layers/<hex>/diff   image layers; not ours
 *   <data-root>/mountpoints         folders and empty files that a runtime needs to mount on, the
 * lowest layer of all: they show where an image has none, and no container seems to have made them
 *   <data-root>/rw/<id>/upper       what the container wrote
 *   <data-root>/rw/<id>/work        overlayfs' own
 *   <data-root>/rw/<id>/layers      the layers' names, lowest first, one a line; written last, so
 * that a layer that has it is whole
 *
 * The kernel takes one page of mount options, less than the names of 127 layers: they are
 * opened and named through /proc/self/fd. Blocks; for jobs in threads. */
#ifndef SHOAL_HOST_RUN_OVERLAY_H
#define SHOAL_HOST_RUN_OVERLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define OVERLAY_LAYERS_MAX 127

/* `layers` are diff ids, lowest first. Fine if it is there. */
bool overlay_make(const char *data_root, const char *id, const char *const *layers,
		  size_t layer_count, struct err *e) MUST_CHECK;
bool overlay_exists(const char *data_root, const char *id);
/* Mount it at `target`, a folder that is there. Fine if it is mounted. */
bool overlay_mount(const char *data_root, const char *id, const char *target,
		   struct err *e) MUST_CHECK;
bool overlay_remove(const char *data_root, const char *id, struct err *e) MUST_CHECK;
/* Bytes of the read-write layer, and of it and all layers below. */
bool overlay_size(const char *data_root, const char *id, int64_t *rw, int64_t *root,
		  struct err *e) MUST_CHECK;

/* The layers below, opened, highest first. */
struct overlay_lower {
	int fds[OVERLAY_LAYERS_MAX + 1];
	size_t count;
};

bool overlay_open_lower(const char *data_root, const char *id, struct overlay_lower *l,
			struct err *e) MUST_CHECK;
void overlay_close_lower(struct overlay_lower *l);
/* Once, before any is mounted. */
bool overlay_make_mountpoints(const char *data_root, struct err *e) MUST_CHECK;

char *overlay_upper(const char *data_root, const char *id);

#endif
