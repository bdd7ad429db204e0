/* What the files of this room share: the engine, its objects, and who waits for what.
 *
 * Objects live in ordered tables and are named by id in everything that outlives a turn. A call is
 * the number under which an outcome comes back; it names its object, which may be gone by then.
 *
 * Durability. What changes in a turn is written by one journal write at its end: a batch. Batches
 * become durable in order, so "is it safe?" is a comparison of two numbers. */
#ifndef SHOAL_ENGINE_INSIDE_H
#define SHOAL_ENGINE_INSIDE_H

#include "base/arena.h"
#include "base/heap.h"
#include "base/id.h"
#include "base/list.h"
#include "base/log.h"
#include "base/prng.h"
#include "base/tree.h"
#include "engine/engine.h"
#include "engine/ipam.h"
#include "seam/executor.h"
#include "seam/input.h"
#include "seam/journal.h"

#define CONTAINERS_MAX 4096
#define IMAGES_MAX     10000
#define NETWORKS_MAX   1024
#define VOLUMES_MAX    65536
#define EXECS_MAX      4096
#define EVENTS_KEPT    256
#define REQUESTS_MAX   1024 /* that wait for one container */

struct call;
struct container;
struct timer;

/* --- calls: outcomes that are awaited (call.c) --- */

typedef void call_done(struct engine *e, struct call *call, const struct input *in);

struct call {
	struct tree_node node; /* by ticket, while a seam works on it */
	struct list link;      /* while its batch is not durable */
	uint64_t ticket;
	uint64_t batch;
	call_done *done;
	char *object;   /* id or name */
	uint64_t asker; /* whose request it is for; 0: nobody's */
	int64_t number; /* the callback's own */
	char *text;     /* the callback's own; freed with it */
};

/* A call with a fresh ticket; `done` runs with the outcome (several, for the content seam). */
struct call *call_new(struct engine *e, call_done *done, const char *object, uint64_t asker);
/* A ticket whose outcome interests nobody but the log. */
uint64_t call_unheard(struct engine *e, const char *object);
/* `done` runs with in == NULL when all that was changed until now is durable; if the journal
 * failed, engine.journal_fault is set then. */
struct call *call_when_safe(struct engine *e, call_done *done, const char *object, uint64_t asker);
void call_input(struct engine *e, const struct input *in);
/* Their outcomes are of interest to the engine alone from now on. */
void call_forget(struct engine *e, uint64_t asker);
void call_drop(struct engine *e, struct call *call); /* its outcome will not come */
void calls_run_safe(struct engine *e, uint64_t batch);
void calls_clear(struct engine *e);
/* The sentence of a failed outcome. */
bool call_failed(const struct input *in, struct err *err);

/* --- timers --- */

typedef void timer_fire(struct engine *e, struct timer *t);

struct timer {
	struct heap_node node;
	timer_fire *fire;
};

void timer_set(struct engine *e, struct timer *t, timer_fire *fire, int64_t delay_ms);
void timer_stop(struct engine *e, struct timer *t);

/* --- objects --- */

/* A request that waits until nothing else is under way for its container. */
struct request {
	struct list link;
	void (*run)(struct engine *e, struct container *c, struct request *r);
	uint64_t asker;
	struct arena memory;
	const char *text;
	int64_t number;
	struct engine_remove remove;
	Pb__HostConfig *limits;
	const Pb__EndpointSettings *endpoint;
	struct order *order; /* copy.c */
};

enum waiter_kind {
	WAITER_WAIT,    /* engine_container_wait() */
	WAITER_STOPPED, /* stop, kill: done when it has ended */
	WAITER_RESTART, /* start it again when it has ended */
	WAITER_REMOVE,  /* remove it when it has ended */
};

struct waiter {
	struct list link;
	enum waiter_kind kind;
	uint64_t asker;
	enum engine_wait condition;
	struct engine_remove remove;
};

/* How far a container's current business is. IDLE: none; requests are taken from its queue. */
enum step {
	STEP_IDLE,
	STEP_MAKING,    /* layer, volumes and record */
	STEP_PREPARING, /* root, user, devices, network and record, all at once */
	STEP_LAUNCHING, /* the runtime starts it */
	STEP_REMOVING,
	STEP_BUSY, /* a pause, unpause or update is under way */
};

/* A secret or config of a task: in memory only. */
struct secret_file {
	char *name;        /* in <exec-root>/files/<id>/ */
	char *destination; /* in the container */
	struct buf data;
	uint32_t uid, gid, mode;
};

struct device {
	struct runtime_device found;
	char *path, *target, *access;
};

struct exec {
	struct tree_node node;
	struct list of_container;
	struct container *container;
	struct arena memory;
	Pb__Exec *record;
	bool is_probe; /* a health check: not shown */
	bool is_starting;
	uint64_t asker; /* of its start */
	struct timer timer;
};

struct container {
	struct tree_node by_id, by_name, by_age, by_task;
	struct arena memory;
	Pb__Container *record; /* ours to change, in memory */
	uint64_t serial;       /* order of creation */
	int state;             /* record->state, for the table of states */
	int step;
	bool is_dirty;
	struct list dirty;

	struct list requests;
	struct list waiters;
	struct list execs;
	const char *warning; /* of its creation, told with its id; NULL */
	uint64_t starter;    /* whose start is under way; 0: the restart policy's */
	unsigned awaiting;   /* parts of the preparation that are still to come */
	bool has_fault;
	struct err fault; /* the first thing that went wrong in this step */

	/* Of this run. */
	struct arena run;
	struct runtime_user user;
	char *netns;
	char *root, *upper; /* while mounted */
	int is_paused_for_commit;
	int root_uses; /* copies that need the root of a stopped container */
	struct device *devices;
	size_t device_count;
	struct runtime_device *rate_devices; /* of ocispec_rate(); NULL: there is none */
	uint64_t generation;                 /* of its sandbox */
	bool has_sandbox;
	bool was_told_to_stop;
	int stop_signal;
	uint64_t net_asker; /* of a connect or disconnect that is under way */
	struct timer stop_timer, restart_timer, health_timer;
	int64_t backoff_ms;
	int64_t running_since_ms;
	int64_t failures; /* in a row, for on-failure:N */
	char probe[HEX_ID_LEN + 1];
	int64_t probe_began_ns;

	struct secret_file *files;
	size_t file_count;
};

struct image {
	struct tree_node by_id;
	struct arena memory;
	Pb__LocalImage *record;
};

struct network {
	struct tree_node by_id, by_name;
	struct arena memory;
	Pb__LocalNetwork *record;
	uint64_t generation;
	uint64_t names_generation;
	bool is_wanted;
	bool has_fault;
	struct err fault; /* why the hands could not make it */
};

struct volume {
	struct tree_node by_name;
	struct arena memory;
	Pb__LocalVolume *record;
	bool is_removing;
};

struct event {
	struct list link;
	struct arena memory;
	struct engine_event event;
};

struct subscriber {
	struct list link;
	uint64_t asker;
	int64_t until_ns;
	struct timer timer;
};

struct answer {
	struct list link;
	struct engine_answer answer;
};

/* A line of the next journal write. */
struct write {
	struct list link;
	const char *table, *key;
	struct str value;
};

struct task; /* executor.c */

struct engine {
	struct engine_config config;
	struct engine_seams seams;
	struct prng prng;
	struct now now;

	struct tree containers, container_names, container_ages, container_tasks;
	uint64_t container_serial;
	struct tree images;
	struct tree networks, network_names;
	struct tree volumes;
	struct tree execs;
	struct heap timers;

	struct tree calls;
	struct list saving; /* struct call, by batch */

	struct list dirty; /* containers */
	struct list writes;
	struct arena write_memory;
	uint64_t batch; /* that changes of now belong to; from 1 */
	uint64_t durable;
	bool has_journal_fault;
	struct err journal_fault;

	struct list answers;
	struct arena answer_memory;
	bool answers_are_drained;

	struct list events;
	size_t event_count;
	uint64_t event_serial;
	struct list subscribers;

	/* While finding out what the hands have: both lists are awaited. */
	int lists_awaited;
	bool is_ready;
	struct list found; /* struct found */
	struct arena found_memory;

	/* Content removals wait until nobody makes an image. */
	int making_images;
	bool is_removing_image;
	bool is_crowded; /* there was no room for an image: what it left is to go */
	struct list image_removals;

	struct tree tasks, task_asks; /* struct task: by task id, by the ticket it awaits */
	struct list task_lists;       /* struct command */
	struct engine_secret_source secrets;
	char node_id[64], node_hostname[256], node_architecture[64], node_os[64];
};

/* --- answers (answer.c) --- */

struct engine_answer *answer_new(struct engine *e, uint64_t ticket, enum engine_answer_kind kind,
				 bool is_last);
void answer_done(struct engine *e, uint64_t ticket);
void answer_id(struct engine *e, uint64_t ticket, const char *id);
/* One warning to the answer just made. */
void answer_warn(struct engine *e, const char *text);
void answer_already(struct engine *e, uint64_t ticket);
void answer_fail(struct engine *e, uint64_t ticket, const struct err *err);
/* Copies for an answer of what an event points at: the event is gone after the turn, the answer may
 * be taken later. Of a content event without progress, layers and config. */
struct runtime_stats *answer_stats(struct engine *e, const struct runtime_stats *stats);
const char *const *answer_texts(struct engine *e, const char *const *texts, size_t count);
struct runtime_top *answer_top(struct engine *e, const struct runtime_top *top);
struct content_event *answer_content(struct engine *e, const struct content_event *event);
/* Fails the request if the engine cannot take any: not ready, or the journal broke. */
bool engine_refuses(struct engine *e, uint64_t ticket, struct now now);
#define ANSWER_FAIL(e, ticket, kind, ...)                                                          \
	do {                                                                                       \
		struct err _err;                                                                   \
		(void)fail(&_err, kind, __VA_ARGS__);                                              \
		answer_fail(e, ticket, &_err);                                                     \
	} while (0)

/* --- records (record.c) --- */

#define TABLE_CONTAINERS "engine.containers"
#define TABLE_IMAGES     "engine.images"
#define TABLE_NETWORKS   "engine.networks"
#define TABLE_VOLUMES    "engine.volumes"

#define RECORD_MAX (4 << 20)

void record_put(struct engine *e, const char *table, const char *key, const void *message);
void record_delete(struct engine *e, const char *table, const char *key);
void records_flush(struct engine *e);
void container_save(struct engine *e, struct container *c);
/* Make the arena hold `record` alone, when changes have filled it. */
void *record_compact(struct arena *memory, void *record);

/* --- events (event.c) --- */

void event_container(struct engine *e, const struct container *c, const char *action, ...)
	__attribute__((format(printf, 3, 4)));
/* With attributes of its own: key, value, ..., NULL. */
void event_container_with(struct engine *e, const struct container *c, const char *action, ...);
void event_tell(struct engine *e, const char *type, const char *action, const char *id, ...);
void events_clear(struct engine *e);
void subscribers_forget(struct engine *e, uint64_t asker);

/* --- containers --- */

struct container *container_by_id(const struct engine *e, const char *id);
struct container *container_by_name(const struct engine *e, const char *name);
struct container *container_lookup(const struct engine *e, const char *ref, struct err *err);
/* The same, answering a failure. */
struct container *container_for(struct engine *e, uint64_t ticket, const char *ref, struct now now);
/* On the tables, with its record in its memory. The name is not taken. */
struct container *container_new(struct engine *e, const Pb__Container *record);
void container_free(struct engine *e, struct container *c); /* off the tables as well */
void container_move(struct engine *e, struct container *c, Pb__Container__State state);
void container_step(struct engine *e, struct container *c, enum step step);
bool container_is_running(
	const struct container *c); /* or paused or restarting, as docker counts */
bool container_has_process(const struct container *c); /* running or paused */
void container_name(struct engine *e, struct container *c, const char *name);
const char *container_folder(const struct engine *e, struct arena *a, const char *id);
char *container_cgroup(const struct engine *e, struct arena *a, const Pb__Container *record);

struct request *request_add(struct container *c, uint64_t asker,
			    void (*run)(struct engine *, struct container *, struct request *));
struct request *request_add_first(struct container *c, uint64_t asker,
				  void (*run)(struct engine *, struct container *,
					      struct request *));
void requests_run(struct engine *e, struct container *c);
void requests_refuse(struct engine *e, struct container *c, const struct err *err);
struct waiter *waiter_add(struct container *c, enum waiter_kind kind, uint64_t asker);
void waiters_clear(struct container *c);

void containers_forget(struct engine *e, uint64_t asker);

/* start.c */
void container_start_now(struct engine *e, struct container *c, uint64_t asker);
/* Its starter, if somebody still waits, hears of c->fault. */
void container_tell_start_failed(struct engine *e, struct container *c);
void start_input_net(struct engine *e, struct container *c, const struct net_event *event);
/* life.c */
void container_exited(struct engine *e, struct container *c, int64_t exit_code, bool oom,
		      int64_t at_ns);
/* Those who wait for its end hear that it does not run; `has_run` false: it could not be started,
 * which is no exit. */
void container_tell_stopped(struct engine *e, struct container *c, bool has_run);
void container_restart_later(struct engine *e, struct container *c);
bool container_should_restart(const struct container *c, int64_t exit_code);
void container_signal(struct engine *e, struct container *c, int signum);
void container_kill(struct engine *e, struct container *c);
/* remove.c */
/* As the next of its requests; for one that does not run. */
void container_remove_soon(struct engine *e, struct container *c, uint64_t asker,
			   struct engine_remove how);
/* Its layer is gone already: forget it. */
void container_forget(struct engine *e, struct container *c, uint64_t asker, bool volumes);
/* copy.c */
void container_release_root(struct engine *e, struct container *c);
/* health.c */
void health_begin(struct engine *e, struct container *c);
void health_end(struct engine *e, struct container *c);
void health_exited(struct engine *e, struct container *c, const struct runtime_event *event);
/* exec.c */
void exec_exited(struct engine *e, const struct runtime_event *event);
void execs_end(struct engine *e, struct container *c);
void execs_free(struct engine *e, struct container *c);
struct exec *exec_new(struct engine *e, struct container *c, const Pb__Exec *record);
void exec_free(struct engine *e, struct exec *x);
struct exec *exec_by_id(const struct engine *e, const char *id);
void exec_launch(struct engine *e, struct exec *x, size_t capture_max);

/* --- images --- */

struct image *image_by_id(const struct engine *e, const char *id);
struct image *image_lookup(const struct engine *e, const char *ref, struct err *err);
void image_load_record(struct engine *e, const Pb__LocalImage *record);
void image_free(struct engine *e, struct image *i);
void images_clear(struct engine *e);
/* Tell the content seam which images and layers are all that is wanted. */
void images_collect_garbage(struct engine *e);
void images_forget(struct engine *e, uint64_t asker); /* cancels its pull */

/* --- networks --- */

struct network *network_by_id(const struct engine *e, const char *id);
struct network *network_by_name(const struct engine *e, const char *name);
struct network *network_lookup(const struct engine *e, const char *ref, struct err *err);
void network_load_record(struct engine *e, const Pb__LocalNetwork *record);
void networks_ensure_predefined(struct engine *e);
void network_want(struct engine *e, struct network *n);
void network_want_names(struct engine *e, struct network *n);
void network_input(struct engine *e, const struct net_event *event);
void networks_clear(struct engine *e);

/* endpoint.c: a container's places on networks */
enum netmode { NETMODE_BRIDGE, NETMODE_HOST, NETMODE_NONE, NETMODE_CONTAINER };
enum netmode container_netmode(const struct container *c);
/* Addresses and host ports for a start; wants the sandbox. */
bool endpoints_take(struct engine *e, struct container *c, struct err *err);
void endpoints_want(struct engine *e, struct container *c);
/* One more network for a running container. */
bool endpoint_connect(struct engine *e, struct container *c, Pb__EndpointSettings *endpoint,
		      struct err *err);
void endpoints_release(struct engine *e, struct container *c);
/* Texts of its hosts and resolv.conf. */
void endpoints_write_hosts(struct engine *e, const struct container *c, struct buf *out);
void endpoints_write_resolv(struct engine *e, const struct container *c, struct buf *out);
bool endpoint_on(const struct container *c, const struct network *n);

/* --- volumes --- */

struct volume *volume_by_name(const struct engine *e, const char *name);
void volume_load_record(struct engine *e, const Pb__LocalVolume *record);
/* The volume of this name, made when there is none. */
struct volume *volume_take(struct engine *e, const char *name, const char *driver,
			   bool is_anonymous);
void volume_remove_now(struct engine *e, struct volume *v);
void volumes_clear(struct engine *e);

/* --- boot.c: what the hands have --- */

void boot_begin(struct engine *e);

/* --- executor.c --- */

void executor_settle(struct engine *e);
void executor_container_changed(struct engine *e, struct container *c);
void executor_init(struct engine *e);
void executor_clear(struct engine *e);

#endif
