/* Does an object have what a list's filters ask for? */
#ifndef SHOAL_API_MATCH_H
#define SHOAL_API_MATCH_H

#include "docker/filters.h"
#include "pb/pb.h"

/* Every "label" ("a" or "a=b") is there, and no "label!" is. */
bool match_labels(const struct list_filters *f, Pb__MapEntry *const *labels, size_t count);
/* No filter of this name, or one of its values is the text or, as a regular expression, in it. */
bool match_text(const struct list_filters *f, const char *name, const char *text);
/* `name=true` or `=1` is yes, `=false` or `=0` is no, and absent is `otherwise`. Another value is
 * ERR_INVALID. */
bool match_flag(const struct list_filters *f, const char *name, bool otherwise, bool *value,
		struct err *e) MUST_CHECK;
/* The first value of a name, or NULL. */
const char *match_value(const struct list_filters *f, const char *name);
/* "until": a moment as clients write it. ERR_INVALID; absent is INT64_MAX. */
bool match_until(const struct list_filters *f, int64_t now_ns, int64_t *until_ns,
		 struct err *e) MUST_CHECK;

#endif
