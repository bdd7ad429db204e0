/* Ids that a controller has to look at.
 *
 * An ordered set, taken from round and round: a mark that is put back waits until all the others
 * have had their turn, so nothing that is always busy starves the rest. */
#ifndef SHOAL_SWARM_MARKS_H
#define SHOAL_SWARM_MARKS_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/tree.h"

struct marks {
	struct tree ids;
	char *last; /* taken; the next one follows it */
};

void marks_init(struct marks *m);
/* Forget all of them; it can be used on. */
void marks_clear(struct marks *m);

void marks_add(struct marks *m, const char *id);
void marks_remove(struct marks *m, const char *id);
bool marks_has(const struct marks *m, const char *id);
/* Take one out: its id, copied into the arena, or NULL when there is none. */
const char *marks_take(struct marks *m, struct arena *a);

static inline bool marks_are_empty(const struct marks *m)
{
	return m->ids.count == 0;
}

/* All of them in order, copied into the arena, so that they may change meanwhile. */
const char **marks_all(const struct marks *m, struct arena *a, size_t *count);

#endif
