/* What the files of this sub-room share. */
#ifndef SHOAL_SWARM_LOGS_INSIDE_H
#define SHOAL_SWARM_LOGS_INSIDE_H

#include "base/id.h"
#include "base/list.h"
#include "base/tree.h"
#include "swarm/logs/broker.h"
#include "swarm/logs/heard.h"

#define MESSAGE_MAX 0x400000 /* of a batch of lines, as stock servers limit it */
#define CALLS_MAX   65536    /* of agents */
/* So much is sent to a client before it is asked whether that was taken. */
#define UNTAKEN_MAX (64 << 10)
#define REASONS_MAX 100 /* that a client is told */
#define WARNING_MAX 4000

/* An agent that listens. */
struct listener {
	struct tree_node by_node;
	struct tree_node by_ticket;
	uint64_t ticket;
	char node_id[];
};

/* A node's part of a subscription. */
struct part {
	struct tree_node by_node;
	bool is_done;             /* nothing more is waited for */
	struct heard_tasks heard; /* of who follows */
	char node_id[];
};

/* What one client reads. */
struct subscription {
	struct tree_node by_ticket; /* of its SubscribeLogs call */
	uint64_t ticket;
	uint64_t random_ticket; /* until its id is here */
	char id[OBJECT_ID_LEN + 1];
	struct arena memory;
	const Pb__SubscribeLogsRequest *request; /* NULL until it came; in `memory` */
	struct tree parts;                       /* struct part by node */
	size_t open_parts;
	char **reasons; /* why something is missing */
	size_t reason_count;
	char **unplaced; /* tasks that are on no node yet */
	size_t unplaced_count;
	size_t untaken; /* bytes sent since the client was last known to keep up */
	bool is_held;   /* it is asked whether it took them; its publishers wait */
};

/* A PublishLogs call. */
struct publisher {
	struct tree_node by_ticket;
	uint64_t ticket;
	struct subscription *of; /* NULL until the first message */
	char node_id[];
};

struct broker {
	struct broker_config config;
	bool is_leading;
	struct tree listeners;        /* struct listener by node */
	struct tree listener_tickets; /* the same by ticket */
	struct tree subscriptions;    /* struct subscription by ticket */
	struct tree publishers;       /* struct publisher by ticket */
};

/* broker.c */
void broker_send(struct broker *b, uint64_t ticket, const void *message);
struct listener *listener_of(const struct broker *b, const char *node_id);

/* subscription.c */
void subscription_open(struct broker *b, uint64_t ticket);
void subscription_message(struct broker *b, struct subscription *s, struct str message);
/* Its id is here: begin. */
void subscription_begin(struct broker *b, struct subscription *s, const uint8_t *random);
/* End the client's call; its nodes are told. */
void subscription_end(struct broker *b, struct subscription *s, enum peer_status status,
		      const char *text);
/* The client is gone: the same without its call. */
void subscription_drop(struct broker *b, struct subscription *s);
/* The node has nothing more for it, or (why) cannot have. May end the subscription. */
void subscription_node_done(struct broker *b, struct subscription *s, const char *node_id,
			    const char *why);
void subscription_node_listens(struct broker *b, struct subscription *s, const char *node_id);
void subscription_task_changed(struct broker *b, struct subscription *s, const Pb__Task *task);
void subscription_task_removed(struct subscription *s, const Pb__Task *task);
/* Lines that a node published; takes them out of `m` if they are not new. */
void subscription_forward(struct broker *b, struct subscription *s, const struct publisher *by,
			  Pb__PublishLogsMessage *m, size_t bytes);
void subscription_drained(struct broker *b, struct subscription *s);

/* publisher.c */
void publisher_open(struct broker *b, uint64_t ticket, const char *node_id);
void publisher_event(struct broker *b, struct publisher *p, const struct peer_event *ev);
void publisher_free(struct broker *b, struct publisher *p);
/* The subscription ends: so do its publishers. */
void publishers_end(struct broker *b, const struct subscription *s);
void publishers_hold(struct broker *b, const struct subscription *s, bool is_held);

#endif
