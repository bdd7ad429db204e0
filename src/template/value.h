/* What template functions do with values, and how Go prints them. */
#ifndef SHOAL_TEMPLATE_VALUE_H
#define SHOAL_TEMPLATE_VALUE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

#define TEMPLATE_ARGS_MAX 16

/* As Go's %v: "[a b]", "map[k:v]", "<no value>" for NULL. */
void value_print(const json_t *value, struct buf *out);
/* Neither absent, null, false, zero nor empty. */
bool value_is_true(const json_t *value);

/* Call a function by name; *result is a new reference or NULL (no value). */
MUST_CHECK bool value_call(struct str name, json_t *const *args, size_t count, json_t **result,
			   struct err *e);

#endif
