/* The replicated state of a swarm: objects, what just changed, a digest, and snapshots.
 *
 * The store changes in two ways only: store_apply() of a committed log entry, and
 * store_restore() of a snapshot. Both are functions of bytes: two stores that were given the
 * same bytes in the same order are equal, and store_digest() says so in constant time.
 * Committed objects are immutable; what a change replaced is kept until store_forget(). */
#ifndef SHOAL_STORE_STORE_H
#define SHOAL_STORE_STORE_H

#include "base/arena.h"
#include "base/list.h"
#include "store/view.h"

/* An entry of this size is refused: 1.5 MiB proposals with room to spare. */
#define STORE_ENTRY_MAX (4 << 20)

struct log;
struct store;

struct store *store_new(const struct log *log);
/* What is held of it lives on until it is released. */
void store_free(struct store *s);

const struct view *store_view(const struct store *s);

/* Carry out an InternalRaftRequest's actions, all or none. Fails (and changes nothing) when one
 * creates what exists, changes or removes what does not, or is of an unknown kind: every replica
 * then skips the entry alike. An empty entry (a term's first) changes nothing and succeeds. */
bool store_apply(struct store *s, struct str entry, struct err *e) MUST_CHECK;

enum change_kind { CHANGE_CREATED, CHANGE_UPDATED, CHANGE_REMOVED };

struct change {
	enum change_kind what;
	enum object_kind kind;
	const void *old; /* NULL when created */
	const void *new; /* NULL when removed */
};

/* Changes since the last store_forget(), in order. Both ends stay valid until then. A restored
 * snapshot is not told change by change: *count is 0 and `is_restored` is set. */
const struct change *store_changes(const struct store *s, size_t *count, bool *is_restored);
void store_forget(struct store *s);

/* Equal states have equal digests; kept up to date at each change. */
struct pb_digest store_digest(const struct store *s);

/* The state at this moment, held: taking it costs a pointer an object. Reading it touches nothing
 * that changes, so another thread may; taking and releasing are the owner's. */
struct store_snapshot;
struct store_snapshot *store_snapshot_take(struct store *s);
void store_snapshot_release(struct store_snapshot *snapshot);
/* Append the next part of the encoded Pb.Snapshot: `membership`, given with the first part, and the
 * store. The objects of a part have at most STORE_PART_BYTES, but for an object that is larger by
 * itself. Parts joined together are one message. Sets *done after the last one. */
#define STORE_PART_BYTES (1 << 20)
bool store_snapshot_next(struct store_snapshot *snapshot, const Pb__ClusterSnapshot *membership,
			 struct buf *part, bool *done, struct err *e) MUST_CHECK;

/* Some objects of one kind as they are now, found by the ids of these messages, for whoever reads
 * them over several turns: neither a change nor the end of the store takes them away. The
 * messages are borrowed until the hold is released. Costs a step an object. */
struct store_hold;
struct store_hold *store_hold_take(struct store *s, enum object_kind kind,
				   const void *const *messages, size_t count);
void store_hold_release(struct store_hold *hold);

/* Replace everything. On failure the store is as it was. */
bool store_restore(struct store *s, struct str content, struct err *e) MUST_CHECK;

#endif
