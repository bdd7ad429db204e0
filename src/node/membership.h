/* A node's place in a swarm: none, on the way in, inside, locked out.
 *
 *   INACTIVE ──init, join──► PENDING ──► ACTIVE ──leave──► INACTIVE
 *                               └──► ERROR (it goes on trying, or says why it cannot)
 *   LOCKED ──unlock──► ACTIVE
 *
 * A manager whose keys were locked (autolock) is LOCKED after a restart: its containers run on, and it
 * takes no part in the swarm before it is given the unlock key.
 *
 * A manager that lost the others for good can be told to go on alone: its group is made anew of all
 * that its journal holds, and its containers do not notice.
 *
 * Init makes a root CA, this node's certificate and the first log entry, and waits until it leads.
 * Join pins the root by the token's digest, asks for a certificate with the token, and waits for
 * the first session. Both are a row of steps, each waiting for one outcome by its ticket. After a
 * restart the certificate on disk and the local journal say where the node stands. */
#ifndef SHOAL_NODE_MEMBERSHIP_H
#define SHOAL_NODE_MEMBERSHIP_H

#include <stdbool.h>
#include <stdint.h>

#include "pb/pb.h"

struct node;

enum swarm_state { SWARM_INACTIVE, SWARM_PENDING, SWARM_ACTIVE, SWARM_ERROR, SWARM_LOCKED };

struct swarm_init {
	const char *listen_addr,
		*advertise_addr; /* with ports; the hands resolved names of interfaces */
	const char *data_path_addr;
	uint32_t data_path_port;
	/* On a manager: begin anew as the only one, with what it remembers. Of the rest only the
	 * addresses count then. Elsewhere it says nothing. */
	bool force_new_cluster;
	Pb__NodeSpec__Availability availability;
	const Pb__ClusterSpec *spec; /* NULL: the defaults */
	const char *const *address_pools;
	size_t address_pool_count;
	uint32_t subnet_size;
};

struct swarm_join {
	const char *listen_addr, *advertise_addr;
	const char *data_path_addr;
	const char *remote_addr; /* "host:port" of a manager */
	const char *token;       /* whole */
	const char *root_digest; /* "sha256:<hex>", from the token */
	Pb__NodeSpec__Availability availability;
};

/* Both answer the ticket through node_take_answer(): ok (node_id() then says who it is), or why
 * not. A join that takes longer than 20 s is answered so, and goes on. */
void node_swarm_init(struct node *n, uint64_t ticket, const struct swarm_init *init);
void node_swarm_join(struct node *n, uint64_t ticket, const struct swarm_join *join);
/* Of a node that is locked: go on with this key. Answers ERR_UNAUTHENTICATED if it is not the one, and
 * ERR_CONFLICT where nothing is locked. */
void node_swarm_unlock(struct node *n, uint64_t ticket, const uint8_t key[32]);
/* A swarm as it was when node_backup() was asked, with this node as its only manager. */
struct swarm_restore {
	const char *listen_addr, *advertise_addr;
	const char *node_id; /* of the manager that wrote it: this node is that one from now on */
	uint64_t index, term;
	struct str content; /* copied */
};

/* Answers the ticket as init does. Nothing stays of one that fails. */
void node_swarm_restore(struct node *n, uint64_t ticket, const struct swarm_restore *restore);
/* On a manager: all of the swarm's state as this one has it, its keys included. */
bool node_backup(struct node *n, struct buf *content, uint64_t *index, uint64_t *term,
		 struct err *e) MUST_CHECK;

/* Refused on a manager without `force`. Stops everything of the swarm here and forgets it. */
void node_swarm_leave(struct node *n, uint64_t ticket, bool force);

enum swarm_state node_swarm_state(const struct node *n);
const char *
swarm_state_name(enum swarm_state s); /* "inactive", "pending", "active", "error", "locked" */
const char *node_swarm_error(const struct node *n); /* "" if there is none */
/* "" while it belongs to no swarm. */
const char *node_id(const struct node *n);
bool node_is_manager(const struct node *n);
const char *node_advertise_addr(const struct node *n);
/* The managers that this node knows of, as it keeps them for its next life; their number. */
size_t node_managers(const struct node *n, Pb__Peer *const **managers);

#endif
