/* Inside of the runtime hands: what their files share.
 *
 * A container's record lives on the loop from the first call that names it until its
 * removal. What blocks is an `op`: its work() runs in the crew and touches nothing but the
 * op and what never changes (paths, names); its done() runs on the loop and may touch
 * the record. Ops of a container wait in its lane, one at a time. */
#ifndef SHOAL_HOST_RUN_HANDS_H
#define SHOAL_HOST_RUN_HANDS_H

#include <sys/types.h>
#include <uv.h>

#include "base/arena.h"
#include "base/list.h"
#include "base/tree.h"
#include "host/run/conmon.h"
#include "host/run/crew.h"
#include "host/run/runtime.h"
#include "host/run/watch.h"

struct filters;
struct hub;

#define ID_MAX     128
#define LANE_MAX   1000 /* ops that one container may have waiting */
#define CONFIG_MAX (4 << 20)

struct runtime_hands {
	struct loop *loop;
	struct endpoints *endpoints;
	struct crew *crew;
	char *data_root, *exec_root;
	char *default_runtime;
	char *conmon_cgroup_procs; /* NULL: conmon stays in our cgroup */
	struct runtime_program *programs;
	size_t program_count;
	char *front;        /* what crun is called through: front.c */
	struct filters *filters;
	bool hides_cgroup2; /* crun must not see the cgroup2 mount of a hybrid host */

	struct tree containers; /* struct container, by id */
	struct tree execs;      /* struct exec, by id */
	struct list early;      /* ops that wait until what runs already is known */
	struct list loose;      /* ops of no container that are under way */
	bool is_adopted;
	bool is_ending;
	uv_timer_t rotation;
	struct list log_endpoints;
	struct tree log_records; /* struct log_records, by ticket */
};

/* What must be known of a running container to go on with it after a restart: the file `run` in
 * its bundle. */
struct run_note {
	char *runtime;
	char *cgroup;
	bool tty, open_stdin, stdin_once;
	bool has_log;
	int64_t log_size_max;
	int log_files_max;
	int64_t started_ns; /* 0 until it was started */
};

struct container {
	struct runtime_hands *hands;
	struct tree_node by_id;
	char id[ID_MAX + 1];
	struct list lane; /* struct op, the first of which is under way if is_busy */
	size_t lane_length;
	bool is_busy;

	bool is_running; /* from STARTED to EXITED */
	bool is_paused;
	pid_t pid;
	struct run_note note;
	struct watch *conmon_watch, *init_watch;
	struct watch *oom_watch;
	uint64_t oom_count;
	struct hub *hub;
	struct list log_readers; /* struct log_reader that follow it */
};

struct op {
	struct crew_job job;
	struct list link;
	struct runtime_hands *hands;
	struct container *container; /* NULL: of none */
	uint64_t ticket;             /* 0: nobody waits for it */
	enum crew_urgency urgency;
	struct arena memory; /* all it needs and all it finds; lives until the turn after */
	const char *id;
	void *args;
	void (*work)(struct op *op); /* NULL: done() does it all */
	void (*done)(struct op *op); /* may be NULL */
	bool ok;
	struct err err;
	struct runtime_event event; /* kind is RUNTIME_DONE unless work() says otherwise */
};

/* An op that is not yet in any lane. The container's record is made if need be. */
struct op *op_new(struct runtime_hands *hands, uint64_t ticket, const char *id,
		  enum crew_urgency urgency, void (*work)(struct op *));
struct op *op_new_loose(struct runtime_hands *hands, uint64_t ticket, enum crew_urgency urgency,
			void (*work)(struct op *));
void op_submit(struct op *op);
/* Before all others of its container. */
void op_submit_first(struct op *op);
/* Answer with what it found. */
void op_answer(struct op *op);

void ops_release_early(struct runtime_hands *hands);
void ops_forget(struct list *ops);
struct tree containers_tree(void);
struct tree execs_tree(void);

/* A fact without a ticket; strings are copied. */
void report(struct runtime_hands *hands, const struct runtime_event *event);

struct container *container_find(struct runtime_hands *hands, const char *id);
struct container *container_get(struct runtime_hands *hands, const char *id);
/* Free the record if nothing needs it. */
void container_release(struct container *c);
bool container_must_run(struct container *c, const char *id, struct err *e);

/* Paths; the caller frees. */
char *bundle_path(const struct runtime_hands *hands, const char *id);
char *rootfs_path(const struct runtime_hands *hands, const char *id);
char *exec_path(const struct runtime_hands *hands, const char *exec_id);
char *files_path(const struct runtime_hands *hands, const char *id);
char *folder_path(const struct runtime_hands *hands, const char *id);
char *log_path(const struct runtime_hands *hands, const char *id);
char *volume_path(const struct runtime_hands *hands, const char *name);

/* The runtime of that name as it is to be called, in `memory`. */
bool oci_find(const struct runtime_hands *hands, const char *name, struct arena *memory,
	      struct oci *oci, struct err *e) MUST_CHECK;
/* Run it with these arguments; in words: "crun delete --force id". */
bool oci_run(const struct oci *oci, const char *const *args, struct err *e) MUST_CHECK;

/* Notes in the bundle and in the folder. */
void run_note_clear(struct run_note *note);
bool run_note_write(const char *bundle, const struct run_note *note, struct err *e) MUST_CHECK;
bool run_note_read(const char *bundle, struct run_note *note, struct err *e) MUST_CHECK;
struct exit_note {
	int exit_code;
	bool oom;
	int64_t at_ns;
};
bool exit_note_write(const struct runtime_hands *hands, const char *id,
		     const struct exit_note *note, struct err *e) MUST_CHECK;
bool exit_note_read(const struct runtime_hands *hands, const char *id, struct exit_note *note);
void exit_note_remove(const struct runtime_hands *hands, const char *id);

/* volumes.c: what a starting container is going to use is there. */
bool mounts_prepare(const struct runtime_hands *hands, const char *id,
		    const struct runtime_mount *mounts, size_t count, struct err *e) MUST_CHECK;

/* starts.c */
void runtime_start(void *self, uint64_t ticket, const char *id, const struct runtime_start *what);
/* Delete the OCI container, its cgroup and all of the bundle but the mounted root; of an exec, too.
 */
void bundle_sweep(const struct runtime_hands *hands, const char *id, const struct oci *oci);

/* ends.c */
struct container_found {
	struct list link;
	char id[ID_MAX + 1];
	pid_t pid, conmon_pid;
	int conmon_pidfd, init_pidfd;
	bool is_paused;
	struct run_note note;
};
/* Watch a container that runs. Takes the descriptors and the note. */
void container_runs(struct container *c, pid_t pid, int conmon_pidfd, int init_pidfd,
		    struct run_note *note);
/* Find out what has run before this process did; then release the ops that wait for it. */
void adopt(struct runtime_hands *hands);
/* Gather how it ended (`oom` may be known before), write that down, delete what is left of it. */
void finish_bundle(const struct runtime_hands *hands, const char *id, struct exit_note *note);

/* execs.c */
struct exec;
void runtime_exec(void *self, uint64_t ticket, const char *id, const struct runtime_exec *what);
void runtime_exec_signal(void *self, uint64_t ticket, const char *id, const char *exec_id,
			 int signum);
void runtime_exec_resize(void *self, uint64_t ticket, const char *id, const char *exec_id,
			 int32_t height, int32_t width);
void runtime_exec_attach(void *self, uint64_t ticket, const char *id, const char *exec_id,
			 const struct runtime_attach *how);
void log_endpoints_free(struct runtime_hands *hands);
void run_execs_free(struct runtime_hands *hands);
void execs_sweep(const struct runtime_hands *hands);

/* Calls, by file. */
void runtime_list(void *self, uint64_t ticket);
void runtime_make(void *self, uint64_t ticket, const char *id, const char *const *layers,
		  size_t layer_count);
void runtime_remove(void *self, uint64_t ticket, const char *id);
void runtime_mount_root(void *self, uint64_t ticket, const char *id);
void runtime_unmount_root(void *self, uint64_t ticket, const char *id);
void runtime_resolve(void *self, uint64_t ticket, const char *id, const char *user,
		     const char *const *groups, size_t group_count);
void runtime_size(void *self, uint64_t ticket, const char *id);
void runtime_changes(void *self, uint64_t ticket, const char *id);
void runtime_devices(void *self, uint64_t ticket, const char *path);
void runtime_look_for(void *self, uint64_t ticket, const char *path);
void runtime_signal(void *self, uint64_t ticket, const char *id, int signum);
void runtime_pause(void *self, uint64_t ticket, const char *id);
void runtime_unpause(void *self, uint64_t ticket, const char *id);
void runtime_resize(void *self, uint64_t ticket, const char *id, int32_t height, int32_t width);
void runtime_update(void *self, uint64_t ticket, const char *id, struct str resources);
void runtime_write_hosts(void *self, uint64_t ticket, const char *id, struct str hosts);
void runtime_attach(void *self, uint64_t ticket, const char *id, const struct runtime_attach *how);
void runtime_logs(void *self, uint64_t ticket, const char *id, const struct runtime_logs *how);
void runtime_stats(void *self, uint64_t ticket, const char *id);
void runtime_top(void *self, uint64_t ticket, const char *id, const char *args);
void runtime_make_volume(void *self, uint64_t ticket, const struct runtime_volume *volume);
void runtime_remove_volume(void *self, uint64_t ticket, const char *name);
void runtime_volume_size(void *self, uint64_t ticket, const char *name);

#endif
