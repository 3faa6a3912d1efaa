/*
 * complain.h -- complaints that calm down: the first is said at once, the next after 1 s, then 2 s, 4 s ...
 * up to 10 minutes, each with the number that was swallowed; recovery is announced once.
 */
#ifndef WEIR_COMMON_COMPLAIN_H
#define WEIR_COMMON_COMPLAIN_H

#include <stdbool.h>
#include <stdint.h>

struct complain {
	uint64_t next_ns;     /* say nothing before */
	uint64_t interval_ns;
	uint64_t swallowed;   /* since the last one said */
	bool active;
};

/* True when the caller should log now; *ret_swallowed is how many were not said since the last. NOW is monotonic. */
bool complain_now(struct complain *c, uint64_t now_ns, uint64_t *ret_swallowed);
/* The trouble is over: true (once) when something had been said before, so that recovery can be announced. */
bool complain_over(struct complain *c);

#endif
