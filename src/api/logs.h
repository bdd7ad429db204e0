/* How a call that reads the swarm's logs is told of what happens (api/swarm_logs.c). */
#ifndef SHOAL_API_LOGS_H
#define SHOAL_API_LOGS_H

struct call;
struct log_delivery;

/* Takes the delivery over. */
void logs_delivered(struct call *c, struct log_delivery *d);
/* The client has taken what was written. */
void logs_drained(struct call *c);
/* The client is gone, or the call is over. */
void logs_abandon(struct call *c);

#endif
