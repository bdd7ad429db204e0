/* The root that this node believes in, as the swarm changes it.
 *
 * When a rotation of the root is complete, each session message brings the new root. It is believed
 * only if the node's own certificate leads to it: nobody who is not of the swarm's CA can talk a
 * node out of its swarm. A root that was refused is looked at again once the node has another
 * certificate. */
#include <string.h>

#include "base/log.h"
#include "node/inside.h"

void trust_forget(struct node *n)
{
	buf_clear(&n->membership.refused_root);
	n->membership.trusting = 0;
}

void trust_turn(struct node *n)
{
	struct membership *m = &n->membership;
	const struct keys *keys = n->config.seams.keys;
	const ProtobufCBinaryData *ours =
		n->description->tls_info ? &n->description->tls_info->trust_root : NULL;
	struct str told = n->agent ? agent_root_ca(n->agent) : STR("");

	if (m->state != SWARM_ACTIVE || m->step != STEP_NONE || m->trusting || !ours)
		return;
	if (told.len == 0 || told.len > ROOT_MAX ||
	    str_equal(told, str_bytes(ours->data, ours->len)) ||
	    str_equal(told, buf_str(&m->refused_root)))
		return;
	buf_reset(&m->refused_root);
	buf_append_str(&m->refused_root, told);
	m->trusting = ticket_next(&n->tickets);
	keys->trust(keys->self, m->trusting, told);
}

bool trust_keys_event(struct node *n, uint64_t ticket, const struct keys_event *ev)
{
	struct membership *m = &n->membership;

	if (!m->trusting || ticket != m->trusting)
		return false;
	m->trusting = 0;
	if (ev->kind == KEYS_FAILED) {
		log_warn(n->config.log, "swarm", "the new root of the swarm is not believed: %s",
			 ev->text);
		return true;
	}
	log_info(n->config.log, "swarm", "the swarm has a new root certificate");
	membership_learn_identity(n, &ev->identity);
	return true;
}
