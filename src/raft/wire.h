/* The core's messages as others write them: etcd's raftpb inside SwarmKit's services.
 *
 * What the core knows and raftpb does not travels in a message's `context`: the round of a
 * heartbeat and the ticket of a read as eight bytes, "CampaignTransfer" for a vote that the leader
 * asked for. Snapshots are manifests to the core; their content is added by the transport. */
#ifndef SHOAL_RAFT_WIRE_H
#define SHOAL_RAFT_WIRE_H

#include "pb/pb.h"
#include "raft/core/message.h"

/* In the arena; entry bytes are borrowed from the message. */
Pb__RaftMessage *raft_to_pb(struct arena *a, const struct raft_message *m);
/* NULL if it cannot be a message of ours: unknown type, a joint configuration, entries out of
 * order. Freed with raft_message_free(); a snapshot's content is not part of it. */
struct raft_message *raft_from_pb(const Pb__RaftMessage *p, struct err *e) MUST_CHECK;

Pb__RaftConfState *raft_conf_to_pb(struct arena *a, const struct raft_conf *conf);
bool raft_conf_from_pb(const Pb__RaftConfState *p, struct raft_conf *conf,
		       struct err *e) MUST_CHECK;

/* An entry's bytes as raftpb has them: for a change of members an encoded RaftConfChange, made in
 * the arena; else what it holds. And back, with one holder. */
struct str raft_entry_data(struct arena *a, const struct raft_entry *entry);
struct raft_entry *raft_entry_from(uint64_t index, uint64_t term, int type, struct str data,
				   struct err *e) MUST_CHECK;

#endif
