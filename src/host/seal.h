/* Sealing: what lies on disk is encrypted and cannot be changed unnoticed (AES-256-GCM).
 *
 * Each seal_new() draws a random salt and derives a key of its own from the data key
 * (HMAC-SHA-256 over a label and the salt), under which nonces are counted: no nonce is ever
 * used twice under one key, whatever crashes, and no number of records wears a key out. A
 * sealed value carries its salt, so any later life with the same data key opens it:
 *
 *     1 version | 16 salt | 8 counter | ciphertext | 16 tag
 *
 * `context` says where a value belongs (its table and row); it is not stored, and a value
 * opens in its own place only. A struct seal is used by one thread. */
#ifndef SHOAL_HOST_SEAL_H
#define SHOAL_HOST_SEAL_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define SEAL_KEY_LEN  32
#define SEAL_OVERHEAD 41
#define SEAL_NAME_LEN 16

struct seal;

bool seal_new(const uint8_t key[SEAL_KEY_LEN], struct seal **seal, struct err *e) MUST_CHECK;
void seal_free(struct seal *s);

/* Append head and body, sealed together, to *out. Cannot fail but by out's maximum. */
void seal_close(struct seal *s, struct str context, struct str head, struct str body,
		struct buf *out);

/* Append what was sealed to *out. ERR_INVALID when it was made under another key, for another
 * place, or changed since. */
bool seal_open(struct seal *s, struct str context, struct str sealed, struct buf *out,
	       struct err *e) MUST_CHECK;

/* A name that tells nobody what it names: equal texts under one data key, equal names. */
void seal_name(struct seal *s, struct str text, uint8_t name[SEAL_NAME_LEN]);

#endif
