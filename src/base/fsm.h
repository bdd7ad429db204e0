/* A life as a table of states: each row names a state and says where it may go.
 *
 * fsm_move() asserts that the move is in the table. Up to 64 states; row i describes state i. */
#ifndef SHOAL_BASE_FSM_H
#define SHOAL_BASE_FSM_H

#include <stdint.h>

struct log;

struct fsm_state {
	const char *name;
	uint64_t may_go_to; /* FSM_TO(A) | FSM_TO(B) */
};

#define FSM_TO(state) (UINT64_C(1) << (state))

/* Move *state to `next` and trace it at debug level as "<what> <id>: old -> next". */
void fsm_move(const struct fsm_state *table, int *state, int next, const struct log *log,
	      const char *what, const char *id);

#endif
