/* Starting a container: all that it needs is put in place, conmon has the runtime create it, and
 * then it is let go. A start that fails takes back what it did. */
#include "file/file.h"
#include "file/folder.h"
#include "host/mountpoint.h"
#include "host/run/hands.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "host/run/attach.h"
#include "host/run/cgroup.h"
#include "host/run/filters.h"
#include "host/run/inside.h"

#define FILES_BYTES_MAX                                                                            \
	"64m" /* secrets and configs of one container; dockerd allows 500 KiB each */

struct start_args {
	struct runtime_start what;
	bool wants_attach;
	/* What came of it. */
	struct conmon_started started;
	int init_pidfd;
	struct run_note note;
	char *profile; /* of system calls, if it was not known before */
};

static const char *keep(struct arena *memory, const char *text)
{
	return arena_strdup(memory, text ? text : "");
}

static struct str keep_bytes(struct arena *memory, struct str bytes)
{
	return bytes.ptr ? str_bytes(arena_copy(memory, bytes.ptr, bytes.len), bytes.len) : bytes;
}

static void keep_mounts(struct arena *memory, struct runtime_start *what)
{
	struct runtime_mount *mounts =
		arena_copy(memory, what->mounts, what->mount_count * sizeof(*mounts));

	for (size_t i = 0; i < what->mount_count; i++) {
		struct runtime_mount *m = &mounts[i];

		if (m->volume.name) {
			m->volume.name = keep(memory, m->volume.name);
			m->volume.type = keep(memory, m->volume.type);
			m->volume.device = keep(memory, m->volume.device);
			m->volume.options = keep(memory, m->volume.options);
		}
		m->source = keep(memory, m->source);
		m->destination = keep(memory, m->destination);
	}
	what->mounts = mounts;
}

static void keep_files(struct arena *memory, struct runtime_start *what)
{
	struct runtime_file *files =
		arena_copy(memory, what->files, what->file_count * sizeof(*files));

	for (size_t i = 0; i < what->file_count; i++) {
		files[i].name = keep(memory, files[i].name);
		files[i].data = keep_bytes(memory, files[i].data);
	}
	what->files = files;
}

static struct start_args *args_new(struct arena *memory, const struct runtime_start *what)
{
	struct start_args *args = ARENA_NEW(memory, struct start_args);

	args->what = *what;
	args->init_pidfd = -1;
	args->started = (struct conmon_started){ .conmon_pidfd = -1, .attached = -1 };
	args->what.runtime = keep(memory, what->runtime);
	args->what.cgroup = keep(memory, what->cgroup);
	args->what.workdir = keep(memory, what->workdir);
	args->what.config = keep_bytes(memory, what->config);
	args->what.hosts = keep_bytes(memory, what->hosts);
	args->what.hostname = keep_bytes(memory, what->hostname);
	args->what.resolv_conf = keep_bytes(memory, what->resolv_conf);
	args->what.log.attributes = keep(memory, what->log.attributes);
	keep_mounts(memory, &args->what);
	keep_files(memory, &args->what);
	return args;
}

static bool write_folder_file(const char *folder, const char *name, struct str bytes, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/%s", folder, name);

	return !bytes.ptr || file_overwrite(path, bytes, 0644, e);
}

static bool fill_folder(struct op *op, const struct runtime_start *what)
{
	AUTO_FREE char *folder = folder_path(op->hands, op->id);
	AUTO_FREE char *attributes = xasprintf("%s/log-attributes", folder);

	return folder_make_as(folder, 0700, &op->err) &&
	       write_folder_file(folder, "hosts", what->hosts, &op->err) &&
	       write_folder_file(folder, "hostname", what->hostname, &op->err) &&
	       write_folder_file(folder, "resolv.conf", what->resolv_conf, &op->err) &&
	       file_replace(attributes, str_of(what->log.attributes), 0600, &op->err);
}

static bool write_secret(const char *folder, const struct runtime_file *file, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/%s", folder, file->name);

	if (strchr(file->name, '/') || file->name[0] == '.')
		return fail(e, ERR_INVALID, "%s is no name of a file", file->name);
	if (!file_overwrite(path, file->data, 0600, e))
		return false;
	if (chown(path, file->uid, file->gid) < 0 || chmod(path, file->mode & 07777) < 0)
		return fail_sys(e, errno, "make %s", file->name);
	return true;
}

/* In memory only, and never swapped where the kernel can promise that. */
static bool write_secrets(struct op *op, const struct runtime_start *what)
{
	AUTO_FREE char *folder = files_path(op->hands, op->id);
	const char *options = "mode=0711,size=" FILES_BYTES_MAX;

	if (what->file_count == 0)
		return true;
	if (!unmount(folder, &op->err) || !folder_make_as(folder, 0711, &op->err))
		return false;
	if (mount("shoal", folder, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "mode=0711,noswap,size=" FILES_BYTES_MAX) < 0 &&
	    mount("shoal", folder, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options) < 0)
		return fail_sys(&op->err, errno, "make a place for secrets");
	for (size_t i = 0; i < what->file_count; i++)
		if (!write_secret(folder, &what->files[i], &op->err))
			return false;
	return true;
}

static bool make_workdir(struct op *op, const struct runtime_start *what)
{
	AUTO_FREE char *rootfs = rootfs_path(op->hands, op->id);
	AUTO_CLOSE int root = open(rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return fail_sys(&op->err, errno, "open the root");
	return !what->workdir[0] ||
	       inside_make_folder(root, what->workdir, what->uid, what->gid, &op->err);
}

/* With the filter of its profile, if crun has made it before. */
static bool write_config(struct op *op, struct start_args *args, const struct oci *oci)
{
	AUTO_FREE char *bundle = bundle_path(op->hands, op->id);
	AUTO_FREE char *path = xasprintf("%s/config.json", bundle);
	AUTO_BUF struct buf with = BUF_MAX(CONFIG_MAX);
	struct str config = args->what.config;

	args->profile = oci->is_crun ? filters_profile(config) : NULL;
	if (args->profile && filters_add(op->hands->filters, args->profile, config, &with)) {
		config = buf_str(&with);
		free(args->profile);
		args->profile = NULL;
	}
	return file_replace(path, config, 0600, &op->err);
}

static void learn_filter(struct op *op, struct start_args *args)
{
	AUTO_FREE char *path = xasprintf("%s/oci/%s/seccomp.bpf", op->hands->exec_root, op->id);

	if (args->profile)
		filters_learn(op->hands->filters, args->profile, path);
}

static bool fill_bundle(struct op *op, struct start_args *args, const struct oci *oci)
{
	AUTO_FREE char *bundle = bundle_path(op->hands, op->id);

	return folder_make_as(bundle, 0700, &op->err) && write_config(op, args, oci) &&
	       run_note_write(bundle, &args->note, &op->err);
}

void bundle_sweep(const struct runtime_hands *hands, const char *id, const struct oci *oci)
{
	static const char *const names[] = { "config.json", "pidfile", "conmon.pid",     "ctl",
					     "winsz",       "attach",  "resources.json", "run",
					     "run.new",     "oom" };
	AUTO_FREE char *bundle = bundle_path(hands, id);
	AUTO_FREE char *exits = xasprintf("%s/exits", bundle);
	AUTO_FREE char *files = files_path(hands, id);
	struct err ignored;

	/* It fails when there is nothing to delete, which is as well. */
	if (oci && !oci_run(oci, (const char *[]){ "delete", "--force", id, NULL }, &ignored))
		ignored.kind = ERR_NONE;
	if (unmount(files, &ignored))
		(void)rmdir(files);
	if (!folder_remove(exits, &ignored))
		ignored.kind = ERR_NONE;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", bundle, names[i]);

		(void)unlink(path);
	}
	(void)rmdir(bundle);
}

static int64_t wall_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static bool create(struct op *op, struct start_args *args, const struct oci *oci)
{
	AUTO_FREE char *bundle = bundle_path(op->hands, op->id);
	AUTO_FREE char *log = log_path(op->hands, op->id);
	struct conmon c = {
		.oci = oci,
		.id = op->id,
		.name = op->id,
		.bundle = bundle,
		.log = args->note.has_log ? log : NULL,
		.cgroup_procs = op->hands->conmon_cgroup_procs,
		.tty = args->what.tty,
		.open_stdin = args->what.open_stdin,
		.leave_stdin_open =
			args->what.open_stdin && (args->what.tty || !args->what.stdin_once),
		.wants_attach = args->wants_attach,
	};

	if (!conmon_start(&c, &args->started, &op->err))
		return false;
	args->init_pidfd = (int)syscall(SYS_pidfd_open, args->started.pid, 0);
	if (args->init_pidfd < 0 || args->started.conmon_pidfd < 0)
		return fail(&op->err, ERR_INTERNAL, "the container ended before it began");
	return !args->what.tty || args->what.height <= 0 || args->what.width <= 0 ||
	       conmon_resize(bundle, args->what.height, args->what.width, &op->err);
}

static bool let_go(struct op *op, struct start_args *args, const struct oci *oci)
{
	AUTO_FREE char *bundle = bundle_path(op->hands, op->id);

	args->note.started_ns = wall_ns();
	return oci_run(oci, (const char *[]){ "start", op->id, NULL }, &op->err) &&
	       run_note_write(bundle, &args->note, &op->err);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static void take_back(struct op *op, struct start_args *args, const struct oci *oci)
{
	close_fd(&args->started.attached);
	if (args->init_pidfd >= 0)
		(void)syscall(SYS_pidfd_send_signal, args->init_pidfd, SIGKILL, NULL, 0);
	bundle_sweep(op->hands, op->id, oci);
	/* The runtime forgets it when a limit cannot be set. */
	if (args->what.cgroup[0])
		cgroup_remove(args->what.cgroup);
	if (args->started.conmon_pidfd >= 0)
		(void)syscall(SYS_pidfd_send_signal, args->started.conmon_pidfd, SIGKILL, NULL, 0);
	close_fd(&args->init_pidfd);
	close_fd(&args->started.conmon_pidfd);
	if (args->started.exit_code)
		op->event.exit_code = args->started.exit_code;
}

static void work_start(struct op *op)
{
	struct start_args *args = op->args;
	const struct runtime_start *what = &args->what;
	struct oci oci = { { NULL } };

	op->event.exit_code = 128;
	if (op->container->is_running) {
		fail(&op->err, ERR_CONFLICT, "Container %s is running", op->id);
		return;
	}
	if (!oci_find(op->hands, what->runtime, &op->memory, &oci, &op->err))
		return;
	exit_note_remove(op->hands, op->id);
	args->note = (struct run_note){
		.runtime = xstrdup(what->runtime),
		.cgroup = xstrdup(what->cgroup),
		.tty = what->tty,
		.open_stdin = what->open_stdin,
		.stdin_once = what->stdin_once,
		.has_log = what->log.driver == RUNTIME_LOG_JSON_FILE,
		.log_size_max = what->log.file_size_max,
		.log_files_max = what->log.files_max,
	};
	op->ok = fill_folder(op, what) &&
		 mounts_prepare(op->hands, op->id, what->mounts, what->mount_count, &op->err) &&
		 write_secrets(op, what) && make_workdir(op, what) && fill_bundle(op, args, &oci) &&
		 create(op, args, &oci) && let_go(op, args, &oci);
	if (op->ok)
		learn_filter(op, args);
	free(args->profile);
	if (!op->ok) {
		take_back(op, args, &oci);
		return;
	}
	op->event.exit_code = 0;
	op->event.kind = RUNTIME_STARTED;
	op->event.pid = args->started.pid;
	op->event.at_ns = args->note.started_ns;
}

static void done_start(struct op *op)
{
	struct start_args *args = op->args;
	struct container *c = op->container;

	if (!op->ok) {
		run_note_clear(&args->note);
		if (c->hub)
			hub_failed(c->hub, op->err.text);
		return;
	}
	if (args->started.attached >= 0)
		hub_connect(container_hub(c), args->started.attached);
	container_runs(c, args->started.pid, args->started.conmon_pidfd, args->init_pidfd,
		       &args->note);
}

void runtime_start(void *self, uint64_t ticket, const char *id, const struct runtime_start *what)
{
	struct op *op = op_new(self, ticket, id, CREW_START, work_start);
	struct start_args *args = args_new(&op->memory, what);

	/* Whoever has attached by now is connected before the process begins, and input that ends
	 * with its first client must have that client's connection from the beginning. */
	args->wants_attach = what->stdin_once || op->container->hub;
	op->args = args;
	op->done = done_start;
	op_submit(op);
}
