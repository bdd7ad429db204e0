#include "sim/machine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "seam/input.h"

/* --- what is pending --- */

/* A command between being given and being carried out. `carry_out` changes the machine and says in
 * `out` what the engine is to hear. */
struct pending {
	struct list link;
	struct arena memory;
	const char *key; /* order is kept among equal keys */
	uint64_t ticket;
	bool must_fail;
	bool is_silent; /* nothing is told of it */
	bool survives;  /* it happens whether the daemon lives or not */
	void (*carry_out)(struct machine *m, struct pending *p, struct inbox *out);
	const char *id, *text;
	const char *exec_id;
	int64_t number;
	const char *const *list;
	size_t count;
	uint64_t generation;
	enum net_object object;
	const struct journal_record *records;
};

static void violate(struct machine *m, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void violate(struct machine *m, const char *format, ...)
{
	va_list args;

	if (m->violation[0])
		return;
	va_start(args, format);
	vsnprintf(m->violation, sizeof(m->violation), format, args);
	va_end(args);
}

typedef void carry_out_fn(struct machine *m, struct pending *p, struct inbox *out);

/* Every seam call passes here: this is where crashes and failures are planned. */
static struct pending *give(struct machine *m, const char *kind, const char *id, uint64_t ticket,
			    carry_out_fn *carry_out)
{
	struct pending *p = NEW(struct pending);

	m->calls++;
	p->key = arena_printf(&p->memory, "%s %s", kind, id);
	p->id = arena_strdup(&p->memory, id);
	p->ticket = ticket;
	p->carry_out = carry_out;
	p->must_fail = m->fail_at && m->calls == m->fail_at;
	list_push_back(&m->pending, &p->link);
	if (m->crash_at && m->calls == m->crash_at)
		m->is_crashed = true;
	return p;
}

static void pending_free(struct pending *p)
{
	list_remove(&p->link);
	arena_clear(&p->memory);
	free(p);
}

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

/* --- tables of the machine --- */

static int compare_container(const void *key, const struct tree_node *node)
{
	return strcmp(key, container_of(node, struct machine_container, node)->id);
}

static int compare_name(const void *key, const struct tree_node *node)
{
	return strcmp(key, container_of(node, struct machine_name, node)->id);
}

static int compare_record(const void *key, const struct tree_node *node)
{
	return strcmp(key, container_of(node, struct machine_record, node)->key);
}

struct machine_container *machine_container(struct machine *m, const char *id)
{
	return tree_entry(tree_find(&m->containers, id), struct machine_container, node);
}

static struct machine_name *name_find(struct tree *t, const char *id)
{
	return tree_entry(tree_find(t, id), struct machine_name, node);
}

static struct machine_name *name_take(struct tree *t, const char *id)
{
	struct machine_name *n = name_find(t, id);

	if (n)
		return n;
	n = NEW(struct machine_name);
	snprintf(n->id, sizeof(n->id), "%s", id);
	tree_insert(t, n->id, &n->node);
	return n;
}

static void name_drop(struct tree *t, const char *id)
{
	struct machine_name *n = name_find(t, id);

	if (!n)
		return;
	tree_remove(t, &n->node);
	free(n);
}

/* --- runtime --- */

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
		violate(m, "removal of running container %.12s", p->id);
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
		violate(m, "unmount under running container %.12s", p->id);
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
	p = give(m, "container", c->id, 0, do_exit);
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
		violate(m, "start of %.12s without a mounted root", p->id);
	if (c && c->is_running)
		violate(m, "second start of %.12s", p->id);
	if (p->number && !name_find(&m->sandboxes, p->id))
		violate(m, "start of %.12s without its network", p->id);
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
	struct pending *p = give(m, "container", id, 0, do_exec_exit);

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
		plan_exec_exit(m, p->id, p->exec_id, m->execs_fail || strcmp(p->text, "sick") == 0 ? 1 : 0);
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
	(void)name_take(&m->volumes, p->id);
	done(p, out);
}

static void do_remove_volume(struct machine *m, struct pending *p, struct inbox *out)
{
	if (fails(p, out))
		return;
	name_drop(&m->volumes, p->id);
	done(p, out);
}

static void r_list(void *self, uint64_t t)
{
	struct machine *m = self;
	struct pending *p = give(m, "list", "", t, do_list);

	p->must_fail = false; /* a daemon that cannot list does not come up at all */
}

static void r_make(void *self, uint64_t t, const char *id, const char *const *layers, size_t count)
{
	(void)give(self, "container", id, t, do_make);
}

static void r_remove(void *self, uint64_t t, const char *id)
{
	(void)give(self, "container", id, t, do_remove);
}

static void r_mount(void *self, uint64_t t, const char *id)
{
	(void)give(self, "container", id, t, do_mount);
}

static void r_unmount(void *self, uint64_t t, const char *id)
{
	(void)give(self, "container", id, t, do_unmount);
}

static void r_resolve(void *self, uint64_t t, const char *id, const char *user,
		      const char *const *groups, size_t count)
{
	struct pending *p = give(self, "container", id, t, do_resolve);

	p->text = arena_strdup(&p->memory, user);
}

static void r_devices(void *self, uint64_t t, const char *path)
{
	(void)give(self, "devices", path, t, do_devices);
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
	struct pending *p = give(m, "container", id, t, do_start);
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
	give(self, "container", id, t, do_signal)->number = signum;
}

static void r_pause(void *self, uint64_t t, const char *id)
{
	give(self, "container", id, t, do_pause)->number = 1;
}

static void r_unpause(void *self, uint64_t t, const char *id)
{
	(void)give(self, "container", id, t, do_pause);
}

static void r_resize(void *self, uint64_t t, const char *id, int32_t height, int32_t width)
{
	(void)give(self, "container", id, t, do_nothing);
}

static void r_update(void *self, uint64_t t, const char *id, struct str resources)
{
	(void)give(self, "container", id, t, do_nothing);
}

static void r_exec(void *self, uint64_t t, const char *id, const struct runtime_exec *what)
{
	struct machine *m = self;
	struct pending *p = give(m, "container", id, t, do_exec);

	p->text = program_of(&p->memory, what->process);
	p->exec_id = arena_strdup(&p->memory, what->id);
	copy_text(m->last_process, sizeof(m->last_process), what->process);
}

static void r_exec_signal(void *self, uint64_t t, const char *id, const char *exec_id, int signum)
{
	struct pending *p = give(self, "container", id, t, do_exec_signal);

	p->exec_id = arena_strdup(&p->memory, exec_id);
}

static void r_exec_resize(void *self, uint64_t t, const char *id, const char *exec_id,
			  int32_t height, int32_t width)
{
	(void)give(self, "container", id, t, do_nothing);
}

static void r_attach(void *self, uint64_t t, const char *id, const struct runtime_attach *how)
{
	(void)give(self, "attach", id, t, do_endpoint);
}

static void r_exec_attach(void *self, uint64_t t, const char *id, const char *exec_id,
			  const struct runtime_attach *how)
{
	(void)give(self, "attach", id, t, do_endpoint);
}

static void r_logs(void *self, uint64_t t, const char *id, const struct runtime_logs *how)
{
	(void)give(self, "attach", id, t, do_endpoint);
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
	(void)give(self, "question", id, t, do_log);
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
	(void)give(self, "question", id, t, do_stats);
}

static void r_top(void *self, uint64_t t, const char *id, const char *args)
{
	(void)give(self, "question", id, t, do_top);
}

static void r_size(void *self, uint64_t t, const char *id)
{
	(void)give(self, "question", id, t, do_size);
}

static void r_changes(void *self, uint64_t t, const char *id)
{
	(void)give(self, "question", id, t, do_changes);
}

static void r_make_volume(void *self, uint64_t t, const struct runtime_volume *volume)
{
	(void)give(self, "volume", volume->name, t, do_make_volume);
}

static void r_remove_volume(void *self, uint64_t t, const char *name)
{
	(void)give(self, "volume", name, t, do_remove_volume);
}

static void r_volume_size(void *self, uint64_t t, const char *name)
{
	(void)give(self, "volume", name, t, do_size);
}

static void r_write_hosts(void *self, uint64_t t, const char *id, struct str hosts)
{
	struct machine *m = self;

	copy_text(m->last_hosts, sizeof(m->last_hosts), hosts);
	(void)give(m, "container", id, t, do_nothing);
}

/* --- net --- */

static struct net_event *say_net(struct inbox *out, const struct pending *p,
				 enum net_event_kind kind)
{
	struct input *in = inbox_add(out, INPUT_NET, p->ticket);

	in->net.kind = kind;
	in->net.object = p->object;
	in->net.id = arena_strdup(&out->memory, p->id);
	in->net.generation = p->generation;
	in->net.text = "";
	return &in->net;
}

static bool net_fails(struct pending *p, struct inbox *out)
{
	struct net_event *event;

	if (!p->must_fail)
		return false;
	event = say_net(out, p, NET_FAILED);
	event->err_kind = ERR_INTERNAL;
	event->text = "netlink: no buffer space";
	return true;
}

static void do_bridge(struct machine *m, struct pending *p, struct inbox *out)
{
	if (net_fails(p, out))
		return;
	(void)name_take(&m->bridges, p->id);
	say_net(out, p, NET_APPLIED)->link = "br0";
}

static void check_sandbox(struct machine *m, const struct machine_name *mine)
{
	struct machine_name *other;

	tree_each (&m->sandboxes, struct machine_name, node, other) {
		if (other == mine)
			continue;
		if (mine->address[0] && strcmp(other->address, mine->address) == 0)
			violate(m, "address %s is given to %.12s and %.12s", mine->address,
				mine->id, other->id);
		for (size_t i = 0; i < mine->port_count; i++)
			for (size_t k = 0; k < other->port_count; k++)
				if (mine->ports[i] == other->ports[k])
					violate(m, "port %u is given to %.12s and %.12s",
						mine->ports[i], mine->id, other->id);
	}
}

static void do_sandbox(struct machine *m, struct pending *p, struct inbox *out)
{
	const struct net_port *wanted = (const struct net_port *)p->list;
	struct machine_name *box;
	struct net_event *event;
	struct net_port *ports;

	if (net_fails(p, out))
		return;
	box = name_take(&m->sandboxes, p->id);
	snprintf(box->address, sizeof(box->address), "%s", p->text);
	box->port_count = 0;
	ports = arena_copy(&out->memory, wanted, p->count * sizeof(*ports));
	for (size_t i = 0; i < p->count && i < 16; i++) {
		if (ports[i].host_port == 0)
			ports[i].host_port = ++m->next_port;
		box->ports[box->port_count++] = ports[i].host_port;
	}
	check_sandbox(m, box);
	event = say_net(out, p, NET_APPLIED);
	event->netns = arena_printf(&out->memory, "/netns/%s", p->id);
	event->ports = ports;
	event->port_count = p->count;
}

static void do_names(struct machine *m, struct pending *p, struct inbox *out)
{
	if (!net_fails(p, out))
		(void)say_net(out, p, NET_APPLIED);
}

static void do_drop(struct machine *m, struct pending *p, struct inbox *out)
{
	struct machine_container *c = machine_container(m, p->id);

	if (net_fails(p, out))
		return;
	if (p->object == NET_SANDBOX && c && c->is_running)
		violate(m, "network of running container %.12s dropped", p->id);
	name_drop(p->object == NET_BRIDGE ? &m->bridges : &m->sandboxes, p->id);
	(void)say_net(out, p, NET_APPLIED);
}

static void do_net_list(struct machine *m, struct pending *p, struct inbox *out)
{
	struct machine_name *n;

	p->object = NET_BRIDGE;
	tree_each (&m->bridges, struct machine_name, node, n) {
		p->id = n->id;
		(void)say_net(out, p, NET_LISTED);
	}
	p->object = NET_SANDBOX;
	tree_each (&m->sandboxes, struct machine_name, node, n) {
		p->id = n->id;
		(void)say_net(out, p, NET_LISTED);
	}
	(void)say_net(out, p, NET_LIST_END);
}

static void n_list(void *self, uint64_t t)
{
	struct pending *p = give(self, "list", "", t, do_net_list);

	p->must_fail = false;
}

/* Networks are applied in the order given: one key for all. */
static struct pending *give_net(struct machine *m, uint64_t generation, enum net_object object,
				const char *id, carry_out_fn *f)
{
	struct pending *p = give(m, "net", "", 0, f);

	p->id = arena_strdup(&p->memory, id);
	p->generation = generation;
	p->object = object;
	return p;
}

static void n_want_bridge(void *self, uint64_t generation, const struct net_bridge *what)
{
	(void)give_net(self, generation, NET_BRIDGE, what->id, do_bridge);
}

static void n_want_sandbox(void *self, uint64_t generation, const struct net_sandbox *what)
{
	struct machine *m = self;
	struct pending *p = give_net(m, generation, NET_SANDBOX, what->id, do_sandbox);

	p->text =
		arena_strdup(&p->memory, what->interface_count ? what->interfaces[0].address : "");
	p->list = arena_copy(&p->memory, what->ports, what->port_count * sizeof(*what->ports));
	p->count = what->port_count;
}

static void n_want_names(void *self, uint64_t generation, const char *network,
			 const struct net_name *names, size_t count)
{
	(void)give_net(self, generation, NET_NAMES, network, do_names);
}

static void n_drop(void *self, uint64_t generation, enum net_object object, const char *id)
{
	(void)give_net(self, generation, object, id, do_drop);
}

/* --- content --- */

static struct content_event *say_content(struct inbox *out, uint64_t ticket,
					 enum content_event_kind kind)
{
	struct input *in = inbox_add(out, INPUT_CONTENT, ticket);

	in->content.kind = kind;
	in->content.text = "";
	return &in->content;
}

static bool content_fails(struct pending *p, struct inbox *out)
{
	struct content_event *event;

	if (!p->must_fail)
		return false;
	event = say_content(out, p->ticket, CONTENT_FAILED);
	event->err_kind = ERR_INTERNAL;
	event->text = "shoal-content died";
	return true;
}

/* An image's id is made of its name's letters, its config says what it runs. */
static void image_of(struct inbox *out, const char *name, struct content_event *event)
{
	uint64_t hash = 1469598103934665603u;
	struct content_layer *layer = ARENA_NEW(&out->memory, struct content_layer);

	for (const char *c = name; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 1099511628211u;
	layer->diff_id =
		arena_printf(&out->memory, "sha256:%064llx", (unsigned long long)(hash ^ 1));
	layer->size_bytes = 100;
	event->image.image_id =
		arena_printf(&out->memory, "sha256:%064llx", (unsigned long long)hash);
	event->image.config = str_of(arena_printf(
		&out->memory, "top%s", strstr(name, "withvolume") ? " volume=/data" : ""));
	event->image.layers = layer;
	event->image.layer_count = 1;
	event->image.size_bytes = 100;
	event->manifest.digest =
		arena_printf(&out->memory, "sha256:%064llx", (unsigned long long)(hash ^ 2));
}

static void do_pull(struct machine *m, struct pending *p, struct inbox *out)
{
	struct content_event *event;

	if (content_fails(p, out))
		return;
	if (m->pulls_fail || strstr(p->id, "nosuch")) {
		event = say_content(out, p->ticket, CONTENT_FAILED);
		event->err_kind = ERR_NOT_FOUND;
		event->text = "manifest unknown";
		return;
	}
	event = say_content(out, p->ticket, CONTENT_PROGRESS);
	event->progress.status = "Downloading";
	event = say_content(out, p->ticket, CONTENT_DONE);
	image_of(out, p->id, event);
	(void)name_take(&m->images, event->image.image_id);
}

static void do_content(struct machine *m, struct pending *p, struct inbox *out)
{
	if (!content_fails(p, out))
		(void)say_content(out, p->ticket, CONTENT_DONE);
}

static void do_stream(struct machine *m, struct pending *p, struct inbox *out)
{
	if (content_fails(p, out))
		return;
	say_content(out, p->ticket, CONTENT_ENDPOINT)->endpoint = 2000 + p->ticket;
	(void)say_content(out, p->ticket, CONTENT_DONE);
}

static void do_new_image(struct machine *m, struct pending *p, struct inbox *out)
{
	struct content_event *event;

	if (content_fails(p, out))
		return;
	event = say_content(out, p->ticket, CONTENT_DONE);
	image_of(out, arena_printf(&out->memory, "%s %llu", p->id, (unsigned long long)p->ticket),
		 event);
	(void)name_take(&m->images, event->image.image_id);
}

static void do_load(struct machine *m, struct pending *p, struct inbox *out)
{
	static const char *const tags[] = { "loaded:1", "loaded:2" };
	struct content_event *event;

	if (content_fails(p, out))
		return;
	say_content(out, p->ticket, CONTENT_ENDPOINT)->endpoint = 2000 + p->ticket;
	event = say_content(out, p->ticket, CONTENT_IMAGE);
	image_of(out, "loaded", event);
	event->tags = tags;
	event->tag_count = 2;
	(void)name_take(&m->images, event->image.image_id);
	(void)say_content(out, p->ticket, CONTENT_DONE);
}

static void do_remove_image(struct machine *m, struct pending *p, struct inbox *out)
{
	if (content_fails(p, out))
		return;
	name_drop(&m->images, p->id);
	(void)say_content(out, p->ticket, CONTENT_DONE);
}

static bool is_listed(const struct pending *p, const char *id)
{
	for (size_t i = 0; i < p->count; i++)
		if (strcmp(p->list[i], id) == 0)
			return true;
	return false;
}

static void do_gc(struct machine *m, struct pending *p, struct inbox *out)
{
	struct machine_name *n;

	if (content_fails(p, out))
		return;
	tree_each (&m->images, struct machine_name, node, n) {
		if (is_listed(p, n->id))
			continue;
		tree_remove(&m->images, &n->node);
		free(n);
	}
	(void)say_content(out, p->ticket, CONTENT_DONE);
}

static void c_pull(void *self, uint64_t t, const struct content_pull *what)
{
	struct pending *p = give(self, "content", what->reference, t, do_pull);

	p->text = what->have;
}

static void c_push(void *self, uint64_t t, const struct content_push *what)
{
	(void)give(self, "content", what->reference, t, do_content);
}

static void c_inspect(void *self, uint64_t t, const struct content_pull *what)
{
	(void)give(self, "content", what->reference, t, do_content);
}

static void c_load(void *self, uint64_t t)
{
	(void)give(self, "content", "load", t, do_load);
}

static void c_save(void *self, uint64_t t, const struct content_save *images, size_t count)
{
	(void)give(self, "content", "save", t, do_stream);
}

static void c_import(void *self, uint64_t t, const struct content_make *what)
{
	(void)give(self, "content", "import", t, do_new_image);
}

static void c_commit(void *self, uint64_t t, const struct content_make *what, const char *upper)
{
	(void)give(self, "content", "commit", t, do_new_image);
}

static void check_root(struct machine *m, const struct content_tree *tree)
{
	const char *id = strrchr(tree->root, '/');
	struct machine_container *c = id ? machine_container(m, id + 1) : NULL;

	if (!c || !c->is_mounted)
		violate(m, "copy in %s, which is not mounted", tree->root);
}

static void c_export(void *self, uint64_t t, const struct content_tree *tree)
{
	check_root(self, tree);
	(void)give(self, "content", "export", t, do_stream);
}

static void c_stat(void *self, uint64_t t, const struct content_tree *tree, const char *path)
{
	check_root(self, tree);
	(void)give(self, "content", "stat", t, do_content);
}

static void c_archive(void *self, uint64_t t, const struct content_tree *tree, const char *path)
{
	check_root(self, tree);
	(void)give(self, "content", "archive", t, do_stream);
}

static void c_put_archive(void *self, uint64_t t, const struct content_tree *tree,
			  const struct content_put *how)
{
	check_root(self, tree);
	(void)give(self, "content", "put", t, do_stream);
}

static void c_remove(void *self, uint64_t t, const char *image, const char *const *layers,
		     size_t count)
{
	(void)give(self, "content", image, t, do_remove_image);
}

static void c_gc(void *self, uint64_t t, const char *const *images, size_t image_count,
		 const char *const *layers, size_t layer_count)
{
	struct machine *m = self;
	struct pending *p = give(m, "content", "gc", t, do_gc);
	const char **copy = arena_alloc(&p->memory, (image_count + 1) * sizeof(*copy));

	for (size_t i = 0; i < image_count; i++)
		copy[i] = arena_strdup(&p->memory, images[i]);
	p->list = copy;
	p->count = image_count;
}

static void c_cancel(void *self, uint64_t ticket)
{
	struct machine *m = self;
	struct pending *p;

	list_each (&m->pending, struct pending, link, p)
		if (p->ticket == ticket)
			p->is_silent = true;
}

/* --- journal --- */

static void record_set(struct machine *m, const struct journal_record *from)
{
	AUTO_FREE char *key = xasprintf("%s %s", from->table, from->key);
	struct machine_record *r =
		tree_entry(tree_find(&m->records, key), struct machine_record, node);

	if (r) {
		tree_remove(&m->records, &r->node);
		free(r->key);
		free(r->value);
		free(r);
	}
	if (!from->value.ptr)
		return;
	r = NEW(struct machine_record);
	r->key = STEAL(key);
	r->value = xmemdup(from->value.ptr, from->value.len);
	r->size = from->value.len;
	tree_insert(&m->records, r->key, &r->node);
}

static void do_write(struct machine *m, struct pending *p, struct inbox *out)
{
	struct input *in = inbox_add(out, INPUT_JOURNAL, p->ticket);

	m->journal_is_broken |= p->must_fail;
	if (m->journal_is_broken) {
		in->journal.kind = JOURNAL_FAILED;
		in->journal.text = "No space left on device";
		return;
	}
	for (size_t i = 0; i < p->count; i++)
		record_set(m, &p->records[i]);
	in->journal.kind = JOURNAL_DONE;
}

static void j_write_local(void *self, uint64_t t, const struct journal_record *records,
			  size_t count)
{
	struct pending *p = give(self, "journal", "", t, do_write);
	struct journal_record *copy = arena_alloc(&p->memory, (count + 1) * sizeof(*copy));

	for (size_t i = 0; i < count; i++) {
		copy[i].table = arena_strdup(&p->memory, records[i].table);
		copy[i].key = arena_strdup(&p->memory, records[i].key);
		if (records[i].value.ptr)
			copy[i].value = str_bytes(
				arena_copy(&p->memory, records[i].value.ptr, records[i].value.len),
				records[i].value.len);
	}
	p->records = copy;
	p->count = count;
}

struct journal_image machine_image(struct machine *m, struct arena *a)
{
	struct journal_record *records = arena_alloc(a, (m->records.count + 1) * sizeof(*records));
	struct journal_image image = { .records = records };
	struct machine_record *r;

	tree_each (&m->records, struct machine_record, node, r) {
		char *table = arena_strdup(a, r->key), *space = strchr(table, ' ');

		*space = '\0';
		records[image.record_count++] = (struct journal_record){
			table, space + 1, str_bytes(arena_copy(a, r->value, r->size), r->size)
		};
	}
	return image;
}

/* --- time and fate --- */

static bool is_first_of_key(const struct machine *m, const struct pending *p)
{
	for (const struct list *at = m->pending.next; at != &p->link; at = at->next)
		if (strcmp(container_of(at, struct pending, link)->key, p->key) == 0)
			return false;
	return true;
}

static struct pending *choose(struct machine *m)
{
	struct pending *p, *chosen = NULL;
	uint64_t seen = 0;

	list_each (&m->pending, struct pending, link, p)
		if (is_first_of_key(m, p) && prng_below(&m->prng, ++seen) == 0)
			chosen = p;
	return chosen;
}

bool machine_step(struct machine *m, struct engine *e, struct now now)
{
	struct pending *p = choose(m);
	struct inbox out;
	struct input *in;
	bool is_silent;

	m->now = now;
	if (!p)
		return false;
	if (m->crash_at && ++m->calls == m->crash_at) {
		m->is_crashed = true;
		return false;
	}
	inbox_init(&out);
	list_remove(&p->link);
	p->carry_out(m, p, &out);
	is_silent = p->is_silent;
	pending_free(p);
	if (!is_silent)
		list_each (&out.queue, struct input, link, in)
			engine_input(e, in, now);
	inbox_clear(&out);
	return true;
}

/* Of each key a prefix is still carried out; journal writes are one key, so a prefix of them too.
 */
void machine_crash(struct machine *m)
{
	struct inbox nobody;
	struct pending *p;

	inbox_init(&nobody);
	while ((p = choose(m)) != NULL) {
		bool happens = p->survives || prng_chance(&m->prng, 1, 2);
		AUTO_FREE char *key = xstrdup(p->key);

		list_remove(&p->link);
		if (happens)
			p->carry_out(m, p, &nobody);
		pending_free(p);
		if (happens)
			continue;
		/* What follows for this key was never begun. */
		list_each (&m->pending, struct pending, link, p)
			if (strcmp(p->key, key) == 0 && !p->survives)
				pending_free(p);
	}
	inbox_clear(&nobody);
	m->is_crashed = false;
	m->crash_at = 0;
	m->journal_is_broken = false;
}

/* --- life --- */

bool machine_read_image(struct arena *a, struct str json, Pb__LocalImage *image, struct err *e)
{
	struct str program, rest;

	if (str_equal_c(json, "unreadable"))
		return fail(e, ERR_INVALID, "no such config");
	if (str_cut(json, ' ', &program, &rest) && str_starts_with(rest, "volume=/"))
		PB_APPEND(a, image->config, volumes,
			  arena_str(a, (struct str){ rest.ptr + 7, rest.len - 7 }));
	PB_APPEND(a, image->config, cmd, arena_str(a, program));
	PB_APPEND(a, image->config, env, "PATH=/bin");
	image->architecture = "amd64";
	image->os = "linux";
	return true;
}

void machine_init(struct machine *m, uint64_t seed)
{
	*m = (struct machine){ .next_pid = 100, .next_port = 32767 };
	prng_seed(&m->prng, seed);
	m->containers = TREE(compare_container);
	m->volumes = TREE(compare_name);
	m->bridges = TREE(compare_name);
	m->sandboxes = TREE(compare_name);
	m->images = TREE(compare_name);
	m->records = TREE(compare_record);
	list_init(&m->pending);
	m->runtime = (struct runtime){
		m,
		r_list,
		r_make,
		r_remove,
		r_mount,
		r_unmount,
		r_resolve,
		r_devices,
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
	m->net = (struct net){ m, n_list, n_want_bridge, n_want_sandbox, n_want_names, n_drop };
	m->content = (struct content){
		.self = m,
		.pull = c_pull,
		.push = c_push,
		.inspect = c_inspect,
		.load = c_load,
		.save = c_save,
		.import = c_import,
		.commit = c_commit,
		.export = c_export,
		.stat = c_stat,
		.archive = c_archive,
		.put_archive = c_put_archive,
		.remove = c_remove,
		.gc = c_gc,
		.cancel = c_cancel,
	};
	m->journal = (struct journal){ .self = m, .write_local = j_write_local };
}

static void clear_names(struct tree *t)
{
	struct machine_name *n;

	tree_each (t, struct machine_name, node, n) {
		tree_remove(t, &n->node);
		free(n);
	}
}

void machine_clear(struct machine *m)
{
	struct machine_container *c;
	struct machine_record *r;
	struct pending *p;

	list_each (&m->pending, struct pending, link, p)
		pending_free(p);
	tree_each (&m->containers, struct machine_container, node, c) {
		tree_remove(&m->containers, &c->node);
		free(c);
	}
	tree_each (&m->records, struct machine_record, node, r) {
		tree_remove(&m->records, &r->node);
		free(r->key);
		free(r->value);
		free(r);
	}
	clear_names(&m->volumes);
	clear_names(&m->bridges);
	clear_names(&m->sandboxes);
	clear_names(&m->images);
}

struct engine_seams machine_seams(struct machine *m)
{
	return (struct engine_seams){ &m->runtime, &m->net, &m->content, &m->journal };
}
