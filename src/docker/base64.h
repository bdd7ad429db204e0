/* Bytes in JSON and in headers: RFC 4648 section 4. */
#ifndef SHOAL_DOCKER_BASE64_H
#define SHOAL_DOCKER_BASE64_H

#include "base/str.h"

struct arena;

/* With padding. */
bool base64_write(struct str bytes, struct buf *out);
/* Skips nothing, and takes the URL alphabet too. */
bool base64_read(struct arena *a, struct str text, struct str *bytes);

#endif
