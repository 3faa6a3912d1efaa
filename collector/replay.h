/*
 * replay.h -- a capture file instead of sockets: the datagrams in it go through a decoder as if they had just come.
 *
 * Time is the capture's own: a packet's stamp is when it was received. From standard input each datagram's flows are
 * passed on at once, for there may be a tcpdump at the other end; from a file, a batch at a time.
 */
#ifndef WEIR_COLLECTOR_REPLAY_H
#define WEIR_COLLECTOR_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/outlet.h"
#include "common/err.h"

struct config;
struct gate_rules;

struct replay_result {
	uint64_t datagrams, cut;
	uint64_t dropped;         /* datagrams of which nothing was decoded, those not allowed among them */
	uint64_t partial;
	struct outlet_stats flows;
};

/* STOP is looked at between datagrams. 0, or negative with one line in ERR. */
int replay_run(const struct config *config, const struct outlet_options *outlet, const struct gate_rules *rules,
	       const bool *stop, struct replay_result *ret_result, char *err, size_t err_len) MUST_CHECK;

#endif
