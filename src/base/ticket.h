/* Tickets: numbers for work that outlives a turn.
 *
 * A room draws tickets of its own, and the room is in the number, so that whoever routes an
 * outcome knows whose it is without a table. Never 0, never twice in a life of the process. The
 * top bit is left to the hands (seam/peer.h: PEER_THEIRS). */
#ifndef SHOAL_BASE_TICKET_H
#define SHOAL_BASE_TICKET_H

#include <stdint.h>

enum ticket_room {
	TICKET_NODE = 1,
	TICKET_RAFT,
	TICKET_CONTROL,
	TICKET_CA,
	TICKET_DISPATCH,
	TICKET_LOGS,
	TICKET_AGENT,
	TICKET_ENGINE,
	TICKET_API,
};

struct tickets {
	enum ticket_room room;
	uint64_t last;
};

static inline uint64_t ticket_next(struct tickets *t)
{
	return (uint64_t)t->room << 56 | ++t->last;
}

static inline enum ticket_room ticket_room_of(uint64_t ticket)
{
	return (enum ticket_room)(ticket >> 56 & 0x7f);
}

#endif
