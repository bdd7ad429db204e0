/* Who the managers are: raft ids, node ids, addresses.
 *
 * A raft id is never used twice: those of removed members are remembered for ever, so that one that
 * comes back from an old disk is told that it is gone. Identity is the key, an address is a hint.
 */
#ifndef SHOAL_RAFT_MEMBERS_H
#define SHOAL_RAFT_MEMBERS_H

#include "base/tree.h"
#include "pb/pb.h"

struct member {
	struct tree_node by_raft_id;
	uint64_t raft_id;
	char *node_id;
	char *addr;     /* "host:port", as the member advertised it */
	char *found;    /* where it was met since, on this host's word alone; NULL: at addr */
	bool is_active; /* heard from, or reached, since the last failure to reach it */
	bool is_voter;  /* else it is still catching up */
	int64_t trip_8; /* to it and back, as measured lately: eighths of ms */
};

struct members {
	struct tree by_raft_id; /* struct member */
	uint64_t *removed;      /* ascending */
	size_t removed_count;
	uint64_t version; /* counts changes */
};

void members_init(struct members *m);
void members_clear(struct members *m);

struct member *members_find(const struct members *m, uint64_t raft_id);
struct member *members_find_node(const struct members *m, const char *node_id);
bool members_was_removed(const struct members *m, uint64_t raft_id);

/* Where to call it. */
const char *member_at(const struct member *m);

/* Add, or set the node and address of one that is there. */
void members_set(struct members *m, uint64_t raft_id, const char *node_id, const char *addr);
/* It was met at that address, whatever the log says. False if that is nothing new. */
bool members_met(struct members *m, struct member *it, const char *addr);
/* Remove, and remember that it was. */
void members_remove(struct members *m, uint64_t raft_id);
size_t members_voters(const struct members *m);

Pb__ClusterSnapshot *members_to_pb(const struct members *m, struct arena *a);
void members_from_pb(struct members *m, const Pb__ClusterSnapshot *p);

#define members_each(m, it) tree_each (&(m)->by_raft_id, struct member, by_raft_id, it)

#endif
