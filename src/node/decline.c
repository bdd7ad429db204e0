/* What a worker of a stock swarm does not become: one of its managers.
 *
 * Stock managers and ours do not share a raft group: each decides what to write into it by rules of
 * its own, and a follower that cannot apply an entry goes on without it. The node stays the worker
 * it is, says why in its state, and forgets about it when it is no longer asked. A node that comes
 * with a manager's token does not join at all. */
#include <string.h>

#include "base/log.h"
#include "node/inside.h"

#define WHY                                                                                        \
	"this node cannot become a manager of a stock swarm, only a worker: managers of Docker "   \
	"Engine and of shoal do not work together"

bool decline_is_due(const struct node *n)
{
	return n->agent && agent_is_ready(n->agent) && !agent_is_with_shoal(n->agent);
}

static void decline_join(struct node *n)
{
	struct err e;

	fail(&e, ERR_UNSUPPORTED, WHY "; join with the worker token");
	membership_give_up(n, &e);
}

void decline_turn(struct node *n)
{
	struct membership *m = &n->membership;
	const Pb__Node *node = n->agent ? agent_node(n->agent) : NULL;
	bool is_asked = node && (node->role == PB__NODE_ROLE__MANAGER ||
				 node->spec->desired_role == PB__NODE_ROLE__MANAGER);

	if (!decline_is_due(n))
		return;
	if (m->step == STEP_SETTLING && n->is_manager_by_cert) {
		decline_join(n);
	} else if (is_asked && !m->is_declining) {
		log_warn(n->config.log, "swarm", WHY "; remove it and join it again");
		membership_set_error(m, WHY "; remove it and join it again");
		m->is_declining = true;
	} else if (!is_asked && m->is_declining) {
		membership_set_error(m, NULL);
		m->is_declining = false;
	}
}
