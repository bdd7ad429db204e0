/* Chance, drawn from a seed: jitter, tie-breaks and object ids, and every choice of the simulator.
 *
 * Not for secrets: what an attacker must not guess comes from seam/keys.
 * Source: xoshiro256** and splitmix64, Blackman and Vigna (public domain algorithms). */
#ifndef SHOAL_BASE_PRNG_H
#define SHOAL_BASE_PRNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct prng {
	uint64_t state[4];
};

void prng_seed(struct prng *p, uint64_t seed);
uint64_t prng_next(struct prng *p);
/* Uniform in [0, below); below > 0. */
uint64_t prng_below(struct prng *p, uint64_t below);
/* Uniform in [low, high], both included. */
int64_t prng_between(struct prng *p, int64_t low, int64_t high);
/* True `numerator` times in `denominator`. */
bool prng_chance(struct prng *p, uint64_t numerator, uint64_t denominator);
void prng_bytes(struct prng *p, void *out, size_t size);

#endif
