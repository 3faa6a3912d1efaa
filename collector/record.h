/*
 * record.h -- data records -> flows.
 *
 * A template is compiled (template.h) into steps; record_set() checks a set's length once and runs the steps over each
 * of its records. What hangs on more than one element (relative times, sampling, the two directions of a biflow)
 * is gathered in struct record_extra and settled by record_finish().
 */
#ifndef WEIR_COLLECTOR_RECORD_H
#define WEIR_COLLECTOR_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/decode.h"
#include "collector/decode_stats.h"
#include "common/ip.h"
#include "proto/flow.h"

struct decoder;
struct domain;
struct template;

struct record_sampling {
	uint64_t rate;       /* said outright (samplingInterval, samplerRandomInterval) */
	uint64_t interval, space;   /* RFC 5477 8.2.2: INTERVAL packets taken, SPACE left out */
	uint64_t size, population;  /* RFC 5477 8.2.6: SIZE of POPULATION */
	double probability;
};

/* Cleared for each record of a template that fills any of it. */
struct record_extra {
	uint64_t init_ms;                    /* systemInitTimeMilliseconds */
	uint64_t start_uptime, end_uptime;   /* ms since the exporter's start */
	uint64_t start_ago_us, end_ago_us;   /* before the export time */
	uint64_t duration_ms, duration_us;
	struct record_sampling sampling;
};

/* Where steps write to: offsets in here are what a step's target is. */
struct record {
	struct flow flow;
	struct record_extra extra;
	uint32_t sub_records; /* emitted from inside a list instead of the record itself */
};

/* What a datagram's header says about the records in it; kept with held data. */
struct record_source {
	enum decode_version v;
	enum flow_type type;
	uint32_t domain_id;
	uint32_t sequence;
	uint64_t received_ns;
	uint64_t export_ns;
	uint64_t boot_ns;     /* export time less the uptime; 0: the header has no uptime */
	uint32_t uptime_ms;
	uint32_t sampling;    /* v5: of the header */
	uint16_t port;
	struct ip_addr addr;
	uint64_t session;
	uint8_t engine_type, engine_id;
};

/*
 * Decodes the records of one data set, [DATA, DATA + LEN), with template T; the flows go to decoder_emit(). Gives the
 * number of records in *ret_records. 0, or a reason why the rest of the set was given up.
 */
int record_set(struct decoder *d, struct domain *dom, const struct record_source *src, const struct template *t,
	const uint8_t *data, size_t len, uint32_t *ret_records, struct decode_result *res);

/* Fills R from one record of T at DATA; for lists within records. Gives its length, or -ERR_BAD_RECORD. */
long record_fill(struct decoder *d, const struct template *t, const uint8_t *data, size_t len, struct record *r,
	unsigned depth);

/* sampling_rate out of what a record or an options record said; 0 unknown. */
uint64_t record_sampling_rate(const struct record_sampling *s);

#endif
