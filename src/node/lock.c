/* The lock on this manager's keys (autolock), as the cluster object wants it.
 *
 * Every manager follows the object: it tells the hands of each unlock key that it sees there, and of
 * none, with the object's version; what is older than what the hands know they ignore, so a log that
 * is read again after a restart brings no old key back. When keys that lay open are locked, the
 * certificate is renewed too: its key was readable until now. */
#include <string.h>

#include "base/log.h"
#include "node/inside.h"
#include "swarm/unlock_key.h"

#define AGAIN_MS 30000

void lock_forget(struct node *n)
{
	n->lock = (struct lock){ .again_ms = n->now.mono_ms };
}

void lock_tell(struct node *n, uint64_t ticket, struct str unlock_key, uint64_t version)
{
	const struct keys *keys = n->config.seams.keys;
	struct lock *l = &n->lock;

	l->was_open = l->is_told && l->key_len == 0;
	l->is_told = true;
	l->key_len = unlock_key.len < sizeof(l->key) ? unlock_key.len : sizeof(l->key);
	if (l->key_len)
		memcpy(l->key, unlock_key.ptr, l->key_len);
	keys->lock(keys->self, ticket, unlock_key, version);
}

void lock_turn(struct node *n)
{
	struct lock *l = &n->lock;
	const Pb__Cluster *cluster = n->store ? view_cluster(store_view(n->store)) : NULL;
	struct str key;

	if (!cluster || !n->is_manager_by_cert || l->waiting || l->again_ms > n->now.mono_ms)
		return;
	key = unlock_key_of(cluster);
	if (l->is_told && str_equal(key, str_bytes(l->key, l->key_len)))
		return;
	l->waiting = ticket_next(&n->tickets);
	lock_tell(n, l->waiting, key, object_version(cluster));
}

int64_t lock_deadline(const struct node *n)
{
	return n->store && n->lock.again_ms > n->now.mono_ms ? n->lock.again_ms : NEVER_MS;
}

bool lock_keys_event(struct node *n, uint64_t ticket, const struct keys_event *ev)
{
	struct lock *l = &n->lock;

	if (!l->waiting || ticket != l->waiting)
		return false;
	l->waiting = 0;
	if (ev->kind == KEYS_FAILED) {
		log_error(n->config.log, "swarm",
			  "the lock on this manager's keys is not changed: %s", ev->text);
		l->is_told = false;
		l->again_ms = n->now.mono_ms + AGAIN_MS;
		return true;
	}
	l->is_settled = true;
	if (l->was_open && l->key_len && n->has_caught_up) {
		log_info(n->config.log, "swarm", "this manager's keys are locked from now on");
		n->membership.renew_at_ms = n->now.mono_ms;
	}
	return true;
}
