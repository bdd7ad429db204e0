/* The certificate authority: who may join, and what certificates the leader signs.
 *
 * A new node shows a join token and a certificate request; a node that is known renews with its
 * certificate. Both only write to the node's object; whatever is PENDING or RENEW there is signed
 * by the leader, with the CA key of the cluster object, through seam/keys. The role in a
 * certificate is Node.role, never what the caller asks for. Every token is compared in constant
 * time.
 *
 * Protocol: SwarmKit's CA and NodeCA services. */
#ifndef SHOAL_SWARM_CA_H
#define SHOAL_SWARM_CA_H

#include "base/ticket.h"
#include "seam/input.h"
#include "swarm/controller.h"

struct ca;

struct ca_config {
	const struct peer *peer;
	const struct keys *keys;
	const struct log *log;
	struct prng *prng; /* ids of new nodes */
	const struct store *store;
	struct tickets *tickets; /* of TICKET_CA; they outlive it, for outcomes may too */
};

struct ca *ca_new(const struct ca_config *c);
void ca_free(struct ca *ca);
struct controller ca_controller(struct ca *ca);

/* Calls of the CA and NodeCA services that others opened. */
void ca_peer_event(struct ca *ca, uint64_t ticket, const struct peer_event *ev, struct now now);
/* Outcomes of seam/keys with TICKET_CA. */
void ca_keys_event(struct ca *ca, uint64_t ticket, const struct keys_event *ev);

#endif
