/* Percent-encoding as in the query of a URL: letters, digits and "-_.~" stand for themselves, a
 * blank is a plus, all else is %XX. */
#ifndef SHOAL_BASE_PERCENT_H
#define SHOAL_BASE_PERCENT_H

#include "base/arena.h"
#include "base/str.h"

void percent_encode(struct buf *out, struct str text);
/* What is no escape stays as it is: this is for texts of our own making. */
char *percent_decode(struct arena *a, struct str text);

#endif
