#include "base/fsm.h"

#include <assert.h>

#include "base/log.h"

void fsm_move(const struct fsm_state *table, int *state, int next, const struct log *log,
	      const char *what, const char *id)
{
	assert(table[*state].may_go_to & FSM_TO(next));
	log_debug(log, what, "%s: %s -> %s", id, table[*state].name, table[next].name);
	*state = next;
}
