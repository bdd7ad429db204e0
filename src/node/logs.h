/* Reading logs of the swarm's tasks, from any manager: a call to whoever leads.
 *
 * Whoever reads draws a ticket with node_ticket(). Lines come as deliveries with that ticket until
 * the one that is the last; after node_logs_stop() none comes. A reader that cannot pass lines on
 * holds them: what is under way still comes. When another manager leads, or none, reading ends: the
 * old one may be gone without a word. */
#ifndef SHOAL_NODE_LOGS_H
#define SHOAL_NODE_LOGS_H

#include "base/err.h"
#include "base/list.h"
#include "pb/pb.h"

struct node;

struct log_delivery {
	struct list link;
	uint64_t ticket;
	bool is_last;
	bool is_ok;     /* of the last */
	int status;     /* of the last: gRPC's */
	struct err err; /* of the last, when it is not ok: the text is the leader's */
	size_t n_messages;
	Pb__LogMessage **messages;
	struct arena memory;
};

void node_logs_read(struct node *n, uint64_t ticket, const Pb__SubscribeLogsRequest *request);
void node_logs_hold(struct node *n, uint64_t ticket, bool is_held);
void node_logs_stop(struct node *n, uint64_t ticket);

/* The next delivery, or NULL; the caller's, to be given to log_delivery_free(). */
struct log_delivery *node_take_log(struct node *n);
void log_delivery_free(struct log_delivery *d);

#endif
