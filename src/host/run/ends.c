/* How containers end, and how those that ran before this process did are found again. */
#include "host/run/hands.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "host/logs/reader.h"
#include "host/logs/rotation.h"
#include "host/loop.h"
#include "host/run/attach.h"
#include "host/run/cgroup.h"

#define KILLED_EXIT_CODE 137

static int64_t wall_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void finish_bundle(const struct runtime_hands *hands, const char *id, struct exit_note *note)
{
	AUTO_FREE char *bundle = bundle_path(hands, id);
	AUTO_ARENA struct arena memory = { 0 };
	struct run_note run = { 0 };
	struct oci oci;
	struct err e;
	bool has_oci;

	if (!run_note_read(bundle, &run, &e)) {
		run.runtime = xstrdup("");
		run.cgroup = xstrdup("");
	}
	note->exit_code = KILLED_EXIT_CODE;
	note->at_ns = wall_ns();
	if (run.cgroup[0] && cgroup_oom_kills(run.cgroup) > 0)
		note->oom = true;
	/* Without a note conmon itself was killed: deleting by force kills what it left. */
	if (!conmon_exit_code(bundle, id, &note->exit_code, &note->at_ns))
		log_warn(loop_log(hands->loop), "runtime",
			 "the conmon of %.12s ended without a note", id);
	has_oci = oci_find(hands, run.runtime, &memory, &oci, &e);
	if (!exit_note_write(hands, id, note, &e))
		log_error(loop_log(hands->loop), "runtime", "%s", e.text);
	bundle_sweep(hands, id, has_oci ? &oci : NULL);
	run_note_clear(&run);
}

static void work_finish(struct op *op)
{
	finish_bundle(op->hands, op->id, op->args);
	op->ok = true;
}

static void done_finish(struct op *op)
{
	struct container *c = op->container;
	const struct exit_note *note = op->args;
	struct runtime_event exited = { .kind = RUNTIME_EXITED,
					.id = c->id,
					.exit_code = note->exit_code,
					.oom = note->oom,
					.at_ns = note->at_ns };

	/* Between its start and our first look it may have happened already. */
	if (note->oom && c->oom_count == 0)
		report(c->hands, &(struct runtime_event){ .kind = RUNTIME_OOM, .id = c->id });
	c->is_running = c->is_paused = false;
	c->pid = 0;
	watch_free(c->init_watch);
	watch_free(c->oom_watch);
	c->init_watch = c->oom_watch = NULL;
	report(c->hands, &exited);
	if (c->hub)
		hub_ended(c->hub);
	log_readers_source_ended(&c->log_readers);
}

static void on_conmon_end(void *self)
{
	struct container *c = self;
	struct op *op = op_new(c->hands, 0, c->id, CREW_END, work_finish);
	struct exit_note *note;

	/* Where no init reaps orphans, conmon is our child after all. */
	(void)waitid(P_PIDFD, (id_t)watch_fd(c->conmon_watch), &(siginfo_t){ 0 },
		     WEXITED | WNOHANG);
	watch_free(c->conmon_watch);
	c->conmon_watch = NULL;
	note = ARENA_NEW(&op->memory, struct exit_note);
	/* The first generation of cgroups tells before it kills: something else may be quicker. */
	note->oom = c->oom_count > 0;
	op->args = note;
	op->done = done_finish;
	op_submit_first(op);
}

/* conmon may still wait for us to read, and until it ends nobody knows the exit code. */
static void on_init_end(void *self)
{
	struct container *c = self;

	watch_free(c->init_watch);
	c->init_watch = NULL;
	if (c->hub)
		hub_process_ended(c->hub);
}

static void on_oom(void *self)
{
	struct container *c = self;

	switch (cgroup_oom_look(watch_fd(c->oom_watch), c->note.cgroup, &c->oom_count)) {
	case CGROUP_OOM_NONE:
		break;
	case CGROUP_OOM_HAPPENED:
		report(c->hands, &(struct runtime_event){ .kind = RUNTIME_OOM, .id = c->id });
		break;
	case CGROUP_OOM_GONE:
		/* Its descriptor would be ready for ever. */
		watch_free(c->oom_watch);
		c->oom_watch = NULL;
	}
}

void container_runs(struct container *c, pid_t pid, int conmon_pidfd, int init_pidfd,
		    struct run_note *note)
{
	struct loop *loop = c->hands->loop;
	int oom_fd;

	run_note_clear(&c->note);
	c->note = *note;
	*note = (struct run_note){ 0 };
	c->is_running = true;
	c->pid = pid;
	c->oom_count = 0;
	c->conmon_watch = watch_new(loop, conmon_pidfd, c, on_conmon_end);
	if (init_pidfd >= 0)
		c->init_watch = watch_new(loop, init_pidfd, c, on_init_end);
	oom_fd = c->note.cgroup[0] ? cgroup_oom_watch(c->note.cgroup) : -1;
	if (oom_fd >= 0)
		c->oom_watch = watch_new(loop, oom_fd, c, on_oom);
	if (c->note.log_size_max > 0)
		rotation_wake(c->hands);
	if (!c->hub)
		return;
	hub_set(c->hub, c->note.tty, c->note.open_stdin, c->note.stdin_once);
	hub_wake(c->hub);
}

/* Runs as before, or has ended: then it is finished now. */
static void adopt_bundle(struct op *op, const char *id)
{
	AUTO_FREE char *bundle = bundle_path(op->hands, id);
	struct container_found *found = ARENA_NEW(&op->memory, struct container_found);
	struct exit_note ended = { 0 };
	struct err e;

	if (!run_note_read(bundle, &found->note, &e))
		return; /* only a mounted root, or nothing */
	(void)snprintf(found->id, sizeof(found->id), "%s", id);
	found->init_pidfd = -1;
	found->conmon_pidfd = conmon_find(bundle, &found->conmon_pid);
	if (found->conmon_pidfd >= 0)
		found->pid = conmon_child(bundle, found->conmon_pid);
	if (found->pid > 0)
		found->init_pidfd = (int)syscall(SYS_pidfd_open, found->pid, 0);
	if (found->conmon_pidfd >= 0 && found->note.started_ns > 0) {
		found->is_paused = cgroup_is_frozen(found->note.cgroup);
		list_push_back(op->args, &found->link);
		return;
	}
	if (found->note.started_ns > 0) {
		finish_bundle(op->hands, id, &ended);
	} else {
		struct oci oci;
		bool has_oci = oci_find(op->hands, found->note.runtime, &op->memory, &oci, &e);

		bundle_sweep(op->hands, id, has_oci ? &oci : NULL);
	}
	if (found->conmon_pidfd >= 0) {
		(void)syscall(SYS_pidfd_send_signal, found->conmon_pidfd, SIGKILL, NULL, 0);
		(void)close(found->conmon_pidfd);
	}
	if (found->init_pidfd >= 0)
		(void)close(found->init_pidfd);
	run_note_clear(&found->note);
}

static void work_adopt(struct op *op)
{
	AUTO_FREE char *bundles = xasprintf("%s/bundles", op->hands->exec_root);
	DIR *dir = opendir(bundles);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && strlen(entry->d_name) <= ID_MAX)
			adopt_bundle(op, entry->d_name);
	if (dir)
		closedir(dir);
	execs_sweep(op->hands);
	op->ok = true;
}

static void done_adopt(struct op *op)
{
	struct runtime_hands *hands = op->hands;
	struct container_found *found;

	list_each ((struct list *)op->args, struct container_found, link, found) {
		struct container *c = container_get(hands, found->id);

		list_remove(&found->link);
		container_runs(c, found->pid, found->conmon_pidfd, found->init_pidfd, &found->note);
		c->is_paused = found->is_paused;
	}
	ops_release_early(hands);
}

static void work_on(void *self)
{
	work_adopt(self);
}

static void on_adopted(void *self)
{
	struct op *op = self;

	list_remove(&op->link);
	done_adopt(op);
	op_answer(op);
}

void adopt(struct runtime_hands *hands)
{
	struct op *op = op_new_loose(hands, 0, CREW_END, work_adopt);

	op->args = arena_alloc(&op->memory, sizeof(struct list));
	list_init(op->args);
	op->job = (struct crew_job){ .self = op, .work = work_on, .done = on_adopted };
	crew_add(hands->crew, CREW_END, &op->job);
}
