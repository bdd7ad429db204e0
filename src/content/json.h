/* Small helpers over jansson for documents from outside. */
#ifndef SHOAL_CONTENT_JSON_H
#define SHOAL_CONTENT_JSON_H

#include <jansson.h>

#include "base/arena.h"
#include "base/str.h"

/* An object, or NULL and *e: "<what> is no JSON object". Duplicate keys and more than 64 levels are refused. */
json_t *json_parse(struct str text, size_t max, const char *what, struct err *e);

/* The text at `key`; "" when o is NULL, or the value is absent or no text. */
const char *json_text(json_t *o, const char *key, struct arena *a);

#endif
