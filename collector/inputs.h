/*
 * inputs.h -- from a listener to the inputs of its workers.
 */
#ifndef WEIR_COLLECTOR_INPUTS_H
#define WEIR_COLLECTOR_INPUTS_H

#include <stddef.h>

#include "common/err.h"

struct config;
struct input;
struct listen_spec;
struct socket_info;

/* Opens SPEC->count of them. 0, or negative with one line in ERR, and none is open. */
int inputs_open(const struct config *config, const struct listen_spec *spec, struct input **ret_inputs,
		struct socket_info *ret_info, char *err, size_t err_len) MUST_CHECK;

#endif
