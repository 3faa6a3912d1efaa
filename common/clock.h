/*
 * clock.h -- the only place that asks what time it is. Everything else is told.
 */
#ifndef WEIR_COMMON_CLOCK_H
#define WEIR_COMMON_CLOCK_H

#include <stdint.h>

#define NS_PER_US 1000ull
#define NS_PER_MS 1000000ull
#define NS_PER_S  1000000000ull

uint64_t clock_wall_ns(void);      /* ns since 1970, UTC */
uint64_t clock_monotonic_ns(void); /* for intervals */
void clock_sleep_ns(uint64_t ns);

#endif
