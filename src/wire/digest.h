/* Content digests: "sha256:" and 64 hex digits (also sha384 and sha512), as OCI names content. */
#ifndef SHOAL_WIRE_DIGEST_H
#define SHOAL_WIRE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

#define DIGEST_MAX        (sizeof("sha512:") - 1 + 128)
#define DIGEST_SHA256_LEN (sizeof("sha256:") - 1 + 64)

/* A known algorithm, then lower-case hex of its length. ERR_INVALID otherwise. */
bool digest_check(struct str digest, struct err *e);

/* The sha256 of the bytes, as text; `out` has room for DIGEST_SHA256_LEN + 1. */
void digest_sha256(const void *data, size_t size, char *out);

#endif
