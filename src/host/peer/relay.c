/* Relay: calls that only the leader answers are made again to it.
 *
 * A relayed call is two calls that are twins: the one that came in, and the one to the leader.
 * Neither is known to the mind. Who calls is told in metadata, even when it showed no certificate:
 * else the leader would take this manager for the caller. */
#include <string.h>

#include "base/mem.h"
#include "host/peer/inside.h"
#include "pb/methods.h"

#define METADATA_MAX 16

bool relay_takes(const struct peer_hands *p, const char *method)
{
	const struct pb_method *m = p->is_relaying ? pb_method_find(str_of(method)) : NULL;

	return m && m->goes_to_leader;
}

static size_t tell_caller(struct link *l, struct grpc_metadata out[METADATA_MAX])
{
	const struct cert_identity *cert = tls_peer(l->tls);
	size_t count = 0;

#define ADD(name, value) (out[count++] = (struct grpc_metadata){ STR(name), str_of(value) })
	ADD("redirect", l->remote);
	ADD("remote_addr", l->remote);
	ADD("forwarded_cert", "true");
	ADD("forwarded_cert_cn", cert ? cert->cn : "");
	ADD("forwarded_cert_org", cert ? cert->org : "");
	for (int i = 0; cert && i < cert->ou_count && count < METADATA_MAX; i++)
		ADD("forwarded_cert_ou", cert->ou[i]);
#undef ADD
	return count;
}

static void refuse(struct link *l, uint32_t number, enum grpc_status status, const char *text)
{
	grpc_end(l->grpc, number, status, text);
	link_pump_later(l);
}

void relay_open(struct link *l, const struct grpc_event *ev)
{
	struct peer_hands *p = l->hands;
	struct grpc_metadata metadata[METADATA_MAX];
	struct grpc_open open = { .method = ev->method,
				  .authority = p->leader_addr,
				  .timeout_ms = ev->timeout_ms,
				  .metadata = metadata };
	AUTO_ARENA struct arena a = { 0 };
	const char *before = metadata_value(ev, "redirect", &a);
	struct call *in, *out;
	struct link *to;
	uint32_t number;
	struct err e;

	if (before[0]) {
		refuse(l, ev->call, GRPC_RESOURCE_EXHAUSTED,
		       arena_printf(&a, "more than one redirect to leader from: [%s]", before));
		return;
	}
	if (!p->leader_addr) {
		refuse(l, ev->call, GRPC_UNKNOWN, "raft: no elected cluster leader");
		return;
	}
	to = link_to(p,
		     &(struct peer_target){ .addr = p->leader_addr, .trust = PEER_TRUST_MANAGER });
	open.metadata_count = tell_caller(l, metadata);
	if (to->state == LINK_CLOSING || !grpc_open(to->grpc, &open, &number, &e)) {
		refuse(l, ev->call, GRPC_UNAVAILABLE, "the leader cannot be reached");
		return;
	}
	in = call_add(p, l, PEER_THEIRS | ++p->last_ticket, ev->call);
	out = call_add(p, to, PEER_THEIRS | ++p->last_ticket, number);
	in->is_theirs = in->is_relayed = out->is_relayed = true;
	in->twin = out;
	out->twin = in;
	link_pump_later(to);
}

void relay_message(struct call *c, struct str message)
{
	if (!c->twin)
		return;
	link_pump_later(c->twin->link);
	call_send(c->twin, message);
}

void relay_half_closed(struct call *c)
{
	if (!c->twin)
		return;
	link_pump_later(c->twin->link);
	call_finish(c->twin, PEER_OK, NULL);
}

void relay_ended(struct call *c, enum peer_status status, const char *text)
{
	struct call *twin = c->twin;

	call_free(c);
	if (!twin)
		return;
	link_pump_later(twin->link);
	if (twin->is_theirs) {
		call_finish(twin, status, text);
	} else {
		grpc_cancel(twin->link->grpc, twin->number);
		call_free(twin);
	}
}
