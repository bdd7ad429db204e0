/* Inside store/: objects by key. Tables of the committed state, and of a transaction's changes.
 *
 * Each kind has a tree by id, and those that need them trees by name (services and others) or by
 * service and by node (tasks). Trees order by content alone (base/tree.h), ending with the id, so
 * replicas list alike. */
#ifndef SHOAL_STORE_TABLES_H
#define SHOAL_STORE_TABLES_H

#include "base/tree.h"
#include "store/kind.h"

enum object_index {
	INDEX_ID,
	INDEX_NAME,    /* kinds with names; case is ignored */
	INDEX_SERVICE, /* tasks, by service id, then slot */
	INDEX_NODE,    /* tasks, by node id */
	OBJECT_INDEXES
};

/* One object in one set of tables. It has a tree node for each index of its kind. */
struct object {
	const void *message;
	enum object_kind kind;
	bool is_gone;  /* in a transaction: removed; found by id only */
	unsigned refs; /* in the store: the table's own, the change feed's, snapshots' */
	struct pb_digest digest;
	uint64_t serial; /* in a transaction: order of the changes */
	struct tree_node node[];
};

struct tables {
	struct tree by[OBJECT_KINDS]
		      [OBJECT_INDEXES]; /* compare is NULL where there is no such index */
};

struct index_key {
	const char *first;
	uint64_t slot;
	const char *id;
};

void tables_init(struct tables *t);

/* Zeroed, with room for the indexes of its kind; freed with free(). */
struct object *object_new(enum object_kind kind, const void *message);

struct object *tables_find(const struct tables *t, enum object_kind kind, const char *id);
struct object *tables_find_name(const struct tables *t, enum object_kind kind, const char *name);
/* The id must be free; returns false, with nothing done, if the name is not. */
bool tables_add(struct tables *t, struct object *o);
void tables_remove(struct tables *t, struct object *o);

bool kind_has_index(enum object_kind kind, enum object_index index);
struct object *object_of(const struct tree_node *node, enum object_kind kind,
			 enum object_index index);
struct index_key object_key(const struct object *o, enum object_index index);
int index_key_compare(enum object_index index, const struct index_key *a,
		      const struct index_key *b);

#endif
