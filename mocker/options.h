/*
 * options.h -- what weir-mocker can be told.
 */
#ifndef WEIR_MOCKER_OPTIONS_H
#define WEIR_MOCKER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/opt.h"
#include "kafka/options.h"

struct mocker_options {
	char *to;
	char *protocol;
	char *profile;
	int64_t count;
	int64_t flows;
	int64_t rate;
	uint64_t duration_ns;
	int64_t seed;
	int64_t ipv6;
	int64_t clients;
	int64_t sources;
	int64_t sampling_rate;
	int64_t templates_every;
	int64_t domain;
	char *pcap;
	char *speed;
	bool meter;
	char *summary;
	bool quiet;
	struct kafka_options kafka;
};

struct opt_spec mocker_options_spec(void);

#endif
