/* The dispatcher: the leader's side of every agent in the swarm.
 *
 * An agent opens a Session, beats its heart, streams its Assignments and reports the status of
 * its tasks. What agents report (their description, that they are there, task statuses) waits here,
 * newest wins, until the next transaction takes it; what they are to do is read from the store's
 * changes and sent in the turn that saw them. Sessions live on the leader only: a new leader
 * starts with none, and nodes that do not come back in time are down.
 *
 * A node is down when it has not been heard of for three heartbeat periods. The period is one
 * second, or longer in swarms of more than 2,000 nodes, and is told to each agent in every answer;
 * a period that the cluster's spec sets to anything but the reference's default of 5 s holds
 * instead.
 *
 * Protocol: SwarmKit's Dispatcher service. */
#ifndef SHOAL_SWARM_DISPATCH_H
#define SHOAL_SWARM_DISPATCH_H

#include "base/ticket.h"
#include "raft/members.h"
#include "seam/input.h"
#include "swarm/controller.h"

struct dispatch;

struct dispatch_config {
	const struct peer *peer;
	const struct keys *keys; /* session ids must not be guessed */
	const struct log *log;
	struct prng *prng; /* jitter */
	const struct store *store;
	const struct members *members;
	struct tickets *tickets; /* of TICKET_DISPATCH; they outlive it, for outcomes may too */
	const char *node_id;     /* this manager, for TaskStatus.applied_by */
};

struct dispatch *dispatch_new(const struct dispatch_config *c);
void dispatch_free(struct dispatch *d);

struct controller dispatch_controller(struct dispatch *d);

/* Calls of the Dispatcher service that others opened. */
void dispatch_peer_event(struct dispatch *d, uint64_t ticket, const struct peer_event *ev,
			 struct now now);
/* Outcomes of seam/keys with TICKET_DISPATCH. */
void dispatch_keys_event(struct dispatch *d, uint64_t ticket, const struct keys_event *ev);
/* At the end of a turn: send what changed. */
void dispatch_flush(struct dispatch *d, struct now now);
/* The list of managers changed: every agent is told. */
void dispatch_members_changed(struct dispatch *d);

#endif
