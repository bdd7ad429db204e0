#include "base/prng.h"

#include <assert.h>
#include <string.h>

static uint64_t splitmix(uint64_t *x)
{
	uint64_t z = (*x += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static uint64_t rotl(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

void prng_seed(struct prng *p, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
		p->state[i] = splitmix(&seed);
}

uint64_t prng_next(struct prng *p)
{
	uint64_t *s = p->state;
	uint64_t result = rotl(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return result;
}

uint64_t prng_below(struct prng *p, uint64_t below)
{
	uint64_t limit, x;

	assert(below > 0);
	/* Reject the incomplete last range, so that every value is equally likely. */
	limit = UINT64_MAX - UINT64_MAX % below;
	do {
		x = prng_next(p);
	} while (x >= limit);
	return x % below;
}

int64_t prng_between(struct prng *p, int64_t low, int64_t high)
{
	assert(low <= high);
	return low + (int64_t)prng_below(p, (uint64_t)(high - low) + 1);
}

bool prng_chance(struct prng *p, uint64_t numerator, uint64_t denominator)
{
	return prng_below(p, denominator) < numerator;
}

void prng_bytes(struct prng *p, void *out, size_t size)
{
	unsigned char *to = out;

	while (size) {
		uint64_t x = prng_next(p);
		size_t n = size < sizeof(x) ? size : sizeof(x);

		memcpy(to, &x, n);
		to += n;
		size -= n;
	}
}
