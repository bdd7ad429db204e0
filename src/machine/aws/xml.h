/* XML answers of AWS as JSON values, so that what reads them reads fields by path.
 *
 * The root element's name is dropped. An element with nothing but text is that text. One whose children
 * are all <item> or <member> is an array of them; any other is an object of its children by name, and a
 * name that repeats has an array. Attributes and namespaces are dropped. An empty list is "".
 *
 * A document type is refused, so there are no entities but the five that XML has; so is what nests
 * deeper than XML_DEPTH_MAX or has more than XML_ELEMENTS_MAX elements. */
#ifndef SHOAL_MACHINE_AWS_XML_H
#define SHOAL_MACHINE_AWS_XML_H

#include <jansson.h>

#include "base/str.h"

#define XML_DEPTH_MAX    32
#define XML_ELEMENTS_MAX 500000
#define XML_BYTES_MAX    ((size_t)16 << 20)

/* NULL and ERR_INVALID when it is none. */
json_t *xml_parse(struct str text, struct err *e);

#endif
