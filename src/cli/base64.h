/* Base64 (RFC 4648), standard or URL alphabet. */
#ifndef SHOAL_CLI_BASE64_H
#define SHOAL_CLI_BASE64_H

#include <stdbool.h>

#include "base/str.h"

/* With padding in both alphabets, as the engine's headers have it. */
void base64_encode(struct str bytes, bool for_url, struct buf *out);
/* The standard alphabet; false if the text is not base64. */
bool base64_decode(struct str text, struct buf *out);

#endif
