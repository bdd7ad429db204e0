/* A sealer: seals what one life of the daemon writes to disk, and opens what any life wrote.
 *
 * Each sealer_new() draws a random salt and derives a key of its own from the data key
 * (HMAC-SHA-256 over a label and the salt), under which nonces are counted: no nonce is ever
 * used twice under one key, whatever crashes, and no number of records wears a key out. A
 * sealed value carries its salt, so any later life with the same data key opens it:
 *
 *     1 version | 16 salt | what wire/seal.h makes, with the counter as nonce
 *
 * `context` says where a value belongs (its table and row); it is not stored, and a value
 * opens in its own place only. While a data key is replaced, a sealer knows older ones too: they
 * open, and seal nothing. A sealer is used by one thread. */
#ifndef SHOAL_HOST_SEALER_H
#define SHOAL_HOST_SEALER_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "wire/seal.h"

#define SEALER_OVERHEAD (1 + 16 + SEAL_EXTRA)
#define SEALER_NAME_LEN 16
#define SEALER_KEYS_MAX 3

struct sealer;

struct sealer *sealer_new(const uint8_t key[SEAL_KEY_LEN]);
void sealer_free(struct sealer *s); /* NULL is fine */

/* What was sealed under this data key opens, too. At most SEALER_KEYS_MAX with the first. */
void sealer_add_older(struct sealer *s, const uint8_t key[SEAL_KEY_LEN]);
void sealer_forget_older(struct sealer *s);

/* Append the sealed text to *out. Cannot fail but by out's maximum (its overflow says so). */
void sealer_close(struct sealer *s, struct str context, struct str text, struct buf *out);

/* Append what was sealed to *out. ERR_INVALID when it is no sealed value, ERR_DENIED when it was
 * made under another key, for another place, or changed since. */
bool sealer_open(struct sealer *s, struct str context, struct str sealed, struct buf *out,
		 struct err *e) MUST_CHECK;

/* Is this value sealed under the first key, so that it opens without the older ones? */
bool sealer_is_own(struct sealer *s, struct str context, struct str sealed);

/* A name that tells nobody what it names: equal texts under one data key, equal names. */
void sealer_name(struct sealer *s, struct str text, uint8_t name[SEALER_NAME_LEN]);

#endif
