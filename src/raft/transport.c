/* Messages between managers: a call for each, in order, on a connection of their own.
 *
 * A message is sent and forgotten; what the call's end tells is whether the member was reached.
 * A snapshot goes as a stream of parts, each repeating the message around its slice of the
 * content, as SwarmKit does it. */
#include <string.h>

#include "base/log.h"
#include "raft/inside.h"
#include "raft/wire.h"

#define MESSAGE_MAX         (8 << 20)
#define SLICE_BYTES         (3 << 20) /* of a snapshot; the reference takes messages of up to 4 MiB */
#define CONTENT_MAX         ((size_t)2 << 30)
#define SEND_TIMEOUT_MS     5000
#define SNAPSHOT_TIMEOUT_MS 120000
#define INCOMING_MAX        4096 /* calls of others under way */

static int compare_outgoing(const void *key, const struct tree_node *node)
{
	uint64_t a = *(const uint64_t *)key,
		 b = tree_entry(node, struct outgoing, by_ticket)->ticket;

	return (a > b) - (a < b);
}

static int compare_incoming(const void *key, const struct tree_node *node)
{
	uint64_t a = *(const uint64_t *)key,
		 b = tree_entry(node, struct incoming, by_ticket)->ticket;

	return (a > b) - (a < b);
}

void transport_init(struct group *g)
{
	g->outgoing = TREE(compare_outgoing);
	g->incoming = TREE(compare_incoming);
}

static void outgoing_free(struct group *g, struct outgoing *out)
{
	tree_remove(&g->outgoing, &out->by_ticket);
	free(out);
}

static void incoming_free(struct group *g, struct incoming *in)
{
	tree_remove(&g->incoming, &in->by_ticket);
	buf_clear(&in->content);
	raft_message_free(in->message);
	free(in->from);
	free(in);
}

void transport_clear(struct group *g)
{
	struct outgoing *out;
	struct incoming *in;

	tree_each (&g->outgoing, struct outgoing, by_ticket, out)
		outgoing_free(g, out);
	tree_each (&g->incoming, struct incoming, by_ticket, in)
		incoming_free(g, in);
}

static uint64_t open_call(struct group *g, const struct member *to, const char *method,
			  bool is_snapshot)
{
	const struct peer *peer = g->config.peer;
	struct outgoing *out = NEW(struct outgoing);
	struct peer_target target = { .addr = member_at(to),
				      .node_id = to->node_id,
				      .is_raft = !is_snapshot };

	out->ticket = ticket_next(g->config.tickets);
	out->to = to->raft_id;
	out->is_snapshot = is_snapshot;
	out->began_ms = g->now.mono_ms;
	tree_insert(&g->outgoing, &out->ticket, &out->by_ticket);
	peer->call(peer->self, out->ticket, &target, method,
		   is_snapshot ? SNAPSHOT_TIMEOUT_MS : SEND_TIMEOUT_MS);
	return out->ticket;
}

static bool send_encoded(struct group *g, uint64_t ticket, const void *request)
{
	AUTO_BUF struct buf bytes = BUF_MAX(MESSAGE_MAX);

	if (!pb_encode(request, &bytes))
		return false;
	g->config.peer->send(g->config.peer->self, ticket, buf_str(&bytes));
	return true;
}

static void send_snapshot(struct group *g, const struct member *to, const struct raft_message *m,
			  struct str content)
{
	uint64_t ticket = open_call(g, to, RAFT_STREAM_METHOD, true);
	size_t at = 0;

	do {
		AUTO_ARENA struct arena a = { 0 };
		Pb__StreamRaftMessageRequest *request = PB_NEW(&a, stream_raft_message_request);
		size_t size = content.len - at < SLICE_BYTES ? content.len - at : SLICE_BYTES;

		request->message = raft_to_pb(&a, m);
		request->message->snapshot->data.data = (uint8_t *)content.ptr + at;
		request->message->snapshot->data.len = size;
		if (!send_encoded(g, ticket, request))
			abort(); /* a slice and a manifest fit */
		at += size;
	} while (at < content.len);
	g->config.peer->finish(g->config.peer->self, ticket, PEER_OK, NULL);
}

static void send_message(struct group *g, const struct member *to, const struct raft_message *m)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__ProcessRaftMessageRequest *request = PB_NEW(&a, process_raft_message_request);
	uint64_t ticket;

	request->message = raft_to_pb(&a, m);
	ticket = open_call(g, to, RAFT_METHOD, false);
	if (!send_encoded(g, ticket, request)) {
		log_error(g->config.log, "raft", "a message to %s is larger than %d bytes",
			  to->node_id, MESSAGE_MAX);
		g->config.peer->cancel(g->config.peer->self, ticket);
		outgoing_free(g, tree_entry(tree_find(&g->outgoing, &ticket), struct outgoing,
					    by_ticket));
		return;
	}
	g->config.peer->finish(g->config.peer->self, ticket, PEER_OK, NULL);
}

void transport_send(struct group *g, struct raft_message *const *messages, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct raft_message *m = messages[i];
		const struct member *to = members_find(&g->members, m->to);
		struct buf content;

		if (!to)
			to = members_find(&g->hints, m->to);
		if (!to) {
			raft_report_unreachable(g->raft, m->to);
			if (m->kind == RAFT_SNAPSHOT)
				raft_report_snapshot(g->raft, m->to, false);
		} else if (m->kind != RAFT_SNAPSHOT) {
			send_message(g, to, m);
		} else if (snapshots_content(g, m, &content)) {
			send_snapshot(g, to, m, buf_str(&content));
			buf_clear(&content);
		} else {
			raft_report_snapshot(g->raft, m->to, false);
		}
	}
}

/* Smoothed: one slow answer is no distance. */
static void measure_trip(const struct group *g, struct member *to, const struct outgoing *out)
{
	to->trip_8 += g->now.mono_ms - out->began_ms - to->trip_8 / 8;
}

static void outgoing_ended(struct group *g, struct outgoing *out, const struct peer_event *ev)
{
	struct member *to = members_find(&g->members, out->to);

	if (to)
		to->is_active = ev->status == PEER_OK;
	if (to && ev->status == PEER_OK && !out->is_snapshot)
		measure_trip(g, to, out);
	if (out->is_snapshot)
		raft_report_snapshot(g->raft, out->to, ev->status == PEER_OK);
	if (ev->status != PEER_OK)
		raft_report_unreachable(g->raft, out->to);
	if (ev->status == PEER_NOT_FOUND && strstr(ev->text, "was removed from the cluster")) {
		g->was_removed = true;
		group_stop(g, "this manager was removed from the swarm");
	}
	outgoing_free(g, out);
}

/* A message of a stream: the last one counts, with the content of all. */
static bool take_message(struct incoming *in, const Pb__RaftMessage *p, struct err *e)
{
	struct raft_message *m;

	if (!p)
		return fail(e, ERR_INVALID, "empty raft message");
	m = raft_from_pb(p, e);
	if (!m)
		return false;
	if (in->message && (m->kind != RAFT_SNAPSHOT || in->message->kind != RAFT_SNAPSHOT ||
			    m->index != in->message->index ||
			    m->snapshot->index != in->message->snapshot->index)) {
		raft_message_free(m);
		return fail(e, ERR_INVALID,
			    "Raft message chunk with index %llu is different from the previously "
			    "received raft message index %llu",
			    (unsigned long long)p->index, (unsigned long long)in->message->index);
	}
	if (p->snapshot && p->snapshot->data.len &&
	    !buf_append(&in->content, p->snapshot->data.data, p->snapshot->data.len)) {
		raft_message_free(m);
		return fail(e, ERR_EXHAUSTED, "the snapshot is larger than %zu bytes",
			    in->content.max);
	}
	raft_message_free(in->message);
	in->message = m;
	return true;
}

static bool decode_message(struct incoming *in, struct str bytes, struct err *e)
{
	AUTO_ARENA struct arena a = { 0 };
	const Pb__ProcessRaftMessageRequest *request;

	/* Both requests have the message as their only field. */
	request =
		pb_decode(&a, &pb__process_raft_message_request__descriptor, bytes, MESSAGE_MAX, e);
	return request && take_message(in, request->message, e);
}

/* A member that joined while this one was away is in none of its entries. It is answered all the same,
 * or it could never find out how far this log goes, and bring it up to date. */
static void look_up_stranger(struct group *g, const struct incoming *in, uint64_t raft_id)
{
	const struct group_config *c = &g->config;
	const char *addr = c->find_addr && !members_find(&g->hints, raft_id)
				   ? c->find_addr(c->find_addr_self, in->from)
				   : NULL;

	if (addr && addr[0])
		members_set(&g->hints, raft_id, in->from, addr);
}

static void step(struct group *g, struct incoming *in)
{
	struct raft_message *m = in->message;
	struct member *from;
	struct err e;

	if (!m || !g->raft)
		return;
	from = members_find(&g->members, m->from);
	if (from)
		from->is_active = true;
	else
		look_up_stranger(g, in, m->from);
	if (m->kind == RAFT_SNAPSHOT) {
		free((void *)g->received.content.ptr);
		g->received = (struct received){ m->snapshot->index, m->snapshot->term, { 0 } };
		g->received.content.len = in->content.len;
		g->received.content.ptr = buf_steal(&in->content);
	}
	if (!raft_step(g->raft, m, &e)) {
		if (e.kind == ERR_INTERNAL)
			group_stop(g, "%s", e.text);
		else
			log_warn(g->config.log, "raft", "a message of %s is dropped: %s", in->from,
				 e.text);
	}
}

static void reply(struct group *g, uint64_t ticket)
{
	const struct peer *peer = g->config.peer;

	peer->send(peer->self, ticket, STR(""));
	peer->finish(peer->self, ticket, PEER_OK, NULL);
}

static void incoming_message(struct group *g, struct incoming *in, struct str bytes)
{
	const struct peer *peer = g->config.peer;
	struct err e;

	if (!decode_message(in, bytes, &e)) {
		peer->finish(peer->self, in->ticket, (enum peer_status)err_grpc_status(e.kind),
			     e.text);
		incoming_free(g, in);
	} else if (members_was_removed(&g->members, in->message->from)) {
		peer->finish(peer->self, in->ticket, PEER_NOT_FOUND,
			     "raft: member was removed from the cluster");
		incoming_free(g, in);
	}
}

static void incoming_event(struct group *g, struct incoming *in, const struct peer_event *ev)
{
	switch (ev->kind) {
	case PEER_MESSAGE:
		incoming_message(g, in, ev->message);
		return;
	case PEER_HALF_CLOSED:
		if (in->message && in->message->to != g->me) {
			/* Who was moved to another's address is not that other. */
			g->config.peer->finish(g->config.peer->self, in->ticket,
					       PEER_FAILED_PRECONDITION,
					       "raft: another member is at this address");
		} else {
			step(g, in);
			reply(g, in->ticket);
		}
		incoming_free(g, in);
		return;
	case PEER_ENDED:
		incoming_free(g, in);
		return;
	default:
		return;
	}
}

static void incoming_open(struct group *g, uint64_t ticket, const struct peer_event *ev)
{
	const struct peer *peer = g->config.peer;
	struct incoming *in;

	if (!g->raft || g->failure) {
		peer->finish(peer->self, ticket, PEER_FAILED_PRECONDITION,
			     "raft: node is not yet part of a raft cluster");
		return;
	}
	if (g->incoming.count >= INCOMING_MAX) {
		peer->finish(peer->self, ticket, PEER_RESOURCE_EXHAUSTED,
			     "too many raft messages at once");
		return;
	}
	in = NEW(struct incoming);
	in->ticket = ticket;
	in->from = xstrdup(ev->from.node_id);
	in->content = BUF_MAX(CONTENT_MAX);
	tree_insert(&g->incoming, &ticket, &in->by_ticket);
}

bool group_peer_event(struct group *g, uint64_t ticket, const struct peer_event *ev)
{
	struct tree_node *node;

	if (enrol_peer_event(g, ticket, ev))
		return true;
	if (!(ticket & PEER_THEIRS)) {
		node = tree_find(&g->outgoing, &ticket);
		if (node && ev->kind == PEER_ENDED)
			outgoing_ended(g, tree_entry(node, struct outgoing, by_ticket), ev);
		return node != NULL;
	}
	if (ev->kind == PEER_OPENED) {
		incoming_open(g, ticket, ev);
		return true;
	}
	node = tree_find(&g->incoming, &ticket);
	if (node)
		incoming_event(g, tree_entry(node, struct incoming, by_ticket), ev);
	return node != NULL;
}
