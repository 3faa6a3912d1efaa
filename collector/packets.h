/*
 * packets.h -- packets instead of exports: a flow meter (packet/meter.h) on an interface or over a capture file, its flows
 * going the way of all others. For those whose router exports nothing.
 */
#ifndef WEIR_COLLECTOR_PACKETS_H
#define WEIR_COLLECTOR_PACKETS_H

#include <stdbool.h>
#include <stddef.h>

#include "collector/outlet.h"
#include "collector/replay.h"
#include "common/err.h"

struct config;
struct gate_rules;
struct input;
struct listen_spec;

/* An interface as a worker's input. 0, or negative with one line in ERR. */
int packets_open(const struct config *config, const struct listen_spec *spec, struct input **ret_input, char *err,
		 size_t err_len) MUST_CHECK;

/* --pcap FILE --meter: the whole file. As replay_run(); in the result datagrams are packets. */
int packets_run(const struct config *config, const struct outlet_options *outlet, const struct gate_rules *rules, const bool *stop,
		struct replay_result *ret_result, char *err, size_t err_len) MUST_CHECK;

#endif
