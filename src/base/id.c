#include "base/id.h"

#include <assert.h>

#include "base/prng.h"

#define BASE36_BYTES_MAX 64

static const char digits36[] = "0123456789abcdefghijklmnopqrstuvwxyz";

void base36_encode(const uint8_t *bytes, size_t count, char *out, size_t width)
{
	uint8_t number[BASE36_BYTES_MAX];

	assert(count <= sizeof(number));
	memcpy(number, bytes, count);
	out[width] = '\0';
	for (size_t at = width; at-- > 0;) {
		unsigned rest = 0;

		for (size_t i = 0; i < count; i++) {
			unsigned value = rest << 8 | number[i];

			number[i] = (uint8_t)(value / 36);
			rest = value % 36;
		}
		out[at] = digits36[rest];
	}
	for (size_t i = 0; i < count; i++)
		assert(number[i] == 0);
}

static int digit36(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 10;
	return -1;
}

bool base36_decode(struct str digits, uint8_t *bytes, size_t count)
{
	memset(bytes, 0, count);
	for (size_t at = 0; at < digits.len; at++) {
		int digit = digit36(digits.ptr[at]);
		unsigned carry = (unsigned)digit;

		if (digit < 0)
			return false;
		for (size_t i = count; i-- > 0;) {
			carry += bytes[i] * 36u;
			bytes[i] = (uint8_t)carry;
			carry >>= 8;
		}
		if (carry)
			return false;
	}
	return true;
}

void object_id_from_bytes(const uint8_t random[17], char *out)
{
	uint8_t bytes[17];
	char wide[28];

	memcpy(bytes, random, sizeof(bytes));
	bytes[0] |= 0x80;
	base36_encode(bytes, sizeof(bytes), wide, 27);
	memcpy(out, wide + 1, OBJECT_ID_LEN);
	out[OBJECT_ID_LEN] = '\0';
}

void object_id_new(struct prng *p, char *out)
{
	uint8_t random[17];

	prng_bytes(p, random, sizeof(random));
	object_id_from_bytes(random, out);
}

bool object_id_is_valid(struct str s)
{
	if (s.len != OBJECT_ID_LEN)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (digit36(s.ptr[i]) < 0)
			return false;
	return true;
}

void hex_id_new(struct prng *p, char *out)
{
	uint8_t random[HEX_ID_LEN / 2];

	prng_bytes(p, random, sizeof(random));
	hex_encode(random, sizeof(random), out);
}

void hex_encode(const uint8_t *bytes, size_t count, char *out)
{
	for (size_t i = 0; i < count; i++) {
		out[2 * i] = digits36[bytes[i] >> 4];
		out[2 * i + 1] = digits36[bytes[i] & 15];
	}
	out[2 * count] = '\0';
}

bool hex_decode(struct str digits, uint8_t *bytes, size_t count)
{
	if (digits.len != 2 * count)
		return false;
	for (size_t i = 0; i < count; i++) {
		int high = digit36(digits.ptr[2 * i]), low = digit36(digits.ptr[2 * i + 1]);

		if (high < 0 || high > 15 || low < 0 || low > 15)
			return false;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}
