/* Sessions: who is there, since when, and what a node is told of itself and of the managers. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/prng.h"
#include "swarm/dispatch/inside.h"

static int compare_told(const void *key, const struct tree_node *node)
{
	return strcmp(key, tree_entry(node, struct told, by_id)->id);
}

struct session *session_find(const struct dispatch *d, const char *node_id)
{
	return tree_entry(tree_find(&d->sessions, node_id), struct session, by_node);
}

struct session *session_check(struct dispatch *d, const char *node_id, const char *session_id,
			      struct err *e)
{
	struct session *s = session_find(d, node_id);

	if (!s || !s->id[0]) {
		fail(e, ERR_NOT_FOUND, "node not registered");
		return NULL;
	}
	if (strcmp(s->id, session_id) != 0) {
		fail(e, ERR_INVALID, "session invalid");
		return NULL;
	}
	return s;
}

struct session *session_new(struct dispatch *d, const char *node_id)
{
	struct session *s = NEW(struct session);

	s->node_id = xstrdup(node_id);
	s->told = TREE(compare_told);
	list_init(&s->dirty);
	list_init(&s->waiting);
	list_init(&s->registering);
	list_init(&s->changed);
	tree_insert(&d->sessions, node_id, &s->by_node);
	return s;
}

void session_mark(struct dispatch *d, struct session *s)
{
	if (list_is_empty(&s->dirty))
		list_push_back(&d->dirty, &s->dirty);
}

void session_forget_description(struct session *s)
{
	list_remove(&s->registering);
	s->description = NULL;
	arena_clear(&s->memory);
}

void session_free(struct dispatch *d, struct session *s)
{
	session_forget_description(s);
	list_remove(&s->waiting);
	assignments_clear(s);
	heap_remove(&d->expiries, &s->expiry);
	list_remove(&s->dirty);
	tree_remove(&d->sessions, &s->by_node);
	free(s->node_id);
	free(s->addr);
	free(s);
}

void session_end_call(struct dispatch *d, uint64_t *ticket, enum peer_status status,
		      const char *text)
{
	struct dispatch_call *c;

	if (!*ticket)
		return;
	d->config.peer->finish(d->config.peer->self, *ticket, status, text);
	c = tree_entry(tree_find(&d->calls, ticket), struct dispatch_call, by_ticket);
	if (c) {
		tree_remove(&d->calls, &c->by_ticket);
		free(c->node_id);
		free(c->addr);
		free(c);
	}
	*ticket = 0;
}

void session_end(struct dispatch *d, struct session *s, enum peer_status status, const char *text)
{
	session_end_call(d, &s->stream, status, text);
	session_end_call(d, &s->assignments, status, text);
}

int64_t session_period_ms(struct dispatch *d)
{
	const Pb__Cluster *cluster = view_cluster(store_view(d->config.store));
	const Pb__DispatcherConfig *spec = cluster ? cluster->spec->dispatcher : NULL;
	int64_t nodes = (int64_t)view_count(store_view(d->config.store), OBJECT_NODE);
	int64_t period = nodes * 1000 / NODES_A_SECOND;

	if (spec && spec->heartbeat_period &&
	    (spec->heartbeat_period->seconds != PERIOD_DEFAULT_S ||
	     spec->heartbeat_period->nanos)) {
		int64_t set = spec->heartbeat_period->seconds * 1000 +
			      spec->heartbeat_period->nanos / 1000000;

		if (set > 0)
			return set;
	}
	return period < PERIOD_MIN_MS ? PERIOD_MIN_MS : period;
}

void session_beat(struct dispatch *d, struct session *s, struct now now)
{
	heap_set(&d->expiries, &s->expiry, now.mono_ms + d->period_ms * GRACE);
}

/* More than three registrations of a node in eight seconds are somebody's loop. */
static bool registers_too_often(struct session *s, struct now now)
{
	if (now.mono_ms - s->registrations_since_ms >= REGISTRATIONS_WINDOW_MS) {
		s->registrations_since_ms = now.mono_ms;
		s->registrations = 0;
	}
	return ++s->registrations > REGISTRATIONS_MAX;
}

static void keep_description(struct dispatch *d, struct session *s,
			     const Pb__NodeDescription *description, const char *addr)
{
	session_forget_description(s);
	s->description = description ? pb_dup(&s->memory, description)
				     : pb_new(&s->memory, &pb__node_description__descriptor);
	if (s->id[0])
		list_push_back(&d->registering, &s->registering);
	free(s->addr);
	s->addr = xstrdup(addr);
	/* Without its port; an IPv6 address has brackets around it. */
	if (strrchr(s->addr, ':'))
		*strrchr(s->addr, ':') = '\0';
}

static void refuse(struct dispatch *d, struct dispatch_call *c, enum peer_status status,
		   const char *text)
{
	d->config.peer->finish(d->config.peer->self, c->ticket, status, text);
	tree_remove(&d->calls, &c->by_ticket);
	free(c->node_id);
	free(c->addr);
	free(c);
}

void session_open(struct dispatch *d, struct dispatch_call *c, const Pb__SessionRequest *request,
		  struct now now)
{
	struct session *s = session_find(d, c->node_id);
	char text[160];

	if (!view_node(store_view(d->config.store), c->node_id)) {
		refuse(d, c, PEER_UNKNOWN, "node not found");
		return;
	}
	if (s && s->id[0] && strcmp(s->id, request->session_id) == 0) {
		/* It goes on with the session it had. */
		session_end_call(d, &s->stream, PEER_INVALID_ARGUMENT, "session invalid");
	} else {
		if (!s)
			s = session_new(d, c->node_id);
		if (registers_too_often(s, now)) {
			(void)snprintf(text, sizeof(text),
				       "node %s exceeded rate limit count of registrations",
				       c->node_id);
			refuse(d, c, PEER_UNAVAILABLE, text);
			return;
		}
		session_end(d, s, PEER_INVALID_ARGUMENT, "session invalid");
		assignments_clear(s);
		s->id[0] = '\0';
		s->is_registered = false;
		s->random_ticket = ticket_next(d->config.tickets);
		list_remove(&s->waiting);
		list_push_back(&d->waiting, &s->waiting);
		d->config.keys->random(d->config.keys->self, s->random_ticket, 17);
	}
	s->stream = c->ticket;
	c->session = s;
	keep_description(d, s, request->description, c->addr);
	session_beat(d, s, now);
}

/* A session message always carries everything: an agent forgets managers that are missing. */
void session_send(struct dispatch *d, struct session *s)
{
	AUTO_ARENA struct arena a = { 0 };
	const struct view *v = store_view(d->config.store);
	const Pb__Cluster *cluster = view_cluster(v);
	Pb__SessionMessage *m;
	struct member *member;

	s->node_changed = false;
	if (!s->stream || !s->is_registered || !view_node(v, s->node_id))
		return;
	m = PB_NEW(&a, session_message);
	m->session_id = s->id;
	m->is_shoal = true;
	m->node = (Pb__Node *)view_node(v, s->node_id);
	m->managers =
		arena_alloc(&a, (d->config.members->by_raft_id.count + 1) * sizeof(*m->managers));
	members_each(d->config.members, member)
	{
		Pb__WeightedPeer *peer = PB_NEW(&a, weighted_peer);

		peer->peer = PB_NEW(&a, peer);
		peer->peer->node_id = member->node_id;
		peer->peer->addr = (char *)member_at(member);
		peer->weight = 10;
		if (member->addr[0])
			m->managers[m->n_managers++] = peer;
	}
	if (cluster) {
		m->network_bootstrap_keys = cluster->network_bootstrap_keys;
		m->n_network_bootstrap_keys = cluster->n_network_bootstrap_keys;
		m->root_ca = cluster->root_ca->ca_cert;
	}
	if (!dispatch_send(d, s->stream, m))
		session_end_call(d, &s->stream, PEER_RESOURCE_EXHAUSTED, DISPATCH_TOO_LARGE);
}

void session_expire(struct dispatch *d, struct now now)
{
	struct heap_node *n;

	while ((n = heap_take_due(&d->expiries, now.mono_ms))) {
		struct session *s = heap_entry(n, struct session, expiry);
		struct stopped *stopped = xcalloc(1, sizeof(*stopped) + strlen(s->node_id) + 1);

		strcpy(stopped->node_id, s->node_id);
		stopped->was_registered = s->is_registered;
		list_push_back(&d->down, &stopped->link);
		log_info(d->config.log, "dispatch", "node %s: heartbeat failure", s->node_id);
		session_end(d, s, PEER_ABORTED, "node must disconnect");
		session_free(d, s);
	}
}
