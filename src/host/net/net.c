#include "host/net/net.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "file/folder.h"
#include "host/loop.h"
#include "host/net/model.h"
#include "host/net/monitor.h"
#include "host/net/names.h"
#include "netlink/netns.h"
#include "netlink/rtnl.h"
#include "seam/input.h"

enum want_kind { WANT_BRIDGE, WANT_SANDBOX, WANT_NAMES, WANT_DROP, WANT_LIST };

struct want {
	struct list link;
	struct net_hands *hands;
	enum want_kind kind;
	enum net_object object;
	const char *id;
	uint64_t generation; /* of a list: its ticket */
	struct arena memory;
	struct net_bridge bridge;
	struct net_sandbox sandbox;
	struct names_entry *names;
	size_t name_count;
	bool ok;
	struct err err;
	struct net_event event;
	struct list found; /* struct listed */
};

struct listed {
	struct list link;
	enum net_object object;
	const char *id, *netns;
};

/* The loop's part of a sandbox. */
struct listener {
	struct tree_node by_id;
	char *id;
	struct resolver *resolver;
};

struct net_hands {
	struct loop *loop;
	struct model model;
	struct names names;
	struct tree listeners; /* struct listener, by the id of the sandbox */
	struct monitor *monitor;
	struct list waiting; /* struct want, oldest first */
	struct list job;     /* struct want, what the job under way works on */
	bool is_busy, is_posted, must_mend, is_ending;
	bool mends; /* this job */
	struct err mend_err;
	bool mend_ok;
};

static void free_want(void *self)
{
	struct want *w = self;

	arena_clear(&w->memory);
	free(w);
}

static void list_sandboxes(struct want *w, const struct model *m)
{
	AUTO_FREE char *folder = xasprintf("%s/netns", m->exec_root);
	DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		struct listed *found;

		if (entry->d_name[0] == '.')
			continue;
		found = ARENA_NEW(&w->memory, struct listed);
		found->object = NET_SANDBOX;
		found->id = arena_strdup(&w->memory, entry->d_name);
		found->netns = arena_printf(&w->memory, "%s/%s", folder, entry->d_name);
		list_push_back(&w->found, &found->link);
	}
	if (dir)
		closedir(dir);
}

static void see_link(void *self, const struct link *l)
{
	struct want *w = self;
	const struct model *m = &w->hands->model;
	AUTO_FREE char *prefix = xasprintf("shoal:%s:", m->tag);
	struct listed *found;

	if (strncmp(l->alias, prefix, strlen(prefix)) != 0)
		return;
	found = ARENA_NEW(&w->memory, struct listed);
	found->object = NET_BRIDGE;
	found->id = arena_strdup(&w->memory, l->alias + strlen(prefix));
	list_push_back(&w->found, &found->link);
}

static bool drop(struct model *m, struct rtnl *rtnl, struct want *w)
{
	switch (w->object) {
	case NET_BRIDGE:
		return bridge_drop(m, rtnl, w->id, &w->err);
	case NET_SANDBOX:
		return sandbox_drop(m, w->id, &w->err);
	case NET_NAMES:
		break;
	}
	return true;
}

static bool changes_rules(const struct want *w)
{
	return w->kind == WANT_BRIDGE || w->kind == WANT_SANDBOX ||
	       (w->kind == WANT_DROP && w->object != NET_NAMES);
}

static void carry_out(struct want *w, struct rtnl *rtnl)
{
	struct model *m = &w->hands->model;

	switch (w->kind) {
	case WANT_BRIDGE:
		w->ok = bridge_apply(m, rtnl, &w->bridge, &w->err);
		break;
	case WANT_SANDBOX:
		w->ok = sandbox_apply(m, rtnl, &w->sandbox, &w->err);
		break;
	case WANT_DROP:
		w->ok = drop(m, rtnl, w);
		break;
	case WANT_LIST:
		list_sandboxes(w, m);
		w->ok = link_each(rtnl, w, see_link, &w->err);
		break;
	case WANT_NAMES:
		w->ok = true;
		break;
	}
}

static void fail_all(struct net_hands *hands, const struct err *e)
{
	struct want *w;

	list_each (&hands->job, struct want, link, w) {
		if (!w->ok || !changes_rules(w))
			continue;
		w->ok = false;
		w->err = *e;
	}
}

static bool is_empty(const struct model *m)
{
	return m->bridges.count == 0 && m->sandboxes.count == 0;
}

static void work(void *self)
{
	struct net_hands *hands = self;
	struct model *m = &hands->model;
	struct rtnl *rtnl;
	struct want *w;
	bool has_changed = hands->mends;
	struct err e;

	if (!rtnl_open(-1, &rtnl, &e)) {
		list_each (&hands->job, struct want, link, w)
			w->err = e;
		return;
	}
	hands->mend_ok = !hands->mends || model_mend(m, rtnl, &hands->mend_err);
	list_each (&hands->job, struct want, link, w) {
		carry_out(w, rtnl);
		has_changed = has_changed || (w->ok && changes_rules(w));
	}
	rtnl_close(rtnl);
	if (has_changed &&
	    !(is_empty(m) ? ruleset_remove(m, &e) : ruleset_apply(m, hands->mends, &e)))
		fail_all(hands, &e);
}

static void tell_list(struct net_hands *hands, struct want *w)
{
	struct inbox *box = loop_inbox(hands->loop);
	struct listed *found;

	list_each (&w->found, struct listed, link, found) {
		struct input *in = inbox_add(box, INPUT_NET, w->generation);

		in->net = (struct net_event){ .kind = NET_LISTED,
					      .object = found->object,
					      .id = found->id,
					      .netns = found->netns };
	}
	inbox_add(box, INPUT_NET, w->generation)->net.kind = NET_LIST_END;
}

static const char *proto_host_ip(struct want *w, const struct held_port *p)
{
	return p->host_ip ? arena_printf(&w->memory, "%u.%u.%u.%u", p->host_ip >> 24,
					 p->host_ip >> 16 & 255, p->host_ip >> 8 & 255,
					 p->host_ip & 255)
			  : "";
}

static void describe_sandbox(struct net_hands *hands, struct want *w)
{
	const struct sandbox *s = model_sandbox(&hands->model, w->id);
	struct net_port *ports = arena_alloc(&w->memory, (s->port_count + 1) * sizeof(*ports));

	for (size_t i = 0; i < s->port_count; i++)
		ports[i] = (struct net_port){ .proto = s->ports[i].proto,
					      .host_ip = proto_host_ip(w, &s->ports[i]),
					      .host_port = s->ports[i].host_port,
					      .target = s->ports[i].target };
	w->event.netns = arena_strdup(&w->memory, s->path);
	w->event.ports = ports;
	w->event.port_count = s->port_count;
}

static int compare_listener(const void *key, const struct tree_node *member)
{
	return strcmp(key, container_of(member, struct listener, by_id)->id);
}

static void free_listener(struct net_hands *hands, struct listener *l)
{
	tree_remove(&hands->listeners, &l->by_id);
	resolver_free(l->resolver);
	free(l->id);
	free(l);
}

static struct listener *find_listener(struct net_hands *hands, const char *id)
{
	return tree_entry(tree_find(&hands->listeners, id), struct listener, by_id);
}

static void set_resolver(struct net_hands *hands, struct sandbox *s)
{
	struct listener *l = find_listener(hands, s->id);
	struct resolver_config config = { .network_count = s->interface_count,
					  .upstreams = s->upstreams,
					  .upstream_count = s->upstream_count,
					  .has_way_out = s->gateway != 0 };
	const char **networks = xcalloc(s->interface_count + 1, sizeof(*networks));

	for (size_t i = 0; i < s->interface_count; i++)
		networks[i] = s->interfaces[i].network;
	config.networks = networks;
	if (l && s->sockets.udp < 0) {
		resolver_set(l->resolver, &config);
	} else {
		if (l)
			free_listener(hands, l);
		l = NEW(struct listener);
		l->id = xstrdup(s->id);
		l->resolver = resolver_new(hands->loop, &hands->names, s->sockets, &config);
		s->sockets = (struct resolver_sockets){ -1, -1, -1 };
		tree_insert(&hands->listeners, l->id, &l->by_id);
	}
	free(networks);
}

/* On the loop, after the job: its model is nobody's now. */
static void serve_names(struct net_hands *hands, const struct want *w)
{
	struct listener *l = w->object == NET_SANDBOX ? find_listener(hands, w->id) : NULL;
	struct sandbox *s = w->object == NET_SANDBOX ? model_sandbox(&hands->model, w->id) : NULL;

	if (w->kind == WANT_NAMES)
		names_set(&hands->names, w->id, w->names, w->name_count);
	else if (w->kind == WANT_DROP && w->object == NET_NAMES)
		names_drop(&hands->names, w->id);
	else if (s && s->has_resolver)
		set_resolver(hands, s);
	else if (l)
		free_listener(hands, l);
}

static void tell(struct net_hands *hands, struct want *w)
{
	struct input *in;

	if (w->kind == WANT_LIST && w->ok) {
		tell_list(hands, w);
		return;
	}
	w->event = (struct net_event){ .kind = w->ok ? NET_APPLIED : NET_FAILED,
				       .object = w->object,
				       .id = w->id,
				       .generation = w->generation };
	if (!w->ok) {
		w->event.err_kind = w->err.kind;
		w->event.text = arena_strdup(&w->memory, w->err.text);
	} else if (w->kind == WANT_SANDBOX) {
		describe_sandbox(hands, w);
	} else if (w->kind == WANT_BRIDGE) {
		w->event.link = arena_strdup(&w->memory, model_bridge(&hands->model, w->id)->link);
	}
	in = inbox_add(loop_inbox(hands->loop), INPUT_NET, 0);
	in->net = w->event;
}

static void begin(struct net_hands *hands);
static void free_hands(struct net_hands *hands);

static void done(void *self)
{
	struct net_hands *hands = self;
	struct want *w;

	hands->is_busy = false;
	if (hands->mends && !hands->mend_ok)
		log_warn(loop_log(hands->loop), "net", "mending what was changed: %s",
			 hands->mend_err.text);
	list_each (&hands->job, struct want, link, w) {
		list_remove(&w->link);
		if (w->ok && !hands->is_ending)
			serve_names(hands, w);
		tell(hands, w);
		loop_after_turn(hands->loop, w, free_want);
	}
	if (!hands->is_ending)
		begin(hands);
	else if (!hands->is_posted) /* else on_posted() comes after this, and ends it */
		free_hands(hands);
}

static void begin(struct net_hands *hands)
{
	if (hands->is_busy || (list_is_empty(&hands->waiting) && !hands->must_mend))
		return;
	hands->is_busy = true;
	hands->mends = hands->must_mend;
	hands->must_mend = false;
	list_splice_back(&hands->job, &hands->waiting);
	loop_job(hands->loop, hands, work, done);
}

static void on_posted(void *self)
{
	struct net_hands *hands = self;

	hands->is_posted = false;
	if (hands->is_ending && !hands->is_busy)
		free_hands(hands);
	else if (!hands->is_ending)
		begin(hands);
}

/* After the turn, so that all that one turn wants is one job: after a start of the daemon the rules
 * are then replaced once, by all of them, and no connection sees a moment without. */
static void begin_soon(struct net_hands *hands)
{
	if (!hands->is_posted)
		loop_post(hands->loop, hands, on_posted);
	hands->is_posted = true;
}

static void on_foreign_change(void *self)
{
	struct net_hands *hands = self;

	log_info(loop_log(hands->loop), "net",
		 "somebody changed our rules or links; putting them back");
	hands->must_mend = true;
	begin_soon(hands);
}

/* Only the newest want of an object need be carried out. */
static void forget_older(struct net_hands *hands, const struct want *newer)
{
	struct want *w;

	list_each (&hands->waiting, struct want, link, w) {
		if (w->kind == WANT_LIST || w->object != newer->object ||
		    strcmp(w->id, newer->id) != 0)
			continue;
		list_remove(&w->link);
		free_want(w);
	}
}

static struct want *want_new(struct net_hands *hands, enum want_kind kind, enum net_object object,
			     const char *id, uint64_t generation)
{
	struct want *w = NEW(struct want);

	w->hands = hands;
	w->kind = kind;
	w->object = object;
	w->id = arena_strdup(&w->memory, id);
	w->generation = generation;
	list_init(&w->found);
	if (kind != WANT_LIST)
		forget_older(hands, w);
	list_push_back(&hands->waiting, &w->link);
	begin_soon(hands);
	return w;
}

static void seam_list(void *self, uint64_t ticket)
{
	(void)want_new(self, WANT_LIST, NET_BRIDGE, "", ticket);
}

static const char *copy(struct want *w, const char *text)
{
	return arena_strdup(&w->memory, text ? text : "");
}

static void seam_want_bridge(void *self, uint64_t generation, const struct net_bridge *what)
{
	struct want *w = want_new(self, WANT_BRIDGE, NET_BRIDGE, what->id, generation);

	w->bridge = *what;
	w->bridge.id = w->id;
	w->bridge.link = copy(w, what->link);
	w->bridge.subnet = copy(w, what->subnet);
	w->bridge.gateway = copy(w, what->gateway);
}

static const char *const *copy_upstreams(struct want *w, const struct net_sandbox *what)
{
	const char **upstreams =
		arena_alloc(&w->memory, (what->upstream_count + 1) * sizeof(*upstreams));

	for (size_t i = 0; i < what->upstream_count; i++)
		upstreams[i] = copy(w, what->upstreams[i]);
	return upstreams;
}

static void seam_want_sandbox(void *self, uint64_t generation, const struct net_sandbox *what)
{
	struct want *w = want_new(self, WANT_SANDBOX, NET_SANDBOX, what->id, generation);
	struct net_interface *interfaces = arena_copy(&w->memory, what->interfaces,
						      what->interface_count * sizeof(*interfaces));
	struct net_port *ports =
		arena_copy(&w->memory, what->ports, what->port_count * sizeof(*ports));

	for (size_t i = 0; i < what->interface_count; i++) {
		interfaces[i].network = copy(w, what->interfaces[i].network);
		interfaces[i].name = copy(w, what->interfaces[i].name);
		interfaces[i].address = copy(w, what->interfaces[i].address);
		interfaces[i].mac = copy(w, what->interfaces[i].mac);
	}
	for (size_t i = 0; i < what->port_count; i++)
		ports[i].host_ip = copy(w, what->ports[i].host_ip);
	w->sandbox = *what;
	w->sandbox.id = w->id;
	w->sandbox.interfaces = interfaces;
	w->sandbox.ports = ports;
	w->sandbox.gateway = copy(w, what->gateway);
	w->sandbox.upstreams = copy_upstreams(w, what);
}

static void seam_want_names(void *self, uint64_t generation, const char *network,
			    const struct net_name *names, size_t count)
{
	struct want *w = want_new(self, WANT_NAMES, NET_NAMES, network, generation);

	w->names = arena_alloc(&w->memory, (count + 1) * sizeof(*w->names));
	for (size_t i = 0; i < count; i++) {
		struct names_entry *entry = &w->names[w->name_count];
		struct err ignored; /* an address of IPv6: not served yet */

		entry->name = copy(w, names[i].name);
		w->name_count += address_parse(names[i].address, &entry->address, &ignored);
	}
}

static void seam_drop(void *self, uint64_t generation, enum net_object object, const char *id)
{
	(void)want_new(self, WANT_DROP, object, id, generation);
}

struct net net_hands_seam(struct net_hands *hands)
{
	return (struct net){ .self = hands,
			     .list = seam_list,
			     .want_bridge = seam_want_bridge,
			     .want_sandbox = seam_want_sandbox,
			     .want_names = seam_want_names,
			     .drop = seam_drop };
}

static void free_hands(struct net_hands *hands)
{
	struct want *w;

	list_each (&hands->waiting, struct want, link, w) {
		list_remove(&w->link);
		free_want(w);
	}
	names_clear(&hands->names);
	model_clear(&hands->model);
	free(hands);
}

bool net_hands_new(const struct net_hands_config *config, struct net_hands **out, struct err *e)
{
	AUTO_FREE char *folder = xasprintf("%s/netns", config->exec_root);
	struct net_hands *hands;

	if (!folder_make_as(config->exec_root, 0711, e) || !folder_make_as(folder, 0700, e))
		return false;
	hands = NEW(struct net_hands);
	hands->loop = config->loop;
	list_init(&hands->waiting);
	list_init(&hands->job);
	hands->listeners = TREE(compare_listener);
	names_init(&hands->names);
	model_init(&hands->model, config->data_root, config->exec_root);
	if (!monitor_new(hands->loop, &hands->model, hands, on_foreign_change, &hands->monitor,
			 e)) {
		free_hands(hands);
		return false;
	}
	*out = hands;
	return true;
}

void net_hands_free(struct net_hands *hands)
{
	struct listener *l;

	if (!hands)
		return;
	monitor_free(hands->monitor);
	tree_each (&hands->listeners, struct listener, by_id, l)
		free_listener(hands, l);
	hands->is_ending = true;
	if (!hands->is_busy && !hands->is_posted)
		free_hands(hands);
}
