/* The machine's containers, volumes and logs: behind seam/runtime. */
#include "sim/machine_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static struct runtime_event *say(struct inbox *out, uint64_t ticket, enum runtime_event_kind kind,
				 const char *id)
{
	struct input *in = inbox_add(out, INPUT_RUNTIME, ticket);

	in->runtime.kind = kind;
	in->runtime.id = arena_strdup(&out->memory, id);
	in->runtime.text = "";
	return &in->runtime;
}

static void say_failed(struct inbox *out, uint64_t ticket, const char *id, int kind,
		       const char *text)
{
	struct runtime_event *event = say(out, ticket, RUNTIME_FAILED, id);

	event->err_kind = kind;
	event->text = arena_strdup(&out->memory, text);
}

/* True if this command was chosen to fail, and its failure is said. */
static bool fails(struct pending *p, struct inbox *out)
{
	if (p->must_fail)
		say_failed(out, p->ticket, p->id, ERR_INTERNAL, "No space left on device");
	return p->must_fail;
}

static void done(struct pending *p, struct inbox *out)
{
	(void)say(out, p->ticket, RUNTIME_DONE, p->id);
}

static void do_make(struct machine *m, struct pending *p, struct inbox *out)
{
	struct machine_container *c = machine_container(m, p->id);

	if (fails(p, out))
		return;
	if (!c) {
		c = NEW(struct machine_container);
		snprintf(c->id, sizeof(c->id), "%s", p->id);
		tree_insert(&m->containers, c->id, &c->node);
	}
	c->has_layer = true;
	done(p, out);
}

static void do_remove(struct machine *m, struct pending *p, struct inbox *out)
{
	struct machine_container *c = machine_container(m, p->id);

	if (fails(p, out))
		return;
	if (c && c->is_running) {
		machine_violate(m, "removal of running container %.12s", p->id);
		say_failed(out, p->ticket, p->id, ERR_CONFLICT, "it is running");
		return;
	}
	if (c) {
		tree_remove(&m->containers, &c->node);
		free(c);
	}
	done(p, out);
}

static void do_mount(struct machine *m, struct pending *p, struct inbox *out)
{
	struct machine_container *c = machine_container(m, p->id);
	struct runtime_event *event;

	if (fails(p, out))
		return;
	if (!c || !c->has_layer) {
		say_failed(out, p->ticket, p->id, ERR_NOT_FOUND, "no such layer");
		return;
	}
	c->is_mounted = true;
	event = say(out, p->ticket, RUNTIME_MOUNTED, p->id);
	event->path = arena_printf(&out->memory, "/roots/%s", p->id);
	event->upper = arena_printf(&out->memory, "/uppers/%s", p->id);
}

static void do_unmount(struct machine *m, struct pending *p, struct inbox *out)
{
	struct machine_container *c = machine_container(m, p->id);

	if (fails(p, out))
		return;
	if (c && c->is_running)
		machine_violate(m, "unmount under running container %.12s", p->id);
	if (c)
		c->is_mounted = false;
	done(p, out);
}

static void do_resolve(struct machine *m, struct pending *p, struct inbox *out)
{
	struct machine_container *c = machine_container(m, p->id);
	struct runtime_event *event;

	if (fails(p, out))
		return;
	if (!c || !c->is_mounted) {
		say_failed(out, p->ticket, p->id, ERR_NOT_FOUND, "the root is not mounted");
		return;
	}
	if (strcmp(p->text, "nobody-knows") == 0) {
		say_failed(out, p->ticket, p->id, ERR_INVALID,
			   "unable to find user nobody-knows: no matching entries in passwd file");
		return;
	}
	event = say(out, p->ticket, RUNTIME_RESOLVED, p->id);
	event->user.uid = event->user.gid = (uint32_t)atoi(p->text);
	event->user.home = event->user.uid ? "/home/user" : "/root";
	event->user.groups = arena_copy(&out->memory, (uint32_t[]){ 10, 20 }, 2 * sizeof(uint32_t));
	event->user.group_count = 2;
}

static void do_devices(struct machine *m, struct pending *p, struct inbox *out)
{
	struct runtime_event *event;
	struct runtime_device *device;

	if (fails(p, out))
		return;
	event = say(out, p->ticket, RUNTIME_DEVICES, p->id);
	device = ARENA_NEW(&out->memory, struct runtime_device);
	*device = (struct runtime_device){ "/dev/fuse", 'c', 10, 229, 0666, 0, 0 };
	event->devices = device;
	event->device_count = 1;
}

static void do_exit(struct machine *m, struct pending *p, struct inbox *out)
{
	struct machine_container *c = machine_container(m, p->id);
	struct runtime_event *event;

	if (!c || !c->is_running)
		return;
	c->is_running = c->is_paused = c->is_ending = false;
	c->has_exited = true;
	c->exit_code = (int)p->number;
	c->ended_ns = m->now.wall_ns;
	event = say(out, 0, RUNTIME_EXITED, p->id);
	event->exit_code = c->exit_code;
	event->at_ns = c->ended_ns;
}

static void plan_exit(struct machine *m, struct machine_container *c, int code)
{
	struct pending *p;

	if (c->is_ending)
		return;
	c->is_ending = true;
	p = machine_give(m, "container", c->id, 0, do_exit);
	m->calls--; /* nobody called */
	p->must_fail = false;
	p->survives = true;
	p->number = code;
}

void machine_end(struct machine *m, const char *id, int exit_code)
{
	struct machine_container *c = machine_container(m, id);

	if (c && c->is_running)
		plan_exit(m, c, exit_code);
}

static void begin_program(struct machine *m, struct machine_container *c)
{
	if (strcmp(c->program, "true") == 0)
		plan_exit(m, c, 0);
	else if (strcmp(c->program, "false") == 0)
		plan_exit(m, c, 1);
	else if (strncmp(c->program, "exit:", 5) == 0)
		plan_exit(m, c, atoi(c->program + 5));
}

static void do_start(struct machine *m, struct pending *p, struct inbox *out)
{
	struct machine_container *c = machine_container(m, p->id);
	struct runtime_event *event;

	if (!c || !c->is_mounted)
		machine_violate(m, "start of %.12s without a mounted root", p->id);
	if (c && c->is_running)
		machine_violate(m, "second start of %.12s", p->id);
	if (p->number && !machine_name_find(&m->sandboxes, p->id))
		machine_violate(m, "start of %.12s without its network", p->id);
	if (fails(p, out) || !c)
		return;
	if (strcmp(p->text, "missing") == 0) {
		event = say(out, p->ticket, RUNTIME_FAILED, p->id);
		event->err_kind = ERR_INVALID;
		event->exit_code = 127;
		event->text = "exec: \"missing\": executable file not found in $PATH";
		return;
	}
	c->is_running = true;
	c->has_exited = c->is_ending = false;
	c->pid = ++m->next_pid;
	c->started_ns = m->now.wall_ns;
	snprintf(c->program, sizeof(c->program), "%s", p->text);
	event = say(out, p->ticket, RUNTIME_STARTED, p->id);
	event->pid = c->pid;
	event->at_ns = c->started_ns;
	begin_program(m, c);
}

static void do_signal(struct machine *m, struct pending *p, struct inbox *out)
{
	struct machine_container *c = machine_container(m, p->id);

	if (fails(p, out))
		return;
	if (!c || !c->is_running) {
		say_failed(out, p->ticket, p->id, ERR_CONFLICT, "it is not running");
		return;
	}
	done(p, out);
	if (p->number == 9)
		plan_exit(m, c, 137);
	else if (p->number == 15 && strcmp(c->program, "stubborn") != 0)
		plan_exit(m, c, 143);
}

static void do_pause(struct machine *m, struct pending *p, struct inbox *out)
{
	struct machine_container *c = machine_container(m, p->id);

	if (fails(p, out))
		return;
	if (!c || !c->is_running) {
		say_failed(out, p->ticket, p->id, ERR_CONFLICT, "it is not running");
		return;
	}
	c->is_paused = p->number;
	done(p, out);
}

static void do_nothing(struct machine *m, struct pending *p, struct inbox *out)
{
	if (!fails(p, out))
		done(p, out);
}

static void do_exec_exit(struct machine *m, struct pending *p, struct inbox *out)
{
	struct runtime_event *event = say(out, 0, RUNTIME_EXEC_EXITED, p->id);

	event->exec_id = arena_strdup(&out->memory, p->exec_id);
	event->exit_code = (int32_t)p->number;
	event->at_ns = m->now.wall_ns;
	event->output = STR("probe says");
}

static void plan_exec_exit(struct machine *m, const char *id, const char *exec_id, int code)
{
	struct pending *p = machine_give(m, "container", id, 0, do_exec_exit);

	m->calls--;
	p->must_fail = false;
	p->exec_id = arena_strdup(&p->memory, exec_id);
	p->number = code;
}

static void do_exec(struct machine *m, struct pending *p, struct inbox *out)
{
	struct machine_container *c = machine_container(m, p->id);

	if (fails(p, out))
		return;
	if (!c || !c->is_running) {
		say_failed(out, p->ticket, p->id, ERR_CONFLICT, "it is not running");
		return;
	}
	say(out, p->ticket, RUNTIME_STARTED, p->id)->pid = ++m->next_pid;
	if (strcmp(p->text, "hang") != 0)
		plan_exec_exit(m, p->id, p->exec_id,
			       m->execs_fail || strcmp(p->text, "sick") == 0 ? 1 : 0);
}

static void do_exec_signal(struct machine *m, struct pending *p, struct inbox *out)
{
	if (fails(p, out))
		return;
	done(p, out);
	plan_exec_exit(m, p->id, p->exec_id, 137);
}

static void do_endpoint(struct machine *m, struct pending *p, struct inbox *out)
{
	if (!fails(p, out))
		say(out, p->ticket, RUNTIME_ENDPOINT, p->id)->endpoint = 1000 + p->ticket;
}

static void do_stats(struct machine *m, struct pending *p, struct inbox *out)
{
	struct runtime_stats *stats;

	if (fails(p, out))
		return;
	stats = ARENA_NEW(&out->memory, struct runtime_stats);
	stats->memory_bytes = 4096;
	say(out, p->ticket, RUNTIME_STATS, p->id)->stats = stats;
}

static void do_top(struct machine *m, struct pending *p, struct inbox *out)
{
	static const char *const titles[] = { "PID", "CMD" };
	static const char *const cells[] = { "7", "top" };
	struct runtime_top *top;

	if (fails(p, out))
		return;
	top = ARENA_NEW(&out->memory, struct runtime_top);
	*top = (struct runtime_top){ titles, 2, cells, 1 };
	say(out, p->ticket, RUNTIME_TOP, p->id)->top = top;
}

static void do_size(struct machine *m, struct pending *p, struct inbox *out)
{
	struct runtime_event *event;

	if (fails(p, out))
		return;
	event = say(out, p->ticket, RUNTIME_SIZE, p->id);
	event->size_root = 1000;
	event->size_rw = 10;
}

static void do_changes(struct machine *m, struct pending *p, struct inbox *out)
{
	static const char *const changes[] = { "C /etc", "A /etc/new", "D /etc/old" };
	struct runtime_event *event;

	if (fails(p, out))
		return;
	event = say(out, p->ticket, RUNTIME_CHANGES, p->id);
	event->changes = changes;
	event->change_count = 3;
}

static void do_list(struct machine *m, struct pending *p, struct inbox *out)
{
	struct machine_container *c;
	struct machine_name *v;

	tree_each (&m->containers, struct machine_container, node, c) {
		struct runtime_listed *l = &say(out, p->ticket, RUNTIME_LISTED, c->id)->listed;

		*l = (struct runtime_listed){ .has_layer = c->has_layer,
					      .is_mounted = c->is_mounted,
					      .is_running = c->is_running,
					      .is_paused = c->is_paused,
					      .pid = c->pid,
					      .started_ns = c->started_ns,
					      .has_exited = c->has_exited,
					      .exit_code = c->exit_code,
					      .ended_ns = c->ended_ns };
	}
	tree_each (&m->volumes, struct machine_name, node, v)
		(void)say(out, p->ticket, RUNTIME_VOLUME_LISTED, v->id);
	(void)say(out, p->ticket, RUNTIME_LIST_END, "");
}

static void do_make_volume(struct machine *m, struct pending *p, struct inbox *out)
{
	if (fails(p, out))
		return;
	(void)machine_name_take(&m->volumes, p->id);
	done(p, out);
}

static void do_remove_volume(struct machine *m, struct pending *p, struct inbox *out)
{
	if (fails(p, out))
		return;
	machine_name_drop(&m->volumes, p->id);
	done(p, out);
}

static void r_list(void *self, uint64_t t)
{
	struct machine *m = self;
	struct pending *p = machine_give(m, "list", "", t, do_list);

	p->must_fail = false; /* a daemon that cannot list does not come up at all */
}

static void r_make(void *self, uint64_t t, const char *id, const char *const *layers, size_t count)
{
	(void)machine_give(self, "container", id, t, do_make);
}

static void r_remove(void *self, uint64_t t, const char *id)
{
	(void)machine_give(self, "container", id, t, do_remove);
}

static void r_mount(void *self, uint64_t t, const char *id)
{
	(void)machine_give(self, "container", id, t, do_mount);
}

static void r_unmount(void *self, uint64_t t, const char *id)
{
	(void)machine_give(self, "container", id, t, do_unmount);
}

static void r_resolve(void *self, uint64_t t, const char *id, const char *user,
		      const char *const *groups, size_t count)
{
	struct pending *p = machine_give(self, "container", id, t, do_resolve);

	p->text = arena_strdup(&p->memory, user);
}

static void r_devices(void *self, uint64_t t, const char *path)
{
	(void)machine_give(self, "devices", path, t, do_devices);
}

static void do_look_for(struct machine *m, struct pending *p, struct inbox *out)
{
	if (strcmp(p->id, m->missing_path) == 0)
		say_failed(out, p->ticket, p->id, ERR_INVALID, "bind source path does not exist");
	else if (!fails(p, out))
		done(p, out);
}

static void r_look_for(void *self, uint64_t t, const char *path)
{
	(void)machine_give(self, "path", path, t, do_look_for);
}

/* The first word of "args" in an OCI text. */
static const char *program_of(struct arena *a, struct str json)
{
	char *text = arena_str(a, json), *at = strstr(text, "\"args\":[\""), *end;

	if (!at)
		return "";
	at += strlen("\"args\":[\"");
	end = strchr(at, '"');
	if (end)
		*end = '\0';
	return at;
}

static void copy_text(char *to, size_t size, struct str from)
{
	snprintf(to, size, "%.*s", STR_FMT(from));
}

static void r_start(void *self, uint64_t t, const char *id, const struct runtime_start *what)
{
	struct machine *m = self;
	struct pending *p = machine_give(m, "container", id, t, do_start);
	char netns[128];

	p->text = program_of(&p->memory, what->config);
	copy_text(m->last_config, sizeof(m->last_config), what->config);
	copy_text(m->last_hosts, sizeof(m->last_hosts), what->hosts);
	copy_text(m->last_resolv, sizeof(m->last_resolv), what->resolv_conf);
	snprintf(netns, sizeof(netns), "/netns/%s", id);
	p->number = strstr(m->last_config, netns) != NULL;
}

static void r_signal(void *self, uint64_t t, const char *id, int signum)
{
	machine_give(self, "container", id, t, do_signal)->number = signum;
}

static void r_pause(void *self, uint64_t t, const char *id)
{
	machine_give(self, "container", id, t, do_pause)->number = 1;
}

static void r_unpause(void *self, uint64_t t, const char *id)
{
	(void)machine_give(self, "container", id, t, do_pause);
}

static void r_resize(void *self, uint64_t t, const char *id, int32_t height, int32_t width)
{
	(void)machine_give(self, "container", id, t, do_nothing);
}

static void r_update(void *self, uint64_t t, const char *id, struct str resources)
{
	(void)machine_give(self, "container", id, t, do_nothing);
}

static void r_exec(void *self, uint64_t t, const char *id, const struct runtime_exec *what)
{
	struct machine *m = self;
	struct pending *p = machine_give(m, "container", id, t, do_exec);

	p->text = program_of(&p->memory, what->process);
	p->exec_id = arena_strdup(&p->memory, what->id);
	copy_text(m->last_process, sizeof(m->last_process), what->process);
}

static void r_exec_signal(void *self, uint64_t t, const char *id, const char *exec_id, int signum)
{
	struct pending *p = machine_give(self, "container", id, t, do_exec_signal);

	p->exec_id = arena_strdup(&p->memory, exec_id);
}

static void r_exec_resize(void *self, uint64_t t, const char *id, const char *exec_id,
			  int32_t height, int32_t width)
{
	(void)machine_give(self, "container", id, t, do_nothing);
}

static void r_attach(void *self, uint64_t t, const char *id, const struct runtime_attach *how)
{
	(void)machine_give(self, "attach", id, t, do_endpoint);
}

static void r_exec_attach(void *self, uint64_t t, const char *id, const char *exec_id,
			  const struct runtime_attach *how)
{
	(void)machine_give(self, "attach", id, t, do_endpoint);
}

static void r_logs(void *self, uint64_t t, const char *id, const struct runtime_logs *how)
{
	(void)machine_give(self, "attach", id, t, do_endpoint);
}

/* Nothing here writes anything: each log is empty. */
static void do_log(struct machine *m, struct pending *p, struct inbox *out)
{
	struct input *in = inbox_add(out, INPUT_RUNTIME, p->ticket);

	in->runtime.kind = RUNTIME_LOG;
	in->runtime.id = arena_strdup(&out->memory, p->id);
	in->runtime.log = (struct log_batch){ .attributes = "", .is_last = true };
}

static void r_log_read(void *self, uint64_t t, const char *id, const struct log_wanted *wanted)
{
	(void)machine_give(self, "question", id, t, do_log);
}

static void r_log_more(void *self, uint64_t t)
{
}

static void r_log_stop(void *self, uint64_t t)
{
}

static void r_drop_endpoint(void *self, uint64_t endpoint)
{
}

static void r_stats(void *self, uint64_t t, const char *id)
{
	(void)machine_give(self, "question", id, t, do_stats);
}

static void r_top(void *self, uint64_t t, const char *id, const char *args)
{
	(void)machine_give(self, "question", id, t, do_top);
}

static void r_size(void *self, uint64_t t, const char *id)
{
	(void)machine_give(self, "question", id, t, do_size);
}

static void r_changes(void *self, uint64_t t, const char *id)
{
	(void)machine_give(self, "question", id, t, do_changes);
}

static void r_make_volume(void *self, uint64_t t, const struct runtime_volume *volume)
{
	(void)machine_give(self, "volume", volume->name, t, do_make_volume);
}

static void r_remove_volume(void *self, uint64_t t, const char *name)
{
	(void)machine_give(self, "volume", name, t, do_remove_volume);
}

static void r_volume_size(void *self, uint64_t t, const char *name)
{
	(void)machine_give(self, "volume", name, t, do_size);
}

static void r_write_hosts(void *self, uint64_t t, const char *id, struct str hosts)
{
	struct machine *m = self;

	copy_text(m->last_hosts, sizeof(m->last_hosts), hosts);
	(void)machine_give(m, "container", id, t, do_nothing);
}

struct runtime machine_runtime(struct machine *m)
{
	return (struct runtime){
		m,
		r_list,
		r_make,
		r_remove,
		r_mount,
		r_unmount,
		r_resolve,
		r_devices,
		r_look_for,
		r_start,
		r_signal,
		r_pause,
		r_unpause,
		r_resize,
		r_update,
		r_write_hosts,
		r_exec,
		r_exec_signal,
		r_exec_resize,
		r_attach,
		r_exec_attach,
		r_logs,
		r_log_read,
		r_log_more,
		r_log_stop,
		r_drop_endpoint,
		r_stats,
		r_top,
		r_size,
		r_changes,
		r_make_volume,
		r_remove_volume,
		r_volume_size,
	};
}
