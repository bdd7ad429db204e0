/* Volumes of the local driver, and folders of the host that containers are given. */
#include "file/file.h"
#include "file/folder.h"
#include "host/mountpoint.h"
#include "host/run/hands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "host/run/inside.h"

/* Options that mount(2) takes as flags; the rest is the file system's. */
static const struct {
	const char *name;
	unsigned long flag;
} mount_flags[] = {
	{ "bind", MS_BIND },
	{ "rbind", MS_BIND | MS_REC },
	{ "ro", MS_RDONLY },
	{ "rw", 0 },
	{ "nosuid", MS_NOSUID },
	{ "nodev", MS_NODEV },
	{ "noexec", MS_NOEXEC },
	{ "noatime", MS_NOATIME },
	{ "nodiratime", MS_NODIRATIME },
	{ "relatime", MS_RELATIME },
	{ "sync", MS_SYNCHRONOUS },
	{ "defaults", 0 },
};

static bool is_flag(const char *option, unsigned long *flags)
{
	for (size_t i = 0; i < ARRAY_LEN(mount_flags); i++) {
		if (strcmp(option, mount_flags[i].name) != 0)
			continue;
		*flags |= mount_flags[i].flag;
		return true;
	}
	return false;
}

static bool mount_volume(const struct runtime_volume *v, const char *path, struct err *e)
{
	AUTO_FREE char *options = xstrdup(v->options);
	AUTO_BUF struct buf rest = BUF_MAX(4000);
	unsigned long flags = 0;
	char *save = NULL;

	if (!v->device[0] || is_mountpoint(path))
		return true;
	for (char *o = strtok_r(options, ",", &save); o; o = strtok_r(NULL, ",", &save))
		if (!is_flag(o, &flags))
			buf_printf(&rest, "%s%s", rest.len ? "," : "", o);
	if (rest.overflow)
		return fail(e, ERR_INVALID, "the options of volume %s are too long", v->name);
	if (mount(v->device, path, v->type, flags, rest.data) < 0)
		return fail_sys(e, errno, "failed to mount local volume: mount %s:%s", v->device,
				path);
	return true;
}

static bool make_volume(const struct runtime_hands *hands, const struct runtime_volume *v,
			struct err *e)
{
	AUTO_FREE char *path = volume_path(hands, v->name);
	AUTO_FREE char *above = xasprintf("%s/volumes/%s", hands->data_root, v->name);

	/* Its owner and mode are the user's once it is there. */
	if (file_exists(path))
		return true;
	return folder_make_as(above, 0701, e) && folder_make_as(path, 0755, e);
}

static bool copy_up(const char *rootfs, const struct runtime_mount *m, struct err *e)
{
	AUTO_CLOSE int root = open(rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int from = -1;
	AUTO_CLOSE int to = -1;

	if (!folder_is_empty(m->source))
		return true;
	if (root < 0)
		return fail_sys(e, errno, "open the root");
	from = inside_open(root, m->destination, O_RDONLY | O_DIRECTORY);
	if (from < 0)
		return true; /* the image has nothing there */
	to = open(m->source, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (to < 0)
		return fail_sys(e, errno, "open %s", m->source);
	if (!inside_copy(from, to, e))
		return while_doing(e, "fill volume %s", m->volume.name);
	return true;
}

static bool is_there(const char *source, struct err *e)
{
	return file_exists(source) ||
	       fail(e, ERR_INVALID,
		    "invalid mount config for type \"bind\": bind source path does not exist: %s",
		    source);
}

static bool prepare(const struct runtime_hands *hands, const char *rootfs,
		    const struct runtime_mount *m, struct err *e)
{
	AUTO_FREE char *path = NULL;

	if (!m->volume.name) {
		if (!m->make_source)
			return is_there(m->source, e);
		return file_exists(m->source) || folder_make_as(m->source, 0755, e);
	}
	path = volume_path(hands, m->volume.name);
	return make_volume(hands, &m->volume, e) && mount_volume(&m->volume, path, e) &&
	       (!m->copy_up || copy_up(rootfs, m, e));
}

bool mounts_prepare(const struct runtime_hands *hands, const char *id,
		    const struct runtime_mount *mounts, size_t count, struct err *e)
{
	AUTO_FREE char *rootfs = rootfs_path(hands, id);

	for (size_t i = 0; i < count; i++)
		if (!prepare(hands, rootfs, &mounts[i], e))
			return false;
	return true;
}

static void work_look_for(struct op *op)
{
	op->ok = is_there(op->args, &op->err);
}

void runtime_look_for(void *self, uint64_t ticket, const char *path)
{
	struct op *op = op_new_loose(self, ticket, CREW_START, work_look_for);

	op->args = arena_strdup(&op->memory, path);
	op_submit(op);
}

static void work_make(struct op *op)
{
	op->ok = make_volume(op->hands, op->args, &op->err);
}

static struct op *volume_op(void *self, uint64_t ticket, const char *name,
			    enum crew_urgency urgency, void (*work)(struct op *))
{
	struct op *op = op_new_loose(self, ticket, urgency, work);

	op->id = arena_strdup(&op->memory, name);
	return op;
}

void runtime_make_volume(void *self, uint64_t ticket, const struct runtime_volume *volume)
{
	struct op *op = volume_op(self, ticket, volume->name, CREW_START, work_make);
	struct runtime_volume *v = arena_copy(&op->memory, volume, sizeof(*volume));

	v->name = op->id;
	op->args = v;
	op_submit(op);
}

static void work_remove(struct op *op)
{
	AUTO_FREE char *path = volume_path(op->hands, op->id);
	AUTO_FREE char *all = xasprintf("%s/volumes/%s", op->hands->data_root, op->id);

	op->ok = unmount(path, &op->err) && folder_remove(all, &op->err);
}

void runtime_remove_volume(void *self, uint64_t ticket, const char *name)
{
	op_submit(volume_op(self, ticket, name, CREW_END, work_remove));
}

static void work_size(struct op *op)
{
	AUTO_FREE char *path = volume_path(op->hands, op->id);

	op->event.kind = RUNTIME_SIZE;
	op->event.size_root = folder_size(path);
	op->ok = true;
}

void runtime_volume_size(void *self, uint64_t ticket, const char *name)
{
	op_submit(volume_op(self, ticket, name, CREW_LOOK, work_size));
}
