/* --format: the part of Go's text/template that Docker's users write.
 *
 * Actions: {{pipeline}}, if / else if / else, range (with $i, $v :=), with, end, comments, {{- and
 * -}}; variables; parentheses. Functions: json len index slice join split lower upper title pad
 * truncate print printf println eq ne lt le gt ge and or not. A field is looked up by its exact
 * name, then regardless of case (.Id, .ID). `.Label "key"` reads TEMPLATE_LABELS of a row.
 *
 * Values are JSON. Text is limited to 64 KiB, nesting to 64 levels. */
#ifndef SHOAL_TEMPLATE_TEMPLATE_H
#define SHOAL_TEMPLATE_TEMPLATE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

#define TEMPLATE_TEXT_MAX  65536
#define TEMPLATE_DEPTH_MAX 64

/* A row keeps its labels here, out of reach of field names. */
#define TEMPLATE_LABELS "\x01labels"

/* Functions of the data's own: an object of objects, so that `secret "x"` is member "x" of member
 * "secret". What is not there is an error. */
#define TEMPLATE_FUNCTIONS "\x01functions"

struct template;

/* NULL and *e when the text is no template. */
struct template *template_parse(const char *text, struct err *e);
void template_free(struct template *t);

/* Append what the template makes of `data`. If `strict`, a field that is not there is an error,
 * else it has no value. Rows of lists are strict, inspected objects are not: the engine leaves out
 * what is empty. */
MUST_CHECK bool template_run(const struct template *t, const json_t *data, bool strict,
			     struct buf *out, struct err *e);

#endif
