/* JSON as text the way Docker's tools print it. */
#ifndef SHOAL_TEMPLATE_JSONTEXT_H
#define SHOAL_TEMPLATE_JSONTEXT_H

#include <jansson.h>
#include <stdbool.h>

#include "base/str.h"

#define JSON_TEXT_MAX ((size_t)256 << 20)

/* One line, members in the order they have, or by key if `sorted`. With `escape_html` the
 * characters < > & are written as \u003c and so on, as list rows have them. Keys that begin with
 * byte 1 are the program's own and left out. */
void jsontext_write(const json_t *value, bool sorted, bool escape_html, struct buf *out);

/* The same text laid out with `indent` a level, each line after the first begun by `prefix`;
 * tokens are copied as they are, so numbers and escapes keep their form. The text must be JSON. */
void jsontext_indent(struct str text, const char *prefix, const char *indent, struct buf *out);

#endif
