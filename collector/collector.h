/*
 * collector.h -- the whole program behind its options: what main() runs.
 */
#ifndef WEIR_COLLECTOR_COLLECTOR_H
#define WEIR_COLLECTOR_COLLECTOR_H

#include <stddef.h>

#include "common/err.h"

struct config;

/* Runs until a signal, or to the end of the capture. 0, or negative with one line in ERR. */
int collector_run(const struct config *config, char *err, size_t err_len) MUST_CHECK;

#endif
