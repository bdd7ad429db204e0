/* A container's read-write layer, its mounted root and its folder. */
#include "file/folder.h"
#include "host/mountpoint.h"
#include "host/run/hands.h"

#include <errno.h>
#include <unistd.h>

#include "base/mem.h"
#include "host/run/overlay.h"

struct make_args {
	const char **layers;
	size_t count;
};

static void work_make(struct op *op)
{
	const struct make_args *args = op->args;
	AUTO_FREE char *folder = folder_path(op->hands, op->id);

	op->ok = folder_make_as(folder, 0700, &op->err) &&
		 overlay_make(op->hands->data_root, op->id, args->layers, args->count, &op->err);
}

void runtime_make(void *self, uint64_t ticket, const char *id, const char *const *layers,
		  size_t layer_count)
{
	struct op *op = op_new(self, ticket, id, CREW_START, work_make);
	struct make_args *args = ARENA_NEW(&op->memory, struct make_args);

	args->count = layer_count;
	args->layers = arena_alloc(&op->memory, (layer_count + 1) * sizeof(char *));
	for (size_t i = 0; i < layer_count; i++)
		args->layers[i] = arena_strdup(&op->memory, layers[i]);
	op->args = args;
	op_submit(op);
}

static bool unmount_root(const struct runtime_hands *hands, const char *id, struct err *e)
{
	AUTO_FREE char *bundle = bundle_path(hands, id);
	AUTO_FREE char *rootfs = rootfs_path(hands, id);

	if (!unmount(rootfs, e))
		return false;
	/* A container that runs keeps its bundle; nothing else lies there. */
	(void)rmdir(rootfs);
	(void)rmdir(bundle);
	return true;
}

static void work_remove(struct op *op)
{
	AUTO_FREE char *folder = folder_path(op->hands, op->id);
	AUTO_FREE char *bundle = bundle_path(op->hands, op->id);

	if (*(bool *)op->args)
		fail(&op->err, ERR_CONFLICT, "container %s is running", op->id);
	else
		op->ok = unmount_root(op->hands, op->id, &op->err) &&
			 overlay_remove(op->hands->data_root, op->id, &op->err) &&
			 folder_remove(folder, &op->err) && folder_remove(bundle, &op->err);
}

void runtime_remove(void *self, uint64_t ticket, const char *id)
{
	struct op *op = op_new(self, ticket, id, CREW_END, work_remove);

	/* Looked at when its turn comes: what is queued before it may end or start the container.
	 */
	op->args = &op->container->is_running;
	op_submit(op);
}

static void work_mount(struct op *op)
{
	char *rootfs =
		arena_printf(&op->memory, "%s/bundles/%s/rootfs", op->hands->exec_root, op->id);
	AUTO_FREE char *upper = overlay_upper(op->hands->data_root, op->id);

	op->ok = folder_make_as(rootfs, 0755, &op->err) &&
		 overlay_mount(op->hands->data_root, op->id, rootfs, &op->err);
	op->event.kind = RUNTIME_MOUNTED;
	op->event.path = rootfs;
	op->event.upper = arena_strdup(&op->memory, upper);
}

void runtime_mount_root(void *self, uint64_t ticket, const char *id)
{
	op_submit(op_new(self, ticket, id, CREW_START, work_mount));
}

static void work_unmount(struct op *op)
{
	op->ok = unmount_root(op->hands, op->id, &op->err);
}

void runtime_unmount_root(void *self, uint64_t ticket, const char *id)
{
	op_submit(op_new(self, ticket, id, CREW_END, work_unmount));
}

static void work_size(struct op *op)
{
	op->ok = overlay_size(op->hands->data_root, op->id, &op->event.size_rw,
			      &op->event.size_root, &op->err);
	op->event.kind = RUNTIME_SIZE;
}

/* Beside the lane: it reads much and changes nothing. */
void runtime_size(void *self, uint64_t ticket, const char *id)
{
	struct op *op = op_new_loose(self, ticket, CREW_LOOK, work_size);

	op->id = arena_strdup(&op->memory, id);
	op_submit(op);
}
