/* Names of things: the swarm's 25-character object ids and the engine's 64-digit hex ids.
 *
 * An object id is 17 random bytes with the top bit set, written in base 36 (27 digits) without
 * the first and the last: as the reference does it, so that ids of both kinds of node look alike. */
#ifndef SHOAL_BASE_ID_H
#define SHOAL_BASE_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct prng;

#define OBJECT_ID_LEN    25
#define HEX_ID_LEN       64
#define HEX_ID_SHORT_LEN 12

/* `out` has room for OBJECT_ID_LEN + 1. */
void object_id_from_bytes(const uint8_t random[17], char *out);
void object_id_new(struct prng *p, char *out);
/* 25 characters of [0-9a-z]. */
bool object_id_is_valid(struct str s);

/* `out` has room for HEX_ID_LEN + 1. */
void hex_id_new(struct prng *p, char *out);

/* Big-endian bytes as a base-36 number, left-padded with '0' to exactly `width` digits; `out` has
 * room for width + 1. The number must fit. */
void base36_encode(const uint8_t *bytes, size_t count, char *out, size_t width);
/* The reverse: false if a character is no base-36 digit (lower case) or the number does not fit. */
bool base36_decode(struct str digits, uint8_t *bytes, size_t count);

/* Lower-case hex; `out` has room for 2 * count + 1. */
void hex_encode(const uint8_t *bytes, size_t count, char *out);
bool hex_decode(struct str digits, uint8_t *bytes, size_t count);

#endif
