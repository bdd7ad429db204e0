/* A transaction: changes to the store, collected, to become one log entry.
 *
 * It reads through to the committed state and shows its own changes on top (txn_view). On the
 * leader one is in flight at a time; whatever is ready joins the next one. It lives in one
 * turn: opened, filled by API changes and controllers, encoded, proposed, closed.
 *
 * To change an object: take a copy with txn_edit_*(), write to it, put it back with
 * txn_update(). The version and the times are stamped by put; a copy that is not put back is no
 * change. Copies live as long as the transaction. */
#ifndef SHOAL_STORE_TXN_H
#define SHOAL_STORE_TXN_H

#include "base/now.h"
#include "store/store.h"

#define TXN_ACTIONS_MAX 200
#define TXN_BYTES_MAX   (1536 << 10)

struct txn;

/* `version` is the commit index at this moment: what clients see as the objects' version. */
struct txn *txn_open(const struct store *s, uint64_t version, struct now now);
void txn_close(struct txn *t);

const struct view *txn_view(const struct txn *t);
struct now txn_now(const struct txn *t);
/* Memory that lives as long as the transaction: for messages to create, and for lists. */
struct arena *txn_arena(struct txn *t);

/* A copy to write to, or NULL if there is no such object. Of a task, the parts that tasks share
 * (specs, networks, endpoint: pb/pool.h) are the store's: replace them, never write into them. */
void *txn_edit(struct txn *t, enum object_kind kind, const char *id);

static inline Pb__Node *txn_edit_node(struct txn *t, const char *id)
{
	return txn_edit(t, OBJECT_NODE, id);
}

static inline Pb__Service *txn_edit_service(struct txn *t, const char *id)
{
	return txn_edit(t, OBJECT_SERVICE, id);
}

static inline Pb__Task *txn_edit_task(struct txn *t, const char *id)
{
	return txn_edit(t, OBJECT_TASK, id);
}

/* Add an object made in txn_arena(); its id must be new. Fails with ERR_CONFLICT when its name is
 * taken, and then changes nothing. */
bool txn_create(struct txn *t, void *message, struct err *e) MUST_CHECK;
/* Put an edited copy in the place of the object with its id. Fails as txn_create() does. */
bool txn_update(struct txn *t, void *message, struct err *e) MUST_CHECK;
/* The same for controllers, which do not change names: cannot fail. */
void txn_put(struct txn *t, void *message);
/* Does nothing if there is no such object. */
void txn_remove(struct txn *t, enum object_kind kind, const char *id);

/* Nothing more should be added: the rest waits for the next one. */
bool txn_is_full(const struct txn *t);
bool txn_is_empty(const struct txn *t);
/* Is there room for another change of this object? Of what it changes already there is while the
 * bytes last: an entry holds an object once, however often it was put. */
bool txn_has_room_for(const struct txn *t, enum object_kind kind, const char *id);
/* How many objects it changes. */
size_t txn_count(const struct txn *t);
/* What it changes so far, once an object, in order, each beside its committed form: so that a
 * controller can go on with what the ones before it did, in the same transaction. Lives in
 * txn_arena(); what is created and removed in here is left out. */
const struct change *txn_changes(struct txn *t, size_t *count);

/* A place to come back to: a request that is refused half-way leaves nothing behind. */
size_t txn_mark(const struct txn *t);
void txn_back_to(struct txn *t, size_t mark);

/* Append the InternalRaftRequest. False if it is larger than an entry may be. */
bool txn_encode(struct txn *t, uint64_t request_id, struct buf *out, struct err *e) MUST_CHECK;

#endif
