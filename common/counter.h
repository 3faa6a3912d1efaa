/*
 * counter.h -- counters with one writer and any number of readers: no lock, no atomic read-modify-write.
 * Each thread owns its own; a scrape sums them.
 */
#ifndef WEIR_COMMON_COUNTER_H
#define WEIR_COMMON_COUNTER_H

#include <stdint.h>

static inline uint64_t counter_get(const uint64_t *c)
{
	return __atomic_load_n(c, __ATOMIC_RELAXED);
}

/* Only the owning thread. */
static inline void counter_add(uint64_t *c, uint64_t n)
{
	__atomic_store_n(c, *c + n, __ATOMIC_RELAXED);
}

static inline void counter_inc(uint64_t *c)
{
	counter_add(c, 1);
}

/* Gauges: what goes up and down. Only the owning thread. */
static inline void counter_dec(uint64_t *c)
{
	__atomic_store_n(c, *c - 1, __ATOMIC_RELAXED);
}

static inline void counter_set(uint64_t *c, uint64_t n)
{
	__atomic_store_n(c, n, __ATOMIC_RELAXED);
}

/* Several writers: for rare events only. */
static inline void counter_add_shared(uint64_t *c, uint64_t n)
{
	__atomic_fetch_add(c, n, __ATOMIC_RELAXED);
}

#endif
