/*
 * stream_stats.h -- what a listener for connections counts: accepted = open + sum(ended). Nothing but uint64_t, see totals.c.
 */
#ifndef WEIR_COLLECTOR_STREAM_STATS_H
#define WEIR_COLLECTOR_STREAM_STATS_H

#include <stdint.h>

#include "common/err.h"

struct stream_stats {
	uint64_t accepted;
	uint64_t refused[ERR_COUNT]; /* connections closed before a word was read */
	uint64_t open;               /* gauge */
	uint64_t ended[ERR_COUNT];
	uint64_t waits;              /* times that reading stopped until the output had room again */
};

#endif
