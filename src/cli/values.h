/* Options that go to one place each in a request's body. */
#ifndef SHOAL_CLI_VALUES_H
#define SHOAL_CLI_VALUES_H

#include <jansson.h>
#include <stddef.h>

#include "console/option.h"

struct value_row {
	const char *option, *path;
};

/* The value of an option as JSON of its kind; lists as lists of text. */
json_t *value_json(const struct args *a, const char *option);
/* Put what was given into the body; rows that the command has no option for are skipped. */
void values_put(const struct value_row *rows, size_t count, const struct args *a, json_t *body);
/* The same for repeated name=value options, as objects. */
void maps_put(const struct value_row *rows, size_t count, const struct args *a, json_t *body);

#endif
