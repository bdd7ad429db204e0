/* A root certificate to rotate to, made before the change that asks for it is carried out.
 *
 * A change is decided within a turn and cannot wait for keys. One that needs a root is refused as not
 * possible yet and comes back by itself (errand.c); meanwhile the hands make the root, which is kept
 * for the change that fits it. */
#include "node/inside.h"

static struct str keep(struct arena *a, struct str s)
{
	return str_bytes(arena_str(a, s), s.len);
}

void new_root_forget(struct node *n)
{
	arena_clear(&n->new_root.memory);
	n->new_root = (struct new_root){ 0 };
}

const struct control_root *new_root_made(const struct node *n)
{
	return n->new_root.is_here ? &n->new_root.root : NULL;
}

void new_root_make(struct node *n, const Pb__Cluster *cluster, const Pb__CAConfig *wanted)
{
	const struct keys *keys = n->config.seams.keys;
	const Pb__RootCA *root = cluster->root_ca;
	struct new_root *r = &n->new_root;

	if (r->waiting)
		return;
	new_root_forget(n);
	r->root.old_cert = keep(&r->memory, str_bytes(root->ca_cert.data, root->ca_cert.len));
	r->root.asked_cert = keep(
		&r->memory, str_bytes(wanted->signing_ca_cert.data, wanted->signing_ca_cert.len));
	r->root.asked_key = keep(
		&r->memory, str_bytes(wanted->signing_ca_key.data, wanted->signing_ca_key.len));
	r->waiting = ticket_next(&n->tickets);
	keys->new_rotation(keys->self, r->waiting,
			   &(struct keys_rotation){
				   .old_cert = r->root.old_cert,
				   .old_key = str_bytes(root->ca_key.data, root->ca_key.len),
				   .new_cert = r->root.asked_cert,
				   .new_key = r->root.asked_key,
				   .wall_ns = n->now.wall_ns,
			   });
}

bool new_root_keys_event(struct node *n, uint64_t ticket, const struct keys_event *ev)
{
	struct new_root *r = &n->new_root;

	if (!r->waiting || ticket != r->waiting)
		return false;
	r->waiting = 0;
	r->is_here = true;
	r->root.is_refused = ev->kind == KEYS_FAILED;
	if (r->root.is_refused) {
		fail(&r->root.why, (enum err_kind)ev->err_kind, "%s", ev->text);
		return true;
	}
	r->root.cert = keep(&r->memory, ev->a);
	r->root.key = keep(&r->memory, ev->b);
	r->root.cross_signed = keep(&r->memory, ev->c);
	return true;
}
