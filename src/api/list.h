/* Lists: what the swarm's have in common, and how all of them are answered.
 *
 * A list may be long, and a turn must be short: it is encoded in pieces of LIST_PIECE_BYTES (and an
 * object more), a piece a turn, each when the client has taken the one before. A list of one piece
 * is an answer of known length, a longer one comes in chunks, as the reference's do. A client that
 * takes nothing for a while is cut off as any other is.
 *
 * Which objects are listed is decided in the first turn. Those of the swarm are held: the list
 * shows them as they were then, whatever happens meanwhile. Those of this host belong to the
 * engine: each is shown as it is when its turn comes, and left out if it is gone by then. */
#ifndef SHOAL_API_LIST_H
#define SHOAL_API_LIST_H

#include "base/json_write.h"
#include "docker/filters.h"
#include "pb/pb.h"
#include "store/kind.h"

#define LIST_PIECE_BYTES (48 << 10)

struct call;

/* Write the i-th member, or nothing. */
typedef void list_write(struct call *c, struct json *j, size_t i);

/* Answer with what `write` writes of 0 to count - 1, from this turn on. What it reads lives as long
 * as the call. */
void list_reply(struct call *c, size_t count, list_write *write);
/* The same for objects of the swarm, which the call holds. `write` finds them as they are given
 * here. */
void list_reply_objects(struct call *c, enum object_kind kind, const void *const *objects,
			size_t count, list_write *write);

/* Values "a=b" or "a" of a filter, as labels to be had; one without a value matches any. */
void filter_labels(struct call *c, const struct list_filters *f, const char *name,
		   Pb__MapEntry ***labels, size_t *count);

#endif
