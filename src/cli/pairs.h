/* Lists of name=value into JSON. */
#ifndef SHOAL_CLI_PAIRS_H
#define SHOAL_CLI_PAIRS_H

#include <jansson.h>
#include <stddef.h>

/* {"name": "value"}; a name alone has the value "". */
void pairs_into_object(json_t *object, const char *const *pairs, size_t count);
json_t *pairs_object(const char *const *pairs, size_t count);
/* ["a", "b"] */
json_t *text_list(const char *const *list, size_t count);

#endif
