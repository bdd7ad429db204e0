/* Messages at rest: small, immutable, and sharing what many of them have alike.
 *
 * A thousand tasks of a service hold the same task spec, endpoint and networks. pb_keep() copies a
 * message into one block of its own, but for the sub-messages and strings named in the table in
 * pool.c: those exist once per pool, found by digest and compared, and live as long as something
 * kept holds them. A shared part may itself hold shared parts (a service spec its task spec).
 *
 * Kept messages are read like any other and never written. To change one, copy it: pb_dup() for
 * all of it, pb_borrow() when only fields outside the shared parts change. */
#ifndef SHOAL_PB_POOL_H
#define SHOAL_PB_POOL_H

#include "base/tree.h"
#include "pb/pb.h"

struct pb_pool {
	struct tree parts;  /* by digest */
	size_t parts_bytes; /* that the shared parts take, with what the pool needs for them */
};

void pb_pool_init(struct pb_pool *pool);
/* Everything kept must have been dropped. */
void pb_pool_clear(struct pb_pool *pool);

/* Keep a copy of `message` until pb_drop(). Equal messages kept in different pools, or in another
 * order, are equal. */
const void *pb_keep(struct pb_pool *pool, const void *message);
void pb_drop(struct pb_pool *pool, const void *kept);

/* What it takes by itself, without its shared parts and malloc's own overhead. */
size_t pb_kept_bytes(const void *kept);

/* A copy in the arena whose shared parts are still the pool's: put another message in their place,
 * never write into them. Good until `kept` is dropped. */
void *pb_borrow(struct arena *a, const void *kept);

/* Inside pb/: which fields of a type are shared parts, as a set (field.h). */
uint64_t pool_fields(const ProtobufCMessageDescriptor *type);
/* Inside pb/: one more holder of the part equal to `message`. */
const void *pool_take(struct pb_pool *pool, const ProtobufCMessage *message);
const char *pool_take_text(struct pb_pool *pool, struct str text);

#endif
