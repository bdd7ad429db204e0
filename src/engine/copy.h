/* Inside engine/: work on a container's mounted root. */
#ifndef SHOAL_ENGINE_COPY_H
#define SHOAL_ENGINE_COPY_H

#include "engine/inside.h"

struct commit_order {
	const char *name; /* canonical, or "" */
	const char *author, *comment, *created_by;
	const char *config; /* JSON */
	bool pause;
};

/* Mount the root, then commit_begin(). */
void copy_commit(struct engine *e, struct container *c, uint64_t asker,
		 const struct commit_order *order);
/* With the root mounted. */
void commit_begin(struct engine *e, struct container *c, uint64_t asker,
		  const struct commit_order *order);

#endif
