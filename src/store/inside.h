/* What the files of this room share. */
#ifndef SHOAL_STORE_INSIDE_H
#define SHOAL_STORE_INSIDE_H

#include "base/arena.h"
#include "base/list.h"
#include "pb/pool.h"
#include "store/store.h"
#include "store/tables.h"

/* The objects behind a change; a reference each. */
struct replaced {
	struct object *old, *new;
};

struct store {
	const struct log *log;
	struct tables tables;
	struct view view; /* of the tables */
	struct pb_pool pool;
	struct pb_digest digest;

	struct change *changes;
	struct replaced *replaced; /* one for each change */
	size_t change_count, change_capacity;
	bool is_restored;

	struct list snapshots; /* struct store_snapshot, taken and not released */
	struct list holds;     /* struct store_hold, likewise */
	bool is_over;          /* freed by its owner; the last hold ends it */
	struct arena scratch;  /* of one entry */
};

/* Give back a reference. */
void object_drop(struct store *s, struct object *o);
/* Free the store if its owner has, and nothing of it is held. */
void store_end(struct store *s);

#endif
