/* JSON values by dotted path: "Spec.TaskTemplate.ContainerSpec.Image".
 *
 * Reading never fails: what is absent or of another type is "", 0, false or NULL, as the
 * engine leaves out what is empty. A path step is a key of an object; keys that hold dots
 * themselves (labels) are reached with jansson. Results are borrowed from the root. */
#ifndef SHOAL_TEMPLATE_FIELD_H
#define SHOAL_TEMPLATE_FIELD_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* NULL root is an empty one. JSON null counts as absent. */
json_t *field_at(const json_t *root, const char *path);
const char *field_text(const json_t *root, const char *path);
int64_t field_int(const json_t *root, const char *path);
double field_real(const json_t *root, const char *path);
bool field_bool(const json_t *root, const char *path);
/* Members of an array or object; 0 if it is neither. */
size_t field_count(const json_t *root, const char *path);

/* Set what is at the path, making objects on the way; takes over `value`. */
void field_put(json_t *root, const char *path, json_t *value);
void field_put_text(json_t *root, const char *path, const char *text);
/* The object or array at the path, made if it is not there. */
json_t *field_object(json_t *root, const char *path);
json_t *field_array(json_t *root, const char *path);
void field_drop(json_t *root, const char *path);

/* The keys of an object in byte order; the array is the caller's, the keys are borrowed. */
const char **field_keys(const json_t *object, size_t *count);
/* "a=b,c=d": members of an object in key order. */
void field_join_labels(const json_t *labels, const char *between, struct buf *out);

static inline void json_drop_scope(json_t **value)
{
	json_decref(*value);
}
#define AUTO_JSON __attribute__((cleanup(json_drop_scope)))

#endif
