/* Filters of lists: {"label":{"a=b":true}}, or as some clients write it {"label":["a=b"]}. */
#ifndef SHOAL_DOCKER_FILTERS_H
#define SHOAL_DOCKER_FILTERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct arena;

#define FILTERS_MAX 4096 /* pairs */

struct list_filter {
	const char *name, *value;
};

struct list_filters {
	const struct list_filter *pairs; /* ordered by name, then value */
	size_t count;
};

/* Empty text is no filters. ERR_INVALID "invalid filter" if the text is of neither form. */
bool list_filters_read(struct arena *a, struct str text, struct list_filters *f,
		       struct err *e) MUST_CHECK;
/* ERR_INVALID "Invalid filter 'bogus'" for a name that is not in the list, which ends with NULL. */
bool list_filters_check(const struct list_filters *f, const char *const *allowed,
			struct err *e) MUST_CHECK;

/* One more, from elsewhere in a request. */
void list_filters_add(struct arena *a, struct list_filters *f, const char *name, const char *value);
/* All values of a name, into the arena. */
size_t list_filters_values(const struct list_filters *f, const char *name, struct arena *a,
			   char ***values);
bool list_filters_has(const struct list_filters *f, const char *name);
/* There is no filter of this name, or one of its values is this text. */
bool list_filters_allow(const struct list_filters *f, const char *name, const char *text);

#endif
