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

/* Bytes that copy_into() will need, a multiple of 8. */
size_t copy_size(const ProtobufCMessage *message, enum copy_how how);
/* `room` has copy_size() bytes and is aligned for any type; the copy begins where it begins.
 * The pool is for COPY_KEEP alone. */
void copy_into(void *room, const ProtobufCMessage *message, enum copy_how how,
	       struct pb_pool *pool);

#endif
