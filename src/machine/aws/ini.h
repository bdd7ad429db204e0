/* ~/.aws/config and ~/.aws/credentials: sections of NAME = VALUE.
 *
 * The result is an object of objects of texts. A line that begins with '#' or ';' is a comment; one
 * that begins with blanks belongs to the setting above it (nested settings) and is skipped. Names are
 * lower-case, values have no blanks around them and may hold anything else. The last of two equal
 * names counts, and sections of the same name are one. Anything else is an error that names its line. */
#ifndef SHOAL_MACHINE_AWS_INI_H
#define SHOAL_MACHINE_AWS_INI_H

#include <jansson.h>

#include "base/str.h"

#define INI_BYTES_MAX ((size_t)1 << 20)

json_t *ini_parse(struct str text, struct err *e);
/* An empty object when there is no such file. */
json_t *ini_read(const char *path, struct err *e);

#endif
