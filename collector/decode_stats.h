/*
 * decode_stats.h -- what decoders count. Written by the decoder's thread, read by any (common/counter.h).
 * They conserve: datagrams = decoded + partial + sum(dropped); sets = sets_decoded + sets_held + sum(sets_skipped).
 * sets_held is what waits at this moment: once its template comes it moves to sets_decoded, or, when that
 * takes too long, to sets_skipped[ERR_HOLD_EXPIRED].
 */
#ifndef WEIR_COLLECTOR_DECODE_STATS_H
#define WEIR_COLLECTOR_DECODE_STATS_H

#include <stdint.h>

#include "common/err.h"

/* Index into by_version: what the datagram said it was. */
enum decode_version {
	DECODE_V_UNKNOWN, DECODE_V1, DECODE_V5, DECODE_V6, DECODE_V7, DECODE_V8, DECODE_V9, DECODE_V10,
	DECODE_SFLOW2, DECODE_SFLOW4, DECODE_SFLOW5, DECODE_VERSIONS
};

struct decode_stats {
	uint64_t datagrams;                 /* given to decoder_datagram */
	uint64_t bytes;
	uint64_t decoded;                   /* whole */
	uint64_t partial;                   /* some set or sample was skipped */
	uint64_t dropped[ERR_COUNT];        /* whole datagrams, by reason */
	uint64_t by_version[DECODE_VERSIONS];
	uint64_t flows[DECODE_VERSIONS];    /* emitted */
	uint64_t sets;                      /* sets and samples seen; the body of a v1-v8 datagram is one */
	uint64_t sets_decoded;
	uint64_t sets_held;                 /* gauge: waiting for their template */
	uint64_t sets_put_aside;            /* ever held */
	uint64_t sets_released;             /* of those, decoded later */
	uint64_t sets_skipped[ERR_COUNT];
	uint64_t templates_added, templates_changed, templates_refreshed, templates_withdrawn, templates_expired;
	uint64_t exporters_evicted;         /* silent or unproven ones that made room for another */
	uint64_t options_records;
	uint64_t metadata_refused;          /* samplers, names, types that found their table full */
	uint64_t flows_without_sampling;    /* rate unknown */
	uint64_t sequence_lost;             /* units in gaps of the sequence numbers, in the version's own unit */
	uint64_t sequence_reordered;        /* of those, came late after all; lost - reordered never came */
	uint64_t sequence_restarts;
	uint64_t counter_samples;           /* sFlow */
	uint64_t records_passed_over;       /* sFlow: records of a flow sample whose format fills no field */
	uint64_t records_ignored;           /* sFlow: additional records that did not fit; their flow goes without */
	uint64_t samples_lost;              /* sFlow: gaps in the sample numbers of the data sources */
	uint64_t drops_without_packet;      /* sFlow: notices of discarded packets that do not show the packet: no flow */
	uint64_t samples_dropped;           /* sFlow: what the agents say they could not sample */
	uint64_t sources_evicted;           /* sFlow: data sources that gave way to newer ones */
	uint64_t lists_skipped;             /* RFC 6313: lists of a template that has not come, or too deep */
	uint64_t cut_arrays;                /* repeated values that did not fit */
	/* gauges */
	uint64_t exporters, domains, templates, held_bytes;
};

#endif
