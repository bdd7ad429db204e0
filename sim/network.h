/* The network between nodes: the fake behind seam/peer.
 *
 * Calls go over connections, one for each pair of nodes, direction and kind (raft or the rest):
 * what is sent on one arrives in order, after a delay; what is sent in one turn mostly together. A
 * link that is cut swallows what is sent in that direction; nobody is told. A connection breaks
 * when a link heals after a cut, when an end crashes, or when chance says so: every call on it then
 * ends with PEER_UNAVAILABLE at both ends, and what was under way is lost. */
#ifndef SHOAL_SIM_NETWORK_H
#define SHOAL_SIM_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seam/peer.h"

struct network;
struct sim_node;
struct world;

struct network *network_new(struct world *w);
void network_free(struct network *n);

const struct peer *network_peer(struct network *n, struct sim_node *owner);

/* From now on messages take between these times. */
void network_set_delay(struct network *n, int64_t min_ms, int64_t max_ms);
/* Swallow what `from` sends to `to`, or stop swallowing. */
void network_cut(struct network *n, size_t from, size_t to, bool is_cut);
bool network_is_cut(const struct network *n, size_t from, size_t to);
void network_heal(struct network *n);
/* Break the connections between two nodes. */
/* A process that died refuses connections: those who had one with it try, and know. */
void network_refuse(struct network *n, size_t node);
void network_break(struct network *n, size_t a, size_t b);
/* A node died: its connections break, unless its power went silently (others then hear nothing). */
void network_node_died(struct network *n, size_t node, bool is_silent);

#endif
