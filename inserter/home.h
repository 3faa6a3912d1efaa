/*
 * home.h -- the home collector's line, the default of `weir-inserter print`.
 */
#ifndef WEIR_INSERTER_HOME_H
#define WEIR_INSERTER_HOME_H

#include <stdbool.h>
#include <stddef.h>

#include "inserter/sides.h"

struct flow;

enum { HOME_LINE_MAX = 384 };

/* Writes F as one line, newline included, at OUT, which has HOME_LINE_MAX bytes of room; gives the length. */
size_t home_line(const struct flow *f, enum side side, bool colour, char *out);

#endif
