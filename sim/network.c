#include "sim/network.h"

#include <stdio.h>
#include <string.h>

#include "base/heap.h"
#include "base/list.h"
#include "base/mem.h"
#include "node/node.h"
#include "pb/methods.h"
#include "seam/input.h"
#include "sim/hands.h"
#include "sim/world.h"

/* A packet of what was sent in one turn is split once in so many. */
#define SPLITS_ONE_IN 8

/* One end's view of a call. */
struct end {
	struct list link; /* of its node's */
	struct call *call;
	size_t node;
	uint64_t ticket;
	uint64_t life;
	bool is_closed;     /* it heard (or said) the end */
	bool is_held;       /* it gives the other end no more credit */
	bool wants_drained; /* it asked, and the other end was holding */
	struct happening drained;
};

struct call {
	struct list link;
	struct end caller, callee;
	size_t via; /* whom the caller is connected to; a follower passes calls on to the leader */
	bool is_raft;
	bool trusts_nothing;
	bool is_opened; /* the callee knows of it */
	bool is_lost;   /* who passed it on went away silently: it goes nowhere any more */
	char *method;
	struct happening timeout; /* of the caller */
	unsigned holds;           /* messages under way */
};

/* What was sent on a connection in one turn and arrives together. */
struct packet {
	struct happening arrival;
	struct network *network;
	size_t way;          /* of struct network's ways */
	struct list parcels; /* as they were sent */
	int64_t sent_ms;
};

/* One direction of the connections between two nodes, of one kind. */
struct way {
	int64_t last_arrival_ms;
	struct packet *last; /* under way, or NULL */
};

struct network {
	struct world *world;
	struct peer *seams; /* one a node */
	struct sim_peer {
		struct network *network;
		struct sim_node *owner;
	} * owners;
	bool *is_cut;     /* [from * count + to] */
	bool *was_cut;    /* since the connection was last whole */
	struct way *ways; /* [(from * count + to) * 2 + is_raft] */
	uint64_t *epoch;  /* [from * count + to]: counted up when the connection breaks */
	int64_t delay_min_ms, delay_max_ms;
	uint64_t last_ticket;
	struct list *ends; /* of each node: struct end, the newest first */
	struct list calls;
};

static size_t pair(const struct network *n, size_t from, size_t to)
{
	return from * n->world->node_count + to;
}

/* Few are open at once, and who asks mostly means the one it has just opened. */
static struct end *find_end(struct network *n, size_t node, uint64_t ticket)
{
	struct end *e;

	list_each (&n->ends[node], struct end, link, e)
		if (e->ticket == ticket)
			return e;
	return NULL;
}

static void add_end(struct network *n, struct end *e)
{
	list_push_front(&n->ends[e->node], &e->link);
}

static void call_free(struct network *n, struct call *c)
{
	list_remove(&c->caller.link);
	list_remove(&c->callee.link);
	world_drop(n->world, &c->timeout);
	world_drop(n->world, &c->caller.drained);
	world_drop(n->world, &c->callee.drained);
	list_remove(&c->link);
	free(c->method);
	free(c);
}

static void call_release(struct network *n, struct call *c)
{
	if (c->holds == 0 && c->caller.is_closed && (c->callee.is_closed || !c->is_opened))
		call_free(n, c);
}

static struct sim_node *node_at(struct network *n, size_t node)
{
	return &n->world->nodes[node];
}

/* Hand an event to an end, if that life of its node still lives. */
static struct input *deliver(struct network *n, struct end *e, enum peer_event_kind kind)
{
	struct sim_node *s = node_at(n, e->node);
	struct input *in;

	if (!s->node || s->lives != e->life || e->is_closed)
		return NULL;
	in = inbox_add(node_inbox(s->node), INPUT_PEER, e->ticket);
	in->peer.kind = kind;
	in->peer.text = in->peer.method = "";
	world_wake(s);
	return in;
}

static void end_with(struct network *n, struct end *e, enum peer_status status, const char *text)
{
	struct input *in = deliver(n, e, PEER_ENDED);

	if (in) {
		in->peer.status = status;
		in->peer.text = arena_strdup(&node_inbox(node_at(n, e->node)->node)->memory, text);
	}
	e->is_closed = true;
}

/* Something on its way from one end of a call to the other. */
enum parcel_kind { PARCEL_OPEN, PARCEL_MESSAGE, PARCEL_HALF_CLOSE, PARCEL_END };

struct parcel {
	struct list link;
	struct call *call;
	bool to_callee;
	enum parcel_kind kind;
	uint64_t epoch;
	enum peer_status status;
	size_t size;
	char data[]; /* ends with a NUL behind it */
};

/* The end of a call of which the other side never heard. */
static void end_unsent(struct network *n, struct end *e, const char *text)
{
	struct input *in = deliver(n, e, PEER_ENDED);

	if (in) {
		in->peer.status = PEER_UNAVAILABLE;
		in->peer.text = text;
		in->peer.is_unsent = true;
	}
	e->is_closed = true;
}

static void fill_opened(struct network *n, struct inbox *box, struct peer_event *ev,
			const struct call *c)
{
	const struct sim_node *s = node_at(n, c->caller.node);

	ev->method = arena_strdup(&box->memory, c->method);
	ev->from = (struct peer_identity){
		.node_id = arena_strdup(&box->memory, s->node_id),
		.role = arena_strdup(&box->memory, s->role),
		.org = arena_strdup(&box->memory, s->org),
		.addr = arena_strdup(&box->memory, s->addr),
	};
}

static bool find_addr(struct network *n, const char *addr, size_t *found)
{
	for (*found = 0; *found < n->world->node_count; (*found)++)
		if (strcmp(n->world->nodes[*found].addr, addr) == 0)
			return true;
	return false;
}

/* A follower's hands pass on what only the leader answers; the mind does not hear of it. The way
 * back is direct here, which no mind can tell. False when the call was ended instead. */
static bool relay(struct network *n, struct call *c, struct sim_node **callee)
{
	const struct pb_method *method;
	struct sim_node *s = *callee;
	size_t leader;

	if (s->is_leading || c->is_raft)
		return true;
	method = pb_method_find(str_of(c->method));
	if (!method || !method->goes_to_leader)
		return true;
	if (!find_addr(n, s->leader_addr, &leader) || network_is_cut(n, c->callee.node, leader) ||
	    !n->world->nodes[leader].node || !n->world->nodes[leader].is_leading) {
		end_with(n, &c->caller, PEER_UNKNOWN, "raft: no elected cluster leader");
		return false;
	}
	c->callee.node = leader;
	*callee = &n->world->nodes[leader];
	return true;
}

/* Each side of a connection believes the other's certificate, as far as it shows one. A call that
 * trusts nothing shows none, and looks at none. */
static bool believe_each_other(struct network *n, const struct call *c)
{
	return c->trusts_nothing ||
	       (hands_believe(node_at(n, c->caller.node)->hands, node_at(n, c->via)->hands) &&
		hands_believe(node_at(n, c->via)->hands, node_at(n, c->caller.node)->hands));
}

static void open_at_callee(struct network *n, struct call *c, struct sim_node *callee)
{
	struct input *in;

	if (!believe_each_other(n, c)) {
		end_unsent(n, &c->caller, "certificate signed by unknown authority");
		return;
	}

	if (!relay(n, c, &callee))
		return;

	c->callee.ticket = PEER_THEIRS | ++n->last_ticket;
	c->callee.life = callee->lives;
	c->is_opened = true;
	add_end(n, &c->callee);
	in = deliver(n, &c->callee, PEER_OPENED);
	fill_opened(n, node_inbox(callee->node), &in->peer, c);
}

static void arrive_at_callee(struct network *n, struct parcel *p)
{
	struct call *c = p->call;
	struct sim_node *callee = node_at(n, c->callee.node);
	struct input *in;

	if (!callee->node) {
		if (c->is_opened)
			end_with(n, &c->caller, PEER_UNAVAILABLE, "connection lost");
		else
			end_unsent(n, &c->caller, "connection refused");
		return;
	}
	switch (p->kind) {
	case PARCEL_OPEN:
		open_at_callee(n, c, callee);
		break;
	case PARCEL_MESSAGE:
		in = c->is_opened ? deliver(n, &c->callee, PEER_MESSAGE) : NULL;
		if (in)
			in->peer.message = str_bytes(
				arena_copy(&node_inbox(callee->node)->memory, p->data, p->size),
				p->size);
		break;
	case PARCEL_HALF_CLOSE:
		if (c->is_opened)
			(void)deliver(n, &c->callee, PEER_HALF_CLOSED);
		break;
	case PARCEL_END:
		if (c->is_opened)
			end_with(n, &c->callee, p->status, p->data);
		break;
	}
}

static void arrive_at_caller(struct network *n, struct parcel *p)
{
	struct call *c = p->call;
	struct input *in;

	if (p->kind == PARCEL_END) {
		end_with(n, &c->caller, p->status, p->data);
		return;
	}
	in = deliver(n, &c->caller, PEER_MESSAGE);
	if (in)
		in->peer.message =
			str_bytes(arena_copy(&node_inbox(node_at(n, c->caller.node)->node)->memory,
					     p->data, p->size),
				  p->size);
}

static void arrive(struct network *n, struct parcel *p)
{
	struct call *c = p->call;
	size_t from = p->to_callee ? c->caller.node : c->via;
	size_t to = p->to_callee ? c->via : c->caller.node;

	c->holds--;
	if (!c->is_lost && p->epoch == n->epoch[pair(n, c->caller.node, c->via)] &&
	    !n->is_cut[pair(n, from, to)]) {
		world_trace(n->world, "arrive", (uint64_t)p->kind << 32 | from << 16 | to, p->size);
		if (p->to_callee)
			arrive_at_callee(n, p);
		else
			arrive_at_caller(n, p);
	} else {
		n->was_cut[pair(n, from, to)] = true;
	}
	call_release(n, c);
	free(p);
}

static void arrive_together(struct world *w, void *arg)
{
	struct packet *packet = arg;
	struct network *n = packet->network;
	struct parcel *p;

	if (n->ways[packet->way].last == packet)
		n->ways[packet->way].last = NULL;
	list_each (&packet->parcels, struct parcel, link, p)
		arrive(n, p);
	free(packet);
	(void)w;
}

static struct packet *packet_new(struct network *n, size_t way)
{
	struct packet *packet = NEW(struct packet);
	int64_t now = n->world->now_ms;
	int64_t at = now + prng_between(&n->world->prng, n->delay_min_ms, n->delay_max_ms);

	if (at < n->ways[way].last_arrival_ms)
		at = n->ways[way].last_arrival_ms;
	n->ways[way] = (struct way){ at, packet };
	packet->arrival = (struct happening){ .run = arrive_together, .arg = packet };
	packet->network = n;
	packet->way = way;
	packet->sent_ms = now;
	list_init(&packet->parcels);
	world_set(n->world, &packet->arrival, at - now);
	return packet;
}

/* What is sent in one turn leaves in one packet mostly, as TLS records do; not always, because
 * nobody may count on it. */
static struct packet *packet_for(struct network *n, size_t way)
{
	struct packet *last = n->ways[way].last;

	if (last && last->sent_ms == n->world->now_ms &&
	    !prng_chance(&n->world->prng, 1, SPLITS_ONE_IN))
		return last;
	return packet_new(n, way);
}

static void post(struct network *n, struct call *c, bool to_callee, enum parcel_kind kind,
		 struct str data, enum peer_status status)
{
	struct parcel *p = xmalloc(sizeof(*p) + data.len + 1);
	size_t from = to_callee ? c->caller.node : c->via;
	size_t to = to_callee ? c->via : c->caller.node;

	*p = (struct parcel){
		.call = c,
		.to_callee = to_callee,
		.kind = kind,
		.epoch = n->epoch[pair(n, c->caller.node, c->via)],
		.status = status,
		.size = data.len,
	};
	if (data.len)
		memcpy(p->data, data.ptr, data.len);
	p->data[data.len] = '\0';
	c->holds++;
	list_push_back(&packet_for(n, pair(n, from, to) * 2 + c->is_raft)->parcels, &p->link);
}

static void time_out(struct world *w, void *arg)
{
	struct call *c = arg;
	struct network *n = w->network;

	if (w->is_ending || c->caller.is_closed)
		return;
	if (c->is_opened && !c->callee.is_closed)
		post(n, c, true, PARCEL_END, STR("deadline exceeded"), PEER_DEADLINE_EXCEEDED);
	end_with(n, &c->caller, PEER_DEADLINE_EXCEEDED, "deadline exceeded");
	call_release(n, c);
}

static void seam_call(void *self, uint64_t ticket, const struct peer_target *to, const char *method,
		      int64_t timeout_ms)
{
	struct sim_peer *owner = self;
	struct network *n = owner->network;
	struct call *c = NEW(struct call);
	size_t from = (size_t)(owner->owner - n->world->nodes), callee;

	c->method = xstrdup(method);
	c->is_raft = to->is_raft;
	c->trusts_nothing = to->trust == PEER_TRUST_NOTHING;
	c->caller = (struct end){
		.call = c, .node = from, .ticket = ticket, .life = owner->owner->lives
	};
	list_push_back(&n->calls, &c->link);
	list_init(&c->callee.link);
	add_end(n, &c->caller);
	if (!find_addr(n, to->addr, &callee)) {
		c->callee.is_closed = true;
		end_unsent(n, &c->caller, "no such host");
		call_release(n, c);
		return;
	}
	c->callee.call = c;
	c->callee.node = callee;
	c->via = callee;
	post(n, c, true, PARCEL_OPEN, STR(""), PEER_OK);
	c->timeout = (struct happening){ .run = time_out, .arg = c };
	if (timeout_ms > 0)
		world_set(n->world, &c->timeout, timeout_ms);
}

static struct end *my_end(struct sim_peer *owner, uint64_t ticket)
{
	struct network *n = owner->network;
	struct end *e = find_end(n, (size_t)(owner->owner - n->world->nodes), ticket);

	return e && !e->is_closed ? e : NULL;
}

static void seam_send(void *self, uint64_t ticket, struct str message)
{
	struct sim_peer *owner = self;
	struct end *e = my_end(owner, ticket);

	if (e)
		post(owner->network, e->call, e == &e->call->caller, PARCEL_MESSAGE, message,
		     PEER_OK);
}

static void seam_finish(void *self, uint64_t ticket, enum peer_status status, const char *text)
{
	struct sim_peer *owner = self;
	struct end *e = my_end(owner, ticket);

	if (!e)
		return;
	if (e == &e->call->caller) {
		post(owner->network, e->call, true, PARCEL_HALF_CLOSE, STR(""), PEER_OK);
		return;
	}
	post(owner->network, e->call, false, PARCEL_END, str_of(text ? text : ""), status);
	e->is_closed = true;
	call_release(owner->network, e->call);
}

static void seam_cancel(void *self, uint64_t ticket)
{
	struct sim_peer *owner = self;
	struct end *e = my_end(owner, ticket);

	if (!e)
		return;
	post(owner->network, e->call, e == &e->call->caller, PARCEL_END, STR("cancelled"),
	     PEER_CANCELLED);
	e->is_closed = true;
	call_release(owner->network, e->call);
}

static struct end *other_end(struct end *e)
{
	return e == &e->call->caller ? &e->call->callee : &e->call->caller;
}

static void look_drained(struct world *w, void *arg)
{
	struct end *e = arg;

	if (w->is_ending || e->is_closed)
		return;
	e->wants_drained = other_end(e)->is_held;
	if (!e->wants_drained)
		(void)deliver(w->network, e, PEER_DRAINED);
}

static void plan_drained(struct network *n, struct end *e)
{
	e->drained.run = look_drained;
	e->drained.arg = e;
	world_set(n->world, &e->drained, prng_between(&n->world->prng, 0, 5));
}

static void seam_drain(void *self, uint64_t ticket)
{
	struct sim_peer *owner = self;
	struct end *e = my_end(owner, ticket);

	if (e)
		plan_drained(owner->network, e);
}

static void seam_hold(void *self, uint64_t ticket, bool is_held)
{
	struct sim_peer *owner = self;
	struct end *e = my_end(owner, ticket);

	if (!e)
		return;
	e->is_held = is_held;
	if (!is_held && other_end(e)->wants_drained)
		plan_drained(owner->network, other_end(e));
}

static void seam_lead(void *self, bool is_me, const char *leader_addr)
{
	struct sim_node *s = ((struct sim_peer *)self)->owner;

	s->is_leading = is_me;
	(void)snprintf(s->leader_addr, sizeof(s->leader_addr), "%s",
		       leader_addr ? leader_addr : "");
}

/* It answers no more, and passes nothing on. */
static void end_served(struct network *n, size_t node)
{
	struct call *c;

	list_each (&n->calls, struct call, link, c) {
		if (c->callee.node != node && c->via != node)
			continue;
		end_with(n, &c->caller, PEER_UNAVAILABLE, "connection lost");
		if (c->is_opened)
			end_with(n, &c->callee, PEER_UNAVAILABLE, "connection lost");
		call_release(n, c);
	}
}

static void seam_listen(void *self, const char *addr)
{
	struct sim_peer *owner = self;
	struct input *in;

	if (!addr[0]) {
		end_served(owner->network, (size_t)(owner->owner - owner->network->world->nodes));
		return;
	}
	in = inbox_add(node_inbox(owner->owner->node), INPUT_PEER, 0);
	in->peer.kind = PEER_LISTENING;
	in->peer.text = arena_strdup(&node_inbox(owner->owner->node)->memory, addr);
	world_wake(owner->owner);
}

/* A host is where it is; all others are around it. */
static void seam_survey(void *self, uint64_t ticket, const struct peer_whereabouts *was)
{
	struct sim_peer *owner = self;
	struct world *w = owner->network->world;
	struct inbox *box = node_inbox(owner->owner->node);
	const char **around = arena_alloc(&box->memory, (w->node_count + 1) * sizeof(*around));
	struct input *in = inbox_add(box, INPUT_PEER, ticket);

	(void)was;
	in->peer.kind = PEER_SURVEYED;
	in->peer.survey.advertised = arena_strdup(&box->memory, owner->owner->addr);
	in->peer.survey.interface = "eth0";
	for (size_t i = 0; i < w->node_count; i++)
		around[in->peer.survey.around_count++] =
			arena_strdup(&box->memory, w->nodes[i].addr);
	in->peer.survey.around = around;
	world_wake(owner->owner);
}

struct network *network_new(struct world *w)
{
	struct network *n = NEW(struct network);
	size_t count = w->node_count;

	n->world = w;
	n->delay_min_ms = 0;
	n->delay_max_ms = 2;
	n->ends = xcalloc(count, sizeof(*n->ends));
	list_init(&n->calls);
	n->is_cut = xcalloc(count * count, sizeof(*n->is_cut));
	n->was_cut = xcalloc(count * count, sizeof(*n->was_cut));
	n->epoch = xcalloc(count * count, sizeof(*n->epoch));
	n->ways = xcalloc(count * count * 2, sizeof(*n->ways));
	n->seams = xcalloc(count, sizeof(*n->seams));
	n->owners = xcalloc(count, sizeof(*n->owners));
	for (size_t i = 0; i < count; i++) {
		list_init(&n->ends[i]);
		n->owners[i] = (struct sim_peer){ n, &w->nodes[i] };
		n->seams[i] = (struct peer){
			.self = &n->owners[i],
			.call = seam_call,
			.send = seam_send,
			.finish = seam_finish,
			.cancel = seam_cancel,
			.drain = seam_drain,
			.hold = seam_hold,
			.lead = seam_lead,
			.listen = seam_listen,
			.survey = seam_survey,
		};
	}
	return n;
}

void network_free(struct network *n)
{
	struct call *c;

	if (!n)
		return;
	list_each (&n->calls, struct call, link, c)
		call_free(n, c);
	free(n->ends);
	free(n->is_cut);
	free(n->was_cut);
	free(n->epoch);
	free(n->ways);
	free(n->seams);
	free(n->owners);
	free(n);
}

const struct peer *network_peer(struct network *n, struct sim_node *owner)
{
	return &n->seams[owner - n->world->nodes];
}

void network_set_delay(struct network *n, int64_t min_ms, int64_t max_ms)
{
	n->delay_min_ms = min_ms;
	n->delay_max_ms = max_ms;
}

static void break_direction(struct network *n, size_t caller, size_t callee)
{
	struct list broken;
	struct call *c;

	n->epoch[pair(n, caller, callee)]++;
	n->was_cut[pair(n, caller, callee)] = false;
	list_init(&broken);
	list_each (&n->calls, struct call, link, c) {
		if (c->caller.node != caller || (c->via != callee && c->callee.node != callee))
			continue;
		list_remove(&c->link);
		list_push_back(&broken, &c->link);
	}
	list_each (&broken, struct call, link, c) {
		list_remove(&c->link);
		list_push_back(&n->calls, &c->link);
		end_with(n, &c->caller, PEER_UNAVAILABLE, "connection lost");
		if (c->is_opened)
			end_with(n, &c->callee, PEER_UNAVAILABLE, "connection lost");
		call_release(n, c);
	}
}

void network_break(struct network *n, size_t a, size_t b)
{
	world_trace(n->world, "break", a, b);
	break_direction(n, a, b);
	break_direction(n, b, a);
}

bool network_is_cut(const struct network *n, size_t from, size_t to)
{
	return n->is_cut[pair(n, from, to)];
}

void network_cut(struct network *n, size_t from, size_t to, bool is_cut)
{
	world_trace(n->world, is_cut ? "cut" : "heal", from, to);
	n->is_cut[pair(n, from, to)] = is_cut;
	/* What was swallowed leaves a hole in the stream: the connection does not survive it. */
	if (!is_cut && (n->was_cut[pair(n, from, to)] || n->was_cut[pair(n, to, from)]))
		network_break(n, from, to);
}

void network_refuse(struct network *n, size_t node)
{
	for (size_t other = 0; other < n->world->node_count; other++) {
		struct sim_node *s = node_at(n, other);
		struct input *in;

		if (!s->node || n->is_cut[pair(n, node, other)] || n->is_cut[pair(n, other, node)])
			continue;
		in = inbox_add(node_inbox(s->node), INPUT_PEER, 0);
		in->peer.kind = PEER_REFUSED;
		in->peer.method = "";
		in->peer.text = arena_strdup(&node_inbox(s->node)->memory, node_at(n, node)->addr);
		world_wake(s);
	}
}

void network_heal(struct network *n)
{
	for (size_t from = 0; from < n->world->node_count; from++)
		for (size_t to = 0; to < n->world->node_count; to++)
			if (n->is_cut[pair(n, from, to)])
				network_cut(n, from, to, false);
}

void network_node_died(struct network *n, size_t node, bool is_silent)
{
	struct call *c;

	for (size_t other = 0; other < n->world->node_count; other++) {
		if (!is_silent) {
			network_break(n, node, other);
			continue;
		}
		n->epoch[pair(n, node, other)]++;
		n->epoch[pair(n, other, node)]++;
	}
	/* Its own ends are gone with it; ends of others wait for a time-out when it was silent. */
	list_each (&n->calls, struct call, link, c) {
		if (c->caller.node == node)
			c->caller.is_closed = true;
		if (c->callee.node == node)
			c->callee.is_closed = true;
		if (c->via == node)
			c->is_lost = true;
		call_release(n, c);
	}
}
