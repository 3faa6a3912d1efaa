/*
 * pace.h -- not faster than asked: how many of something are due now, how long until the next is.
 */
#ifndef WEIR_MOCKER_PACE_H
#define WEIR_MOCKER_PACE_H

#include <stdint.h>

#include "common/clock.h"

struct pace {
	uint64_t rate;     /* a second; 0: no limit */
	uint64_t since_ns; /* when the first was due */
	uint64_t done;     /* since then */
};

/* How many of at most WANT are due at NOW. A stall of more than 100 ms is not made up for: that would be a burst
 * above the rate. */
static inline uint64_t pace_due(struct pace *p, uint64_t now_ns, uint64_t want)
{
	if (p->rate == 0)
		return want;
	const uint64_t next_ns = p->since_ns + p->done * NS_PER_S / p->rate;
	if (next_ns + 100 * NS_PER_MS < now_ns || p->done >= UINT32_MAX) {
		p->since_ns = next_ns + 100 * NS_PER_MS < now_ns ? now_ns : next_ns;
		p->done = 0;
	}
	if (now_ns < p->since_ns)
		return 0;
	const uint64_t allowed = (now_ns - p->since_ns) * p->rate / NS_PER_S + 1;
	const uint64_t due = allowed > p->done ? allowed - p->done : 0;
	return due < want ? due : want;
}

static inline uint64_t pace_wait_ns(const struct pace *p, uint64_t now_ns)
{
	if (p->rate == 0)
		return 0;
	const uint64_t next_ns = p->since_ns + p->done * NS_PER_S / p->rate;
	return next_ns > now_ns ? next_ns - now_ns : 0;
}

#endif
