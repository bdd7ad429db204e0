/* The target of a request: a path and a query, both percent-encoded (RFC 3986, and the form
 * encoding where a plus is a blank). Decoded text never holds a NUL: "%00" is refused. */
#ifndef SHOAL_WIRE_QUERY_H
#define SHOAL_WIRE_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct arena;

#define QUERY_PAIRS_MAX 1024

struct query_pair {
	const char *name, *value;
};

/* In the order of the text; a name may come more than once. Lives as long as its arena. */
struct query {
	const struct query_pair *pairs;
	size_t count;
};

/* Cut "/path?query" or "http://host/path?query" in two, still encoded; a fragment is dropped.
 * ERR_INVALID if there is no path. */
bool target_split(struct str target, struct str *path, struct str *query, struct err *e);

/* Percent-decode a path; a plus stays a plus. ERR_INVALID on a broken escape. */
bool path_decode(struct arena *a, struct str path, const char **decoded, struct err *e);

/* "a=1&b=x%20y&c". ERR_INVALID on a broken escape or more than QUERY_PAIRS_MAX pairs. */
bool query_parse(struct arena *a, struct str text, struct query *q, struct err *e);

/* The first value of a name; "" if it has none, NULL if the name is absent. */
const char *query_get(const struct query *q, const char *name);

/* The reference's reading of a flag: absent is `otherwise`; "", 0, no, false and none (any case)
 * are false, everything else is true. */
bool query_flag(const struct query *q, const char *name, bool otherwise);

/* Append "?name=value" or "&name=value", encoded; `*first` is true before the first pair. */
void query_write(struct buf *out, bool *first, const char *name, const char *value);

/* Append one path segment, everything but RFC 3986's unreserved characters encoded. */
void path_write_segment(struct buf *out, const char *segment);

#endif
