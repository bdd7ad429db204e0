/* The texts of the reference for what the core holds: one line a message or entry, without its
 * newline unless said. For people, logs, and the reference's own interaction scripts. */
#ifndef SHOAL_RAFT_CORE_DESCRIBE_H
#define SHOAL_RAFT_CORE_DESCRIBE_H

#include "raft/core/raft.h"

struct buf;

const char *raft_role_name(enum raft_role role);
const char *raft_message_name(enum raft_message_kind kind);
bool raft_message_kind_parse(const char *name, enum raft_message_kind *kind);

void raft_describe_entry(struct buf *out, const struct raft_entry *e);
void raft_describe_message(struct buf *out, const struct raft_message *m);
/* Several lines, each with its newline. */
void raft_describe_ready(struct buf *out, const struct raft_ready *rd);
void raft_describe_peer(struct buf *out, const struct raft_peer_status *p);

#endif
