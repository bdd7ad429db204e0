/* Clients: they ask any manager for changes and reads, and remember what they were told.
 *
 * Every write has a name of its own. Acknowledged: it must be there for ever, and for every read
 * that begins later. Refused: it must never be there. Unknown: either. */
#ifndef SHOAL_SIM_CLIENTS_H
#define SHOAL_SIM_CLIENTS_H

#include "sim/world.h"

enum write_state { WRITE_PENDING, WRITE_ACKNOWLEDGED, WRITE_REFUSED, WRITE_UNKNOWN };

struct client_write {
	enum write_state state;
	size_t node;
	uint64_t life, ticket;
	char name[16];
};

struct client_read {
	size_t node;
	uint64_t life, ticket;
	size_t acknowledged; /* how many writes were, when it began */
	bool is_done;
};

struct clients {
	struct world *world;
	int64_t until_ms, every_ms;
	struct client_write *writes;
	size_t write_count, write_capacity;
	size_t *acknowledged; /* writes, in the order in which they were */
	size_t acknowledged_count;
	struct client_read *reads;
	size_t read_count, read_capacity;
	size_t reads_answered;
};

void clients_begin(struct clients *c, struct world *w, int64_t until_ms);
void clients_clear(struct clients *c);
/* Take the answers of a node after its turn. */
void clients_after_turn(struct clients *c, struct sim_node *s);
/* Every manager has what was acknowledged, nothing that was refused, and no request waits. */
void clients_check_all(struct clients *c);

#endif
