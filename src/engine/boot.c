/* The first moments: what the journal remembers is compared with what the hands have, and the hands
 * are believed.
 *
 *     record   layer   process         then
 *     yes      yes     runs            it is running; its network is wanted again
 *     yes      yes     has ended       it has exited, and its restart policy is asked
 *     yes      yes     none            it was not running, or the machine went down: exited
 *     yes      no      -               a removal (or creation) was cut short: the record goes
 *     no       yes     any             a creation or removal was cut short: killed and removed
 *
 * Networks without a record go as well; volumes never do by themselves: they hold people's data.
 * Execs are not remembered. */
#include "engine/inside.h"
#include "engine/signal.h"

#define EXIT_UNKNOWN 255

struct found {
	struct list link;
	const char *id;
	struct runtime_listed state;
};

static struct found *find(struct engine *e, const char *id)
{
	struct found *f;

	list_each (&e->found, struct found, link, f)
		if (strcmp(f->id, id) == 0)
			return f;
	return NULL;
}

/* --- containers --- */

static void remove_orphan(struct engine *e, const struct found *f)
{
	const struct runtime *runtime = e->seams.runtime;

	log_info(e->config.log, "engine", "container %.12s has no record: removing it", f->id);
	if (!f->state.is_running) {
		runtime->remove(runtime->self, call_unheard(e, f->id), f->id);
		return;
	}
	/* It is removed when its end is told. */
	runtime->signal(runtime->self, call_unheard(e, f->id), f->id, SIGNAL_KILL);
}

static void set_state(struct engine *e, struct container *c, Pb__Container__State state)
{
	c->state = (int)state;
	c->record->state = state;
	container_save(e, c);
}

static void go_on_running(struct engine *e, struct container *c, const struct found *f)
{
	enum netmode mode = container_netmode(c);
	bool was_known = container_has_process(c);

	set_state(e, c,
		  f->state.is_paused ? PB__CONTAINER__STATE__PAUSED
				     : PB__CONTAINER__STATE__RUNNING);
	c->record->pid = f->state.pid;
	if (f->state.started_ns && !was_known)
		c->record->started_ns = f->state.started_ns;
	c->record->was_started = true;
	c->running_since_ms = e->now.mono_ms - (e->now.wall_ns - c->record->started_ns) / 1000000;
	if (mode == NETMODE_BRIDGE || mode == NETMODE_NONE)
		endpoints_want(e, c);
	health_begin(e, c);
}

static bool starts_with_daemon(const struct container *c)
{
	const char *policy = c->record->host_config->restart_policy->name;

	return (strcmp(policy, "always") == 0 && c->record->was_started) ||
	       (strcmp(policy, "unless-stopped") == 0 && c->record->was_started &&
		!c->record->was_stopped);
}

/* It ended while nobody was here to see. */
static void note_end(struct engine *e, struct container *c, const struct found *f)
{
	bool was_running = container_is_running(c) || f->state.has_exited;

	for (size_t i = 0; i < c->record->n_endpoints; i++)
		c->record->endpoints[i]->ip_address = c->record->endpoints[i]->gateway = "";
	c->record->n_ports = 0;
	c->record->pid = 0;
	if (!was_running ||
	    (!container_is_running(c) && c->record->finished_ns >= f->state.ended_ns))
		return;
	c->record->exit_code = f->state.has_exited ? f->state.exit_code : EXIT_UNKNOWN;
	c->record->oom_killed = f->state.oom;
	c->record->finished_ns = f->state.has_exited ? f->state.ended_ns : e->now.wall_ns;
	set_state(e, c, PB__CONTAINER__STATE__EXITED);
	executor_container_changed(e, c);
}

static void decide_restart(struct engine *e, struct container *c, bool was_running)
{
	bool restarts = was_running ? container_should_restart(c, c->record->exit_code) &&
					      !c->record->was_stopped
				    : starts_with_daemon(c);

	if (c->record->task_id[0] || c->state != PB__CONTAINER__STATE__EXITED ||
	    !(restarts || starts_with_daemon(c)))
		return;
	c->record->restart_count++;
	container_move(e, c, PB__CONTAINER__STATE__RESTARTING);
	container_restart_later(e, c);
}

static void settle(struct engine *e, struct container *c)
{
	struct found *f = find(e, c->record->id);
	bool was_running = container_is_running(c);

	if (!f || !f->state.has_layer) {
		log_info(e->config.log, "engine", "container %s has no layer: forgetting it",
			 c->record->name);
		container_forget(e, c, 0, true);
		return;
	}
	if (f->state.is_running) {
		go_on_running(e, c, f);
		return;
	}
	note_end(e, c, f);
	if (c->state == PB__CONTAINER__STATE__REMOVING || c->state == PB__CONTAINER__STATE__DEAD ||
	    (c->record->host_config->auto_remove && c->state == PB__CONTAINER__STATE__EXITED)) {
		if (c->state == PB__CONTAINER__STATE__REMOVING)
			set_state(e, c, PB__CONTAINER__STATE__DEAD);
		container_remove_soon(e, c, 0, (struct engine_remove){ .volumes = true });
		requests_run(e, c);
		return;
	}
	if (f->state.is_mounted)
		e->seams.runtime->unmount(e->seams.runtime->self, call_unheard(e, c->record->id),
					  c->record->id);
	decide_restart(e, c, was_running);
}

static void settle_all(struct engine *e)
{
	struct container *c;
	struct network *n;
	struct found *f;

	e->is_ready = true;
	networks_ensure_predefined(e);
	tree_each (&e->networks, struct network, by_id, n)
		network_want(e, n);
	list_each (&e->found, struct found, link, f)
		if (!container_by_id(e, f->id))
			remove_orphan(e, f);
	tree_each (&e->container_ages, struct container, by_age, c)
		settle(e, c);
	tree_each (&e->networks, struct network, by_id, n)
		if (strcmp(n->record->driver, "bridge") == 0 &&
		    strcmp(n->record->name, "bridge") != 0)
			network_want_names(e, n);
	list_init(&e->found);
	arena_clear(&e->found_memory);
	images_collect_garbage(e);
	log_info(e->config.log, "engine", "%zu containers, %zu images, %zu networks, %zu volumes",
		 e->containers.count, e->images.count, e->networks.count, e->volumes.count);
}

static void list_ended(struct engine *e)
{
	if (--e->lists_awaited == 0)
		settle_all(e);
}

static void runtime_listed(struct engine *e, struct call *call, const struct input *in)
{
	struct found *f;

	if (in->runtime.kind == RUNTIME_LISTED) {
		f = ARENA_NEW(&e->found_memory, struct found);
		f->id = arena_strdup(&e->found_memory, in->runtime.id);
		f->state = in->runtime.listed;
		list_push_back(&e->found, &f->link);
	} else if (in->runtime.kind == RUNTIME_VOLUME_LISTED) {
		(void)volume_take(e, in->runtime.id, "local", strlen(in->runtime.id) == HEX_ID_LEN);
	} else if (in->runtime.kind == RUNTIME_LIST_END) {
		list_ended(e);
	}
}

/* A sandbox is of use only to a container that runs; that is known when both lists have come, and
 * the runtime's is asked for first. */
static void net_listed(struct engine *e, struct call *call, const struct input *in)
{
	const struct net *net = e->seams.net;
	struct found *f;

	if (in->net.kind == NET_LIST_END) {
		list_ended(e);
		return;
	}
	if (in->net.object == NET_BRIDGE && !network_by_id(e, in->net.id))
		net->drop(net->self, 1, NET_BRIDGE, in->net.id);
	if (in->net.object != NET_SANDBOX)
		return;
	f = find(e, in->net.id);
	if (!f || !f->state.is_running || !container_by_id(e, in->net.id))
		net->drop(net->self, 1, NET_SANDBOX, in->net.id);
}

/* The networks are asked when the containers are known. */
static void containers_listed(struct engine *e, struct call *call, const struct input *in)
{
	const struct net *net = e->seams.net;

	runtime_listed(e, call, in);
	if (in->runtime.kind == RUNTIME_LIST_END)
		net->list(net->self, call_new(e, net_listed, "networks", 0)->ticket);
}

void boot_begin(struct engine *e)
{
	const struct runtime *runtime = e->seams.runtime;

	e->lists_awaited = 2;
	runtime->list(runtime->self, call_new(e, containers_listed, "containers", 0)->ticket);
}
