/* Which object a client means: an id, a name, or the unique beginning of an id, in this order. */
#ifndef SHOAL_API_LOOKUP_H
#define SHOAL_API_LOOKUP_H

#include "store/view.h"

struct call;

/* NULL and an answer to the client: 404 "service x not found", 400 "service x is ambiguous (2
 * matches found)". Nodes are found by hostname, and "self" is no name. */
const void *lookup(struct call *c, enum object_kind kind, const char *what);
/* The same without an answer: NULL and *matches (0 or several). */
const void *lookup_quietly(const struct view *v, enum object_kind kind, const char *what,
			   struct arena *a, size_t *matches);

#endif
