#include "host/run/runtime.h"

#include <dirent.h>
#include <stdio.h>

#include "base/mem.h"
#include "file/folder.h"
#include "host/endpoint.h"
#include "host/loop.h"
#include "host/logs/records.h"
#include "host/logs/rotation.h"
#include "host/mountpoint.h"
#include "host/program.h"
#include "host/run/attach.h"
#include "host/run/cgroup.h"
#include "host/run/filters.h"
#include "host/run/hands.h"
#include "host/run/overlay.h"
#include "seam/input.h"

#define FRONT "shoal-oci"

static void drop_endpoint(void *self, uint64_t endpoint)
{
	struct runtime_hands *hands = self;

	endpoint_drop(hands->endpoints, endpoint);
}

struct runtime runtime_hands_seam(struct runtime_hands *hands)
{
	return (struct runtime){
		.self = hands,
		.list = runtime_list,
		.make = runtime_make,
		.remove = runtime_remove,
		.mount = runtime_mount_root,
		.unmount = runtime_unmount_root,
		.resolve = runtime_resolve,
		.devices = runtime_devices,
		.look_for = runtime_look_for,
		.start = runtime_start,
		.signal = runtime_signal,
		.pause = runtime_pause,
		.unpause = runtime_unpause,
		.resize = runtime_resize,
		.update = runtime_update,
		.write_hosts = runtime_write_hosts,
		.exec = runtime_exec,
		.exec_signal = runtime_exec_signal,
		.exec_resize = runtime_exec_resize,
		.attach = runtime_attach,
		.exec_attach = runtime_exec_attach,
		.logs = runtime_logs,
		.log_read = runtime_log_read,
		.log_more = runtime_log_more,
		.log_stop = runtime_log_stop,
		.drop_endpoint = drop_endpoint,
		.stats = runtime_stats,
		.top = runtime_top,
		.size = runtime_size,
		.changes = runtime_changes,
		.make_volume = runtime_make_volume,
		.remove_volume = runtime_remove_volume,
		.volume_size = runtime_volume_size,
	};
}

static bool make_folders(const struct runtime_hands *hands, struct err *e)
{
	static const struct {
		const char *name;
		mode_t mode;
		bool is_data;
	} table[] = {
		{ "containers", 0710, true }, { "rw", 0710, true },     { "volumes", 0701, true },
		{ "bundles", 0711, false },   { "execs", 0700, false }, { "files", 0711, false },
		{ "oci", 0700, false },
	};

	if (!folder_make_as(hands->data_root, 0710, e) ||
	    !folder_make_as(hands->exec_root, 0711, e))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		AUTO_FREE char *path =
			xasprintf("%s/%s", table[i].is_data ? hands->data_root : hands->exec_root,
				  table[i].name);

		if (!folder_make_as(path, table[i].mode, e))
			return false;
	}
	return overlay_make_mountpoints(hands->data_root, e);
}

static void drop_programs(struct runtime_hands *hands)
{
	for (size_t i = 0; i < hands->program_count; i++) {
		free((char *)hands->programs[i].name);
		free((char *)hands->programs[i].path);
	}
	free(hands->programs);
	free(hands->default_runtime);
}

static void copy_programs(struct runtime_hands *hands, const struct runtime_programs *p)
{
	hands->default_runtime = xstrdup(p->fallback ? p->fallback : "");
	hands->programs = xcalloc(p->count + 1, sizeof(*hands->programs));
	hands->program_count = p->count;
	for (size_t i = 0; i < p->count; i++) {
		hands->programs[i].name = xstrdup(p->list[i].name);
		hands->programs[i].path = xstrdup(p->list[i].path);
	}
}

void runtime_hands_set_programs(struct runtime_hands *hands, const struct runtime_programs *p)
{
	drop_programs(hands);
	copy_programs(hands, p);
}

static void free_memory(struct runtime_hands *hands)
{
	drop_programs(hands);
	free(hands->data_root);
	free(hands->exec_root);
	free(hands->front);
	filters_free(hands->filters);
	free(hands->conmon_cgroup_procs);
	free(hands);
}

bool runtime_hands_new(const struct runtime_hands_config *config, struct runtime_hands **out,
		       struct err *e)
{
	struct runtime_hands *hands = NEW(struct runtime_hands);

	hands->loop = config->loop;
	hands->endpoints = config->endpoints;
	hands->data_root = xstrdup(config->data_root);
	hands->exec_root = xstrdup(config->exec_root);
	copy_programs(hands, &config->programs);
	hands->containers = containers_tree();
	hands->execs = execs_tree();
	list_init(&hands->early);
	list_init(&hands->loose);
	list_init(&hands->log_endpoints);
	hands->log_records = log_records_tree();
	hands->filters = filters_new();
	hands->hides_cgroup2 = cgroup_is_hybrid();
	hands->front = config->front ? xstrdup(config->front) : program_beside_us(FRONT, e);
	if (!hands->front || !make_folders(hands, e) || !crew_new(hands->loop, &hands->crew, e)) {
		free_memory(hands);
		return false;
	}
	hands->conmon_cgroup_procs = cgroup_for_conmon("shoal-conmon");
	rotation_init(hands);
	adopt(hands);
	*out = hands;
	return true;
}

static void forget_container(struct container *c)
{
	ops_forget(&c->lane);
	c->lane_length = 0;
	c->is_busy = c->is_running = false;
	watch_free(c->conmon_watch);
	watch_free(c->init_watch);
	watch_free(c->oom_watch);
	c->conmon_watch = c->init_watch = c->oom_watch = NULL;
	hub_free(c->hub);
	c->hub = NULL;
	container_release(c);
}

static void on_all_posted(void *self)
{
	free_memory(self);
}

/* What was posted before still looks at us. */
static void on_closed(uv_handle_t *handle)
{
	struct runtime_hands *hands = handle->data;

	loop_post(hands->loop, hands, on_all_posted);
}

void runtime_hands_free(struct runtime_hands *hands)
{
	struct container *c;

	if (!hands)
		return;
	hands->is_ending = true;
	crew_free(hands->crew);
	ops_forget(&hands->early);
	log_endpoints_free(hands);
	log_records_free(hands);
	run_execs_free(hands);
	tree_each (&hands->containers, struct container, by_id, c)
		forget_container(c);
	hands->rotation.data = hands;
	uv_close((uv_handle_t *)&hands->rotation, on_closed);
}

/* Of the folders on disk; who runs is known to the loop. */
struct listing {
	struct list link;
	const char *id;
	bool has_layer, is_mounted, has_exited;
	struct exit_note exit;
};

struct listings {
	struct list containers;
	struct list volumes;
};

static void list_folder(struct op *op, const char *root, const char *folder, struct list *into)
{
	AUTO_FREE char *path = xasprintf("%s/%s", root, folder);
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		struct listing *found;

		if (entry->d_name[0] == '.' || strlen(entry->d_name) > ID_MAX)
			continue;
		found = ARENA_NEW(&op->memory, struct listing);
		found->id = arena_strdup(&op->memory, entry->d_name);
		list_push_back(into, &found->link);
	}
	if (dir)
		closedir(dir);
}

static void work_list(struct op *op)
{
	struct listings *all = op->args;
	struct listing *it;

	list_folder(op, op->hands->data_root, "containers", &all->containers);
	list_folder(op, op->hands->data_root, "volumes", &all->volumes);
	list_each (&all->containers, struct listing, link, it) {
		AUTO_FREE char *rootfs = rootfs_path(op->hands, it->id);

		it->has_layer = overlay_exists(op->hands->data_root, it->id);
		it->is_mounted = is_mountpoint(rootfs);
		it->has_exited = exit_note_read(op->hands, it->id, &it->exit);
	}
	op->ok = true;
	op->event.kind = RUNTIME_LIST_END;
}

static void tell_container(struct op *op, const struct listing *it)
{
	const struct container *c = container_find(op->hands, it->id);
	bool is_running = c && c->is_running;
	struct input *in;

	if (!it->has_layer && !it->has_exited && !is_running)
		return;
	in = inbox_add(loop_inbox(op->hands->loop), INPUT_RUNTIME, op->ticket);
	in->runtime = (struct runtime_event){
		.kind = RUNTIME_LISTED,
		.id = it->id,
		.listed = {
			.has_layer = it->has_layer,
			.is_mounted = it->is_mounted,
			.is_running = is_running,
			.is_paused = is_running && c->is_paused,
			.pid = is_running ? c->pid : 0,
			.started_ns = is_running ? c->note.started_ns : 0,
			.has_exited = !is_running && it->has_exited,
			.exit_code = it->exit.exit_code,
			.oom = it->exit.oom,
			.ended_ns = it->exit.at_ns,
		},
	};
}

static void done_list(struct op *op)
{
	struct listings *all = op->args;
	struct listing *it;

	list_each (&all->containers, struct listing, link, it)
		tell_container(op, it);
	list_each (&all->volumes, struct listing, link, it) {
		struct input *in =
			inbox_add(loop_inbox(op->hands->loop), INPUT_RUNTIME, op->ticket);

		in->runtime = (struct runtime_event){ .kind = RUNTIME_VOLUME_LISTED, .id = it->id };
	}
}

void runtime_list(void *self, uint64_t ticket)
{
	struct op *op = op_new_loose(self, ticket, CREW_LOOK, work_list);
	struct listings *all = ARENA_NEW(&op->memory, struct listings);

	list_init(&all->containers);
	list_init(&all->volumes);
	op->args = all;
	op->done = done_list;
	op_submit(op);
}
