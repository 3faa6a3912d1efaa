/*
 * times.h -- nfdump's -t: a window of time as a filter.
 */
#ifndef WEIR_INSERTER_TIMES_H
#define WEIR_INSERTER_TIMES_H

#include <stddef.h>

#include "common/err.h"

/* "2026/11/21.12:00:00-2026/11/21.12:30", local time, -> "first seen >= ... and last seen <= ..." in OUT. 0 or -EINVAL with a
 * line in ERR. */
int times_filter(const char *window, char *out, size_t out_len, char *err, size_t err_len) MUST_CHECK;

#endif
