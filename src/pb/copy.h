/* Inside pb/ only: copies a message into one block of memory.
 *
 * Two passes over the message: the first adds up what it takes, the second fills a block of that
 * size, structs and lists in front, text packed tightly behind them. */
#ifndef SHOAL_PB_COPY_H
#define SHOAL_PB_COPY_H

#include "pb/pb.h"

struct pb_pool;

enum copy_how {
	COPY_DEEP,   /* everything */
	COPY_KEEP,   /* shared parts (pb/pool.h) are looked up in, or added to, the pool */
	COPY_BORROW, /* shared parts stay where they are: the copy points at them */
};

/* What copy_into() will need. */
struct copy_room {
	size_t structs, text;
};

struct copy_room copy_measure(const ProtobufCMessage *message, enum copy_how how);

/* In bytes, a multiple of 8. */
static inline size_t copy_bytes(struct copy_room room)
{
	return (room.structs + room.text + 7) & ~(size_t)7;
}

/* `block` is as large as was measured and aligned for any type; the copy begins where it begins.
 * The pool is for COPY_KEEP alone. */
void copy_into(void *block, struct copy_room room, const ProtobufCMessage *message,
	       enum copy_how how, struct pb_pool *pool);

#endif
