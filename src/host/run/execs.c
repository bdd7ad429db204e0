/* Processes that join a running container: each under a conmon of its own, with the same
 * hub for its clients as a container. Its folder goes when it ends. */
#include "file/file.h"
#include "file/folder.h"
#include "host/run/hands.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "host/run/attach.h"

#define START_FAILED 126

struct exec {
	struct runtime_hands *hands;
	struct tree_node by_id;
	char id[ID_MAX + 1], container[ID_MAX + 1];
	bool is_started, is_over;
	bool is_busy; /* an op holds it */
	struct watch *conmon_watch, *init_watch;
	struct hub *hub;
	struct buf output; /* captured */
	size_t capture_max;
	bool tty, open_stdin;
};

struct exec_args {
	struct exec *exec;
	struct runtime_exec what;
	const char *runtime;
	bool wants_attach;
	struct conmon_started started;
	int init_pidfd;
	int exit_code;
	int64_t at_ns;
};

static int compare_id(const void *key, const struct tree_node *member)
{
	return strcmp(key, container_of(member, struct exec, by_id)->id);
}

struct tree execs_tree(void)
{
	return TREE(compare_id);
}

static struct exec *exec_find(struct runtime_hands *hands, const char *exec_id)
{
	return tree_entry(tree_find(&hands->execs, exec_id), struct exec, by_id);
}

static struct exec *exec_get(struct runtime_hands *hands, const char *id, const char *exec_id)
{
	struct exec *x = exec_find(hands, exec_id);

	if (x)
		return x;
	x = NEW(struct exec);
	x->hands = hands;
	(void)snprintf(x->id, sizeof(x->id), "%s", exec_id);
	(void)snprintf(x->container, sizeof(x->container), "%s", id);
	tree_insert(&hands->execs, x->id, &x->by_id);
	return x;
}

static void exec_free(struct exec *x)
{
	tree_remove(&x->hands->execs, &x->by_id);
	watch_free(x->conmon_watch);
	watch_free(x->init_watch);
	hub_free(x->hub);
	buf_clear(&x->output);
	free(x);
}

static void exec_release(struct exec *x)
{
	bool is_waited_for = x->hub && !hub_is_idle(x->hub);

	if (!x->is_busy && !is_waited_for && (x->is_over || !x->is_started))
		exec_free(x);
}

static void on_detached(void *self)
{
	struct exec *x = self;

	report(x->hands, &(struct runtime_event){
				 .kind = RUNTIME_DETACHED, .id = x->container, .exec_id = x->id });
}

static int connect_hub(void *self)
{
	struct exec *x = self;
	AUTO_FREE char *folder = exec_path(x->hands, x->id);
	struct err ignored;
	int fd;

	return x->is_started && !x->is_over && conmon_connect(folder, &fd, &ignored) ? fd : -1;
}

static void on_output(void *self, struct str bytes)
{
	struct exec *x = self;
	size_t room = x->capture_max - x->output.len;

	if (room > 0)
		buf_append(&x->output, bytes.ptr, bytes.len < room ? bytes.len : room);
}

static void on_idle(void *self)
{
	exec_release(self);
}

static struct hub *exec_hub(struct exec *x)
{
	if (!x->hub)
		x->hub = hub_new(x->hands, (struct hub_owner){ .self = x,
							       .detached = on_detached,
							       .connect = connect_hub,
							       .output = on_output,
							       .idle = on_idle });
	return x->hub;
}

static void sweep_folder(const struct runtime_hands *hands, const char *exec_id)
{
	AUTO_FREE char *folder = exec_path(hands, exec_id);
	struct err ignored;

	if (!folder_remove(folder, &ignored))
		ignored.kind = ERR_NONE;
}

static int64_t wall_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void work_exec(struct op *op)
{
	struct exec_args *args = op->args;
	AUTO_FREE char *folder = exec_path(op->hands, args->what.id);
	AUTO_FREE char *process = xasprintf("%s/process.json", folder);
	struct oci oci;
	struct conmon c = {
		.oci = &oci,
		.id = op->id,
		.name = args->what.id,
		.bundle = folder,
		.cgroup_procs = op->hands->conmon_cgroup_procs,
		.is_exec = true,
		.tty = args->what.tty,
		.open_stdin = args->what.open_stdin,
		.leave_stdin_open = args->what.open_stdin && args->what.tty,
		.wants_attach = args->wants_attach,
	};

	op->event.exit_code = START_FAILED;
	op->ok = oci_find(op->hands, args->runtime, &op->memory, &oci, &op->err) &&
		 folder_make_as(folder, 0700, &op->err) &&
		 file_replace(process, args->what.process, 0600, &op->err) &&
		 conmon_start(&c, &args->started, &op->err);
	if (!op->ok) {
		if (args->started.exit_code)
			op->event.exit_code = args->started.exit_code;
		sweep_folder(op->hands, args->what.id);
		return;
	}
	if (args->what.tty && args->what.height > 0 && args->what.width > 0 &&
	    !conmon_resize(folder, args->what.height, args->what.width, &op->err))
		op->err.kind = ERR_NONE; /* it ended before */
	/* What ends at once is gone by now: its note tells the rest. */
	args->init_pidfd = (int)syscall(SYS_pidfd_open, args->started.pid, 0);
	op->event = (struct runtime_event){ .kind = RUNTIME_STARTED,
					    .exec_id = args->what.id,
					    .pid = args->started.pid,
					    .at_ns = wall_ns() };
}

static void work_finish(struct op *op)
{
	struct exec_args *args = op->args;
	AUTO_FREE char *folder = exec_path(op->hands, args->what.id);

	args->exit_code = 137;
	args->at_ns = wall_ns();
	if (!conmon_exit_code(folder, op->id, &args->exit_code, &args->at_ns) &&
	    args->init_pidfd >= 0)
		(void)syscall(SYS_pidfd_send_signal, args->init_pidfd, SIGKILL, NULL, 0);
	sweep_folder(op->hands, args->what.id);
	op->ok = true;
}

static void done_finish(struct op *op)
{
	struct exec_args *args = op->args;
	struct exec *x = args->exec;
	struct runtime_event exited = { .kind = RUNTIME_EXEC_EXITED,
					.id = x->container,
					.exec_id = x->id,
					.exit_code = args->exit_code,
					.at_ns = args->at_ns };

	watch_free(x->init_watch);
	x->init_watch = NULL;
	x->is_over = true;
	x->is_busy = false;
	if (x->hub)
		hub_ended(x->hub); /* reads the last of the output */
	exited.output = buf_str(&x->output);
	report(x->hands, &exited);
	exec_release(x);
}

static void on_conmon_end(void *self)
{
	struct exec *x = self;
	struct op *op = op_new_loose(x->hands, 0, CREW_END, work_finish);
	struct exec_args *args = ARENA_NEW(&op->memory, struct exec_args);

	if (x->conmon_watch)
		(void)waitid(P_PIDFD, (id_t)watch_fd(x->conmon_watch), &(siginfo_t){ 0 },
			     WEXITED | WNOHANG);
	watch_free(x->conmon_watch);
	x->conmon_watch = NULL;
	x->is_busy = true;
	op->id = arena_strdup(&op->memory, x->container);
	args->exec = x;
	args->what.id = arena_strdup(&op->memory, x->id);
	args->init_pidfd = x->init_watch ? watch_fd(x->init_watch) : -1;
	op->args = args;
	op->done = done_finish;
	op_submit(op);
}

/* conmon may still wait for us to read. The watch stays until the op that uses its descriptor is
 * done. */
static void on_init_end(void *self)
{
	struct exec *x = self;

	watch_pause(x->init_watch);
	if (x->hub)
		hub_process_ended(x->hub);
}

static void done_exec(struct op *op)
{
	struct exec_args *args = op->args;
	struct exec *x = args->exec;

	x->is_busy = false;
	if (!op->ok) {
		x->is_over = true;
		if (x->hub)
			hub_failed(x->hub, op->err.text);
		if (args->started.attached >= 0)
			(void)close(args->started.attached);
		if (args->started.conmon_pidfd >= 0)
			(void)close(args->started.conmon_pidfd);
		exec_release(x);
		return;
	}
	x->is_started = true;
	if (args->init_pidfd >= 0)
		x->init_watch = watch_new(x->hands->loop, args->init_pidfd, x, on_init_end);
	if (args->started.attached >= 0)
		hub_connect(exec_hub(x), args->started.attached);
	if (x->hub) {
		hub_set(x->hub, x->tty, x->open_stdin, true);
		hub_wake(x->hub);
	}
	if (args->started.conmon_pidfd >= 0)
		x->conmon_watch =
			watch_new(x->hands->loop, args->started.conmon_pidfd, x, on_conmon_end);
	else
		on_conmon_end(x);
}

static struct exec_args *args_new(struct op *op, const struct runtime_exec *what)
{
	struct exec_args *args = ARENA_NEW(&op->memory, struct exec_args);

	args->what = *what;
	args->what.id = arena_strdup(&op->memory, what->id);
	args->what.process = str_bytes(
		arena_copy(&op->memory, what->process.ptr, what->process.len), what->process.len);
	args->init_pidfd = -1;
	args->started = (struct conmon_started){ .attached = -1, .conmon_pidfd = -1 };
	return args;
}

void runtime_exec(void *self, uint64_t ticket, const char *id, const struct runtime_exec *what)
{
	struct runtime_hands *hands = self;
	struct container *c = container_find(hands, id);
	struct op *op =
		op_new_loose(hands, ticket, what->capture_max ? CREW_LOOK : CREW_START, work_exec);
	struct exec_args *args = args_new(op, what);
	struct exec *x = exec_get(hands, id, what->id);

	op->id = arena_strdup(&op->memory, id);
	op->args = args;
	op->event.exec_id = args->what.id;
	if (!container_must_run(c, id, &op->err) ||
	    ((x->is_started || x->is_busy) &&
	     !fail(&op->err, ERR_CONFLICT, "exec %s has run", x->id))) {
		op_answer(op);
		exec_release(x);
		return;
	}
	x->is_busy = true;
	x->tty = what->tty;
	x->open_stdin = what->open_stdin;
	x->capture_max = what->capture_max;
	x->output = BUF_MAX(what->capture_max);
	args->exec = x;
	args->runtime = arena_strdup(
		&op->memory, what->runtime && what->runtime[0] ? what->runtime : c->note.runtime);
	args->wants_attach = x->hub || what->capture_max > 0;
	op->done = done_exec;
	op_submit(op);
}

struct exec_deed {
	char exec_id[ID_MAX + 1];
	int signum;
	int32_t height, width;
};

static void deed(void *self, uint64_t ticket, const char *exec_id, void (*done)(struct op *),
		 struct exec_deed what)
{
	struct op *op = op_new_loose(self, ticket, CREW_END, NULL);

	(void)snprintf(what.exec_id, sizeof(what.exec_id), "%s", exec_id);
	op->args = arena_copy(&op->memory, &what, sizeof(what));
	op->done = done;
	op_submit(op);
}

static struct exec *running_exec(struct op *op)
{
	const struct exec_deed *what = op->args;
	struct exec *x = exec_find(op->hands, what->exec_id);

	if (x && x->is_started && !x->is_over)
		return x;
	fail(&op->err, ERR_CONFLICT, "exec %s is not running", what->exec_id);
	return NULL;
}

static void done_signal(struct op *op)
{
	const struct exec_deed *what = op->args;
	struct exec *x = running_exec(op);

	if (!x)
		return;
	op->ok = x->init_watch && syscall(SYS_pidfd_send_signal, watch_fd(x->init_watch),
					  what->signum, NULL, 0) == 0;
	if (!op->ok)
		fail(&op->err, ERR_CONFLICT, "exec %s is not running", what->exec_id);
}

void runtime_exec_signal(void *self, uint64_t ticket, const char *id, const char *exec_id,
			 int signum)
{
	deed(self, ticket, exec_id, done_signal, (struct exec_deed){ .signum = signum });
}

static void done_resize(struct op *op)
{
	const struct exec_deed *what = op->args;
	struct exec *x = running_exec(op);
	AUTO_FREE char *folder = exec_path(op->hands, what->exec_id);

	op->ok = x && conmon_resize(folder, what->height, what->width, &op->err);
}

void runtime_exec_resize(void *self, uint64_t ticket, const char *id, const char *exec_id,
			 int32_t height, int32_t width)
{
	deed(self, ticket, exec_id, done_resize,
	     (struct exec_deed){ .height = height, .width = width });
}

void runtime_exec_attach(void *self, uint64_t ticket, const char *id, const char *exec_id,
			 const struct runtime_attach *how)
{
	struct runtime_hands *hands = self;
	struct exec *x = exec_get(hands, id, exec_id);
	struct op *op = op_new_loose(hands, ticket, CREW_LOOK, NULL);

	op->id = arena_strdup(&op->memory, id);
	op->ok = true;
	op->event.kind = RUNTIME_ENDPOINT;
	op->event.endpoint = hub_attach(exec_hub(x), how, NULL);
	op_answer(op);
}

void run_execs_free(struct runtime_hands *hands)
{
	struct exec *x;

	tree_each (&hands->execs, struct exec, by_id, x)
		exec_free(x);
}

/* Execs of an earlier life: nobody remembers them. Those that run go on; their folders go with the
 * first start after their end. */
void execs_sweep(const struct runtime_hands *hands)
{
	AUTO_FREE char *folder = xasprintf("%s/execs", hands->exec_root);
	DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		AUTO_FREE char *path = exec_path(hands, entry->d_name);
		pid_t pid;
		int fd;

		if (entry->d_name[0] == '.')
			continue;
		fd = conmon_find(path, &pid);
		if (fd >= 0)
			(void)close(fd);
		else
			sweep_folder(hands, entry->d_name);
	}
	if (dir)
		closedir(dir);
}
