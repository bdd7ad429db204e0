/* The order of a turn. It is an idea of its own, so it has a file of its own:
 * facts first, then the rooms from agreement to containers, then the answers. */
#include "base/log.h"
#include "node/inside.h"

static void handle_inputs(struct node *n, struct now now)
{
	struct queued_input *q;

	list_each(&n->inbox, struct queued_input, link, q) {
		log_debug(n->config.log, "node", "input kind=%d ticket=%llu at %lld", (int)q->input.kind,
			  (unsigned long long)q->input.ticket, (long long)now.mono_ms);
	}
	list_init(&n->inbox);
	arena_reset(&n->inbox_memory);
}

int64_t node_turn(struct node *n, struct now now)
{
	n->turns++;
	handle_inputs(n, now);
	arena_reset(&n->scratch);
	return NEVER_MS;
}
