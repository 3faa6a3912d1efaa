/*
 * rng.h -- numbers that look random and come again for the same seed (splitmix64), so that a test knows the answer.
 */
#ifndef WEIR_MOCKER_RNG_H
#define WEIR_MOCKER_RNG_H

#include <stdint.h>

struct rng {
	uint64_t state;
};

static inline uint64_t rng_next(struct rng *r)
{
	uint64_t z = (r->state += 0x9e3779b97f4a7c15ull);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/* 0 .. BELOW - 1; BELOW is at least 1. */
static inline uint32_t rng_below(struct rng *r, uint32_t below)
{
	return (uint32_t)(rng_next(r) % below);
}

/* LOW .. HIGH, both included. */
static inline uint32_t rng_between(struct rng *r, uint32_t low, uint32_t high)
{
	return low + rng_below(r, high - low + 1);
}

#endif
