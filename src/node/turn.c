/* The order of a turn. It is an idea of its own, so it has a file of its own:
 * facts first, then the rooms from agreement to containers, then the answers. */
#include "base/log.h"
#include "node/inside.h"

static void handle_inputs(struct node *n, struct now now)
{
	struct input *in;

	list_each(&n->inbox.queue, struct input, link, in) {
		log_debug(n->config.log, "node", "input kind=%d ticket=%llu at %lld", (int)in->kind,
			  (unsigned long long)in->ticket, (long long)now.mono_ms);
	}
	inbox_empty(&n->inbox);
}

int64_t node_turn(struct node *n, struct now now)
{
	n->turns++;
	handle_inputs(n, now);
	arena_reset(&n->scratch);
	return NEVER_MS;
}
