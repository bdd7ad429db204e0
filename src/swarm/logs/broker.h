/* The log broker: the leader's side of reading logs.
 *
 *     client ──SubscribeLogs──► broker ◄──ListenSubscriptions── each agent
 *            ◄──── lines ─────         ◄──PublishLogs────────── agents that have matching tasks
 *
 * A subscription names tasks, by service, node or task. The agents of their nodes are told of it
 * and publish what their tasks wrote; each line goes on to the client in the order in which its
 * node sent it, once. Lines are not kept here: while the client takes no more, its publishers are
 * held.
 *
 * Without `follow` the subscription ends when every node is done. A node that does not listen,
 * goes away or breaks off is done too, with a reason; a client that did not get everything is told
 * so at the end, in the reference's words: "warning: incomplete log stream ...". With `follow`
 * nodes join as tasks come to them, and it ends when the client goes.
 *
 * All of it lives on the leader, in memory: with a new leader every reader begins anew.
 *
 * Protocol: SwarmKit's LogBroker and Logs services. */
#ifndef SHOAL_SWARM_LOGS_BROKER_H
#define SHOAL_SWARM_LOGS_BROKER_H

#include "base/ticket.h"
#include "seam/input.h"
#include "store/store.h"
#include "swarm/controller.h"

#define BROKER_SUBSCRIPTIONS_MAX 1000 /* open at a time */

struct broker;

struct broker_config {
	const struct peer *peer;
	const struct keys *keys; /* ids of subscriptions must not be guessed */
	const struct store *store;
	struct tickets *tickets; /* TICKET_LOGS; they outlive the broker */
};

struct broker *broker_new(const struct broker_config *c);
void broker_free(struct broker *b);

/* It decides nothing; it looks where tasks go and which nodes fall. */
struct controller broker_controller(struct broker *b);

/* Calls of the LogBroker and Logs services that others opened. */
void broker_peer_event(struct broker *b, uint64_t ticket, const struct peer_event *ev);
/* Outcomes of seam/keys with TICKET_LOGS. */
void broker_keys_event(struct broker *b, uint64_t ticket, const struct keys_event *ev);

#endif
