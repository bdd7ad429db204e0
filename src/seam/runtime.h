/* The hands that run containers: their layers, mounts, processes, logs and numbers.
 *
 * Each call with a ticket only queues work and is answered by exactly one event with that
 * ticket (DONE, FAILED or the kind named at the call). Calls for one container are carried out in
 * the order given; nothing is promised across containers. EXITED and EXEC_EXITED come by
 * themselves, after the outcome of the start that they belong to, once each.
 *
 * A crash of this process between a call and its outcome may or may not have carried it out, and
 * containers go on running without it: after a start the mind asks list() and believes it. For
 * that, the note of how a container ended stays until the next start() or remove() of it.
 *
 * Each call is idempotent: making what is there, mounting what is mounted, removing what is gone
 * succeed. A start that fails leaves nothing behind; before EXITED is reported the hands have deleted the
 * OCI container, its cgroup and its bundle. What stays is the read-write layer, the root if the mind
 * has mounted it, the folder of the container and its log.
 *
 * Where things lie (the mind puts these names into what it writes and shows):
 *   <data-root>/containers/<id>/           folder: hosts, hostname, resolv.conf, the log, the exit note
 *   <data-root>/containers/<id>/<id>-json.log, .1, .2 ...   (dockerd's name; the lines are conmon's, host/logs/line.h)
 *   <data-root>/volumes/<name>/_data       a volume
 *   <data-root>/layers/<hex>/diff          an image layer, by its diff id without "sha256:" (seam/content puts it there)
 * root.path of the OCI configuration is "rootfs", relative to the bundle: the hands mount it there. */
#ifndef SHOAL_SEAM_RUNTIME_H
#define SHOAL_SEAM_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "seam/log_record.h"

struct runtime_volume {
	const char *name;
	/* Options of the local driver, as for mount(8); "" for a plain folder. */
	const char *type, *device, *options;
};

/* A volume or folder of the host that a starting container is going to use. The OCI configuration
 * holds its bind mount; here is what must be so before. */
struct runtime_mount {
	struct runtime_volume volume; /* name NULL: a folder of the host */
	const char *source;           /* path on the host, of the volume's _data or of the folder */
	const char *destination;      /* in the container */
	bool copy_up; /* an empty volume gets content, owner and mode of `destination` in the image */
	bool make_source; /* a missing folder of the host is made (-v), else it is a failure (--mount) */
};

/* A secret or config of a task: written into a tmpfs of the container at <exec-root>/files/<id>/<name>,
 * which goes when the container ends. The OCI configuration bind-mounts it from there. */
struct runtime_file {
	const char *name;
	struct str data;
	uint32_t uid, gid, mode;
};

enum runtime_log_driver { RUNTIME_LOG_JSON_FILE, RUNTIME_LOG_NONE };

struct runtime_log {
	enum runtime_log_driver driver;
	int64_t file_size_max; /* bytes; 0: without limit */
	int files_max;         /* 1: only the current one */
	const char
		*attributes; /* shown by logs with details, as "key=value,key=value"; "" for none */
};

struct runtime_start {
	const char *runtime; /* "crun", "runc", a name given by --add-runtime; "" for the default */
	struct str config;   /* OCI runtime configuration, JSON */
	const char *
		cgroup; /* the path that the configuration names, for counters and the OOM question */
	const char *workdir; /* made in the root if it is missing, owned by uid:gid */
	uint32_t uid, gid;
	const struct runtime_mount *mounts;
	size_t mount_count;
	const struct runtime_file *files;
	size_t file_count;
	/* Contents of files in the container's folder, written before the start; ptr NULL: leave as it is. */
	struct str hosts, hostname, resolv_conf;
	struct runtime_log log;
	bool tty;
	bool open_stdin;       /* else standard input is /dev/null */
	bool stdin_once;       /* close it when the first attached client with stdin goes */
	int32_t height, width; /* of the terminal; 0: leave it */
};

struct runtime_exec {
	const char *id; /* of the exec, 64 hex digits */
	const char *runtime;
	struct str process; /* OCI process, JSON */
	bool tty;
	bool open_stdin;
	int32_t height, width;
	size_t capture_max; /* keep that many bytes of its output for EXEC_EXITED (health checks); 0: none */
};

/* What a client that attaches wants to see. */
struct runtime_attach {
	bool want_stdin, want_stdout, want_stderr;
	bool replay; /* first what the log holds already, without a gap or a double to what follows */
	bool only_replay;        /* and nothing more (attach with stream=0) */
	const char *detach_keys; /* bytes; "" for none */
	size_t detach_key_count;
};

struct runtime_logs {
	bool want_stdout, want_stderr;
	bool follow;     /* go on until the container ends */
	bool timestamps; /* RFC 3339 with nanoseconds and a blank before each line */
	bool details; /* the attributes of the log and a blank before each line (after the timestamp) */
	int64_t since_ns, until_ns; /* wall time; 0: no bound */
	int64_t tail;               /* the last so many lines; -1: all */
};

struct runtime {
	void *self;

	/* What is there: a LISTED event for each container that has a layer, a process or an exit note,
	 * a VOLUME_LISTED for each volume, then LIST_END. */
	void (*list)(void *self, uint64_t ticket);

	/* A read-write layer over image layers (their diff ids, lowest first; none: an empty root) and the
	 * folder. */
	void (*make)(void *self, uint64_t ticket, const char *id, const char *const *layers,
		     size_t layer_count);
	/* Unmount the root and remove layer, folder, log and exit note. Fails with ERR_CONFLICT while it runs. */
	void (*remove)(void *self, uint64_t ticket, const char *id);

	/* Mount the root, for a start or for cp, export and commit of a stopped container. MOUNTED: path
	 * and upper, which seam/content is given then. */
	void (*mount)(void *self, uint64_t ticket, const char *id);
	void (*unmount)(void *self, uint64_t ticket, const char *id);
	/* Who is "user", "uid", "user:group" ... by /etc/passwd and /etc/group of the mounted root?
	 * `groups` are names or numbers to add. RESOLVED; ERR_INVALID with docker's words
	 * "unable to find user x: no matching entries in passwd file". */
	void (*resolve)(void *self, uint64_t ticket, const char *id, const char *user,
			const char *const *groups, size_t group_count);

	/* The devices at a path of the host, which may be a folder ("/dev" for privileged). DEVICES. */
	void (*devices)(void *self, uint64_t ticket, const char *path);
	/* Is there anything at this path of the host, for a bind mount (--mount)? DONE, or ERR_INVALID in
	 * the words for one that is missing. */
	void (*look_for)(void *self, uint64_t ticket, const char *path);

	/* Run it: the root is mounted, its namespaces exist. STARTED: pid, at. Clients that attached
	 * before miss nothing. FAILED: exit_code is 127 (no such program), 126 (it cannot be run) or 128. */
	void (*start)(void *self, uint64_t ticket, const char *id,
		      const struct runtime_start *what);
	/* ERR_CONFLICT when it does not run. */
	void (*signal)(void *self, uint64_t ticket, const char *id, int signum);
	void (*pause)(void *self, uint64_t ticket, const char *id);
	void (*unpause)(void *self, uint64_t ticket, const char *id);
	void (*resize)(void *self, uint64_t ticket, const char *id, int32_t height, int32_t width);
	/* New limits for a running container: OCI linux.resources, JSON. */
	void (*update)(void *self, uint64_t ticket, const char *id, struct str resources);
	/* Write the container's hosts file again, in place: names of a network changed. */
	void (*write_hosts)(void *self, uint64_t ticket, const char *id, struct str hosts);

	/* A process in a running container. STARTED: pid, at; later EXEC_EXITED. */
	void (*exec)(void *self, uint64_t ticket, const char *id, const struct runtime_exec *what);
	void (*exec_signal)(void *self, uint64_t ticket, const char *id, const char *exec_id,
			    int signum);
	void (*exec_resize)(void *self, uint64_t ticket, const char *id, const char *exec_id,
			    int32_t height, int32_t width);

	/* Endpoints for seam/stream's upgrade() and join(). ENDPOINT: endpoint. It waits if the container
	 * or exec has not started yet, and ends when that ends, or is removed, or its client detaches. */
	void (*attach)(void *self, uint64_t ticket, const char *id,
		       const struct runtime_attach *how);
	void (*exec_attach)(void *self, uint64_t ticket, const char *id, const char *exec_id,
			    const struct runtime_attach *how);
	void (*logs)(void *self, uint64_t ticket, const char *id, const struct runtime_logs *how);
	/* The log as records, for who passes them on: LOG with a batch, and one more for each
	 * log_more(), until the batch that is the last. After log_stop() none comes; a log that is not
	 * there is empty. */
	void (*log_read)(void *self, uint64_t ticket, const char *id,
			 const struct log_wanted *wanted);
	void (*log_more)(void *self, uint64_t ticket);
	void (*log_stop)(void *self, uint64_t ticket);
	/* An endpoint that nobody is going to join. No event. */
	void (*drop_endpoint)(void *self, uint64_t endpoint);

	/* One-shot questions. STATS; TOP (`args` for ps, "-ef" when empty); SIZE: rw and root bytes;
	 * CHANGES: what it wrote, running or not. */
	void (*stats)(void *self, uint64_t ticket, const char *id);
	void (*top)(void *self, uint64_t ticket, const char *id, const char *args);
	void (*size)(void *self, uint64_t ticket, const char *id);
	void (*changes)(void *self, uint64_t ticket, const char *id);

	/* A volume's folder. remove_volume removes its content too. SIZE: root bytes. */
	void (*make_volume)(void *self, uint64_t ticket, const struct runtime_volume *volume);
	void (*remove_volume)(void *self, uint64_t ticket, const char *name);
	void (*volume_size)(void *self, uint64_t ticket, const char *name);
};

enum runtime_event_kind {
	RUNTIME_DONE,
	RUNTIME_FAILED,        /* err_kind, text, and exit_code of a start */
	RUNTIME_MOUNTED,       /* path: the root on the host; upper: where what it writes lies */
	RUNTIME_RESOLVED,      /* user */
	RUNTIME_DEVICES,       /* devices, device_count */
	RUNTIME_STARTED,       /* pid, at_ns */
	RUNTIME_EXITED,        /* no ticket: id, exit_code (128 + signal when killed), oom, at_ns */
	RUNTIME_EXEC_EXITED,   /* no ticket: id, exec_id, exit_code, at_ns, output */
	RUNTIME_OOM,           /* no ticket: id: something in it was killed for want of memory */
	RUNTIME_DETACHED,      /* no ticket: id, exec_id or NULL: a client typed the detach keys */
	RUNTIME_LISTED,        /* id, listed */
	RUNTIME_VOLUME_LISTED, /* id = name */
	RUNTIME_LIST_END,
	RUNTIME_ENDPOINT, /* endpoint */
	RUNTIME_LOG,      /* log */
	RUNTIME_STATS,    /* stats */
	RUNTIME_TOP,      /* top */
	RUNTIME_CHANGES,  /* changes */
	RUNTIME_SIZE,     /* size_rw, size_root (which includes the former) */
};

struct runtime_user {
	uint32_t uid, gid;
	const uint32_t *groups; /* additional ones */
	size_t group_count;
	const char *home; /* "/" when passwd does not know */
};

struct runtime_device {
	const char *path;
	char type; /* 'c', 'b' or 'p' */
	uint32_t major, minor;
	uint32_t mode, uid, gid;
};

struct runtime_listed {
	bool has_layer;
	bool is_mounted;
	bool is_running, is_paused;
	int64_t pid; /* while running */
	int64_t started_ns;
	bool has_exited; /* there is a note of how it ended: exit_code, oom, ended_ns */
	int32_t exit_code;
	bool oom;
	int64_t ended_ns;
};

struct runtime_number {
	const char *name; /* as in the cgroup's file: "inactive_file" */
	uint64_t value;
};

struct runtime_link_counters {
	const char *name; /* "eth0" */
	uint64_t rx_bytes, rx_packets, rx_errors, rx_dropped;
	uint64_t tx_bytes, tx_packets, tx_errors, tx_dropped;
};

struct runtime_io {
	uint64_t major, minor;
	uint64_t read_bytes, written_bytes, reads, writes;
};

struct runtime_stats {
	int64_t at_ns;
	uint64_t cpu_total_ns, cpu_user_ns, cpu_kernel_ns;
	uint64_t cpu_system_ns; /* of the whole host since its start */
	uint32_t cpus_online;
	uint64_t throttle_periods, throttled_periods, throttled_ns;
	uint64_t memory_bytes,
		memory_limit_bytes; /* the limit is the host's memory when there is none */
	uint64_t memory_fail_count;
	const struct runtime_number *memory; /* memory.stat */
	size_t memory_count;
	uint64_t pids, pids_limit; /* 0: no limit */
	const struct runtime_link_counters *links;
	size_t link_count;
	const struct runtime_io *io;
	size_t io_count;
};

struct runtime_top {
	const char *const *titles;
	size_t title_count;
	const char *const *cells; /* row by row, title_count each */
	size_t row_count;
};

struct runtime_event {
	enum runtime_event_kind kind;
	const char *id;
	const char *exec_id;
	int64_t pid;
	int64_t at_ns; /* wall time */
	int32_t exit_code;
	bool oom;
	int err_kind; /* enum err_kind */
	const char *text;
	const char *path, *upper;
	struct str output;
	uint64_t endpoint;
	int64_t size_rw, size_root;
	struct runtime_user user;
	struct runtime_listed listed;
	const struct runtime_device *devices;
	size_t device_count;
	const struct runtime_stats *stats;
	const struct runtime_top *top;
	/* "A /etc/new", "C /etc", "D /etc/old": added, changed, deleted; by path. */
	const char *const *changes;
	size_t change_count;
	struct log_batch log;
};

#endif
