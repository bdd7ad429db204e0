/* Lists of things: rows of named text, printed as a table, as JSON or by a template.
 *
 * A row is a JSON object with one member a column, text as people read it. `format` is what the
 * user gave: "" or "table" (the noun's own columns), "table TEMPLATE", "json", or a TEMPLATE. */
#ifndef SHOAL_CONSOLE_FORMAT_H
#define SHOAL_CONSOLE_FORMAT_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "template/template.h"

struct column {
	const char *field;  /* "ID" */
	const char *header; /* "CONTAINER ID" */
};

struct listing {
	const struct column *columns; /* every field a template may use; ends with a zero row */
	const char *table;            /* the default table: "{{.ID}}\t{{.Name}}" */
	const char *quiet;            /* what -q prints: "{{.ID}}" */
};

/* A row with its labels, which may be NULL; columns follow with json_object_set_new(). */
json_t *row_new(const json_t *labels);
void row_set(json_t *row, const char *field, const char *text);

/* Print the rows. */
MUST_CHECK bool listing_print(const struct listing *l, const char *format, bool quiet,
			      const json_t *rows, struct err *e);
/* The same into text. */
MUST_CHECK bool listing_write(const struct listing *l, const char *format, bool quiet,
			      const json_t *rows, struct buf *out, struct err *e);

/* One object by a template ("json" means {{json .}}), with a line end. */
MUST_CHECK bool object_print(const char *format, const json_t *object, struct err *e);

/* The first `width` characters, the last of them "…" if the text is longer. */
void ellipsis(const char *text, size_t width, struct buf *out);
/* "busybox:latest@sha256:..." without what follows a tag. */
void image_without_digest(const char *image, struct buf *out);
/* An id without "sha256:", cut to 12 characters. */
const char *short_id(const char *id, char out[13]);

#endif
