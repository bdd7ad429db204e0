/* Sealing: bytes that only the holder of a key can read, and nobody can change unnoticed.
 *
 * AES-256-GCM. A sealed text is nonce (12 bytes), ciphertext, tag (16 bytes). The context is not
 * part of it, but opening needs the same one: a record sealed for one place is refused in another.
 * Nonces are random, so a key seals at most 2^32 texts (NIST SP 800-38D, 8.3): rotate before. */
#ifndef SHOAL_WIRE_SEAL_H
#define SHOAL_WIRE_SEAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define SEAL_KEY_LEN   32
#define SEAL_NONCE_LEN 12
#define SEAL_TAG_LEN   16
#define SEAL_EXTRA     (SEAL_NONCE_LEN + SEAL_TAG_LEN)
#define SEAL_TEXT_MAX  1073741824 /* bytes of one text */

/* Append the sealed text. `nonce` NULL draws one; a caller that gives one must never give it again
 * with this key. ERR_EXHAUSTED if it does not fit. */
bool seal(const uint8_t key[SEAL_KEY_LEN], const uint8_t *nonce, struct str context,
	  struct str text, struct buf *out, struct err *e);

/* Append the text. ERR_DENIED if the key or context is another, or the bytes were changed; then
 * nothing is appended. */
bool seal_open(const uint8_t key[SEAL_KEY_LEN], struct str context, struct str sealed,
	       struct buf *out, struct err *e);

/* Bytes nobody can guess: keys, tokens' secrets. */
void random_bytes(void *out, size_t size);

#endif
