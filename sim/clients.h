/* Clients: they ask any manager for changes and reads, and remember what they were told.
 *
 * Half of the writes make an object with a name of its own. Acknowledged: it must be there for ever,
 * and for every read that begins later. Refused: it must never be there. Unknown: either.
 *
 * The others write registers: a label of a few objects that all clients change, each from what the
 * manager it asks shows at that moment, stale or not. What they and the reads were told makes a
 * history that must be linearizable (sim/linear.h). */
#ifndef SHOAL_SIM_CLIENTS_H
#define SHOAL_SIM_CLIENTS_H

#include "sim/linear.h"
#include "sim/world.h"

#define REGISTERS 4

enum write_state { WRITE_PENDING, WRITE_ACKNOWLEDGED, WRITE_REFUSED, WRITE_UNKNOWN };

struct client_write {
	enum write_state state;
	size_t node;
	uint64_t life, ticket;
	bool is_of_register;
	size_t operation;
	char name[16]; /* of its own object */
};

struct client_read {
	size_t node;
	uint64_t life, ticket;
	size_t acknowledged;          /* how many writes were, when it began */
	size_t operations[REGISTERS]; /* not of those that had all they can */
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
	struct linear history;
	size_t operation_counts[REGISTERS];
	uint64_t last_value; /* of a register: no two writes are the same */
};

void clients_begin(struct clients *c, struct world *w, int64_t until_ms);
void clients_clear(struct clients *c);
/* Take the answers of a node after its turn. */
void clients_after_turn(struct clients *c, struct sim_node *s);
/* Every manager has what was acknowledged, nothing that was refused, and no request waits. */
void clients_check_all(struct clients *c);
/* One order explains what was told of each register. */
void clients_check_history(struct clients *c);

#endif
