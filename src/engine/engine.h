/* The container mind: what containers, images, networks, volumes and execs there are, and their
 * lives.
 *
 * It decides and remembers; the hands behind the seams (runtime, net, content, journal) act. It has
 * no clock, no files and no globals: time comes with each call, facts come as inputs, and what it
 * wants goes down the seams.
 *
 *     engine_new()    an empty engine
 *     engine_load()   what the journal holds; then it asks the hands what exists and believes them
 *     engine_input()  a fact from a seam; one that is not the engine's is ignored
 *     engine_turn()   once a turn, after the inputs: timers, and what was changed goes to the
 * journal engine_next_answer()  what became of requests
 *
 * Requests. Each verb takes a ticket of the asker's and never answers before it returns: exactly
 * one answer with is_last follows under that ticket, perhaps after others (progress, events, an
 * endpoint). A change is answered when it is done and would survive a crash. engine_forget() ends
 * the interest in a ticket; what was begun goes on unless it exists for the asker alone (a pull, a
 * wait, a stream).
 *
 * A `ref` is what a user writes: a full id, a name, or a unique prefix of an id.
 * Messages passed in are borrowed during the call; records read from here until the end of the
 * turn. */
#ifndef SHOAL_ENGINE_ENGINE_H
#define SHOAL_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/now.h"
#include "base/str.h"
#include "engine/defaults.h"
#include "engine/ipam.h"
#include "pb/pb.h"
#include "seam/content.h"
#include "seam/runtime.h"

struct content;
struct engine;
struct executor;
struct inbox;
struct input;
struct journal;
struct journal_image;
struct log;
struct net;

/* Reads an image's config (JSON, by the OCI and Docker specifications) into image: all fields but
 * id, layers, size, tags and digests. The daemon hands in the dialect room's, since the engine
 * reads no JSON. */
typedef bool engine_image_reader(struct arena *a, struct str json, Pb__LocalImage *image,
				 struct err *e);

struct engine_config {
	const char *data_root, *exec_root;
	const char *hostname;
	const char *cgroup_parent;   /* "/shoal-1a2b3c": containers are below it */
	const char *default_runtime; /* "crun" */
	const char *const *runtimes; /* all names that may be asked for */
	size_t runtime_count;
	const char *init_path; /* of a program for --init, on the host; "" when there is none */
	bool is_cgroup_v2;
	bool lacks_io_weight;  /* of the kernel: such a wish is discarded with a warning */
	uint64_t capabilities; /* that the daemon itself may give (CapBnd of its status); 0: all */
	int64_t cpus;          /* of the host; --cpus may not ask for more */
	const char *bridge_subnet;  /* of the default bridge: "172.17.0.0/16" */
	const char *bridge_gateway; /* "172.17.0.1" */
	int bridge_mtu;
	/* The host's resolver, for containers that name none; no loopback addresses. */
	const char *const *dns, *const *dns_search, *const *dns_options;
	size_t dns_count, dns_search_count, dns_option_count;
	struct engine_defaults defaults;
	const struct ipam_pool *pools; /* of networks that name no subnet; none: docker's own */
	size_t pool_count;
	engine_image_reader *read_image;
	const struct log *log;
	uint64_t *tickets;   /* the node's counter: the next ticket is ++*tickets */
	struct inbox *inbox; /* where executor events are put */
};

struct engine_seams {
	const struct runtime *runtime;
	const struct net *net;
	const struct content *content;
	const struct journal *journal;
};

struct engine *engine_new(const struct engine_config *config, const struct engine_seams *seams,
			  uint64_t seed);
void engine_free(struct engine *e);
void engine_load(struct engine *e, const struct journal_image *image, struct now now);
/* The hands have said what exists: before that, every request fails with ERR_UNAVAILABLE. */
bool engine_is_ready(const struct engine *e);
/* Other OCI runtimes than those of the configuration, from now on; borrowed until the next. */
void engine_set_runtimes(struct engine *e, const char *const *names, size_t count,
			 const char *fallback);
void engine_input(struct engine *e, const struct input *in, struct now now);
/* Returns when to be called again at the latest, or NEVER_MS. */
int64_t engine_turn(struct engine *e, struct now now);

/* --- answers --- */

enum engine_answer_kind {
	ENGINE_DONE,
	ENGINE_FAILED,   /* err_kind, text */
	ENGINE_PROGRESS, /* progress: of a pull or push */
	ENGINE_IMAGE,    /* id and tags: of a load */
	ENGINE_EVENT,    /* event */
	ENGINE_ENDPOINT, /* endpoint: join it; more follows */
};

struct engine_event {
	uint64_t serial;
	const char *type;   /* "container", "image", "network", "volume", "daemon" */
	const char *action; /* "start", "exec_create: ls" */
	const char *id;
	const char *const *attributes; /* key, value, key, value ... ordered by key */
	size_t attribute_count;        /* of pairs */
	int64_t wall_ns;
	bool is_of_swarm; /* not of this host alone */
};

struct engine_answer {
	uint64_t ticket;
	enum engine_answer_kind kind;
	bool is_last;
	enum err_kind err_kind;
	const char *text;
	const char *id; /* created object */
	const char *const *warnings;
	size_t warning_count;
	bool was_so_already;      /* started while running, stopped while stopped: 304 */
	int64_t exit_code;        /* wait, and a failed start */
	const char *wait_error;   /* wait: why it could not run; NULL */
	const char *const *lines; /* prune: ids or names; image removal: "Untagged: x", "Deleted:
				     y"; tags of a load */
	size_t line_count;
	int64_t size_bytes; /* prune: freed; sizes: root */
	int64_t size_rw;
	uint64_t endpoint;
	const struct runtime_stats *stats;
	const struct runtime_top *top;
	const struct content_progress *progress;
	const struct content_event
		*content; /* push, registry inspection, stat: the event as it came */
	const struct engine_event *event;
};

/* The oldest answer not yet taken; false when there is none. What it points at is good until
 * the first request or input after the one that returned false. */
bool engine_next_answer(struct engine *e, struct engine_answer *answer);
void engine_forget(struct engine *e, uint64_t ticket);

/* --- containers --- */

struct engine_create {
	const char *name; /* NULL or "": one is made up */
	const char *platform;
	const Pb__ContainerConfig *config;
	const Pb__HostConfig *host_config;      /* NULL: defaults */
	Pb__EndpointSettings *const *endpoints; /* `network` is set in each */
	size_t endpoint_count;
	const char *task_id;              /* of a swarm task, or NULL */
	const struct runtime_file *files; /* secrets and configs of a task: kept in memory only */
	size_t file_count;
};

void engine_container_create(struct engine *e, uint64_t ticket, const struct engine_create *what,
			     struct now now);
void engine_container_start(struct engine *e, uint64_t ticket, const char *ref, struct now now);
/* signal "": the container's own. timeout_s: until it is killed; ENGINE_TIMEOUT_DEFAULT: what the
 * container says; below zero: never. */
#define ENGINE_TIMEOUT_DEFAULT INT64_MIN
void engine_container_stop(struct engine *e, uint64_t ticket, const char *ref, const char *signal,
			   int64_t timeout_s, struct now now);
void engine_container_restart(struct engine *e, uint64_t ticket, const char *ref,
			      const char *signal, int64_t timeout_s, struct now now);
void engine_container_kill(struct engine *e, uint64_t ticket, const char *ref, const char *signal,
			   struct now now);
void engine_container_pause(struct engine *e, uint64_t ticket, const char *ref, struct now now);
void engine_container_unpause(struct engine *e, uint64_t ticket, const char *ref, struct now now);
enum engine_wait { ENGINE_WAIT_NOT_RUNNING, ENGINE_WAIT_NEXT_EXIT, ENGINE_WAIT_REMOVED };
/* `condition` is the query's: "", "not-running", "next-exit", "removed". */
void engine_container_wait(struct engine *e, uint64_t ticket, const char *ref,
			   const char *condition, struct now now);
void engine_container_rename(struct engine *e, uint64_t ticket, const char *ref, const char *name,
			     struct now now);
struct engine_remove {
	bool force, volumes, link;
};
void engine_container_remove(struct engine *e, uint64_t ticket, const char *ref,
			     struct engine_remove how, struct now now);
/* New limits and restart policy; zero fields stay as they are. */
void engine_container_update(struct engine *e, uint64_t ticket, const char *ref,
			     const Pb__HostConfig *limits, struct now now);
void engine_container_resize(struct engine *e, uint64_t ticket, const char *ref, int32_t height,
			     int32_t width, struct now now);
/* ENDPOINT, then nothing: its end is told by the stream. */
void engine_container_attach(struct engine *e, uint64_t ticket, const char *ref,
			     const struct runtime_attach *how, struct now now);
void engine_container_logs(struct engine *e, uint64_t ticket, const char *ref,
			   const struct runtime_logs *how, struct now now);
void engine_container_stats(struct engine *e, uint64_t ticket, const char *ref, struct now now);
void engine_container_top(struct engine *e, uint64_t ticket, const char *ref, const char *args,
			  struct now now);
void engine_container_size(struct engine *e, uint64_t ticket, const char *ref, struct now now);
/* DONE: lines, as the runtime's changes. */
void engine_container_changes(struct engine *e, uint64_t ticket, const char *ref, struct now now);
/* What a prune looks at; NULL fields match all. Both are asked for each object. */
struct engine_filter {
	void *self;
	bool (*matches)(void *self, const void *record);
};
/* cp and export: an ENDPOINT to join, then DONE. stat: DONE with content->stat. */
void engine_container_stat(struct engine *e, uint64_t ticket, const char *ref, const char *path,
			   struct now now);
void engine_container_archive(struct engine *e, uint64_t ticket, const char *ref, const char *path,
			      struct now now);
void engine_container_put_archive(struct engine *e, uint64_t ticket, const char *ref,
				  const struct content_put *how, struct now now);
void engine_container_export(struct engine *e, uint64_t ticket, const char *ref, struct now now);
struct engine_commit {
	const char *repo, *tag, *author, *comment;
	const Pb__ContainerConfig *config; /* NULL: the container's */
	bool pause;
};
void engine_container_commit(struct engine *e, uint64_t ticket, const char *ref,
			     const struct engine_commit *what, struct now now);

/* Reading. find: NULL and *err with docker's words. first/next: in order of creation, oldest first.
 */
const Pb__Container *engine_container_find(const struct engine *e, const char *ref,
					   struct err *err);
const Pb__Container *engine_container_first(const struct engine *e);
const Pb__Container *engine_container_next(const struct engine *e, const Pb__Container *c);
/* "created", "running", "paused", "restarting", "exited", "removing", "dead". */
const char *engine_container_state(const Pb__Container *c);
/* "Up 3 minutes (healthy)", "Exited (0) 2 hours ago": the Status column of ps. */
void engine_container_status(const Pb__Container *c, struct now now, struct buf *out);

/* --- execs --- */

void engine_exec_create(struct engine *e, uint64_t ticket, const char *ref, const Pb__Exec *what,
			struct now now);
/* With `how`: an ENDPOINT first, then DONE when it runs. Without: detached. */
void engine_exec_start(struct engine *e, uint64_t ticket, const char *id,
		       const struct runtime_attach *how, bool tty, int32_t height, int32_t width,
		       struct now now);
void engine_exec_resize(struct engine *e, uint64_t ticket, const char *id, int32_t height,
			int32_t width, struct now now);
const Pb__Exec *engine_exec_find(const struct engine *e, const char *id, struct err *err);
/* The ids of a container's execs that still exist, into the arena. */
const char **engine_container_execs(const struct engine *e, const Pb__Container *c, struct arena *a,
				    size_t *count);

/* --- images --- */

struct engine_pull {
	const char *image; /* "busybox", "host:5000/a/b" */
	const char *tag;   /* "", "latest", "sha256:..." */
	const char *platform;
	const char *auth; /* X-Registry-Auth */
};

void engine_image_pull(struct engine *e, uint64_t ticket, const struct engine_pull *what,
		       struct now now);
void engine_image_push(struct engine *e, uint64_t ticket, const char *name, const char *tag,
		       const char *auth, struct now now);
void engine_image_inspect_remote(struct engine *e, uint64_t ticket, const char *ref,
				 const char *auth, struct now now);
/* DONE when the registry ("host:5000", "https://index.docker.io/v1/" or "": the hub) takes the auth. */
void engine_registry_login(struct engine *e, uint64_t ticket, const char *address, const char *auth,
			   struct now now);
void engine_image_tag(struct engine *e, uint64_t ticket, const char *ref, const char *repo,
		      const char *tag, struct now now);
void engine_image_remove(struct engine *e, uint64_t ticket, const char *ref, bool force,
			 struct now now);
/* Images without a tag, or with `all` every one that no container uses. */
void engine_images_prune(struct engine *e, uint64_t ticket, bool all, struct engine_filter filter,
			 struct now now);
void engine_image_load(struct engine *e, uint64_t ticket, struct now now);
void engine_image_save(struct engine *e, uint64_t ticket, const char *const *names, size_t count,
		       struct now now);
void engine_image_import(struct engine *e, uint64_t ticket, const char *repo, const char *tag,
			 const char *message, const Pb__ContainerConfig *config, struct now now);
const Pb__LocalImage *engine_image_find(const struct engine *e, const char *ref, struct err *err);
const Pb__LocalImage *engine_image_first(const struct engine *e); /* by id */
const Pb__LocalImage *engine_image_next(const struct engine *e, const Pb__LocalImage *image);
/* How many containers, running or not, were made from it. */
size_t engine_image_users(const struct engine *e, const Pb__LocalImage *image);
/* "docker.io/library/busybox:latest" as people write it: "busybox:latest". */
const char *engine_familiar(const char *canonical);

/* --- networks --- */

void engine_network_create(struct engine *e, uint64_t ticket, const Pb__LocalNetwork *what,
			   struct now now);
void engine_network_remove(struct engine *e, uint64_t ticket, const char *ref, struct now now);
void engine_networks_prune(struct engine *e, uint64_t ticket, struct engine_filter filter,
			   struct now now);
void engine_network_connect(struct engine *e, uint64_t ticket, const char *ref,
			    const char *container, const Pb__EndpointSettings *settings,
			    struct now now);
void engine_network_disconnect(struct engine *e, uint64_t ticket, const char *ref,
			       const char *container, bool force, struct now now);
const Pb__LocalNetwork *engine_network_find(const struct engine *e, const char *ref,
					    struct err *err);
const Pb__LocalNetwork *engine_network_first(const struct engine *e);
const Pb__LocalNetwork *engine_network_next(const struct engine *e, const Pb__LocalNetwork *n);

/* --- volumes --- */

void engine_volume_create(struct engine *e, uint64_t ticket, const Pb__LocalVolume *what,
			  struct now now);
void engine_volume_remove(struct engine *e, uint64_t ticket, const char *name, bool force,
			  struct now now);
/* Anonymous ones that nothing uses, or with `all` named ones too. */
void engine_volumes_prune(struct engine *e, uint64_t ticket, bool all, struct engine_filter filter,
			  struct now now);
void engine_volume_size(struct engine *e, uint64_t ticket, const char *name, struct now now);
const Pb__LocalVolume *engine_volume_find(const struct engine *e, const char *name,
					  struct err *err);
const Pb__LocalVolume *engine_volume_first(const struct engine *e);
const Pb__LocalVolume *engine_volume_next(const struct engine *e, const Pb__LocalVolume *v);
size_t engine_volume_users(const struct engine *e, const Pb__LocalVolume *v);
/* <data-root>/volumes/NAME/_data */
char *engine_volume_path(const struct engine *e, struct arena *a, const char *name);

/* --- events --- */

/* Past events since `since_ns` (0: none of them), as far as 256 reach back, then each that happens,
 * as ENGINE_EVENT, until until_ns (0: for ever) or engine_forget(). Filtering is the asker's. */
void engine_events(struct engine *e, uint64_t ticket, int64_t since_ns, int64_t until_ns,
		   struct now now);
/* An event that another room knows of, such as the daemon's reload; pairs as in engine_event. */
void engine_tell(struct engine *e, const char *type, const char *action, const char *id,
		 const char *const *attributes, size_t attribute_count, struct now now);
/* The same of something that the whole swarm knows of. */
void engine_tell_of_swarm(struct engine *e, const char *type, const char *action, const char *id,
			  const char *const *attributes, size_t attribute_count, struct now now);

/* --- as the executor of swarm tasks (seam/executor.h); events go to config.inbox --- */

struct engine_payload {
	struct str data;
	const char *templating; /* "golang": a template; "": none */
};

/* What a task's container gets beyond its spec: contents of its secrets and configs, by id. */
struct engine_secret_source {
	void *self;
	/* False when it is not here (yet). */
	bool (*secret)(void *self, const char *task_id, const char *secret_id,
		       struct engine_payload *payload);
	bool (*config)(void *self, const char *task_id, const char *config_id,
		       struct engine_payload *payload);
};
/* The node, as tasks may name it. */
struct engine_node {
	const char *id, *hostname, *architecture, *os;
};
void engine_executor(struct engine *e, struct executor *out);
void engine_set_secrets(struct engine *e, struct engine_secret_source source);
/* Copied; a name may have 255 bytes. */
void engine_set_node(struct engine *e, const struct engine_node *node);

#endif
